# SPDX-License-Identifier: MIT
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from crashsym.kernel.abbrevs cimport Values
from crashsym.kernel.base cimport Array
from crashsym.kernel.dwarf cimport Unit
from crashsym.kernel.entries cimport Entries
from crashsym.kernel.linetables cimport Range
from crashsym.kernel.names cimport Names

cdef const char* MEMORY  # why damage was done
cdef const char* WORK


cdef struct Claim:  # code of a function; after `divide` a piece that no other claims
    uint64_t start
    uint64_t end
    uint32_t body
    bint multiple  # functions of other names have the same code, too


cdef struct Body:  # a subprogram that has code
    uint32_t name
    uint32_t table  # its line table
    uint32_t inlines
    uint32_t ranges  # of all of them
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
    bint by_signature  # `origin` is the signature of a type unit that has not been met
    uint32_t first  # in `ranges`: its own, later those of the calls inside of it, too
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
    bint by_signature


cdef class Bodies(Entries):
    cdef Names names
    # what is found
    cdef Array claims
    cdef Array bodies
    cdef Array inlines  # bytes, see inlines.pxd
    # of the unit that is being read
    cdef Array opens
    cdef Array calls
    cdef Array ranges
    cdef Array later
    cdef Array waiting  # names; the place of `Later` is the number that `Names` has given
    cdef Array slots  # claims, by their code: 1 and the number
    cdef bint wants_lines  # of the unit that is being read
    cdef const char* why

    cdef bint _open(self, Unit* unit, uint64_t at, uint64_t claims) noexcept nogil
    cdef void _claim(self, uint64_t start, uint64_t end) noexcept nogil
    cdef bint _is_claimed(self, Range* code) noexcept nogil
    cdef uint32_t* _slot(self, uint64_t start, uint64_t end) noexcept nogil
    cdef bint _more_slots(self, uint64_t claims) noexcept nogil
    cdef bint _call(self, Unit* unit, Values* values, Level* above, Level* below) noexcept nogil
    cdef bint _has_inside(self, Call* call, uint64_t* steps) noexcept nogil
    cdef bint _join(self, Call* call) noexcept nogil
    cdef bint _copy_ranges(self, Call* call) noexcept nogil
    cdef bint _finish(self, uint64_t number, uint64_t first_body) noexcept
    cdef bint _finish_body(self, uint64_t number, Open* open_, uint64_t body) noexcept
    cdef void _look_ahead(self, Unit* unit, Call* call) noexcept nogil
    cdef bint _inline(self, Unit* unit, Call* call) noexcept
    cdef int64_t _index_of(self, Open* open_) noexcept nogil
    cdef bint _name(self, uint64_t place, uint64_t index, bint is_inline) noexcept
    cdef void _set_name(self, uint32_t name, uint64_t index, bint is_inline) noexcept nogil
    cdef bint _name_later(self, Array* names, uint64_t place, uint64_t index, bint is_inline, bint by_signature) noexcept nogil
