# SPDX-License-Identifier: MIT
from crashsym.kernel.base cimport Array, Memory, Span


cdef bint demangle_plain(Span name, Array* scratch, Memory* memory, Span* text) noexcept nogil
