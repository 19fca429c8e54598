# SPDX-License-Identifier: MIT
from crashsym.kernel.base cimport Array, Memory, Span

cdef enum:
    LONGEST_NAME = 1 << 16

cdef enum Readable:
    MADE  # a readable form
    NONE  # it has none
    ASK  # `crashsym.demangle` has to decide
    RISKY  # it may explode, see `Apart`


cdef Readable demangle(Span name, Array* scratch, Memory* memory, Span* text, char** made) noexcept
cdef Span without_suffixes(Span name) noexcept nogil
