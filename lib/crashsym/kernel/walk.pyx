# SPDX-License-Identifier: MIT
# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Through the entries of each unit once; the compiled form of `crashsym.dwarf.reference`."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, qsort
from libc.string cimport memcpy, memset

from crashsym.kernel.abbrevs cimport (
    ADDR_BASE, CALL_FILE, CALL_LINE, COMP_DIR, DWO_NAME, ENTRY_POINT, GNU_ADDR_BASE, GNU_DWO_ID,
    GNU_DWO_NAME, GNU_RNG_BASE, INLINED, LINKAGE, LOW_PC, MIPS_LINKAGE, NAME, ORIGIN, OTHER,
    RNG_BASE, SHORT_CODES, STMT_LIST, STR_BASE, SUBPROGRAM, UNIT, Abbrev, AbbrevTable, Values, find_abbrev,
    abbrev_of, pass_over, skip_entry, take_entry,
)
from crashsym.kernel.base cimport Array, Cursor, Memory, Span, offset_of, reserve, uleb
from crashsym.kernel.dwarf cimport DEAD, NOWHERE, OFFSET_BITS, Context, Dwarf, Unit, take_number
from crashsym.kernel.entries cimport Entries, add_row
from crashsym.kernel.inlines cimport MOST_OF_CALL, MOST_OF_RANGE, pack, pack_distance
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


cdef void _sort(Range* ranges, uint64_t count) noexcept nogil:
    """Most are few, or in order already."""
    cdef uint64_t i, k
    cdef Range moved
    if count > 24:
        qsort(ranges, count, sizeof(Range), &_by_start)
        return
    for i in range(1, count):
        moved = ranges[i]
        k = i
        while k and _by_start(ranges + (k - 1), &moved) > 0:
            ranges[k] = ranges[k - 1]
            k -= 1
        ranges[k] = moved


cdef inline bint _pass(Walk self, Unit* unit, Abbrev* abbrev, uint64_t at, Level* above, Level* below) noexcept nogil:
    """Note an entry that has no code, but may have a name or be a scope."""
    below[0] = above[0]
    if abbrev.kind == INLINED:
        return True
    at -= unit.offset
    if not add_row(self, at, above.scope):
        self.why = _MEMORY
        return False
    below.scope = <uint32_t>at
    if abbrev.kind == SUBPROGRAM:
        below.outer = above.scope
        below.body = below.call = -1
    return True


