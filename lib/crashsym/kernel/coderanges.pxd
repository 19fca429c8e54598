# SPDX-License-Identifier: MIT
from libc.stdint cimport uint64_t

from crashsym.kernel.base cimport Array, Memory

cdef bint add_ranges(Array* ranges, executable, Memory* memory) except -1
cdef bint cut_to_code(Array* ranges, uint64_t start, uint64_t* end) noexcept nogil
