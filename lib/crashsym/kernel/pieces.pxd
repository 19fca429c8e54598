# SPDX-License-Identifier: MIT
from libc.stdint cimport uint64_t

from crashsym.kernel.base cimport Array
from crashsym.kernel.bodies cimport Bodies, Claim
from crashsym.kernel.dwarf cimport Dwarf


cdef class Pieces:
    cdef Dwarf dwarf
    cdef Bodies bodies
    cdef Array pieces

    cdef void _mark(self, uint64_t address) noexcept nogil
    cdef bint _covers(self, uint64_t address) noexcept nogil
    cdef bint _divide(self) except False
    cdef bint _take_apart(self, Claim* claims, uint64_t count) except False
    cdef void _turn(self) noexcept nogil
    cdef bint _is_shared(self, Claim* claims, uint64_t first, uint64_t end) noexcept nogil
    cdef bint _piece(self, Claim* claim, uint64_t start, uint64_t end) except False
