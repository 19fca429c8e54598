# SPDX-License-Identifier: MIT
from cython cimport final
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from crashsym.kernel.base cimport Array, Memory, Span

cdef enum:
    NO_STRING = 0xFFFFFFFF


cdef struct Entry:
    uint64_t offset  # of the text in `text`
    uint32_t size
    uint32_t number  # for the caller's use, NO_STRING at first
    bint plain  # printable ASCII


cdef struct Slot:  # of a map with open addressing
    uint32_t hash
    uint32_t after  # the index of the string and 1, so that 0 is free


cdef inline uint64_t mixed(uint64_t value) noexcept nogil:
    value = (value ^ (value >> 32)) * <uint64_t>0xD6E8FEB86659FD93
    return value ^ (value >> 29)


@final
cdef class Strings:
    cdef Array text
    cdef Array entries
    cdef Array slots  # by the hash of a string
    cdef Memory* memory
    cdef uint64_t seed

    cdef uint32_t add(self, const uint8_t* data, uint64_t size, bint plain) noexcept nogil
    cdef uint32_t add_text(self, Span raw) noexcept
    cdef Span get(self, uint32_t index) noexcept nogil
    cdef Entry* entry(self, uint32_t index) noexcept nogil
    cdef bint _grow(self) noexcept nogil


cdef bint is_plain(Span text) noexcept nogil
cdef bytes one_line(Span text)
