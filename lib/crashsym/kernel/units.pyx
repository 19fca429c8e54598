# SPDX-License-Identifier: MIT
# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The units of a file, one after the other, and the split units that they stand for."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memset

from crashsym.kernel.abbrevs cimport (
    ADDR_BASE, COMP_DIR, DWO_NAME, GNU_ADDR_BASE, GNU_DWO_ID, GNU_DWO_NAME, GNU_RNG_BASE, LOW_PC,
    RNG_BASE, STMT_LIST, STR_BASE, UNIT, Abbrev, AbbrevTable, Values, find_abbrev,
)
from crashsym.kernel.attributes cimport take_entry
from crashsym.kernel.base cimport Cursor, Span, cursor_on, fixed, left, offset_of, reserve, u8, uleb
from crashsym.kernel.bodies cimport MEMORY, WORK
from crashsym.kernel.dwarf cimport DEAD, OFFSET_BITS, Context, Dwarf, Unit, take_number
from crashsym.kernel.lines cimport LineInput
from crashsym.kernel.linetables cimport NO_TABLE
from crashsym.kernel.names cimport Names
from crashsym.kernel.walk cimport Walk

cdef const char* LOST_TEXT = b"the index of a name is outside of .debug_str_offsets"


cdef class Units(Walk):
    """Reads units and collects the functions that have code."""

    def __init__(self, Dwarf dwarf, Names names, inputs, bint want_inlines):
        Walk.__init__(self, dwarf, names, want_inlines)
        self.inputs = inputs
        self.known_size = inputs.size
        self._tables = {}

    cdef bint scan(self, uint32_t context) except False:
        """Read the headers of all units of a context."""
        cdef Unit unit
        cdef uint64_t offset = 0, size = self.dwarf.context(context).info.size
        self.dwarf.context(context).first_unit = self.dwarf.units.count
        self.dwarf.context(context).scanned = True
        while offset < size and self.dwarf.steps >= 0:
            if self._header(context, offset, &unit):
                if not reserve(&self.dwarf.units, 1, sizeof(Unit), &self.dwarf.memory):
                    self.dwarf.damaged(b".debug_info", offset, MEMORY)
                    break
                self._append(&unit)
            if unit.end == 0:
                break
            offset = unit.end
        return True

    cdef bint _header(self, uint32_t context, uint64_t offset, Unit* unit) noexcept:
        """Read a unit's header (DWARF 5 section 7.5.1); ``end`` is 0 when its length is damaged."""
        cdef Context* holder = self.dwarf.context(context)
        cdef Cursor c = cursor_on(holder.info, offset, holder.big)
        cdef uint64_t length = fixed(&c, 4), version, kind = 2 if holder.is_types else 1
        memset(unit, 0, sizeof(Unit))
        unit.context, unit.offset = context, offset
        unit.shape.offset_size = 4
        if length == <uint64_t>0xFFFFFFFF:
            unit.shape.offset_size = 8
            length = fixed(&c, 8)
        elif length >= <uint64_t>0xFFFFFFF0:
            c.failed = True
        if c.failed or length > left(&c):
            self.dwarf.damaged(b".debug_info", offset, b"the unit runs past the section")
            return False
        unit.end = offset_of(&c) + length
        version = fixed(&c, 2)
        if version < 2 or version > 5:
            self.dwarf.damaged(b".debug_info", offset, b"unknown DWARF version %d" % version)
            return False
        unit.shape.version = <uint8_t>version
        if version >= 5:
            kind = u8(&c)
            unit.shape.address_size = <uint8_t>u8(&c)
            unit.abbrev = fixed(&c, unit.shape.offset_size)
        else:
            unit.abbrev = fixed(&c, unit.shape.offset_size)
            unit.shape.address_size = <uint8_t>u8(&c)
        if kind in (2, 4, 5, 6):  # type, skeleton, split, split type
            unit.identity = fixed(&c, 8)
            unit.has_identity = True
        if kind in (2, 6):
            unit.type_offset = fixed(&c, unit.shape.offset_size)
        unit.kind = <uint8_t>kind
        unit.names_only = holder.names_only or kind in (2, 6)
        unit.entries = offset_of(&c)
        if (
            c.failed or unit.entries > unit.end or kind < 1 or kind > 6
            or unit.shape.address_size not in (2, 4, 8)
        ):
            self.dwarf.damaged(b".debug_info", offset, b"the unit's header is damaged")
            return False
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
                self.dwarf.damaged(b".debug_info", 0, WORK)
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
        self.wants_lines = False
        self.opens.count = self.calls.count = self.ranges.count = 0
        if unit.has_identity and unit.kind in (2, 6):
            place = DEAD
            if unit.type_offset < unit.end - unit.offset:
                place = (<uint64_t>unit.context << OFFSET_BITS) | (unit.offset + unit.type_offset)
            self.dwarf.types.setdefault(unit.identity, place)
        self.why = MEMORY
        self.begin(number)
        if not self._entries(number, self.dwarf.table_of(unit), &where):
            self.dwarf.damaged(b".debug_info", where, self.why)
            self.dwarf.unit(number).damaged = True
        if not self.index(number):
            self.dwarf.damaged(b".debug_info", unit.offset, MEMORY)
        if self.wants_lines:
            unit.table = self._line_table(self.dwarf.unit(unit.lines_from))
        if not self._finish(number, first_body):
            self.dwarf.damaged(b".debug_info", unit.offset, self.why)
        self.end(number)
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
        if self.dwarf.context(unit.context).is_split:
            unit.base = 0  # that of the skeleton follows
        elif not self.dwarf.address(unit, values.raw[LOW_PC], values.form[LOW_PC], &unit.base):
            if values.form[LOW_PC] in (0x1B, 0x29, 0x2A, 0x2B, 0x2C, 0x1F01):
                return False
            unit.base = 0
        unit.has_lines = take_number(
            values.raw[STMT_LIST], values.form[STMT_LIST], &unit.stmt_list
        )
        unit.comp_dir = self.dwarf.text(unit, values.raw[COMP_DIR], values.form[COMP_DIR])
        unit.lost_dir = not self.dwarf.has_text(unit, values.raw[COMP_DIR], values.form[COMP_DIR])
        return True

    cdef bint _split(self, uint64_t number, Values* values) except -1:
        """Read the split unit of a skeleton; False where there is none."""
        cdef Unit* unit = self.dwarf.unit(number)
        cdef uint64_t identity = unit.identity
        cdef Span name
        cdef uint64_t ranges_base
        cdef int64_t found
        if unit.kind not in (4, 5) and not take_number(
            values.raw[GNU_DWO_ID], values.form[GNU_DWO_ID], &identity
        ):
            return False
        if not self._dwo_name(unit, values, &name) or (name.size and unit.lost_dir):
            self.dwarf.damaged(b".debug_info", unit.entries, LOST_TEXT)
            return True
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

    cdef bint _dwo_name(self, Unit* unit, Values* values, Span* name) noexcept nogil:
        """Give the name of the file that a skeleton refers to, or ""; False if it is damaged."""
        name[0] = self.dwarf.text(unit, values.raw[DWO_NAME], values.form[DWO_NAME])
        if name.size or not self.dwarf.has_text(unit, values.raw[DWO_NAME], values.form[DWO_NAME]):
            return name.size > 0
        name[0] = self.dwarf.text(unit, values.raw[GNU_DWO_NAME], values.form[GNU_DWO_NAME])
        return self.dwarf.has_text(unit, values.raw[GNU_DWO_NAME], values.form[GNU_DWO_NAME])

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
        own.is_split = True
        own.scanned = True
        own.first_unit = self.dwarf.units.count
        if self._header(context, split.offset, &unit):
            if unit.shape.version < 5:
                own.ranges = main.ranges
            if not reserve(&self.dwarf.units, 1, sizeof(Unit), &self.dwarf.memory):
                self.dwarf.damaged(b".debug_info", split.offset, MEMORY)
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
        if unit.lost_dir:
            self._tables[unit.stmt_list] = NO_TABLE
            self.dwarf.damaged(b".debug_info", unit.entries, LOST_TEXT)
            return NO_TABLE
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
