# SPDX-License-Identifier: MIT
from libc.stdint cimport uint8_t

from crashsym.kernel.mangledtext cimport Mangled, Part

ctypedef bint (*Reader)(Mangled* m, Part* part) noexcept nogil

cdef bint parameters(Mangled* m, uint8_t exposed) noexcept nogil
cdef bint template_arguments(Mangled* m) noexcept nogil
cdef bint expansion(Mangled* m, Part* part, Reader read) noexcept nogil
