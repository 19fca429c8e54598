# SPDX-License-Identifier: MIT
from crashsym.kernel.mangledtext cimport Mangled


cdef bint standard(Mangled* m, bint in_full) noexcept nogil
