# SPDX-License-Identifier: MIT
from cython cimport final
from libc.stdint cimport int64_t, uint32_t, uint64_t

from crashsym.kernel.abbrevs cimport Values
from crashsym.kernel.base cimport Span
from crashsym.kernel.dwarf cimport Unit
from crashsym.kernel.walk cimport Walk


@final
cdef class Units(Walk):
    cdef object inputs
    cdef uint64_t known_size
    cdef dict _tables

    cdef bint _header(self, uint32_t context, uint64_t offset, Unit* unit) noexcept
    cdef uint64_t _append(self, Unit* unit) noexcept nogil
    cdef bint scan(self, uint32_t context) except False
    cdef bint unit(self, uint64_t number) except False
    cdef bint _read(self, uint64_t number) except False
    cdef bint _root(self, Unit* unit, Values* values) noexcept
    cdef bint _bases(self, Unit* unit, Values* values) noexcept nogil
    cdef bint _split(self, uint64_t number, Values* values) except -1
    cdef bint _dwo_name(self, Unit* unit, Values* values, Span* name) noexcept nogil
    cdef int64_t _add_split(self, split, uint64_t skeleton, bint names_only) except -2
    cdef uint32_t _line_table(self, Unit* unit) noexcept
