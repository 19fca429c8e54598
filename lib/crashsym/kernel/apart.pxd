# SPDX-License-Identifier: MIT
from cython cimport final
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from crashsym.kernel.base cimport Array, Memory, Span
from crashsym.kernel.strings cimport Strings


cdef struct Question:
    uint64_t answer  # where it begins in `answers`
    uint32_t size  # 0: there is none


cdef struct Shared:  # memory of both processes; behind it stand sizes and texts of answers
    uint64_t answered
    uint64_t used
    bint full


@final
cdef class Apart:
    cdef Memory* memory
    cdef Strings names
    cdef Array questions
    cdef Array answers
    cdef Array scratch  # the name that is asked, with a zero byte behind it

    cdef uint32_t ask(self, Span name) noexcept nogil
    cdef bint run(self) noexcept
    cdef bint _round(self, uint64_t first, Shared* shared) noexcept
    cdef void _serve(self, uint64_t first, Shared* shared) noexcept nogil
    cdef bint _take(self, uint64_t first, Shared* shared) noexcept nogil
    cdef Span answer(self, uint64_t number) noexcept nogil
