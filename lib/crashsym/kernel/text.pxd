# SPDX-License-Identifier: MIT
from cython cimport final
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from crashsym.kernel.base cimport Array, Span


cdef enum:
    SIZE = 1 << 20


cdef struct Digits:  # of a small number
    char text[3]
    uint8_t size  # without the zeros in front


cdef Digits DECIMAL[1000]  # 0 to 999, without zeros in front
cdef Digits LAST_DECIMAL[1000]  # the same with three digits each
cdef Digits HEX[256]  # 0 to ff, without zeros in front
cdef Digits LAST_HEX[256]  # the same with two digits each


@final
cdef class Text:
    """A growing text, handed on to a binary stream in large pieces."""

    cdef char* buffer
    cdef uint64_t count
    cdef object stream

    cdef bint flush(self) except False
    cdef bint span(self, Span text) except False


cdef char* long_hex_at(char* at, uint64_t value) noexcept nogil
cdef char* long_decimal_at(char* at, uint64_t value) noexcept nogil


cdef inline bint make_room(Text t, uint64_t size) except False:
    """See to it that ``size`` bytes, a small number, can be written."""
    return t.count + size <= SIZE or t.flush()


cdef inline char* place_for(Text t, char* at, uint64_t size) except NULL:
    """Like `make_room`, where ``at`` is the end of what was written; return the end as it is then."""
    if <uint64_t>(at - t.buffer) + size > SIZE:
        t.count = <uint64_t>(at - t.buffer)
        t.flush()
        return t.buffer
    return at


# The functions below write without a look at the room: ask for it first, and for 3 bytes more where
# a number is the end. Those with a pointer return where the next character goes. Nothing tells how
# many digits the next number has: the fewer branches depend on it, the better.

cdef inline char* number_at(char* at, Digits* digits) noexcept nogil:
    memcpy(at, digits, 4)  # its size is overwritten by what follows
    return at + digits.size


cdef inline char* hex_at(char* at, uint64_t value) noexcept nogil:
    if value < 1 << 8:
        return number_at(at, &HEX[value])
    if value < 1 << 16:
        at = number_at(at, &HEX[value >> 8])
    elif value < 1 << 24:
        at = number_at(at, &HEX[value >> 16])
        at = number_at(at, &LAST_HEX[(value >> 8) & 255])
    elif value < <uint64_t>1 << 32:
        at = number_at(at, &HEX[value >> 24])
        at = number_at(at, &LAST_HEX[(value >> 16) & 255])
        at = number_at(at, &LAST_HEX[(value >> 8) & 255])
    else:
        return long_hex_at(at, value)
    return number_at(at, &LAST_HEX[value & 255])


cdef inline char* decimal_at(char* at, uint64_t value) noexcept nogil:
    if value < 1000:
        return number_at(at, &DECIMAL[value])
    if value < 1_000_000:
        at = number_at(at, &DECIMAL[value // 1000])
        return number_at(at, &LAST_DECIMAL[value % 1000])
    return long_decimal_at(at, value)


cdef inline char* bytes_at(char* at, const char* text, uint64_t size) noexcept nogil:
    memcpy(at, text, size)
    return at + size


cdef inline char* char_at(char* at, char c) noexcept nogil:
    at[0] = c
    return at + 1


cdef inline char* end_of(Text t) noexcept nogil:
    return t.buffer + t.count


cdef inline void end_at(Text t, char* at) noexcept nogil:
    t.count = <uint64_t>(at - t.buffer)


cdef inline void put_char(Text t, char c) noexcept nogil:
    end_at(t, char_at(end_of(t), c))


cdef inline void put_hex(Text t, uint64_t value) noexcept nogil:
    end_at(t, hex_at(end_of(t), value))


cdef inline void put_decimal(Text t, uint64_t value) noexcept nogil:
    end_at(t, decimal_at(end_of(t), value))


cdef inline void put_bytes(Text t, const char* text, uint64_t size) noexcept nogil:
    end_at(t, bytes_at(end_of(t), text, size))
