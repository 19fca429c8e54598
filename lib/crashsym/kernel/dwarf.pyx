# SPDX-License-Identifier: MIT
# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Units, and the values of attributes; the compiled form of `crashsym.dwarf.units` and `ranges`."""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset, strlen

from crashsym.kernel.abbrevs cimport HIGH_PC, LOW_PC, RANGES, AbbrevCache, AbbrevTable, Values
from crashsym.kernel.base cimport (
    Array, Cursor, Span, cursor_on, fixed, give_back, place_of, reserve, string_at, u8, uleb,
)
from crashsym.kernel.linetables cimport Range

NOWHERE = <uint64_t>0xFFFFFFFFFFFFFFFF
DEAD = (<uint64_t>1 << OFFSET_BITS) - 1
LATER = <uint64_t>0xFFFFFFFFFFFFFFFE


cdef Span span_of(object buffer) except *:
    """Return the bytes of a buffer, which has to outlive them."""
    cdef Py_buffer view
    cdef Span span
    PyObject_GetBuffer(buffer, &view, PyBUF_SIMPLE)
    span.data, span.size = <const uint8_t*>view.buf, view.len
    PyBuffer_Release(&view)
    return span


cdef Span _begin(Span section, uint64_t offset) noexcept nogil:
    cdef Span found
    found.data, found.size = NULL, 0
    if offset < section.size and section.data[offset]:
        # Most sections end with a string's end; the rest is looked through.
        if section.data[section.size - 1] == 0 or string_at(section, offset).size:
            found.data, found.size = section.data + offset, 1
    return found


