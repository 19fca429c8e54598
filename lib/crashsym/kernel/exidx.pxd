# SPDX-License-Identifier: MIT
from cython cimport final
from libc.stdint cimport int64_t, uint32_t, uint64_t

from crashsym.kernel.base cimport Array, Cursor, Memory, Span
from crashsym.kernel.ruletext cimport RuleText


cdef struct IndexEntry:
    uint64_t address
    uint64_t place  # of its second word
    uint32_t word
    uint32_t order


cdef struct Place:  # a section that tables may lie in
    uint64_t address
    Span bytes
    uint64_t size


@final
cdef class ExceptionIndex:
    cdef Memory* memory
    cdef int64_t steps
    cdef bint big
    cdef str name
    cdef list damage
    cdef list keep
    cdef RuleText texts
    cdef object elf_file
    cdef object section
    cdef Array entries
    cdef Array places
    cdef dict known  # text number by word or table
    cdef dict programs  # text number by instructions
    cdef list rules  # texts
    cdef Array* code
    cdef Array* items
    cdef list place_names

    cdef int read(self) except -1
    cdef bint _damaged(self, str where, str why) except -1
    cdef bint _add_section(self, section) except -1
    cdef bint _find_places(self) except -1
    cdef bint _seek(self, uint64_t address, Cursor* c) except -1
    cdef bint _sort(self) except -1
    cdef object _text(self, IndexEntry* entry)
    cdef object _decode(self, uint64_t key, bint inline)
    cdef object _execute(self, bytes program)
    cdef bytes _inline(self, uint64_t word)
    cdef bytes _table(self, uint64_t address)
    cdef bint _item(self, IndexEntry* entry, uint64_t end, int64_t text) except -1
