# SPDX-License-Identifier: MIT
from libc.stdint cimport uint8_t

from crashsym.kernel.mangledtext cimport Mangled, Part


cdef bint read_type(Mangled* m, Part* part) noexcept nogil
cdef bint put_quals(Mangled* m, uint8_t quals, uint8_t reference) noexcept nogil
