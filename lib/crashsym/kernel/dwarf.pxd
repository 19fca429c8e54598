# SPDX-License-Identifier: MIT
from cython cimport final
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from crashsym.kernel.abbrevs cimport Abbrev, AbbrevCache, AbbrevTable, Shape, Values
from crashsym.kernel.base cimport Array, Cursor, Memory, Span
from crashsym.kernel.lines cimport Lines
from crashsym.kernel.strings cimport Strings

cdef enum:
    OFFSET_BITS = 40  # of a reference; the context stands above

cdef uint64_t NOWHERE  # no reference
cdef uint64_t DEAD  # a reference to where no entry can be
cdef uint64_t LATER  # a reference to a type unit that has not been met


cdef struct Context:  # the sections that belong together: a file, or one split unit
    Span info
    Span abbrev
    Span str
    Span line_str
    Span str_offsets
    Span addr
    Span ranges
    Span rnglists
    Span line
    bint big
    bint is_types  # .debug_types
    bint names_only  # no code in it
    bint is_split  # has one unit, whose addresses are in the context of the skeleton
    bint scanned  # its units are known
    uint32_t referred  # the context that references with an offset mean
    int64_t supplementary  # the context of dwz's common file, or -1
    uint64_t first_unit
    uint64_t unit_count
    Array linked  # `Known`, a map with open addressing: linkage name → name
    uint64_t linked_count


cdef struct Known:
    uint32_t place  # of a text in .debug_str, and 1, so that 0 is free
    uint32_t name


cdef struct Unit:
    uint32_t context
    uint64_t offset  # of its header in .debug_info
    uint64_t entries  # of its first entry
    uint64_t end
    uint64_t abbrev
    uint64_t str_base
    uint64_t addr_base
    uint64_t rng_base  # before DWARF 5 that of a split unit's lists
    uint64_t base  # DW_AT_low_pc
    uint64_t identity  # dwo_id or signature
    uint64_t type_offset
    uint64_t stmt_list
    Span comp_dir
    bint lost_dir  # the index of DW_AT_comp_dir is outside of .debug_str_offsets
    uint64_t lines_from  # the unit that has the line table
    uint32_t table  # its line table
    uint8_t kind  # DW_UT_*
    bint has_identity
    bint has_lines
    bint names_only
    uint64_t first_row  # in `Entries.rows`
    uint64_t row_count
    bint rows_dropped
    bint damaged  # from some entry on
    bint is_shared  # a partial unit, to which others refer
    Shape shape
    bint walked


@final
cdef class Dwarf:
    cdef Memory memory
    cdef int64_t steps  # left, see crashsym.budget
    cdef int64_t due  # steps that the size of all input is worth
    cdef Array contexts
    cdef Array units
    cdef uint64_t mask  # of the bits of an address
    cdef Array code
    cdef AbbrevCache abbrevs
    cdef AbbrevTable* last_table  # that of the unit at `last_offset`
    cdef uint64_t last_offset
    cdef uint32_t last_context
    cdef uint64_t last_made
    cdef uint64_t last_code  # the range of `code` that held the last address
    cdef Lines lines
    cdef list keep  # the buffers
    cdef dict types  # signature → place
    cdef bint final  # all units have been read
    cdef readonly list damage

    cdef Span _section(self, sections, str name) except *
    cdef uint32_t add_context(self, sections, bint big, str info) except *
    cdef void grow(self, uint64_t size) noexcept nogil
    cdef bint has_text(self, Unit* unit, uint64_t raw, uint16_t form) noexcept nogil
    cdef Context* context(self, uint32_t index) noexcept nogil
    cdef Unit* unit(self, uint64_t index) noexcept nogil
    cdef void damaged(self, bytes section, uint64_t offset, bytes why)
    cdef bint spend(self, uint64_t steps) noexcept nogil
    cdef AbbrevTable* table_of(self, Unit* unit) noexcept nogil
    cdef Cursor entry_cursor(self, Unit* unit, uint64_t offset) noexcept nogil
    cdef Span text(self, Unit* unit, uint64_t raw, uint16_t form) noexcept nogil
    cdef Context* holder_of_text(self, Unit* unit, uint16_t form) noexcept nogil
    cdef Span start_of_text(self, Unit* unit, uint64_t raw, uint16_t form) noexcept nogil
    cdef bint address(self, Unit* unit, uint64_t raw, uint16_t form, uint64_t* value) noexcept nogil
    cdef uint64_t reference(self, Unit* unit, uint64_t raw, uint16_t form) noexcept nogil
    cdef uint64_t _type(self, uint64_t signature) noexcept nogil
    cdef bint ranges(self, Unit* unit, Values* values, Array* found) noexcept nogil
    cdef bint _list(self, Unit* unit, uint64_t offset, Array* found) noexcept nogil
    cdef bint _old_list(self, Unit* unit, uint64_t offset, Array* found) noexcept nogil
    cdef bint _indexed(self, Unit* unit, uint64_t index, uint64_t* value) noexcept nogil
    cdef bint _keep(self, uint64_t start, uint64_t end, Array* found) noexcept nogil


cdef inline bint take_number(uint64_t raw, uint16_t form, uint64_t* value) noexcept nogil:
    """Give the value of an attribute that is a number of 0 or more."""
    value[0] = raw
    if form == 0x0D or form == 0x21:  # sdata, implicit_const
        return <int64_t>raw >= 0
    # data1 data2 data4 data8 udata sec_offset rnglistx
    return form in (0x0B, 0x05, 0x06, 0x07, 0x0F, 0x17, 0x23)


cdef Span span_of(object buffer) except *
