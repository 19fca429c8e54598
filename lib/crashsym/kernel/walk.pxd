# SPDX-License-Identifier: MIT
from libc.stdint cimport uint64_t

from crashsym.kernel.abbrevs cimport Abbrev, AbbrevTable, Values
from crashsym.kernel.base cimport Array, Cursor
from crashsym.kernel.bodies cimport Bodies, Level
from crashsym.kernel.dwarf cimport Unit


cdef class Walk(Bodies):
    cdef bint want_inlines
    cdef Array levels
    cdef Array found

    cdef bint _entries(self, uint64_t number, AbbrevTable* table, uint64_t* where) noexcept nogil
    cdef bint _levels(self, uint64_t count) noexcept nogil
    cdef bint _take(self, Unit* unit, AbbrevTable* table, Abbrev* abbrev, Cursor* c, uint64_t at, Level* above, Level* below) noexcept nogil
    cdef bint _entry_point(self, Unit* unit, Values* values, uint64_t at, Level* above) noexcept nogil
    cdef bint _subprogram(self, Unit* unit, Values* values, uint64_t at, Level* below) noexcept nogil
