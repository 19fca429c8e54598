# SPDX-License-Identifier: MIT
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from crashsym.kernel.abbrevs cimport Abbrev, AbbrevTable, Values
from crashsym.kernel.base cimport Array, Cursor
from crashsym.kernel.dwarf cimport Dwarf, Unit
from crashsym.kernel.entries cimport Entries
from crashsym.kernel.names cimport Names


cdef struct Claim:  # code of a function; after `divide` a piece that no other claims
    uint64_t start
    uint64_t end
    uint32_t body
    bint multiple  # functions of other names have the same code, too


cdef struct Body:  # a subprogram that has code
    uint32_t name
    uint32_t table  # its line table
    uint32_t inlines
    uint64_t first_inline  # where they begin in `Walk.inlines`


cdef struct Call:  # an inlined subroutine while its unit is read
    int32_t parent
    int32_t child  # the last one
    int32_t sibling  # the one before
    int32_t next  # of the same body
    uint32_t depth
    uint32_t call_line
    uint64_t call_file
    uint64_t origin
    uint32_t first  # range in `own`, later in `joined`
    uint32_t count


cdef struct Open:  # a body while its unit is read
    uint64_t place
    uint64_t first_claim
    uint64_t claims
    int32_t first  # call
    int32_t last
    int32_t shares  # an entry point has the calls of this one; -1


cdef struct Level:  # what an entry inherits from those around it
    uint32_t scope
    uint32_t outer  # the scope around the function
    int32_t body
    int32_t call


cdef struct Later:  # a name that could not be found yet
    uint64_t place
    uint64_t index
    bint is_inline


cdef class Walk(Entries):
    cdef Names names
    cdef bint want_inlines
    # what is found
    cdef Array claims
    cdef Array bodies
    cdef Array inlines  # bytes, see inlines.pxd
    # of the unit that is being read
    cdef Array levels
    cdef Array opens
    cdef Array calls
    cdef Array own
    cdef Array joined
    cdef Array found
    cdef Array later
    cdef dict _tables
    cdef const char* why

    cdef object inputs
    cdef uint64_t known_size

    cdef uint64_t _append(self, Unit* unit) noexcept nogil
    cdef bint scan(self, uint32_t context) except False
    cdef bint unit(self, uint64_t number) except False
    cdef bint _read(self, uint64_t number) except False
    cdef bint _root(self, Unit* unit, Values* values) noexcept
    cdef bint _bases(self, Unit* unit, Values* values) noexcept nogil
    cdef bint _split(self, uint64_t number, Values* values) except -1
    cdef int64_t _add_split(self, split, uint64_t skeleton, bint names_only) except -2
    cdef uint32_t _line_table(self, Unit* unit) noexcept
    cdef bint _entry_point(self, Unit* unit, Values* values, uint64_t at, Level* above) noexcept nogil
    cdef bint _entries(self, uint64_t number, AbbrevTable* table, uint64_t* where) noexcept nogil
    cdef bint _levels(self, uint64_t count) noexcept nogil
    cdef bint _take(self, Unit* unit, AbbrevTable* table, Abbrev* abbrev, Cursor* c, uint64_t at, Level* above, Level* below) noexcept nogil
    cdef bint _subprogram(self, Unit* unit, Values* values, uint64_t at, Level* below) noexcept nogil
    cdef bint _call(self, Unit* unit, Values* values, Level* above, Level* below) noexcept nogil
    cdef bint _join(self, Call* call) noexcept nogil
    cdef void _merge(self, uint64_t first) noexcept nogil
    cdef bint _inline(self, Unit* unit, Call* call) noexcept
    cdef bint _finish(self, uint64_t number, uint64_t first_body) noexcept
    cdef bint _finish_body(self, uint64_t number, Open* open_, uint64_t body) noexcept
    cdef bint _open(self, Unit* unit, uint64_t at, uint64_t claims) noexcept nogil
    cdef void _claim(self, uint64_t start, uint64_t end) noexcept nogil
    cdef int64_t _index_of(self, Open* open_) noexcept nogil
    cdef bint _name(self, uint64_t place, uint64_t index, bint is_inline) noexcept
