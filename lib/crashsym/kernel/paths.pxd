# SPDX-License-Identifier: MIT
from libc.stdint cimport uint64_t

from crashsym.kernel.base cimport Array, Memory, Span


cdef bint join_path(Array* path, Span part, Memory* memory) noexcept nogil
cdef void tidy_path(Array* path) noexcept nogil
