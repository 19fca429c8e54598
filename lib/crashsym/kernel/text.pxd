# SPDX-License-Identifier: MIT
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from crashsym.kernel.base cimport Array, Span


cdef enum:
    SIZE = 1 << 20


cdef extern from *:
    """
    static const char CRASHSYM_HEX[] =
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
        "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
        "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f"
        "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f"
        "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
        "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf"
        "c0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedf"
        "e0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff";
    static const char CRASHSYM_DECIMAL[] =
        "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
        "5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";
    """
    const char* PAIRS_OF_HEX "CRASHSYM_HEX"
    const char* PAIRS_OF_DECIMAL "CRASHSYM_DECIMAL"
    int __builtin_clzll(unsigned long long value) nogil


cdef class Text:
    """A growing text, handed on to a binary stream in large pieces."""

    cdef char* buffer
    cdef uint64_t count
    cdef object stream

    cdef bint flush(self) except False
    cdef bint span(self, Span text) except False


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


# The functions below write without a look at the room: ask for it first. Those with a pointer
# return where the next character goes.

cdef inline char* hex_at(char* at, uint64_t value) noexcept nogil:
    cdef int digits = (67 - __builtin_clzll(value | 1)) >> 2
    cdef char* end = at + digits
    at = end
    while digits >= 2:
        at -= 2
        memcpy(at, PAIRS_OF_HEX + 2 * (value & 0xFF), 2)
        value >>= 8
        digits -= 2
    if digits:
        (at - 1)[0] = PAIRS_OF_HEX[2 * value + 1]
    return end


cdef inline char* pair_at(char* at, uint32_t value) noexcept nogil:
    """Write a number below 100 with two digits."""
    memcpy(at, PAIRS_OF_DECIMAL + 2 * value, 2)
    return at + 2


cdef inline char* short_at(char* at, uint32_t value) noexcept nogil:
    """Write a number below 100."""
    if value < 10:
        at[0] = <char>(48 + value)
        return at + 1
    return pair_at(at, value)


cdef inline char* long_at(char* at, uint64_t value) noexcept nogil:
    cdef char digits[20]
    cdef int first = 20
    while value >= 100:
        first -= 2
        pair_at(digits + first, <uint32_t>(value % 100))
        value //= 100
    at = short_at(at, <uint32_t>value)
    memcpy(at, digits + first, 20 - first)
    return at + (20 - first)


cdef inline char* decimal_at(char* at, uint64_t value) noexcept nogil:
    cdef uint32_t small = <uint32_t>value
    if value < 100:
        return short_at(at, small)
    if value < 10_000:
        return pair_at(short_at(at, small // 100), small % 100)
    if value < 1_000_000:
        at = pair_at(short_at(at, small // 10_000), small // 100 % 100)
        return pair_at(at, small % 100)
    return long_at(at, value)


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