cdef class Walk(Entries):
    """Reads units and collects the functions that have code."""

    def __init__(self, Dwarf dwarf, Names names, inputs, bint want_inlines):
        Entries.__init__(self, dwarf)
        self.inputs = inputs
        self.known_size = inputs.size
        self.names = names
        names.entries = self
        self.want_inlines = want_inlines
        self._tables = {}

    def __dealloc__(self):
        free(self.claims.items)
        free(self.bodies.items)
        free(self.inlines.items)
        free(self.levels.items)
        free(self.opens.items)
        free(self.calls.items)
        free(self.own.items)
        free(self.joined.items)
        free(self.found.items)
        free(self.later.items)

    cdef bint scan(self, uint32_t context) except False:
        """Read the headers of all units of a context."""
        cdef Unit unit
        cdef uint64_t offset = 0, size = self.dwarf.context(context).info.size
        self.dwarf.context(context).first_unit = self.dwarf.units.count
        self.dwarf.context(context).scanned = True
        while offset < size and self.dwarf.steps >= 0:
            if self.dwarf.read_header(context, offset, &unit):
                if not reserve(&self.dwarf.units, 1, sizeof(Unit), &self.dwarf.memory):
                    self.dwarf.damaged(b".debug_info", offset, _MEMORY)
                    break
                self._append(&unit)
            if unit.end == 0:
                break
            offset = unit.end
        return True

    cdef uint64_t _append(self, Unit* unit) noexcept nogil:
        """Add a unit to those of its context, for which there is room."""
        cdef uint64_t number = self.dwarf.units.count
        unit.table = NO_TABLE
        unit.lines_from = number
        self.dwarf.unit(number)[0] = unit[0]
        self.dwarf.units.count = self.dwarf.units.count + 1
        self.dwarf.context(unit.context).unit_count += 1
        return number

    def context(self, uint32_t context):
        """Read all units of a context."""
        cdef uint64_t number, first
        self.scan(context)
        first = self.dwarf.context(context).first_unit
        for number in range(first, first + self.dwarf.context(context).unit_count):
            self.unit(number)
            if self.dwarf.steps < 0:
                self.dwarf.damaged(b".debug_info", 0, _WORK)
                break

    cdef bint unit(self, uint64_t number) except False:
        """Read a unit, or the split unit that it stands for."""
        cdef Values values
        cdef Unit* unit = self.dwarf.unit(number)
        unit.walked = True
        if not self._root(unit, &values):
            self.dwarf.damaged(b".debug_info", unit.entries, self.why)
            return True
        if self.inputs is None or unit.names_only or not self._split(number, &values):
            self._read(number)
        return True

    cdef bint _read(self, uint64_t number) except False:
        """Read the entries of a unit whose own entry has been read."""
        cdef Unit* unit = self.dwarf.unit(number)
        cdef uint64_t where = unit.entries, first_body = self.bodies.count, place
        self.opens.count = self.calls.count = self.own.count = self.joined.count = 0
        if unit.has_identity and unit.kind in (2, 6):
            place = DEAD
            if unit.type_offset < unit.end - unit.offset:
                place = (<uint64_t>unit.context << OFFSET_BITS) | (unit.offset + unit.type_offset)
            self.dwarf.types.setdefault(unit.identity, place)
        self.why = _MEMORY
        self.begin(number)
        if not self._entries(number, self.dwarf.table_of(unit), &where):
            self.dwarf.damaged(b".debug_info", where, self.why)
        if not self.index(number):
            self.dwarf.damaged(b".debug_info", unit.offset, _MEMORY)
        if self.opens.count:
            unit.table = self._line_table(self.dwarf.unit(unit.lines_from))
        if not self._finish(number, first_body):
            self.dwarf.damaged(b".debug_info", unit.offset, self.why)
        self.end(number)
        return True

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

    cdef bint _root(self, Unit* unit, Values* values) noexcept:
        """Read the unit's own entry, for its bases and for its line table."""
        cdef AbbrevTable* table = self.dwarf.table_of(unit)
        cdef Cursor c = self.dwarf.entry_cursor(unit, unit.entries)
        cdef Abbrev* abbrev
        self.why = b"its abbreviations are damaged"
        if table == NULL or unit.end - unit.offset > <uint64_t>0xFFFFFFFF:
            return False
        self.why = b"the unit's own entry is damaged"
        abbrev = find_abbrev(table, uleb(&c))
        if c.failed or abbrev == NULL or abbrev.kind != UNIT:
            return False
        unit.is_shared = abbrev.tag == 0x3C  # DW_TAG_partial_unit
        take_entry(table, abbrev, unit.shape, &c, values)
        return not c.failed and self._bases(unit, values)

    cdef bint _bases(self, Unit* unit, Values* values) noexcept nogil:
        cdef uint64_t wide = 8 if unit.shape.offset_size == 8 else 0
        if unit.shape.version >= 5:
            if not take_number(values.raw[STR_BASE], values.form[STR_BASE], &unit.str_base):
                unit.str_base = 8 + wide
            if not take_number(values.raw[RNG_BASE], values.form[RNG_BASE], &unit.rng_base):
                unit.rng_base = 12 + wide
        if not take_number(values.raw[ADDR_BASE], values.form[ADDR_BASE], &unit.addr_base):
            if not take_number(
                values.raw[GNU_ADDR_BASE], values.form[GNU_ADDR_BASE], &unit.addr_base
            ):
                unit.addr_base = 0
        if not self.dwarf.address(unit, values.raw[LOW_PC], values.form[LOW_PC], &unit.base):
            if values.form[LOW_PC] in (0x1B, 0x29, 0x2A, 0x2B, 0x2C, 0x1F01):
                return False
            unit.base = 0
        unit.has_lines = take_number(
            values.raw[STMT_LIST], values.form[STMT_LIST], &unit.stmt_list
        )
        unit.comp_dir = self.dwarf.text(unit, values.raw[COMP_DIR], values.form[COMP_DIR])
        return True

    cdef bint _split(self, uint64_t number, Values* values) except -1:
        """Read the split unit of a skeleton; False where there is none."""
        cdef Unit* unit = self.dwarf.unit(number)
        cdef uint64_t identity = unit.identity
        cdef Span name = self.dwarf.text(unit, values.raw[DWO_NAME], values.form[DWO_NAME])
        cdef uint64_t ranges_base
        cdef int64_t found
        if not name.size:
            name = self.dwarf.text(unit, values.raw[GNU_DWO_NAME], values.form[GNU_DWO_NAME])
        if unit.kind not in (4, 5) and not take_number(
            values.raw[GNU_DWO_ID], values.form[GNU_DWO_ID], &identity
        ):
            return False
        if not name.size:
            return False
        split = self.inputs.split_unit(
            unit.comp_dir.data[: unit.comp_dir.size].decode("utf-8", "replace"),
            name.data[: name.size].decode("utf-8", "replace"),
            identity,
        )
        if split is None:
            return False
        self.dwarf.grow(self.inputs.size - self.known_size)
        self.known_size = self.inputs.size
        if not take_number(
            values.raw[GNU_RNG_BASE], values.form[GNU_RNG_BASE], &ranges_base
        ):
            ranges_base = 0
        found = self._add_split(split, number, False)
        if found >= 0:
            unit = self.dwarf.unit(found)
            unit.base = self.dwarf.unit(number).base
            unit.addr_base = self.dwarf.unit(number).addr_base
            unit.lines_from = number
            if unit.shape.version < 5:
                unit.rng_base = ranges_base
            self._read(found)
        for kind in self.inputs.type_units():
            found = self._add_split(kind, number, True)
            if found >= 0:
                self._read(found)
        return True

    cdef int64_t _add_split(self, split, uint64_t skeleton, bint names_only) except -2:
        """Add the unit of another file and read its own entry; -1 when that is damaged."""
        cdef uint32_t context = self.dwarf.add_context(
            split.sections.bytes_by_name, not split.sections.little_endian, split.section
        )
        cdef Context* own = self.dwarf.context(context)
        cdef Context* main = self.dwarf.context(self.dwarf.unit(skeleton).context)
        cdef Unit unit
        cdef Values values
        cdef uint64_t number
        own.addr = main.addr
        own.names_only = names_only
        own.scanned = True
        own.first_unit = self.dwarf.units.count
        if self.dwarf.read_header(context, split.offset, &unit):
            if unit.shape.version < 5:
                own.ranges = main.ranges
            if not reserve(&self.dwarf.units, 1, sizeof(Unit), &self.dwarf.memory):
                self.dwarf.damaged(b".debug_info", split.offset, _MEMORY)
                return -1
            number = self._append(&unit)
            self.dwarf.unit(number).walked = True
            if self._root(self.dwarf.unit(number), &values):
                return <int64_t>number
            self.dwarf.damaged(b".debug_info", split.offset, self.why)
        return -1

    cdef uint32_t _line_table(self, Unit* unit) noexcept:
        """Return the line table of a unit; units made by LTO or dwz may share one."""
        cdef LineInput source
        cdef Context* context = self.dwarf.context(unit.context)
        cdef uint32_t table
        if not unit.has_lines:
            return NO_TABLE
        known = self._tables.get(unit.stmt_list)
        if known is not None:
            return known
        memset(&source, 0, sizeof(source))
        source.line, source.line_str, source.big = context.line, context.line_str, context.big
        source.str, source.str_offsets = context.str, context.str_offsets
        source.str_base, source.offset_size = unit.str_base, unit.shape.offset_size
        if context.supplementary >= 0:
            source.supplementary = self.dwarf.context(<uint32_t>context.supplementary).str
        if self.dwarf.spend(1):
            table = self.dwarf.lines.read(
                &source, unit.stmt_list, unit.comp_dir, unit.shape.address_size
            )
        else:
            table = NO_TABLE
        self._tables[unit.stmt_list] = table
        if table == NO_TABLE:
            self.dwarf.damaged(b".debug_line", self.dwarf.lines.where, self.dwarf.lines.why)
        return table

    cdef bint _entries(self, uint64_t number, AbbrevTable* table, uint64_t* where) noexcept nogil:
        """Read the entries of a unit; False and ``where`` at the first that is damaged."""
        cdef Unit* unit = self.dwarf.unit(number)
        cdef Cursor c = self.dwarf.entry_cursor(unit, unit.entries)
        cdef uint64_t depth = 0, code
        cdef const uint8_t* at = c.at
        cdef const uint8_t* end = c.end
        cdef Abbrev* abbrev
        cdef Level* levels
        cdef Level below
        if not self._levels(1024):
            return False
        levels = <Level*>self.levels.items
        levels[0].scope, levels[0].body, levels[0].call, levels[0].outer = 0, -1, -1, 0
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
            where[0] = <uint64_t>(at - c.begin)
            if code == 0:
                if c.failed:
                    self.why = b"an entry runs past its unit"
                    return False
                if depth <= 1:
                    return True
                depth -= 1
                at = c.at
                continue
            abbrev = abbrev_of(table, code)
            if abbrev == NULL:
                self.why = b"an entry has an undefined abbreviation"
                return False
            if abbrev.kind == OTHER or abbrev.kind == UNIT:
                if abbrev.fixed <= <uint64_t>(end - c.at):  # NOT_FIXED is larger than any unit
                    at = c.at + abbrev.fixed
                else:
                    skip_entry(table, abbrev, unit.shape, &c)
                    at = c.at
                below = levels[depth]
            elif abbrev.wanted and not (abbrev.kind == INLINED and levels[depth].body < 0):
                if not self._take(unit, table, abbrev, &c, where[0], levels + depth, &below):
                    return False
                at = c.at
            else:
                pass_over(table, abbrev, unit.shape, &c)
                at = c.at
                if not c.failed and not _pass(self, unit, abbrev, where[0], levels + depth, &below):
                    return False
            if c.failed:
                self.why = b"an entry runs past its unit"
                return False
            if abbrev.children:
                depth += 1
                if depth >= self.levels.capacity:
                    if not self._levels(depth + 1):
                        return False
                    levels = <Level*>self.levels.items
                levels[depth] = below
            elif depth == 0:
                return True
        return True

    cdef bint _levels(self, uint64_t count) noexcept nogil:
        """Make room for entries inside of entries."""
        if not reserve(&self.levels, count, sizeof(Level), &self.dwarf.memory):
            self.why = _MEMORY
            return False
        return True

    cdef bint _take(self, Unit* unit, AbbrevTable* table, Abbrev* abbrev, Cursor* c, uint64_t at, Level* above, Level* below) noexcept nogil:
        cdef Values values
        """Read an entry that may have code, or names by index."""
        below[0] = above[0]
        take_entry(table, abbrev, unit.shape, c, &values)
        if c.failed:
            return True
        if abbrev.kind == INLINED:
            if self.want_inlines and not self.again:
                return self._call(unit, &values, above, below)
            return True
        if abbrev.kind == ENTRY_POINT and above.body < 0:
            return True
        if not (
            self.dwarf.has_text(unit, values.raw[NAME], values.form[NAME])
            and self.dwarf.has_text(unit, values.raw[LINKAGE], values.form[LINKAGE])
            and self.dwarf.has_text(unit, values.raw[MIPS_LINKAGE], values.form[MIPS_LINKAGE])
        ):
            self.why = b"the index of a name is outside of .debug_str_offsets"
            return False
        at -= unit.offset
        if not add_row(self, at, above.outer if abbrev.kind == ENTRY_POINT else above.scope):
            self.why = _MEMORY
            return False
        if abbrev.kind == ENTRY_POINT:
            return self.again or self._entry_point(unit, &values, unit.offset + at, above)
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

    cdef bint _open(self, Unit* unit, uint64_t at, uint64_t claims) noexcept nogil:
        """Begin a body, and make room for its claims."""
        cdef Open* open_
        if not reserve(&self.opens, 1, sizeof(Open), &self.dwarf.memory) or not reserve(
            &self.claims, claims, sizeof(Claim), &self.dwarf.memory
        ) or not reserve(&self.bodies, 1, sizeof(Body), &self.dwarf.memory):
            self.why = _MEMORY
            return False
        open_ = <Open*>self.opens.items + self.opens.count
        open_.place = (<uint64_t>unit.context << OFFSET_BITS) | at
        open_.first = open_.last = open_.shares = -1
        open_.first_claim, open_.claims = self.claims.count, claims
        self.opens.count += 1
        memset(<Body*>self.bodies.items + self.bodies.count, 0, sizeof(Body))
        (<Body*>self.bodies.items + self.bodies.count).table = NO_TABLE
        self.bodies.count += 1
        return True

    cdef void _claim(self, uint64_t start, uint64_t end) noexcept nogil:
        """Add a claim of the body that was begun last."""
        cdef Claim* claim = <Claim*>self.claims.items + self.claims.count
        claim.start, claim.end = start, end
        claim.body = <uint32_t>(self.bodies.count - 1)
        claim.multiple = False
        self.claims.count += 1

    cdef bint _subprogram(self, Unit* unit, Values* values, uint64_t at, Level* below) noexcept nogil:
        cdef Range* found
        cdef uint64_t i
        self.found.count = 0
        if not self.dwarf.ranges(unit, values, &self.found):
            self.why = b"a range list is damaged, or asks for work out of proportion to its size"
            return False
        if self.found.count == 0:
            return True
        below.body = <int32_t>self.opens.count
        if self.again:
            return True
        if not self._open(unit, at, self.found.count):
            return False
        for i in range(self.found.count):
            found = <Range*>self.found.items + i
            self._claim(found.start, found.end)
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
        if take_number(values.raw[CALL_LINE], values.form[CALL_LINE], &number):
            call.call_line = <uint32_t>number if number <= LARGEST_LINE else 0
        if take_number(values.raw[CALL_FILE], values.form[CALL_FILE], &number):
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
        cdef Range* joined
        cdef Range only
        cdef Call* child
        cdef uint64_t i, first = self.joined.count, count
        cdef int32_t index = call.child
        if not reserve(&self.joined, call.count, sizeof(Range), &self.dwarf.memory):
            return False
        joined = <Range*>self.joined.items
        for i in range(call.count):
            joined[first + i] = (<Range*>self.own.items)[call.first + i]
        count = first + call.count
        only.start = only.end = 0
        if call.count == 1:
            only = joined[first]
        while index >= 0:
            child = <Call*>self.calls.items + index
            index = child.sibling
            self.joined.count = count
            if not reserve(&self.joined, child.count, sizeof(Range), &self.dwarf.memory):
                return False
            self.dwarf.steps = self.dwarf.steps - <int64_t>child.count
            if self.dwarf.steps < 0:
                return False
            joined = <Range*>self.joined.items
            for i in range(child.first, child.first + child.count):
                if not (only.start <= joined[i].start and joined[i].end <= only.end):
                    joined[count] = joined[i]
                    count += 1
        self.joined.count = count
        if count > first + 1:
            self._merge(first)
        call.first = <uint32_t>first
        call.count = <uint32_t>(self.joined.count - first)
        return True

    cdef void _merge(self, uint64_t first) noexcept nogil:
        """Sort the last of the joined ranges, and make one of those that touch."""
        cdef Range* ranges = <Range*>self.joined.items + first
        cdef uint64_t count = self.joined.count - first, i, kept = 0
        _sort(ranges, count)
        for i in range(1, count):
            if ranges[i].start > ranges[kept].end:
                kept += 1
                ranges[kept] = ranges[i]
            elif ranges[i].end > ranges[kept].end:
                ranges[kept].end = ranges[i].end
        self.joined.count = first + kept + 1

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
        cdef int32_t next_ = open_.first
        cdef Unit* unit = self.dwarf.unit(number)
        cdef Body* function
        body.table = unit.table
        body.first_inline = self.inlines.count
        if not self._name(open_.place, index, False):
            return False
        if open_.shares >= 0:
            function = <Body*>self.bodies.items + (index - (self._index_of(open_) - open_.shares))
            body.first_inline, body.inlines = function.first_inline, function.inlines
            return True
        while next_ >= 0:
            call = <Call*>self.calls.items + next_
            next_ = call.next
            if call.count:
                body = <Body*>self.bodies.items + index
                body.inlines += 1
                if not self._inline(unit, call):
                    return False
        return True

    cdef bint _inline(self, Unit* unit, Call* call) noexcept:
        """Append an inlined call to `inlines`."""
        cdef Range* ranges
        cdef uint8_t* start
        cdef uint8_t* at
        cdef uint64_t before = 0, i
        cdef uint32_t name = 0, file = self.dwarf.lines.path(unit.table, call.call_file)
        if not reserve(
            &self.inlines, MOST_OF_CALL + call.count * <uint64_t>MOST_OF_RANGE, 1, &self.dwarf.memory
        ):
            self.why = _MEMORY
            return False
        start = <uint8_t*>self.inlines.items
        at = pack(start + self.inlines.count, call.depth)
        at = pack(at, call.call_line)
        at = pack(at, file if file != NO_STRING else 0)
        if not self._name(call.origin, <uint64_t>(at - start), True):
            return False
        at = pack(at + 4, call.count)
        ranges = <Range*>self.joined.items + call.first
        for i in range(call.count):
            at = pack_distance(at, ranges[i].start - before)
            at = pack(at, ranges[i].end - ranges[i].start)
            before = ranges[i].end
        self.inlines.count = <uint64_t>(at - start)
        return True

    cdef int64_t _index_of(self, Open* open_) noexcept nogil:
        return open_ - <Open*>self.opens.items

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
            memcpy(self.inlines.items + index, &name, 4)
        else:
            (<Body*>self.bodies.items + index).name = name
        return True

    def settle(self):
        """Find the names that had to wait until all units were read."""
        cdef uint64_t i, count = self.later.count
        cdef Later later
        self.dwarf.final = True
        for i in range(count):
            later = (<Later*>self.later.items)[i]
            self._name(later.place, later.index, later.is_inline)
        self.later.count = 0
        self.names.entries = None  # or the two would keep each other
