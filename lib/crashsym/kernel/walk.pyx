# SPDX-License-Identifier: MIT
# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Through the entries of each unit once; the compiled form of `crashsym.dwarf.reference`."""

from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t

from crashsym.kernel.abbrevs cimport (
    ENTRY_POINT, FIRST_NAMED, INLINED, LINKAGE, LOW_PC, MANY, MIPS_LINKAGE, NAME, OTHER, SHORT_CODES, SUBPROGRAM, UNIT,
    Abbrev, AbbrevTable, Values, abbrev_of,
)
from crashsym.kernel.attributes cimport skip_entry, take_entry
from crashsym.kernel.base cimport Cursor, give_back, reserve, uleb
from crashsym.kernel.bodies cimport MEMORY, WORK, Bodies, Claim, Open
from crashsym.kernel.dwarf cimport Dwarf, Unit
from crashsym.kernel.entries cimport add_row
from crashsym.kernel.linetables cimport Range
from crashsym.kernel.names cimport Names


cdef inline bint _pass(Walk self, Unit* unit, Abbrev* abbrev, uint64_t at, Level* above, Level* below) noexcept nogil:
    """Note an entry that has no code, but may have a name or be a scope."""
    at -= unit.offset
    if not add_row(self, at, above.scope):
        self.why = MEMORY
        return False
    if abbrev.children:
        below.scope = <uint32_t>at
        if abbrev.kind == SUBPROGRAM:
            below.outer = above.scope
            below.body = below.call = -1
    return True


