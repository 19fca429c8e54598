# SPDX-License-Identifier: MIT
# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Which function has which code; the compiled form of `crashsym.codemap`."""

from libc.stdint cimport uint64_t
from libc.stdlib cimport qsort
from libc.string cimport memcpy, memset

from crashsym.kernel.base cimport Array, Memory, give_back, release, reserve
from crashsym.kernel.bodies cimport Body, Claim
from crashsym.kernel.linetables cimport Range

cdef enum:
    DIGIT = 8  # bits
    FEW_CLAIMS = 64  # claims


cdef int _by_claim_start(const void* a, const void* b) noexcept nogil:
    cdef Claim* x = <Claim*>a
    cdef Claim* y = <Claim*>b
    if x.start != y.start:
        return -1 if x.start < y.start else 1
    if x.end != y.end:
        return -1 if x.end < y.end else 1
    return -1 if x.body < y.body else (1 if x.body > y.body else 0)


cdef bint _is_sorted(Claim* claims, uint64_t count) noexcept nogil:
    cdef uint64_t i
    for i in range(1, count):
        if claims[i - 1].start >= claims[i].start and _by_claim_start(claims + i - 1, claims + i) > 0:
            return False
    return True


cdef void _radix_sort(Claim* claims, Claim* other, uint64_t count) noexcept nogil:
    """Sort by start, a byte at a time of those that differ, from one place to the other."""
    cdef uint64_t counts[1 << DIGIT]
    cdef uint64_t i, sum_, varying = 0
    cdef unsigned int shift = 0, digit, passes = 0
    for i in range(1, count):
        varying |= claims[i].start ^ claims[0].start
    while shift < 64 and varying >> shift:
        if (varying >> shift) & ((1 << DIGIT) - 1):
            memset(counts, 0, sizeof(counts))
            for i in range(count):
                counts[(claims[i].start >> shift) & ((1 << DIGIT) - 1)] += 1
            sum_ = 0
            for digit in range(1 << DIGIT):
                sum_ += counts[digit]
                counts[digit] = sum_ - counts[digit]
            for i in range(count):
                digit = (claims[i].start >> shift) & ((1 << DIGIT) - 1)
                other[counts[digit]] = claims[i]
                counts[digit] += 1
            claims, other = other, claims
            passes += 1
        shift += DIGIT
    if passes & 1:
        memcpy(other, claims, count * sizeof(Claim))


cdef void _sort_claims(Claim* claims, uint64_t count, Memory* memory) noexcept nogil:
    """Sort by start, end and body."""
    cdef Array other
    cdef uint64_t first = 0, end
    memset(&other, 0, sizeof(Array))
    if _is_sorted(claims, count):
        return
    if count < FEW_CLAIMS or not reserve(&other, count, sizeof(Claim), memory):
        qsort(claims, count, sizeof(Claim), &_by_claim_start)
        return
    _radix_sort(claims, <Claim*>other.items, count)
    release(&other, sizeof(Claim), memory)
    while first < count:
        end = first + 1
        while end < count and claims[end].start == claims[first].start:
            end += 1
        if end - first > 1:
            qsort(claims + first, end - first, sizeof(Claim), &_by_claim_start)
        first = end


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
            _sort_claims(claims, count, &self.dwarf.memory)
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
        self._turn()
        _sort_claims(<Claim*>self.pieces.items, self.pieces.count, memory)
        return True

    cdef void _turn(self) noexcept nogil:
        """Turn the order of the pieces around, which is nearly that of their code then."""
        cdef Claim* low = <Claim*>self.pieces.items
        cdef Claim* high = low + self.pieces.count
        while low + 1 < high:
            high -= 1
            low[0], high[0] = high[0], low[0]
            low += 1

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
