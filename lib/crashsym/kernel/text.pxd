# SPDX-License-Identifier: MIT
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from crashsym.kernel.base cimport Array, Span


cdef class Text:
    """A growing text, handed on to a binary stream in large pieces."""

    cdef char* buffer
    cdef uint64_t count
    cdef object stream

    cdef bint flush(self) except False
    cdef bint room(self, uint64_t size) except False
    cdef bint span(self, Span text) except False


# The functions below write without a look at the room: ask for it first.

cdef inline void put_char(Text t, char c) noexcept nogil:
    t.buffer[t.count] = c
    t.count += 1


cdef inline void put_hex(Text t, uint64_t value) noexcept nogil:
    cdef char* digits = b"0123456789abcdef"
    cdef int nibbles = 1
    cdef uint64_t rest = value >> 4
    cdef char* at
    while rest:
        nibbles += 1
        rest >>= 4
    at = t.buffer + t.count + nibbles
    t.count += nibbles
    while nibbles:
        at -= 1
        at[0] = digits[value & 15]
        value >>= 4
        nibbles -= 1


cdef inline void put_decimal(Text t, uint64_t value) noexcept nogil:
    cdef char digits[20]
    cdef int n = 0
    if value < 10:
        t.buffer[t.count] = <char>(48 + value)
        t.count += 1
        return
    while value:
        digits[n] = <char>(48 + value % 10)
        value //= 10
        n += 1
    while n:
        n -= 1
        t.buffer[t.count] = digits[n]
        t.count += 1


cdef inline void put_bytes(Text t, const char* text, uint64_t size) noexcept nogil:
    memcpy(t.buffer + t.count, text, size)
    t.count += size
