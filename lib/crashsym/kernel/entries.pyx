# SPDX-License-Identifier: MIT
# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Which entries can be named, and where they are.

Nearly all references stay in their unit. So the rows of a unit are given up when it has been read,
until the first reference to another unit: from then on all are kept, and a unit that has lost
them is read again when it is referred to. A damaged unit keeps them: what is behind the damage is
no part of it, and would be found.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memset

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

    def __dealloc__(self):
        give_back(&self.rows)
        give_back(&self.bits)
        give_back(&self.firsts)

    cdef void begin(self, uint64_t number) noexcept nogil:
        """Begin the rows of a unit."""
        cdef Unit* unit = self.dwarf.unit(number)
        unit.first_row, unit.row_count = self.rows.count, 0
        unit.rows_dropped = False

    cdef bint index(self, uint64_t number) noexcept nogil:
        """Prepare to find the rows of a unit that has been read: they are the last."""
        cdef Unit* unit = self.dwarf.unit(number)
        cdef EntryRow* first = <EntryRow*>self.rows.items + unit.first_row
        cdef EntryRow* row = <EntryRow*>self.rows.items + self.rows.count
        cdef uint64_t* bits
        cdef uint32_t* firsts
        cdef uint64_t count = ((unit.end - unit.offset) >> BUCKET) + 1
        unit.row_count = self.rows.count - unit.first_row
        self.current, self.first_row = number, unit.first_row
        self.place = (<uint64_t>unit.context << OFFSET_BITS) | unit.offset
        if not reserve(&self.bits, count, sizeof(uint64_t), &self.dwarf.memory) or not reserve(
            &self.firsts, count, sizeof(uint32_t), &self.dwarf.memory
        ):
            return False
        self.size = unit.end - unit.offset
        bits, firsts = <uint64_t*>self.bits.items, <uint32_t*>self.firsts.items
        memset(bits, 0, count * sizeof(uint64_t))
        while row > first:
            row -= 1
            bits[row.at >> BUCKET] |= bit_of(row.at)
            firsts[row.at >> BUCKET] = <uint32_t>(row - first)
        return True

    cdef void end(self, uint64_t number) noexcept nogil:
        """Say that no more names of a unit that has been read are wanted for now."""
        cdef Unit* unit = self.dwarf.unit(number)
        self.size = 0
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
        cdef int64_t found
        cdef Unit* unit
        if place - self.place < self.size:
            if not has_row(self, place - self.place):
                return 0
            number[0], row[0] = self.current, row_of_current(self, place - self.place)
            return 1
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
        return self._row_of(unit, offset - unit.offset, row)

    cdef int holder(self, uint64_t place, uint64_t* number) noexcept nogil:
        """Find the unit of a place where an entry can be named, without its row; see `locate`."""
        cdef uint64_t row
        if place - self.place < self.size:
            number[0] = self.current
            return has_row(self, place - self.place)
        return self.locate(place, number, &row)

    cdef uint32_t scope_of(self, uint64_t place) noexcept nogil:
        """Return where in its unit the scope of an entry is, or 0."""
        cdef uint64_t number, row
        if self.locate(place, &number, &row) <= 0:
            return 0
        return (<EntryRow*>self.rows.items + row).parent

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

    cdef bint _row_of(self, Unit* unit, uint64_t at, uint64_t* row) noexcept nogil:
        """Give the row of an entry; False when it has none."""
        cdef EntryRow* rows = <EntryRow*>self.rows.items + unit.first_row
        cdef uint64_t found = _guess(rows, unit.row_count, at, unit.end - unit.offset)
        row[0] = unit.first_row + found
        return found < unit.row_count and rows[found].at == at
