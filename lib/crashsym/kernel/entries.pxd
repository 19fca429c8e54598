# SPDX-License-Identifier: MIT
from libc.stdint cimport int64_t, uint32_t, uint64_t

from crashsym.kernel.base cimport Array, reserve
from crashsym.kernel.dwarf cimport Dwarf, Unit

cdef enum:
    NOT_ASKED = 0xFFFFFFFD  # a name that has not been looked for
    BUCKET = 6  # bits: entries whose offsets differ in no higher one share a bucket


cdef struct EntryRow:  # an entry that can be named
    uint32_t at  # in its unit
    uint32_t parent  # its scope, or 0
    uint32_t name


cdef class Entries:
    cdef Dwarf dwarf
    cdef Array rows  # of one unit after the other, ascending
    # of the unit that has been read last, for each bucket
    cdef Array bits  # which offsets are those of entries with rows
    cdef Array firsts  # the number of the first row in the unit, where there is one
    cdef uint64_t current  # the number of that unit
    cdef uint64_t place  # where it begins
    cdef uint64_t size  # of it; 0 as long as there is none
    cdef uint64_t first_row
    cdef bint keep  # the rows of all units
    cdef bint again  # a unit is read again, for its rows alone

    cdef void begin(self, uint64_t number) noexcept nogil
    cdef bint index(self, uint64_t number) noexcept nogil
    cdef void end(self, uint64_t number) noexcept nogil
    cdef bint read_again(self, uint64_t number) noexcept nogil
    cdef int locate(self, uint64_t place, uint64_t* number, uint64_t* row) noexcept nogil
    cdef int holder(self, uint64_t place, uint64_t* number) noexcept nogil
    cdef uint32_t scope_of(self, uint64_t place) noexcept nogil
    cdef int64_t _unit_of(self, uint64_t place) noexcept nogil
    cdef bint _row_of(self, Unit* unit, uint64_t at, uint64_t* row) noexcept nogil


cdef inline uint64_t ones(uint64_t bits) noexcept nogil:
    """Return how many bits are set."""
    bits -= (bits >> 1) & <uint64_t>0x5555555555555555
    bits = (bits & <uint64_t>0x3333333333333333) + ((bits >> 2) & <uint64_t>0x3333333333333333)
    return (((bits + (bits >> 4)) & <uint64_t>0x0F0F0F0F0F0F0F0F) * <uint64_t>0x0101010101010101) >> 56


cdef inline uint64_t bit_of(uint64_t at) noexcept nogil:
    """Return the bit of an offset in those of its bucket."""
    return <uint64_t>1 << (at & (1 << BUCKET) - 1)


cdef inline bint has_row(Entries entries, uint64_t at) noexcept nogil:
    """Whether an entry with a row is at an offset in the current unit."""
    return (<uint64_t*>entries.bits.items)[at >> BUCKET] & bit_of(at) != 0


cdef inline uint64_t row_of_current(Entries entries, uint64_t at) noexcept nogil:
    """Return the row of an entry of the current unit; if it has none, any number."""
    cdef uint64_t before = (<uint64_t*>entries.bits.items)[at >> BUCKET] & (bit_of(at) - 1)
    return entries.first_row + (<uint32_t*>entries.firsts.items)[at >> BUCKET] + ones(before)


cdef inline bint add_row(Entries entries, uint64_t at, uint32_t parent) noexcept nogil:
    """Add an entry of the unit whose rows were begun last."""
    cdef EntryRow* row
    if not reserve(&entries.rows, 1, sizeof(EntryRow), &entries.dwarf.memory):
        return False
    row = <EntryRow*>entries.rows.items + entries.rows.count
    row.at, row.parent, row.name = <uint32_t>at, parent, NOT_ASKED
    entries.rows.count += 1
    return True
