# SPDX-License-Identifier: MIT
"""How the inlined calls of a file are kept: one after the other as bytes, which take a third of
the memory of structures.

A call is: depth, line, file (all LEB128), name (4 bytes, as it may be set later), the number
of ranges (LEB128), and for each range its distance from the end of the one before, at first from 0,
and its size (both LEB128; the distance may go back, modulo 2^64).
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

cdef enum:
    MOST_OF_CALL = 5 + 10 + 5 + 4 + 5  # bytes without the ranges
    MOST_OF_RANGE = 20


cdef struct Inline:
    uint32_t depth
    uint32_t call_line
    uint32_t call_file  # index in `Lines.paths`
    uint32_t name
    uint32_t ranges


cdef inline uint8_t* pack(uint8_t* at, uint64_t value) noexcept nogil:
    while value >= 0x80:
        at[0] = <uint8_t>(value | 0x80)
        value >>= 7
        at += 1
    at[0] = <uint8_t>value
    return at + 1


cdef inline uint8_t* pack_distance(uint8_t* at, uint64_t distance) noexcept nogil:
    """Keep the direction in the lowest bit, so that a short way back is short, too."""
    return pack(at, (distance << 1) ^ (0 - (distance >> 63)))


cdef inline uint64_t unpack(const uint8_t** at) noexcept nogil:
    cdef uint64_t value = at[0][0], byte
    cdef unsigned int shift = 7
    at[0] += 1
    if value < 0x80:
        return value
    value &= 0x7F
    while True:
        byte = at[0][0]
        at[0] += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value
        shift += 7


cdef inline const uint8_t* after(const uint8_t* at, uint64_t count) noexcept nogil:
    """Return where ``count`` numbers end."""
    while count:
        count -= at[0] < 0x80
        at += 1
    return at


cdef inline uint64_t unpack_distance(const uint8_t** at) noexcept nogil:
    cdef uint64_t value = unpack(at)
    return (value >> 1) ^ (0 - (value & 1))


cdef inline void unpack_call(const uint8_t** at, Inline* call) noexcept nogil:
    call.depth = <uint32_t>unpack(at)
    call.call_line = <uint32_t>unpack(at)
    call.call_file = <uint32_t>unpack(at)
    memcpy(&call.name, at[0], 4)
    at[0] += 4
    call.ranges = <uint32_t>unpack(at)
