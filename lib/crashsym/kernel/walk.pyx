# SPDX-License-Identifier: MIT
# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Through the entries of each unit once; the compiled form of `crashsym.dwarf.reference`."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, qsort
from libc.string cimport memset

from crashsym.kernel.abbrevs cimport (
    ADDR_BASE, CALL_FILE, CALL_LINE, COMP_DIR, INLINED, LOW_PC, NAMESPACE, ORIGIN, OTHER, RNG_BASE,
    SCOPE, STMT_LIST, STR_BASE, SUBPROGRAM, UNIT, Abbrev, AbbrevTable, Values, find_abbrev,
    skip_entry, take_entry,
)
from crashsym.kernel.base cimport Array, Cursor, Memory, Span, offset_of, reserve, uleb
from crashsym.kernel.dwarf cimport NOWHERE, OFFSET_BITS, Context, Dwarf, NameRow, Unit
from crashsym.kernel.lines cimport NO_TABLE, LineInput, Range
from crashsym.kernel.names cimport DEFERRED, Names
from crashsym.kernel.strings cimport NO_STRING

cdef enum:
    LARGEST_LINE = 0x7FFFFFFF

cdef const char* _MEMORY = b"it asks for more memory than a file of this size has a right to"
cdef const char* _WORK = b"its references ask for work out of proportion to its size"


cdef int _by_start(const void* a, const void* b) noexcept nogil:
    cdef Range* x = <Range*>a
    cdef Range* y = <Range*>b
    if x.start != y.start:
        return -1 if x.start < y.start else 1
    return -1 if x.end < y.end else (1 if x.end > y.end else 0)


