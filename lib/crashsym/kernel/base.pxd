# SPDX-License-Identifier: MIT
"""What all parts of the kernel share: bounded reads and growing arrays.

A `Cursor` never moves past its end: a read that would sets `failed` and gives 0. Loops test
`failed`, so that damage ends them.
"""

from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memchr


cdef struct Span:  # bytes of a section, or part of them
    const uint8_t* data
    uint64_t size


cdef struct Cursor:
    const uint8_t* begin  # of the section; offsets count from here
    const uint8_t* at
    const uint8_t* end
    bint big  # big endian
    bint failed


cdef struct Memory:  # what all arrays of one file may use together, in bytes
    uint64_t used
    uint64_t limit


cdef struct Array:
    char* items
    uint64_t count
    uint64_t capacity
    uint64_t mapped  # bytes of address space that it may grow into without moving, or 0


cdef inline Cursor cursor_on(Span span, uint64_t offset, bint big) noexcept nogil:
    cdef Cursor c
    c.begin = span.data
    c.end = span.data + span.size
    c.big = big
    c.failed = offset > span.size
    c.at = c.end if c.failed else span.data + offset
    return c


cdef inline uint64_t offset_of(Cursor* c) noexcept nogil:
    return <uint64_t>(c.at - c.begin)


cdef inline uint64_t place_of(uint64_t base, uint64_t index, uint64_t size) noexcept nogil:
    """Return base + index * size; the largest number where that has more than 64 bits."""
    cdef uint64_t largest = <uint64_t>0xFFFFFFFFFFFFFFFF
    if size and index > (largest - base) // size:
        return largest
    return base + index * size


cdef inline uint64_t left(Cursor* c) noexcept nogil:
    return <uint64_t>(c.end - c.at)


cdef inline void fail(Cursor* c) noexcept nogil:
    c.failed = True
    c.at = c.end


cdef inline void skip(Cursor* c, uint64_t size) noexcept nogil:
    if size > left(c):
        fail(c)
    else:
        c.at += size


cdef inline uint64_t u8(Cursor* c) noexcept nogil:
    if c.at >= c.end:
        fail(c)
        return 0
    c.at += 1
    return (c.at - 1)[0]


cdef inline uint64_t load(const uint8_t* p, unsigned int size, bint big) noexcept nogil:
    """Read a number of up to 8 bytes that are known to be there."""
    cdef uint64_t value = 0
    cdef unsigned int i
    if big:
        for i in range(size):
            value = (value << 8) | p[i]
        return value
    if size == 4:  # compilers make one load of each of these
        return (<uint64_t>p[0]) | (<uint64_t>p[1] << 8) | (<uint64_t>p[2] << 16) | (<uint64_t>p[3] << 24)
    if size == 1:
        return p[0]
    if size == 2:
        return (<uint64_t>p[0]) | (<uint64_t>p[1] << 8)
    if size == 8:
        return (
            (<uint64_t>p[0]) | (<uint64_t>p[1] << 8) | (<uint64_t>p[2] << 16) | (<uint64_t>p[3] << 24)
            | (<uint64_t>p[4] << 32) | (<uint64_t>p[5] << 40) | (<uint64_t>p[6] << 48)
            | (<uint64_t>p[7] << 56)
        )
    for i in range(size):
        value |= <uint64_t>p[i] << (8 * i)
    return value


cdef inline uint64_t fixed(Cursor* c, unsigned int size) noexcept nogil:
    """Read an unsigned number of up to 8 bytes."""
    if size > left(c):
        fail(c)
        return 0
    c.at += size
    return load(c.at - size, size, c.big)


cdef inline int64_t signed_fixed(Cursor* c, unsigned int size) noexcept nogil:
    cdef uint64_t value = fixed(c, size)
    cdef unsigned int bits = 64 - 8 * size
    return (<int64_t>(value << bits)) >> bits


cdef uint64_t uleb_long(Cursor* c) noexcept nogil
cdef void give_back(Array* a) noexcept nogil
cdef bint grow_array(Array* a, uint64_t wanted, uint64_t item, Memory* memory) noexcept nogil
cdef bint make_slots(Array* a, uint64_t count, uint64_t item, Memory* memory) noexcept nogil
cdef void release(Array* a, uint64_t item, Memory* memory) noexcept nogil


cdef inline uint64_t uleb(Cursor* c) noexcept nogil:
    if c.at < c.end and c.at[0] < 0x80:
        c.at += 1
        return (c.at - 1)[0]
    return uleb_long(c)


cdef inline int64_t sleb(Cursor* c) noexcept nogil:
    """Read a signed LEB128 number of up to 16 bytes; of one beyond 64 bits the nearest there is."""
    cdef uint64_t value = 0, byte, largest = <uint64_t>0x7FFFFFFFFFFFFFFF
    cdef unsigned int shift = 0
    cdef bint zeros = True, ones = True  # all bits from bit 63 on
    while shift < 7 * 16:
        if c.at >= c.end:
            fail(c)
            return 0
        byte = c.at[0]
        c.at += 1
        if shift < 64:
            value |= (byte & 0x7F) << shift
        if shift >= 63:
            zeros = zeros and byte & 0x7F == 0
            ones = ones and byte & 0x7F == 0x7F
        shift += 7
        if byte < 0x80:
            if shift < 64:
                if byte & 0x40:
                    value |= (<uint64_t>0xFFFFFFFFFFFFFFFF) << shift
            elif not (ones if byte & 0x40 else zeros):
                value = ~largest if byte & 0x40 else largest
            return <int64_t>value
    fail(c)
    return 0


cdef inline void skip_leb(Cursor* c) noexcept nogil:
    cdef unsigned int n = 0
    while c.at < c.end and n < 16:
        c.at += 1
        n += 1
        if (c.at - 1)[0] < 0x80:
            return
    fail(c)


cdef inline Span cstring(Cursor* c) noexcept nogil:
    """Read up to the next zero byte, and step over it."""
    cdef Span found
    found.data = c.at
    found.size = 0
    cdef const uint8_t* stop = <const uint8_t*>memchr(c.at, 0, left(c))
    if stop == NULL:
        fail(c)
        return found
    found.size = <uint64_t>(stop - c.at)
    c.at = stop + 1
    return found


cdef inline Span string_at(Span section, uint64_t offset) noexcept nogil:
    """Return the string at an offset of a string section; empty when it is outside or has no end."""
    cdef Span found
    cdef const uint8_t* stop
    found.data = section.data
    found.size = 0
    if offset >= section.size:
        return found
    found.data = section.data + offset
    stop = <const uint8_t*>memchr(found.data, 0, section.size - offset)
    found.size = 0 if stop == NULL else <uint64_t>(stop - found.data)
    return found


cdef inline Cursor sub(Cursor* c, uint64_t size) noexcept nogil:
    """Return a cursor over the next ``size`` bytes, and step over them."""
    cdef Cursor part = c[0]
    if size > left(c):
        fail(c)
        part.failed = True
        part.at = part.end
        return part
    c.at += size
    part.end = c.at
    return part


cdef inline bint reserve(Array* a, uint64_t more, uint64_t item, Memory* memory) noexcept nogil:
    """Make room for ``more`` items; False when that is more than this file may use."""
    return a.count + more <= a.capacity or grow_array(a, a.count + more, item, memory)
