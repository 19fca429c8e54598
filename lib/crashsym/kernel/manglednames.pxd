# SPDX-License-Identifier: MIT
from crashsym.kernel.mangledtext cimport Mangled, Name


cdef bint read_name(Mangled* m, Name* name) noexcept nogil
cdef bint read_unqualified(Mangled* m, Name* name) noexcept nogil
