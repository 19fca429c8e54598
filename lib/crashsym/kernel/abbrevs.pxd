# SPDX-License-Identifier: MIT
from cython cimport final
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from crashsym.kernel.base cimport Array, Cursor, Memory, Span

# What a unit's entries are to us.
cdef enum:
    OTHER
    UNIT
    INLINED
    ENTRY_POINT
    SUBPROGRAM  # this and those below have rows in `Entries` wherever they are
    SCOPE
    NAMESPACE
    FIRST_NAMED = SUBPROGRAM

# The attributes that are kept; the place of each in `Values`.
cdef enum:
    NAME
    LINKAGE
    MIPS_LINKAGE
    ORIGIN  # the next three, in this order, lead to another entry
    SPECIFICATION
    SIGNATURE
    LOW_PC
    HIGH_PC
    RANGES
    CALL_FILE
    CALL_LINE
    STMT_LIST
    COMP_DIR
    STR_BASE
    ADDR_BASE
    GNU_ADDR_BASE
    RNG_BASE
    GNU_RNG_BASE
    DWO_NAME
    GNU_DWO_NAME
    GNU_DWO_ID
    SLOTS

# How a step of an entry is passed over.
cdef enum:
    SKIP_FIXED
    SKIP_LEB
    SKIP_STRING
    SKIP_BLOCK1
    SKIP_BLOCK2
    SKIP_BLOCK4
    SKIP_BLOCK
    SKIP_INDIRECT
    TAKE
    TAKE_FIXED

cdef enum:
    NOT_FIXED = 0xFFFFFFFF
    SHORT_CODES = 512
    MANY = 64  # attributes; entries of compilers have fewer


cdef struct Op:
    uint8_t step
    uint8_t slot
    uint16_t form
    uint32_t size
    int64_t constant  # of DW_FORM_implicit_const; of TAKE_FIXED in an entry of fixed size its place


cdef struct Abbrev:
    uint64_t code
    uint32_t first
    uint32_t ops  # of an entry of fixed size those that take something
    uint32_t fixed  # size of an entry without its code, NOT_FIXED when it varies
    uint16_t tag
    uint8_t kind
    uint8_t children
    bint wanted  # its values count where it stands: it has code, or names by index
    uint32_t order  # of its declaration in the table


cdef struct Shape:  # what the size of a form depends on
    uint8_t version
    uint8_t address_size
    uint8_t offset_size


cdef struct AbbrevTable:
    uint64_t context
    uint64_t offset
    Shape shape
    bint used
    bint damaged
    bint ascending  # code n is likely to be the nth
    # By short code: 1 and the size of entries that nobody wants, have no children and are all
    # alike; else 0.
    uint16_t leaves[SHORT_CODES]
    Array abbrevs
    Array ops


cdef struct Values:
    uint64_t raw[SLOTS]
    uint16_t form[SLOTS]  # 0: the entry does not have it


@final
cdef class AbbrevCache:
    cdef AbbrevTable* tables
    cdef Memory* memory
    cdef int64_t* steps  # left, see `Dwarf`
    cdef uint64_t made  # how many were compiled

    cdef AbbrevTable* get(self, Span section, uint64_t context, uint64_t offset, Shape shape) noexcept nogil


cdef inline Abbrev* abbrev_of(AbbrevTable* table, uint64_t code) noexcept nogil:
    """Return the declaration of a code, or NULL."""
    cdef Abbrev* abbrevs = <Abbrev*>table.abbrevs.items
    if table.ascending and code - 1 < table.abbrevs.count and abbrevs[code - 1].code == code:
        return abbrevs + (code - 1)
    return find_abbrev(table, code)


cdef Abbrev* find_abbrev(AbbrevTable* table, uint64_t code) noexcept nogil
cdef int step_of(uint64_t form, Shape shape, uint32_t* size) noexcept nogil