cdef class Walk:
    """Reads units and collects the functions that have code."""

    def __init__(self, Dwarf dwarf, Names names, bint want_inlines):
        self.dwarf = dwarf
        self.names = names
        self.want_inlines = want_inlines
        self._tables = {}

    def __dealloc__(self):
        free(self.claims.items)
        free(self.bodies.items)
        free(self.inlines.items)
        free(self.ranges.items)
        free(self.levels.items)
        free(self.opens.items)
        free(self.calls.items)
        free(self.own.items)
        free(self.joined.items)
        free(self.scratch.items)
        free(self.later.items)

    def context(self, uint32_t context):
        """Read all units of a context."""
        cdef Unit unit
        cdef uint64_t offset = 0, first = self.dwarf.units.count, number
        cdef uint64_t size = self.dwarf.context(context).info.size
        while offset < size:
            if self.dwarf.read_header(context, offset, &unit):
                if not reserve(&self.dwarf.units, 1, sizeof(Unit), &self.dwarf.memory):
                    self.dwarf.damaged(b".debug_info", offset, _MEMORY)
                    break
                unit.table = NO_TABLE
                self.dwarf.unit(self.dwarf.units.count)[0] = unit
                self.dwarf.units.count += 1
            if unit.end == 0:
                break
            offset = unit.end
        for number in range(first, self.dwarf.units.count):
            self.unit(number)
            self.names.forget()

    cdef bint unit(self, uint64_t number):
        cdef Unit* unit = self.dwarf.unit(number)
        cdef AbbrevTable* table = self.dwarf.table_of(unit)
        cdef uint64_t where = unit.entries, first_body = self.bodies.count
        unit.first_name = self.dwarf.names.count
        self.opens.count = self.calls.count = self.own.count = self.joined.count = 0
        unit.walked = True
        self.why = b"its abbreviations are damaged"
        if table == NULL or unit.end - unit.offset > <uint64_t>0xFFFFFFFF:
            self.dwarf.damaged(b".debug_info", unit.offset, self.why)
            return False
        if not self._root(unit, table):
            self.dwarf.damaged(b".debug_info", unit.entries, self.why)
            return False
        if not self._entries(number, table, &where):
            self.dwarf.damaged(b".debug_info", where, self.why)
        self.dwarf.unit(number).name_count = self.dwarf.names.count - unit.first_name
        if not self._finish(number, first_body):
            self.dwarf.damaged(b".debug_info", unit.offset, self.why)
            return False
        return True

    cdef bint _root(self, Unit* unit, AbbrevTable* table):
        """Read the unit's own entry: its bases and its line table."""
        cdef Cursor c = self.dwarf.entry_cursor(unit, unit.entries)
        cdef Values values
        cdef Abbrev* abbrev
        cdef uint64_t code = uleb(&c), offset
        cdef Context* context = self.dwarf.context(unit.context)
        cdef LineInput source
        self.why = b"the unit's own entry is damaged"
        if c.failed or code == 0:
            return False
        abbrev = find_abbrev(table, code)
        if abbrev == NULL:
            return False
        take_entry(table, abbrev, unit.shape, &c, &values)
        if c.failed:
            return False
        if abbrev.kind != UNIT:
            return True
        self.dwarf.number(values.raw[STR_BASE], values.form[STR_BASE], &unit.str_base)
        if not self.dwarf.number(values.raw[ADDR_BASE], values.form[ADDR_BASE], &unit.addr_base):
            unit.addr_base = 0
        if not self.dwarf.number(values.raw[RNG_BASE], values.form[RNG_BASE], &unit.rng_base):
            unit.rng_base = 0
        if not self.dwarf.address(unit, values.raw[LOW_PC], values.form[LOW_PC], &unit.base):
            unit.base = 0
        if not self.dwarf.number(values.raw[STMT_LIST], values.form[STMT_LIST], &offset):
            return True
        key = (unit.context, offset)
        table_number = self._tables.get(key)
        if table_number is None:
            source.line, source.line_str = context.line, context.line_str
            source.str, source.big = context.str, context.big
            table_number = self.dwarf.lines.read(
                &source,
                offset,
                self.dwarf.text(unit, values.raw[COMP_DIR], values.form[COMP_DIR]),
                unit.shape.address_size,
            )
            self._tables[key] = table_number
            if table_number == NO_TABLE:
                self.dwarf.damaged(b".debug_line", self.dwarf.lines.where, self.dwarf.lines.why)
        unit.table = table_number
        return True

    cdef bint _entries(self, uint64_t number, AbbrevTable* table, uint64_t* where) noexcept nogil:
        """Read the entries of a unit; False and ``where`` at the first that is damaged."""
        cdef Unit* unit = self.dwarf.unit(number)
        cdef Cursor c = self.dwarf.entry_cursor(unit, unit.entries)
        cdef uint64_t depth = 0, code
        cdef const uint8_t* at
        cdef Abbrev* abbrev
        cdef Level* levels
        cdef Level below
        if not reserve(&self.levels, 1024, sizeof(Level), &self.dwarf.memory):
            self.why = _MEMORY
            return False
        levels = <Level*>self.levels.items
        levels[0].scope, levels[0].body, levels[0].call = 0, -1, -1
        while c.at < c.end:
            at = c.at
            where[0] = <uint64_t>(at - c.begin)
            code = uleb(&c)
            if code == 0:
                if c.failed:
                    self.why = b"an entry runs past its unit"
                    return False
                if depth <= 1:
                    return True
                depth -= 1
                continue
            abbrev = find_abbrev(table, code)
            if abbrev == NULL:
                self.why = b"an entry has an undefined abbreviation"
                return False
            if abbrev.kind == OTHER or abbrev.kind == UNIT:
                skip_entry(table, abbrev, unit.shape, &c)
                below = levels[depth]
            elif not self._take(
                unit, table, abbrev, &c, <uint64_t>(at - c.begin), levels + depth, &below
            ):
                return False
            if c.failed:
                self.why = b"an entry runs past its unit"
                return False
            if abbrev.children:
                depth += 1
                if depth >= self.levels.capacity:
                    self.levels.count = self.levels.capacity
                    if not reserve(&self.levels, 1, sizeof(Level), &self.dwarf.memory):
                        self.why = _MEMORY
                        return False
                    self.levels.count = 0
                    levels = <Level*>self.levels.items
                levels[depth] = below
            elif depth == 0:
                return True
        return True

    cdef bint _take(self, Unit* unit, AbbrevTable* table, Abbrev* abbrev, Cursor* c, uint64_t at, Level* above, Level* below) noexcept nogil:
        cdef Values values
        cdef NameRow* row
        take_entry(table, abbrev, unit.shape, c, &values)
        below[0] = above[0]
        if c.failed:
            return True
        if abbrev.kind == INLINED:
            if above.body >= 0 and self.want_inlines:
                return self._call(unit, &values, above, below)
            return True
        if not reserve(&self.dwarf.names, 1, sizeof(NameRow), &self.dwarf.memory):
            self.why = _MEMORY
            return False
        row = <NameRow*>self.dwarf.names.items + self.dwarf.names.count
        row.at = <uint32_t>(at - unit.offset)
        row.parent = above.scope
        self.dwarf.names.count += 1
        below.scope = row.at
        if abbrev.kind == SUBPROGRAM:
            return self._subprogram(unit, &values, at, below)
        return True

    cdef bint _subprogram(self, Unit* unit, Values* values, uint64_t at, Level* below) noexcept nogil:
        cdef Claim* claim
        cdef Range* found
        cdef Open* open_
        cdef uint64_t i
        below.body = below.call = -1
        self.scratch.count = 0
        if not self.dwarf.ranges(unit, values, &self.scratch):
            self.why = b"a range list is damaged, or asks for work out of proportion to its size"
            return False
        if self.scratch.count == 0:
            return True
        if not reserve(&self.opens, 1, sizeof(Open), &self.dwarf.memory) or not reserve(
            &self.claims, self.scratch.count, sizeof(Claim), &self.dwarf.memory
        ) or not reserve(&self.bodies, 1, sizeof(Body), &self.dwarf.memory):
            self.why = _MEMORY
            return False
        below.body = <int32_t>self.opens.count
        open_ = <Open*>self.opens.items + self.opens.count
        open_.place = (<uint64_t>unit.context << OFFSET_BITS) | at
        open_.first = open_.last = -1
        self.opens.count += 1
        for i in range(self.scratch.count):
            found = <Range*>self.scratch.items + i
            claim = <Claim*>self.claims.items + self.claims.count
            claim.start, claim.end = found.start, found.end
            claim.body = <uint32_t>self.bodies.count
            self.claims.count += 1
        memset(<Body*>self.bodies.items + self.bodies.count, 0, sizeof(Body))
        self.bodies.count += 1
        return True

    cdef bint _call(self, Unit* unit, Values* values, Level* above, Level* below) noexcept nogil:
        cdef Call* call
        cdef Call* parent
        cdef Open* open_ = <Open*>self.opens.items + above.body
        cdef uint64_t number
        cdef int32_t index = <int32_t>self.calls.count
        if not reserve(&self.calls, 1, sizeof(Call), &self.dwarf.memory) or index == 0x7FFFFFFF:
            self.why = _MEMORY
            return False
        call = <Call*>self.calls.items + index
        memset(call, 0, sizeof(Call))
        call.first = <uint32_t>self.own.count
        if not self.dwarf.ranges(unit, values, &self.own):
            self.why = b"a range list is damaged, or asks for work out of proportion to its size"
            return False
        call.count = <uint32_t>(self.own.count - call.first)
        call.parent, call.child, call.sibling, call.next = above.call, -1, -1, -1
        if above.call >= 0:
            parent = <Call*>self.calls.items + above.call
            call.depth = parent.depth + 1
            call.sibling = parent.child
            parent.child = index
        if self.dwarf.number(values.raw[CALL_LINE], values.form[CALL_LINE], &number):
            call.call_line = <uint32_t>number if number <= LARGEST_LINE else 0
        if self.dwarf.number(values.raw[CALL_FILE], values.form[CALL_FILE], &number):
            call.call_file = number
        call.origin = self.dwarf.reference(unit, values.raw[ORIGIN], values.form[ORIGIN])
        if open_.last >= 0:
            (<Call*>self.calls.items + open_.last).next = index
        else:
            open_.first = index
        open_.last = index
        self.calls.count += 1
        below.call = index
        return True

    # ---- the end of a unit

    cdef bint _join(self, Call* call) noexcept nogil:
        """Put a call's own ranges and those of the calls inside it together, sorted and separate."""
        cdef Range* ranges
        cdef Range* joined
        cdef Call* child
        cdef Range only
        cdef uint64_t i, first = self.joined.count
        cdef int32_t index = call.child
        self.scratch.count = 0
        if not reserve(&self.scratch, call.count, sizeof(Range), &self.dwarf.memory):
            return False
        ranges = <Range*>self.scratch.items
        for i in range(call.count):
            ranges[i] = (<Range*>self.own.items)[call.first + i]
        self.scratch.count = call.count
        only.start = only.end = 0
        if call.count == 1:
            only = ranges[0]
        while index >= 0:
            child = <Call*>self.calls.items + index
            index = child.sibling
            if not reserve(&self.scratch, child.count, sizeof(Range), &self.dwarf.memory):
                return False
            if not self.dwarf.spend(child.count):
                return False
            ranges = <Range*>self.scratch.items
            for i in range(child.first, child.first + child.count):
                joined = <Range*>self.joined.items + i
                if only.start <= joined.start and joined.end <= only.end:
                    continue
                ranges[self.scratch.count] = joined[0]
                self.scratch.count += 1
        if not reserve(&self.joined, self.scratch.count, sizeof(Range), &self.dwarf.memory):
            return False
        ranges = <Range*>self.scratch.items
        if self.scratch.count > 1:
            qsort(ranges, self.scratch.count, sizeof(Range), &_by_start)
        for i in range(self.scratch.count):
            joined = <Range*>self.joined.items + self.joined.count
            if self.joined.count > first and ranges[i].start <= joined[-1].end:
                if ranges[i].end > joined[-1].end:
                    joined[-1].end = ranges[i].end
                continue
            joined[0] = ranges[i]
            self.joined.count += 1
        call.first = <uint32_t>first
        call.count = <uint32_t>(self.joined.count - first)
        return True

    cdef bint _finish(self, uint64_t number, uint64_t first_body) noexcept:
        """Complete the bodies of a unit."""
        cdef int64_t i
        self.why = _WORK
        for i in range(<int64_t>self.calls.count - 1, -1, -1):
            if not self._join(<Call*>self.calls.items + i):
                self.calls.count = 0
                for i in range(<int64_t>self.opens.count):
                    (<Open*>self.opens.items + i).first = -1
                break
        for i in range(<int64_t>self.opens.count):
            if not self._finish_body(number, <Open*>self.opens.items + i, first_body + i):
                return False
        return True

    cdef bint _finish_body(self, uint64_t number, Open* open_, uint64_t index) noexcept:
        cdef Body* body = <Body*>self.bodies.items + index
        cdef Call* call
        cdef Inline* inline_
        cdef int32_t next_ = open_.first
        cdef uint64_t i
        cdef Unit* unit = self.dwarf.unit(number)
        body.table = unit.table
        body.first_inline = self.inlines.count
        if not self._name(open_.place, index, False):
            return False
        while next_ >= 0:
            call = <Call*>self.calls.items + next_
            next_ = call.next
            if call.count == 0:
                continue
            if not reserve(&self.inlines, 1, sizeof(Inline), &self.dwarf.memory) or not reserve(
                &self.ranges, call.count, sizeof(Range), &self.dwarf.memory
            ):
                self.why = _MEMORY
                return False
            inline_ = <Inline*>self.inlines.items + self.inlines.count
            inline_.depth, inline_.call_line = call.depth, call.call_line
            inline_.first_range, inline_.ranges = self.ranges.count, call.count
            inline_.call_file = self.dwarf.lines.path(unit.table, call.call_file)
            if inline_.call_file == NO_STRING:
                inline_.call_file = 0
            for i in range(call.count):
                (<Range*>self.ranges.items)[self.ranges.count + i] = (
                    (<Range*>self.joined.items)[call.first + i]
                )
            self.ranges.count += call.count
            self.inlines.count += 1
            body.inlines += 1
            if not self._name(call.origin, self.inlines.count - 1, True):
                return False
        return True

    cdef bint _name(self, uint64_t place, uint64_t index, bint is_inline) noexcept:
        """Set the name of a body or an inline, now or at the end."""
        cdef uint32_t name = self.names.find(place)
        cdef Later* later
        if name == NO_STRING:
            self.why = _MEMORY
            name = 0
            if self.dwarf.steps >= 0:
                self.dwarf.steps = -1
                self.dwarf.damaged(b".debug_str", 0, _MEMORY)
        if name == DEFERRED:
            if not reserve(&self.later, 1, sizeof(Later), &self.dwarf.memory):
                self.why = _MEMORY
                return False
            later = <Later*>self.later.items + self.later.count
            later.place, later.index, later.is_inline = place, index, is_inline
            self.later.count += 1
            return True
        if is_inline:
            (<Inline*>self.inlines.items + index).name = name
        else:
            (<Body*>self.bodies.items + index).name = name
        return True

    def settle(self):
        """Find the names that had to wait until all units were read."""
        cdef uint64_t i, count = self.later.count
        cdef Later later
        for i in range(count):
            later = (<Later*>self.later.items)[i]
            self._name(later.place, later.index, later.is_inline)
        self.later.count = 0
