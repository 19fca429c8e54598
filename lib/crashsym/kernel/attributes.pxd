# SPDX-License-Identifier: MIT
from libc.stdint cimport uint64_t

from crashsym.kernel.abbrevs cimport Abbrev, AbbrevTable, Shape, Values
from crashsym.kernel.base cimport Cursor


cdef uint64_t take_form(uint64_t* form, Shape shape, Cursor* c) noexcept nogil
cdef void skip_entry(AbbrevTable* table, Abbrev* abbrev, Shape shape, Cursor* c) noexcept nogil
cdef void take_entry(AbbrevTable* table, Abbrev* abbrev, Shape shape, Cursor* c, Values* values) noexcept nogil
