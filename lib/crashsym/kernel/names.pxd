# SPDX-License-Identifier: MIT
from cython cimport final
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from crashsym.kernel.abbrevs cimport Values
from crashsym.kernel.apart cimport Apart
from crashsym.kernel.base cimport Array, Memory, Span
from crashsym.kernel.dwarf cimport Context, Dwarf, Unit
from crashsym.kernel.entries cimport Entries
from crashsym.kernel.strings cimport Strings

cdef enum:
    DEFERRED = 0xFFFFFFFE  # the name stands in a unit that has not been read yet
    LONGEST_CHAIN = 64
    WAITING = 0x80000000  # from here on, up to `NOT_ASKED`, numbers in `Names.waiting`


cdef struct Link:  # an entry of a chain of references
    uint64_t unit
    uint64_t place
    bint is_namespace
    Values values


cdef struct Waiting:  # a name that `Apart` is asked for
    uint32_t question
    uint32_t otherwise  # what it is if there is no answer
    uint32_t name
    uint32_t latest  # number of the last with the same question and another name, 0 for none


@final
cdef class Names:
    cdef Dwarf dwarf
    cdef Entries entries
    cdef Strings names
    cdef Apart apart
    cdef Array waiting
    cdef Array scratch
    cdef bint keep_suffixes

    cdef uint32_t find(self, uint64_t place) noexcept
    cdef bint _is_long(self, uint32_t name) noexcept
    cdef uint32_t _plain(self, Span linkage) noexcept
    cdef uint32_t readable(self, Span linkage) noexcept
    cdef uint32_t _of_linkage(self, Link* link, Span* linkage) noexcept
    cdef Span _linkage(self, Link* link) noexcept nogil
    cdef uint32_t _new_readable(self, Span linkage) noexcept
    cdef uint32_t _wait(self, Span linkage) noexcept nogil
    cdef uint32_t _add_waiting(self, uint32_t question, uint32_t otherwise) noexcept nogil
    cdef uint32_t _waiting(self, uint32_t waiting, uint32_t otherwise) noexcept nogil
    cdef void settle(self) noexcept
    cdef uint32_t settled(self, uint32_t name) noexcept nogil
    cdef uint32_t _find(self, uint64_t place) noexcept
    cdef int _chain(self, uint64_t place, Link* chain) noexcept nogil
    cdef int _link(self, uint64_t place, Link* link) noexcept nogil
    cdef uint64_t _next(self, Link* link) noexcept nogil
    cdef uint32_t _qualified(self, Link* chain, int count) noexcept
    cdef Span _own_name(self, Link* chain, int count) noexcept nogil
    cdef bint _room(self, Context* holder) noexcept nogil
    cdef object _demangled(self, Span linkage)
