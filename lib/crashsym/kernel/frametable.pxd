# SPDX-License-Identifier: MIT
from cython cimport final
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from crashsym.kernel.base cimport Array, Cursor, Memory, Span
from crashsym.kernel.frames cimport Cie, Interpreter
from crashsym.kernel.ruletext cimport RuleText

cdef enum:
    MOST_DAMAGE = 10_000  # places that are reported


cdef struct Item:  # code of one entry, all with or all without a form in a symbol file
    uint64_t start
    uint64_t end
    uint64_t place  # of the FDE in its section, or the number of the text
    uint32_t order  # the first one has the code that several claim
    uint8_t source  # the number of the table
    bint formed
    bint first  # of its pieces, with its start
    bint again  # another piece of the FDE comes before


@final
cdef class FrameTable(Interpreter):
    cdef object buffer
    cdef Span section
    cdef uint64_t address
    cdef uint64_t bases[8]  # by application of a pointer, from bit 4 on
    cdef bint has_base[8]
    cdef unsigned int address_size
    cdef bint big
    cdef bint eh
    cdef str name
    cdef list damage
    cdef Array* code
    cdef RuleText texts
    cdef Array cies
    cdef Array cie_rules
    cdef dict numbers  # of the CIEs, by offset
    cdef uint64_t current  # the offset of `cie`
    cdef Array* items
    cdef uint8_t source
    cdef uint64_t start
    cdef uint64_t end
    cdef uint64_t place
    cdef uint64_t length  # of the FDE
    cdef bint made  # it has made an item
    cdef int64_t open  # the item that the next row may continue, or -1

    cdef int scan(self) except -1
    cdef int write(self, Item* item) except -1
    cdef bint charge(self, Item* item) except -1
    cdef bint _damaged(self, uint64_t offset) except False
    cdef Cursor _body(self, Cursor* c, unsigned int* offset_size) noexcept nogil
    cdef int _entry(self, uint64_t offset, Cursor* body, unsigned int offset_size) except -1
    cdef int _fde(self, Cursor* body, uint64_t cie) except -1
    cdef bint _find_cie(self, uint64_t offset) except -1
    cdef bint _read_cie(self, uint64_t offset, Cie* cie) except -1
    cdef bint _augmentation(self, Span letters, Cursor* body, Cie* cie) noexcept
    cdef bint _is_good(self) noexcept
    cdef bint _execute(self, Cursor* body, Cie* cie) except -1
    cdef bint _skip_pointer(self, Cursor* c, uint64_t encoding, unsigned int size) noexcept
    cdef bint _store(self, Cie* cie) noexcept
    cdef void _load(self, Cie* cie) noexcept
    cdef bint _value(self, Cursor* c, uint64_t encoding, unsigned int size, uint64_t* value, bint* fits) noexcept
    cdef int _add(self, uint64_t start, uint64_t end) except -1
