# SPDX-License-Identifier: MIT
# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Long numbers, and arrays that grow: what is not worth having wherever it is called."""

from libc.stdint cimport uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcpy, memset

from crashsym.kernel.memory cimport map_memory, space_is_free, unmap_memory

cdef enum:
    LARGE = 1 << 20
    LARGE_PAGE = 2 << 20


cdef uint64_t uleb_long(Cursor* c) noexcept nogil:
    """Read an unsigned LEB128 number of up to 16 bytes; one above 64 bits gives 2^64 - 1."""
    cdef uint64_t value = 0, byte
    cdef unsigned int shift = 0
    cdef bint large = False
    while shift < 7 * 16:
        if c.at >= c.end:
            fail(c)
            return 0
        byte = c.at[0]
        c.at += 1
        if shift < 63:
            value |= (byte & 0x7F) << shift
        elif shift == 63:
            value |= (byte & 1) << 63
            large = (byte & 0x7E) != 0
        elif byte & 0x7F:
            large = True
        if byte < 0x80:
            return <uint64_t>0xFFFFFFFFFFFFFFFF if large else value
        shift += 7
    fail(c)
    return 0


cdef void give_back(Array* a) noexcept nogil:
    """Give the memory of an array back at its end."""
    if a.mapped:
        unmap_memory(a.items, a.mapped)
    else:
        free(a.items)


cdef bint _map_array(Array* a, uint64_t used, uint64_t wanted, uint64_t limit) noexcept nogil:
    """Move an array that has become large to where it can grow; False where that cannot be."""
    cdef uint64_t space = limit if limit > wanted and space_is_free() else 2 * wanted
    cdef char* items
    space = (space + LARGE_PAGE) & ~<uint64_t>(LARGE_PAGE - 1)
    items = map_memory(space)
    if items == NULL:
        return False
    memcpy(items, a.items, used)
    give_back(a)
    a.items, a.mapped = items, space
    return True


cdef bint grow_array(Array* a, uint64_t wanted, uint64_t item, Memory* memory) noexcept nogil:
    cdef uint64_t capacity = a.capacity + (a.capacity >> 1)
    cdef char* moved
    if capacity < 64:
        capacity = 64
    if capacity < wanted:
        capacity = wanted
    if memory.used + (capacity - a.capacity) * item > memory.limit:
        capacity = wanted
        if memory.used + (capacity - a.capacity) * item > memory.limit:
            return False
    if capacity * item > a.mapped and (
        capacity * item < LARGE
        or not _map_array(a, a.capacity * item, capacity * item, memory.limit)
    ):
        if a.mapped:
            return False
        moved = <char*>realloc(a.items, capacity * item)
        if moved == NULL:
            return False
        a.items = moved
    memory.used += (capacity - a.capacity) * item
    a.capacity = capacity
    return True


cdef bint make_slots(Array* a, uint64_t count, uint64_t item, Memory* memory) noexcept nogil:
    """Make an array of ``count`` items of zeros."""
    memset(a, 0, sizeof(Array))
    if memory.used + count * item > memory.limit:
        return False
    if count * item >= LARGE_PAGE:
        a.mapped = count * item
        a.items = map_memory(a.mapped)
    if a.items == NULL:
        a.mapped = 0
        a.items = <char*>calloc(count, item)
    if a.items == NULL:
        return False
    memory.used += count * item
    a.count = a.capacity = count
    return True


cdef void release(Array* a, uint64_t item, Memory* memory) noexcept nogil:
    give_back(a)
    memory.used -= a.capacity * item
    memset(a, 0, sizeof(Array))
