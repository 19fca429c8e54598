# SPDX-License-Identifier: MIT
from libc.stdint cimport int64_t, uint32_t, uint64_t

from crashsym.kernel.base cimport Array, reserve
from crashsym.kernel.dwarf cimport Dwarf, Unit

cdef enum:
    NOT_ASKED = 0xFFFFFFFD  # a name that has not been looked for
    BUCKET = 8  # bits: entries whose offsets differ in no higher one share a bucket


cdef struct EntryRow:  # an entry that can be named
    uint32_t at  # in its unit
    uint32_t parent  # its scope, or 0
    uint32_t name


cdef class Entries:
    cdef Dwarf dwarf
    cdef Array rows  # of one unit after the other, ascending
    cdef Array buckets  # of the current unit: the number of its first row that is not before
    cdef int64_t current  # the unit that is being read, or -1
    cdef bint keep  # the rows of all units
    cdef bint again  # a unit is read again, for its rows alone

    cdef void begin(self, uint64_t number) noexcept nogil
    cdef bint index(self, uint64_t number) noexcept nogil
    cdef void end(self, uint64_t number) noexcept nogil
    cdef bint read_again(self, uint64_t number) noexcept nogil
    cdef int locate(self, uint64_t place, uint64_t* number, uint64_t* row) noexcept nogil
    cdef int64_t _unit_of(self, uint64_t place) noexcept nogil
    cdef int64_t _row_of(self, Unit* unit, uint64_t at, bint indexed) noexcept nogil


cdef inline bint add_row(Entries entries, uint64_t at, uint32_t parent) noexcept nogil:
    """Add an entry of the unit whose rows were begun last."""
    cdef EntryRow* row
    if not reserve(&entries.rows, 1, sizeof(EntryRow), &entries.dwarf.memory):
        return False
    row = <EntryRow*>entries.rows.items + entries.rows.count
    row.at, row.parent, row.name = <uint32_t>at, parent, NOT_ASKED
    entries.rows.count += 1
    return True