cdef class Dwarf:
    """The debug sections of a module.

    ``code`` are the sorted ranges that can hold code, ``isa_bit`` says that bit 0 of a code address is
    none of it, ``size`` the bytes of all sections: what work
    and memory may cost follows from it.
    """

    def __init__(self, code, bint isa_bit, uint64_t size):
        cdef Range* item
        self.keep = []
        self.mask = ~<uint64_t>isa_bit
        self.damage = []
        self.types = {}
        self.memory.limit = (<uint64_t>20 << 20) + 8 * size
        self.steps = self.due = 200_000 + 8 * size
        self.abbrevs = AbbrevCache()
        self.abbrevs.memory = &self.memory
        self.abbrevs.steps = &self.steps
        for start, end in code:
            if not reserve(&self.code, 1, sizeof(Range), &self.memory):
                raise MemoryError
            item = <Range*>self.code.items + self.code.count
            item.start, item.end = start, end
            self.code.count += 1

    def __dealloc__(self):
        cdef uint64_t i
        for i in range(self.contexts.count):
            give_back(&self.context(<uint32_t>i).linked)
        give_back(&self.contexts)
        give_back(&self.units)
        give_back(&self.code)

    cdef uint32_t add_context(self, sections, bint big, str info) except *:
        """Add the sections of a file, buffers by name; return the number of the context.

        ``info`` is the section with the units: .debug_info or .debug_types.
        """
        cdef Context context
        memset(&context, 0, sizeof(Context))
        context.info = self._section(sections, info)
        context.abbrev = self._section(sections, ".debug_abbrev")
        context.str = self._section(sections, ".debug_str")
        context.line_str = self._section(sections, ".debug_line_str")
        context.str_offsets = self._section(sections, ".debug_str_offsets")
        context.addr = self._section(sections, ".debug_addr")
        context.ranges = self._section(sections, ".debug_ranges")
        context.rnglists = self._section(sections, ".debug_rnglists")
        context.line = self._section(sections, ".debug_line")
        context.big, context.supplementary = big, -1
        context.is_types = info == ".debug_types"
        context.referred = <uint32_t>self.contexts.count
        if self.contexts.count >> 23 or not reserve(
            &self.contexts, 1, sizeof(Context), &self.memory
        ):
            raise MemoryError
        (<Context*>self.contexts.items)[self.contexts.count] = context
        self.contexts.count += 1
        return <uint32_t>(self.contexts.count - 1)

    cdef Span _section(self, sections, str name) except *:
        buffer = sections.get(name, b"")
        self.keep.append(buffer)
        return span_of(buffer)

    cdef void grow(self, uint64_t size) noexcept nogil:
        """Count other files of ``size`` bytes as input."""
        self.memory.limit += 8 * size
        self.steps += 8 * <int64_t>size
        self.due += 8 * <int64_t>size

    cdef Context* context(self, uint32_t index) noexcept nogil:
        return <Context*>self.contexts.items + index

    cdef Unit* unit(self, uint64_t index) noexcept nogil:
        return <Unit*>self.units.items + index

    cdef void damaged(self, bytes section, uint64_t offset, bytes why):
        self.steps -= 64  # so that a million places are not as many messages
        if self.steps >= 0 or len(self.damage) < 16:
            self.damage.append((f"{section.decode()}+0x{offset:x}", why.decode()))

    cdef bint spend(self, uint64_t steps) noexcept nogil:
        """Take steps off the budget; False when it is used up."""
        self.steps -= <int64_t>(steps if steps < 0x7FFFFFFF else 0x7FFFFFFF)
        return self.steps >= 0

    cdef AbbrevTable* table_of(self, Unit* unit) noexcept nogil:
        """Return the abbreviations of a unit; NULL when they are damaged from the start."""
        if self.last_offset != unit.offset or self.last_context != unit.context or (
            self.last_made != self.abbrevs.made or self.last_table == NULL
        ):
            self.last_table = self.abbrevs.get(
                self.context(unit.context).abbrev, unit.context, unit.abbrev, unit.shape
            )
            self.last_offset, self.last_context = unit.offset, unit.context
            self.last_made = self.abbrevs.made
        return self.last_table

    cdef Cursor entry_cursor(self, Unit* unit, uint64_t offset) noexcept nogil:
        """Return a cursor from an offset in .debug_info to the end of the unit."""
        cdef Context* context = self.context(unit.context)
        cdef Span info = context.info
        info.size = unit.end
        return cursor_on(info, offset, context.big)

    # ---- attributes

    cdef Span text(self, Unit* unit, uint64_t raw, uint16_t form) noexcept nogil:
        """Return the text of an attribute; empty when it has none."""
        cdef Span found
        if form == 0:
            found.data, found.size = NULL, 0
            return found
        found = self.start_of_text(unit, raw, form)
        if found.size:
            found.size = strlen(<const char*>found.data)
        return found

    cdef Context* holder_of_text(self, Unit* unit, uint16_t form) noexcept nogil:
        """Return the context whose .debug_str has the texts of a form at an offset, else NULL."""
        cdef Context* context = self.context(unit.context)
        if form == 0x0E:  # strp
            return context
        if form in (0x1D, 0x1F21) and context.supplementary >= 0:  # strp_sup GNU_strp_alt
            return self.context(<uint32_t>context.supplementary)
        return NULL

    cdef Span start_of_text(self, Unit* unit, uint64_t raw, uint16_t form) noexcept nogil:
        """Return where the text of an attribute begins; its size is 0 if it is empty, else 1.

        It ends with a zero byte inside of its section.
        """
        cdef Context* context = self.context(unit.context)
        cdef Cursor c
        cdef Span section
        section.data, section.size = NULL, 0
        if form == 0x0E:  # strp
            section = context.str
        elif form == 0x08:  # string
            section = context.info
        elif form == 0x1F:  # line_strp
            section = context.line_str
        elif form in (0x1D, 0x1F21):  # strp_sup GNU_strp_alt
            if context.supplementary >= 0:
                section = self.context(<uint32_t>context.supplementary).str
        elif form in (0x1A, 0x25, 0x26, 0x27, 0x28, 0x1F02):  # strx, GNU_str_index
            if raw <= context.str_offsets.size:
                c = cursor_on(
                    context.str_offsets,
                    place_of(unit.str_base, raw, unit.shape.offset_size),
                    context.big,
                )
                raw = fixed(&c, unit.shape.offset_size)
                if not c.failed:
                    section = context.str
        return _begin(section, raw)

    cdef bint has_text(self, Unit* unit, uint64_t raw, uint16_t form) noexcept nogil:
        """Whether the index of an attribute of class string, if it is one, is inside its section."""
        cdef Context* context = self.context(unit.context)
        if form not in (0x1A, 0x25, 0x26, 0x27, 0x28, 0x1F02):
            return True
        return raw <= context.str_offsets.size and unit.str_base <= context.str_offsets.size and (
            unit.str_base + (raw + 1) * unit.shape.offset_size <= context.str_offsets.size
        )

    cdef bint address(self, Unit* unit, uint64_t raw, uint16_t form, uint64_t* value) noexcept nogil:
        """Give the value of an attribute of class address; False when it has another, or none."""
        if form == 0x01:
            value[0] = raw
            return True
        if form in (0x1B, 0x29, 0x2A, 0x2B, 0x2C, 0x1F01):
            return self._indexed(unit, raw, value)
        return False

    cdef bint _indexed(self, Unit* unit, uint64_t index, uint64_t* value) noexcept nogil:
        """Give an entry of the unit's part of .debug_addr (DWARF 5 section 7.27)."""
        cdef Context* context = self.context(unit.context)
        cdef Cursor c
        if index > context.addr.size:
            return False
        c = cursor_on(context.addr, place_of(unit.addr_base, index, unit.shape.address_size), context.big)
        value[0] = fixed(&c, unit.shape.address_size)
        return not c.failed

    cdef uint64_t reference(self, Unit* unit, uint64_t raw, uint16_t form) noexcept nogil:
        """Return the place that an attribute refers to: context and offset; NOWHERE if none."""
        cdef uint64_t context = unit.context
        cdef Context* holder
        if form in (0x11, 0x12, 0x13, 0x14, 0x15):
            raw = place_of(unit.offset, raw, 1)
        elif form == 0x10:
            context = self.context(unit.context).referred
        elif form == 0x20:
            return self._type(raw)
        elif form in (0x1F20, 0x1C, 0x24):
            holder = self.context(unit.context)
            if holder.supplementary < 0:
                return DEAD
            context = <uint64_t>holder.supplementary
        else:
            return NOWHERE
        if raw >> OFFSET_BITS:
            return DEAD
        return context << OFFSET_BITS | raw

    cdef uint64_t _type(self, uint64_t signature) noexcept nogil:
        with gil:
            return self.types.get(signature, DEAD if self.final else LATER)

    # ---- code ranges

    cdef bint ranges(self, Unit* unit, Values* values, Array* found) noexcept nogil:
        """Append where the code of an entry lies; False when its range list is damaged.

        Source: DWARF 5 section 2.17.
        """
        cdef uint64_t low, high, offset
        cdef uint16_t form = values.form[RANGES]
        cdef Context* context
        cdef Cursor c
        if form:
            offset = values.raw[RANGES]
            if form == 0x23 and unit.shape.version >= 5:  # rnglistx
                context = self.context(unit.context)
                if offset > context.rnglists.size:
                    return False
                c = cursor_on(
                    context.rnglists,
                    place_of(unit.rng_base, offset, unit.shape.offset_size),
                    context.big,
                )
                offset = place_of(unit.rng_base, fixed(&c, unit.shape.offset_size), 1)
                if c.failed:
                    return False
            elif not take_number(offset, form, &offset):
                return True
            if unit.shape.version >= 5:
                return self._list(unit, offset, found)
            return self._old_list(unit, offset, found)
        if not values.form[LOW_PC]:
            return True
        if not self.address(unit, values.raw[LOW_PC], values.form[LOW_PC], &low):
            return values.form[LOW_PC] not in (0x1B, 0x29, 0x2A, 0x2B, 0x2C, 0x1F01)
        form = values.form[HIGH_PC]
        if form in (0x01, 0x1B, 0x29, 0x2A, 0x2B, 0x2C, 0x1F01):
            if not self.address(unit, values.raw[HIGH_PC], form, &high):
                return False
        else:
            if not take_number(values.raw[HIGH_PC], form, &high):
                high = 0
            high = low + high if low + high >= low else <uint64_t>0xFFFFFFFFFFFFFFFF
        return self._keep(low, high, found)

    cdef bint _old_list(self, Unit* unit, uint64_t offset, Array* found) noexcept nogil:
        """DWARF 4 section 2.17.3."""
        cdef Context* context = self.context(unit.context)
        cdef Cursor c = cursor_on(context.ranges, place_of(unit.rng_base, offset, 1), context.big)
        cdef unsigned int size = unit.shape.address_size
        cdef uint64_t largest = (<uint64_t>0xFFFFFFFFFFFFFFFF) >> (64 - 8 * size)
        cdef uint64_t base = unit.base, start, end
        while True:
            start, end = fixed(&c, size), fixed(&c, size)
            if c.failed or not self.spend(1):
                return False
            if start == 0 and end == 0:
                return True
            if start == largest:
                base = end
            elif start < end:
                if not self._keep((base + start) & largest, (base + end) & largest, found):
                    return False

    cdef bint _list(self, Unit* unit, uint64_t offset, Array* found) noexcept nogil:
        """DWARF 5 section 2.17.3 and 7.25."""
        cdef Context* context = self.context(unit.context)
        cdef Cursor c = cursor_on(context.rnglists, offset, context.big)
        cdef unsigned int size = unit.shape.address_size
        cdef uint64_t largest = (<uint64_t>0xFFFFFFFFFFFFFFFF) >> (64 - 8 * size)
        cdef uint64_t base = unit.base, start = 0, end = 0, kind
        while True:
            kind = u8(&c)
            if c.failed or kind > 7 or not self.spend(1):
                return False
            if kind == 0:
                return True
            if kind == 4:
                start = (base + uleb(&c)) & largest
                end = (base + uleb(&c)) & largest
            elif kind == 5:
                base = fixed(&c, size)
                continue
            elif kind in (6, 7):
                start = fixed(&c, size)
                end = fixed(&c, size) if kind == 6 else uleb(&c)
            else:
                if not self._indexed(unit, uleb(&c), &start):
                    return False
                if kind == 1:
                    base = start
                    continue
                if kind == 3:
                    end = uleb(&c)
                elif not self._indexed(unit, uleb(&c), &end):
                    return False
            if kind in (3, 7):
                end = start + end if start + end >= start else <uint64_t>0xFFFFFFFFFFFFFFFF
            if c.failed or not self._keep(start, end, found):
                return False

    cdef bint _keep(self, uint64_t start, uint64_t end, Array* found) noexcept nogil:
        """Append a range if it begins where code can lie, cut off at the end of it."""
        cdef Range* code = <Range*>self.code.items
        cdef Range* item
        cdef uint64_t i = self.last_code, low = 0, high = self.code.count, middle
        if start >= end:
            return True
        end -= start & ~self.mask
        start &= self.mask
        if not (i < high and code[i].start <= start < code[i].end):
            while low < high:
                middle = (low + high) // 2
                if code[middle].end <= start:
                    low = middle + 1
                else:
                    high = middle
            i = low
            if i == self.code.count or start < code[i].start:
                return True
            self.last_code = i
        if not reserve(found, 1, sizeof(Range), &self.memory):
            return False
        item = <Range*>found.items + found.count
        item.start = start
        item.end = end if end < code[i].end else code[i].end
        found.count += 1
        return True