cdef class Walk(Bodies):
    """Reads the entries of units."""

    def __init__(self, Dwarf dwarf, Names names, bint want_inlines):
        Bodies.__init__(self, dwarf, names)
        self.want_inlines = want_inlines

    def __dealloc__(self):
        give_back(&self.levels)
        give_back(&self.found)

    cdef bint read_again(self, uint64_t number) noexcept nogil:
        """Read a unit for its rows alone; it was read before, so what is damaged is known."""
        cdef Unit* unit = self.dwarf.unit(number)
        cdef const char* why = self.why
        cdef uint64_t where
        self.again = True
        self.begin(number)
        self._entries(number, self.dwarf.table_of(unit), &where)
        unit.row_count = self.rows.count - unit.first_row
        self.again = False
        self.why = why
        return True

    cdef bint _entries(self, uint64_t number, AbbrevTable* table, uint64_t* where) noexcept nogil:
        """Read the entries of a unit; False and ``where`` at the first that is damaged."""
        cdef Unit* unit = self.dwarf.unit(number)
        cdef Cursor c = self.dwarf.entry_cursor(unit, unit.entries)
        cdef uint64_t depth = 0, code
        cdef const uint8_t* at = c.at
        cdef const uint8_t* end = c.end
        cdef Abbrev* abbrev
        cdef Level* level
        self.why = MEMORY
        if table == NULL or not self._levels(1024):
            return False
        level = <Level*>self.levels.items
        level.scope, level.body, level.call, level.outer = 0, -1, -1, 0
        while at < end:
            code = at[0]
            if code < 0x80:
                if 0 < table.leaves[code] <= end - at:
                    at += table.leaves[code]
                    continue
                c.at = at + 1
            elif end - at > 1 and at[1] < SHORT_CODES >> 7:
                code = (code & 0x7F) | <uint64_t>at[1] << 7
                if 0 < table.leaves[code] < end - at:
                    at += 1 + table.leaves[code]
                    continue
                c.at = at + 2
            else:
                c.at = at
                code = uleb(&c)
            if code == 0 and not c.failed:
                if depth <= 1:
                    return True
                depth -= 1
                level -= 1
                at = c.at
                continue
            where[0] = <uint64_t>(at - c.begin)
            abbrev = abbrev_of(table, code)
            if c.failed or abbrev == NULL:
                self.why = b"an entry has an undefined abbreviation"
                if c.failed:
                    self.why = b"an entry runs past its unit"
                return False
            if abbrev.ops >= MANY and not self.dwarf.spend(abbrev.ops):
                self.why = WORK
                return False
            if abbrev.kind != OTHER and abbrev.wanted and (abbrev.kind != INLINED or level.body >= 0):
                if not self._take(unit, table, abbrev, &c, where[0], level, level + 1):
                    return False
            else:
                if abbrev.fixed <= <uint64_t>(end - c.at):  # NOT_FIXED is larger than any unit
                    c.at += abbrev.fixed
                else:
                    skip_entry(table, abbrev, unit.shape, &c)
                if abbrev.children:
                    level[1] = level[0]
                if abbrev.kind >= FIRST_NAMED and not c.failed and (
                    not _pass(self, unit, abbrev, where[0], level, level + 1)
                ):
                    return False
            if c.failed:
                self.why = b"an entry runs past its unit"
                return False
            at = c.at
            if abbrev.children:
                depth += 1
                if depth + 1 >= self.levels.capacity and not self._levels(depth + 2):
                    return False
                level = <Level*>self.levels.items + depth
            elif depth == 0:
                return True
        return True

    cdef bint _levels(self, uint64_t count) noexcept nogil:
        """Make room for entries inside of entries."""
        if not reserve(&self.levels, count, sizeof(Level), &self.dwarf.memory):
            self.why = MEMORY
            return False
        return True

    cdef bint _take(self, Unit* unit, AbbrevTable* table, Abbrev* abbrev, Cursor* c, uint64_t at, Level* above, Level* below) noexcept nogil:
        """Read an entry that may have code, or names by index."""
        cdef Values values
        below[0] = above[0]
        take_entry(table, abbrev, unit.shape, c, &values)
        if c.failed:
            return True
        if abbrev.kind == INLINED:
            if self.want_inlines and not self.again:
                return self._call(unit, &values, above, below)
            return True
        if not (
            self.dwarf.has_text(unit, values.raw[NAME], values.form[NAME])
            and self.dwarf.has_text(unit, values.raw[LINKAGE], values.form[LINKAGE])
            and self.dwarf.has_text(unit, values.raw[MIPS_LINKAGE], values.form[MIPS_LINKAGE])
        ):
            self.why = b"the index of a name is outside of .debug_str_offsets"
            return False
        if abbrev.kind == UNIT:
            return True
        at -= unit.offset
        if not add_row(self, at, above.outer if abbrev.kind == ENTRY_POINT else above.scope):
            self.why = MEMORY
            return False
        if abbrev.kind == ENTRY_POINT:
            if self.again or above.body < 0:
                return True
            return self._entry_point(unit, &values, unit.offset + at, above)
        below.scope = <uint32_t>at
        if abbrev.kind == SUBPROGRAM:
            below.outer = above.scope
            below.body = below.call = -1
            if unit.names_only:
                return True
            return self._subprogram(unit, &values, unit.offset + at, below)
        return True

    cdef bint _entry_point(self, Unit* unit, Values* values, uint64_t at, Level* above) noexcept nogil:
        """An entry point has the code from its address to the end of that range of the function."""
        cdef Open* function = <Open*>self.opens.items + above.body
        cdef Open* open_
        cdef Claim* claim
        cdef uint64_t address, i
        if not values.form[LOW_PC]:
            return True
        if not self.dwarf.address(unit, values.raw[LOW_PC], values.form[LOW_PC], &address):
            self.why = b"the index of an address is outside of .debug_addr"
            return values.form[LOW_PC] not in (0x1B, 0x29, 0x2A, 0x2B, 0x2C, 0x1F01)
        address &= self.dwarf.mask
        if not self.dwarf.spend(function.claims // 16):
            self.why = WORK
            return False
        for i in range(function.first_claim, function.first_claim + function.claims):
            claim = <Claim*>self.claims.items + i
            if claim.start <= address < claim.end:
                if not self._open(unit, at, 1):
                    return False
                claim = <Claim*>self.claims.items + i
                open_ = <Open*>self.opens.items + (self.opens.count - 1)
                open_.shares = above.body
                self._claim(address, claim.end)
                break
        return True

    cdef bint _subprogram(self, Unit* unit, Values* values, uint64_t at, Level* below) noexcept nogil:
        """Claim the code of a function.

        Where functions before it have claimed all of it, range by range, as those do that several
        units have and the linker kept once, it has no more than a name.
        """
        cdef Range* found
        cdef uint64_t i
        self.found.count = 0
        if not self.dwarf.ranges(unit, values, &self.found):
            self.why = b"a range list is damaged, or asks for work out of proportion to its size"
            return False
        if self.found.count == 0:
            return True
        if self.again:
            below.body = 0
            return True
        for i in range(self.found.count):
            if not self._is_claimed(<Range*>self.found.items + i):
                below.body = <int32_t>self.opens.count
                self.wants_lines = True
                break
        if not self._open(unit, at, self.found.count):
            return False
        for i in range(self.found.count):
            found = <Range*>self.found.items + i
            self._claim(found.start, found.end)
        return True
