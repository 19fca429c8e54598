# SPDX-License-Identifier: MIT
# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Which function has which code; the compiled form of `crashsym.codemap`."""

from libc.stdint cimport uint64_t
from libc.stdlib cimport qsort
from libc.string cimport memset

from crashsym.kernel.base cimport Array, Memory, give_back, reserve
from crashsym.kernel.bodies cimport Body, Claim
from crashsym.kernel.linetables cimport Range


cdef int _by_start(const void* a, const void* b) noexcept nogil:
    cdef Claim* x = <Claim*>a
    cdef Claim* y = <Claim*>b
    if x.start != y.start:
        return -1 if x.start < y.start else 1
    if x.end != y.end:
        return -1 if x.end < y.end else 1
    return -1 if x.body < y.body else (1 if x.body > y.body else 0)


cdef class Pieces:
    """The code of functions in ascending order, without overlap."""

    def __dealloc__(self):
        give_back(&self.pieces)

    def covers(self, uint64_t address):
        """Whether a function covers an address."""
        return self._covers(address)

    def mark(self, uint64_t address):
        """Say that symbols of several names are where a function begins, if one begins there."""
        self._mark(address)

    cdef void _mark(self, uint64_t address) noexcept nogil:
        cdef Claim* pieces = <Claim*>self.pieces.items
        cdef uint64_t low = 0, high = self.pieces.count, middle
        while low < high:
            middle = (low + high) // 2
            if pieces[middle].start < address:
                low = middle + 1
            else:
                high = middle
        if low < self.pieces.count and pieces[low].start == address:
            pieces[low].multiple = True

    cdef bint _covers(self, uint64_t address) noexcept nogil:
        cdef Claim* pieces = <Claim*>self.pieces.items
        cdef uint64_t low = 0, high = self.pieces.count, middle
        while low < high:
            middle = (low + high) // 2
            if pieces[middle].start <= address:
                low = middle + 1
            else:
                high = middle
        return low > 0 and address < pieces[low - 1].end

    cdef bint _divide(self) except False:
        """Give each byte of code to one function, see `crashsym.codemap.CodeMap.divide`."""
        cdef Claim* claims = <Claim*>self.bodies.claims.items
        cdef uint64_t count = self.bodies.claims.count, i
        cdef bint sorted_ = True, separate = True
        for i in range(1, count):
            if claims[i - 1].end > claims[i].start:
                sorted_ = False
                break
        if not sorted_:
            qsort(claims, count, sizeof(Claim), &_by_start)
            for i in range(1, count):
                if claims[i - 1].end > claims[i].start:
                    separate = False
                    break
        if separate:
            self.pieces = self.bodies.claims
            memset(&self.bodies.claims, 0, sizeof(Array))
        else:
            self._take_apart(claims, count)
        return True

    cdef bint _take_apart(self, Claim* claims, uint64_t count) except False:
        """Go from the last start to the first; each claim has what is still free."""
        cdef Array taken  # ranges in descending order, the lowest last
        cdef Memory* memory = &self.dwarf.memory
        cdef uint64_t at, group, i, cursor, end
        cdef Range* top
        cdef Claim* claim
        memset(&taken, 0, sizeof(Array))
        try:
            at = count
            while at > 0:
                group = at - 1  # of those that begin together the shortest comes first
                while group > 0 and claims[group - 1].start == claims[at - 1].start:
                    group -= 1
                claims[group].multiple = self._is_shared(claims, group, at)
                for i in range(group, at):
                    claim = claims + i
                    cursor, end = claim.start, claim.end
                    while taken.count:
                        top = <Range*>taken.items + (taken.count - 1)
                        if top.start > claim.end:
                            break
                        if cursor < top.start:
                            self._piece(claim, cursor, top.start)
                        if top.end > cursor:
                            cursor = top.end
                        if top.end > end:
                            end = top.end
                        taken.count -= 1
                    if cursor < claim.end:
                        self._piece(claim, cursor, claim.end)
                    if not reserve(&taken, 1, sizeof(Range), memory):
                        raise MemoryError
                    top = <Range*>taken.items + taken.count
                    top.start, top.end = claim.start, end
                    taken.count += 1
                at = group
        finally:
            give_back(&taken)
        qsort(self.pieces.items, self.pieces.count, sizeof(Claim), &_by_start)
        return True

    cdef bint _is_shared(self, Claim* claims, uint64_t first, uint64_t end) noexcept nogil:
        """Whether a function of another name has the very code of claim ``first``."""
        cdef Body* bodies = <Body*>self.bodies.bodies.items
        cdef uint64_t i
        for i in range(first + 1, end):
            if claims[i].end != claims[first].end:
                break
            if bodies[claims[i].body].name != bodies[claims[first].body].name:
                return True
        return False

    cdef bint _piece(self, Claim* claim, uint64_t start, uint64_t end) except False:
        """Add a piece of what a claim asks for."""
        cdef Claim* piece
        if not reserve(&self.pieces, 1, sizeof(Claim), &self.dwarf.memory):
            raise MemoryError
        piece = <Claim*>self.pieces.items + self.pieces.count
        piece.start, piece.end, piece.body = start, end, claim.body
        piece.multiple = claim.multiple and start == claim.start
        self.pieces.count += 1
        return True
