# SPDX-License-Identifier: MIT
# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Which entries can be named, and where they are.

Nearly all references stay in their unit. So the rows of a unit are given up when it has been read,
until the first reference to another unit: from then on all are kept, and a unit that has lost
them is read again when it is referred to. A damaged unit keeps them: what is behind the damage is
no part of it, and would be found.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from crashsym.kernel.base cimport give_back, reserve
from crashsym.kernel.dwarf cimport OFFSET_BITS, Context, Dwarf, Unit


cdef inline uint64_t _guess(EntryRow* rows, uint64_t count, uint64_t at, uint64_t size) noexcept nogil:
    """Return the first row that is not before ``at``; the guess is good, since rows lie evenly."""
    cdef uint64_t guess = at * count // size, low, high, step = 8, middle
    if guess >= count:
        guess = count - 1 if count else 0
    low, high = 0, count
    if guess < count and rows[guess].at < at:
        low = guess + 1
        while guess + step < count and rows[guess + step].at < at:
            low = guess + step + 1
            step *= 4
        if guess + step < count:
            high = guess + step
    elif guess < count:
        high = guess
        while step < guess and rows[guess - step].at >= at:
            high = guess - step
            step *= 4
        if step < guess:
            low = guess - step
    while low < high:
        middle = (low + high) // 2
        if rows[middle].at < at:
            low = middle + 1
        else:
            high = middle
    return low


cdef class Entries:
    """The rows of the units that have been read."""

    def __init__(self, Dwarf dwarf):
        self.dwarf = dwarf
        self.current = -1

    def __dealloc__(self):
        give_back(&self.rows)
        give_back(&self.buckets)

    cdef void begin(self, uint64_t number) noexcept nogil:
        """Begin the rows of a unit."""
        cdef Unit* unit = self.dwarf.unit(number)
        unit.first_row, unit.row_count = self.rows.count, 0
        unit.rows_dropped = False

    cdef bint index(self, uint64_t number) noexcept nogil:
        """Prepare to find the rows of a unit that has been read: they are the last."""
        cdef Unit* unit = self.dwarf.unit(number)
        cdef EntryRow* rows = <EntryRow*>self.rows.items + unit.first_row
        cdef uint32_t* buckets
        cdef uint64_t i, bucket, used = 0
        unit.row_count = self.rows.count - unit.first_row
        self.current = <int64_t>number
        self.buckets.count = 0
        if not reserve(
            &self.buckets, ((unit.end - unit.offset) >> BUCKET) + 1, sizeof(uint32_t),
            &self.dwarf.memory,
        ):
            return False
        buckets = <uint32_t*>self.buckets.items
        for i in range(unit.row_count):
            bucket = rows[i].at >> BUCKET
            while used <= bucket:
                buckets[used] = <uint32_t>i
                used += 1
        self.buckets.count = used
        return True

    cdef void end(self, uint64_t number) noexcept nogil:
        """Say that no more names of a unit that has been read are wanted for now."""
        cdef Unit* unit = self.dwarf.unit(number)
        self.current = -1
        if not (self.keep or unit.is_shared or unit.names_only or unit.damaged):
            self.rows.count = unit.first_row
            unit.row_count = 0
            unit.rows_dropped = True

    cdef bint read_again(self, uint64_t number) noexcept nogil:
        """Read the rows of a unit that has lost them; `Walk` knows how."""
        return False

    cdef int locate(self, uint64_t place, uint64_t* number, uint64_t* row) noexcept nogil:
        """Find the unit and row of a place: 1, 0 when there is none, -1 when not yet."""
        cdef uint64_t offset = place & ((<uint64_t>1 << OFFSET_BITS) - 1)
        cdef int64_t found = self.current
        cdef Unit* unit
        if found >= 0:
            unit = self.dwarf.unit(<uint64_t>found)
            if unit.context != place >> OFFSET_BITS or offset < unit.offset or offset >= unit.end:
                found = -1
        if found < 0:
            self.keep = True
            found = self._unit_of(place)
            if found < 0:
                return 0 if self.dwarf.context(<uint32_t>(place >> OFFSET_BITS)).scanned else -1
            unit = self.dwarf.unit(<uint64_t>found)
            if not unit.walked:
                return 0 if self.dwarf.final else -1
            if unit.rows_dropped and not self.read_again(<uint64_t>found):
                return 0
        number[0] = <uint64_t>found
        found = self._row_of(unit, offset - unit.offset, found == self.current)
        if found < 0:
            return 0
        row[0] = <uint64_t>found
        return 1

    cdef int64_t _unit_of(self, uint64_t place) noexcept nogil:
        """Return the number of the unit that holds a place, or -1."""
        cdef Context* context = self.dwarf.context(<uint32_t>(place >> OFFSET_BITS))
        cdef Unit* units = <Unit*>self.dwarf.units.items + context.first_unit
        cdef uint64_t offset = place & ((<uint64_t>1 << OFFSET_BITS) - 1)
        cdef uint64_t low = 0, high = context.unit_count, middle
        while low < high:
            middle = (low + high) // 2
            if units[middle].offset <= offset:
                low = middle + 1
            else:
                high = middle
        if low == 0 or offset >= units[low - 1].end:
            return -1
        return <int64_t>(context.first_unit + low - 1)

    cdef int64_t _row_of(self, Unit* unit, uint64_t at, bint indexed) noexcept nogil:
        """Return the row of an entry, or -1."""
        cdef EntryRow* rows = <EntryRow*>self.rows.items + unit.first_row
        cdef uint64_t low
        if not indexed:
            low = _guess(rows, unit.row_count, at, unit.end - unit.offset)
        elif at >> BUCKET >= self.buckets.count:
            return -1
        else:
            low = (<uint32_t*>self.buckets.items)[at >> BUCKET]
            while low < unit.row_count and rows[low].at < at:
                low += 1
        if low >= unit.row_count or rows[low].at != at:
            return -1
        return <int64_t>(unit.first_row + low)
