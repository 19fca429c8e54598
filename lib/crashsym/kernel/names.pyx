# SPDX-License-Identifier: MIT
# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The names of functions, looked up when they are needed; the form of `crashsym.dwarf.names`."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport strlen

from crashsym.kernel.abbrevs cimport (
    LINKAGE, MANY, MIPS_LINKAGE, NAME, NAMESPACE, ORIGIN, SIGNATURE, Abbrev, AbbrevTable,
    abbrev_of,
)
from crashsym.kernel.apart cimport Apart
from crashsym.kernel.attributes cimport take_entry
from crashsym.kernel.base cimport Array, Cursor, Span, give_back, make_slots, release, reserve, uleb
from crashsym.kernel.demangling cimport ASK, LONGEST_NAME, MADE, RISKY, Readable, demangle
from crashsym.kernel.dwarf cimport (
    LATER, NOWHERE, OFFSET_BITS, Context, Dwarf, Known, Unit,
)
from crashsym.kernel.entries cimport NOT_ASKED, EntryRow
from crashsym.kernel.strings cimport NO_STRING, Strings


cdef const char* NAMELESS = b"<name omitted>"
cdef const char* ANONYMOUS = b"(anonymous namespace)"


cdef inline Known* _slot(Array* map, uint32_t place) noexcept nogil:
    """Return where a place is kept, or where it would be."""
    cdef Known* slots = <Known*>map.items
    cdef uint64_t mask = map.count - 1
    cdef uint64_t at = (place * <uint64_t>0x9E3779B97F4A7C15 >> 24) & mask
    while slots[at].place and slots[at].place != place:
        at = (at + 1) & mask
    return slots + at


cdef class Names:
    """Names by the place of the entry; index 0 of ``names`` is that of the nameless."""

    def __init__(self, Dwarf dwarf, bint keep_suffixes):
        self.dwarf = dwarf
        self.keep_suffixes = keep_suffixes
        self.names = Strings()
        self.names.memory = &dwarf.memory
        self.names.add(<const uint8_t*>NAMELESS, strlen(NAMELESS), True)
        self.apart = Apart()
        self.apart.memory = &dwarf.memory

    def __dealloc__(self):
        give_back(&self.scratch)
        give_back(&self.waiting)

    cdef uint32_t find(self, uint64_t place) noexcept:
        """Return the index of the name of the entry at ``place``, or the number of a waiting one.

        DEFERRED when it depends on a unit that has not been read; NO_STRING when this file's names
        are longer than it has a right to.
        """
        cdef uint64_t unit, row
        cdef int state
        cdef uint32_t name
        if place == NOWHERE:
            return 0
        if place == LATER:
            return DEFERRED
        if self.dwarf.steps < 0:
            return NO_STRING
        state = self.entries.locate(place, &unit, &row)
        if state <= 0:
            return 0 if state == 0 else DEFERRED
        name = (<EntryRow*>self.entries.rows.items + row).name
        if name == NOT_ASKED:
            name = self._find(place)
            if name < NOT_ASKED:
                (<EntryRow*>self.entries.rows.items + row).name = name
        return name

    cdef bint _room(self, Context* holder) noexcept nogil:
        """See to it that a linkage name can be added to the map of a context."""
        cdef Array old = holder.linked
        cdef uint64_t count = old.count * 2 if old.count else 64, i
        cdef Known* slot
        if holder.linked_count * 4 < old.count * 3:
            return True
        if not make_slots(&holder.linked, count, sizeof(Known), &self.dwarf.memory):
            holder.linked = old
            return False
        for i in range(old.count):
            slot = <Known*>old.items + i
            if slot.place:
                _slot(&holder.linked, slot.place)[0] = slot[0]
        release(&old, sizeof(Known), &self.dwarf.memory)
        return True

    # ---- one name

    cdef uint32_t _find(self, uint64_t place) noexcept:
        cdef Link chain[LONGEST_CHAIN]
        cdef int count = self._chain(place, chain), i
        cdef Span linkage
        cdef uint32_t name, waiting = 0
        if count < 0:
            return DEFERRED
        linkage.data, linkage.size = NULL, 0
        for i in range(count):
            name = self._of_linkage(&chain[i], &linkage)
            if linkage.data != NULL:
                if WAITING <= name < NOT_ASKED:
                    waiting = name
                elif name != 0:
                    return name
                break
        name = self._qualified(chain, count)
        if linkage.data == NULL or name >= DEFERRED:
            return name
        if name == 0 or self._is_long(name):
            linkage.size = strlen(<const char*>linkage.data)
            if not self.dwarf.spend(linkage.size // 16):
                return NO_STRING
            name = self.names.add_text(linkage) if waiting else self._plain(linkage)
        return self._waiting(waiting, name) if waiting else name

    cdef uint32_t _of_linkage(self, Link* link, Span* linkage) noexcept:
        """Return the readable form of an entry's linkage name, and where that is."""
        cdef uint64_t raw = link.values.raw[LINKAGE]
        cdef Context* holder = self.dwarf.holder_of_text(
            self.dwarf.unit(link.unit), link.values.form[LINKAGE]
        )
        cdef Known* slot = NULL
        cdef uint32_t name
        if holder != NULL and raw < holder.str.size and raw < <uint64_t>0xFFFFFFFF:
            linkage.data = holder.str.data + raw
            if not self._room(holder):
                return NO_STRING
            slot = _slot(&holder.linked, <uint32_t>(raw + 1))
            if slot.place:  # most are known: leave the text alone
                return slot.name
        linkage[0] = self._linkage(link)
        if linkage.data == NULL:
            return 0
        name = self._new_readable(linkage[0])
        if slot != NULL and linkage.data == holder.str.data + raw and name != NO_STRING:
            slot.place, slot.name = <uint32_t>(raw + 1), name
            holder.linked_count += 1
        return name

    cdef Span _linkage(self, Link* link) noexcept nogil:
        """Return the linkage name of an entry, its size unknown; NULL where it has none."""
        cdef Unit* unit = self.dwarf.unit(link.unit)
        cdef Span text
        text = self.dwarf.start_of_text(
            unit, link.values.raw[LINKAGE], link.values.form[LINKAGE]
        )
        if not text.size:
            text = self.dwarf.start_of_text(
                unit, link.values.raw[MIPS_LINKAGE], link.values.form[MIPS_LINKAGE]
            )
        return text

    cdef uint32_t _new_readable(self, Span linkage) noexcept:
        linkage.size = strlen(<const char*>linkage.data)
        if not self.dwarf.spend(linkage.size):
            return NO_STRING
        return self.readable(linkage)

    # ---- names that wait for an answer

    cdef uint32_t _wait(self, Span linkage) noexcept nogil:
        cdef uint32_t question = self.apart.ask(linkage)
        return NO_STRING if question == NO_STRING else self._add_waiting(question, NO_STRING)

    cdef uint32_t _add_waiting(self, uint32_t question, uint32_t otherwise) noexcept nogil:
        cdef Waiting* waiting
        cdef uint32_t number = WAITING + <uint32_t>self.waiting.count
        if number >= NOT_ASKED or not reserve(
            &self.waiting, 1, sizeof(Waiting), &self.dwarf.memory
        ):
            return NO_STRING
        waiting = <Waiting*>self.waiting.items + self.waiting.count
        waiting.question, waiting.otherwise, waiting.latest = question, otherwise, 0
        self.waiting.count += 1
        return number

    cdef uint32_t _waiting(self, uint32_t number, uint32_t otherwise) noexcept nogil:
        """Return the number of the waiting name that is ``otherwise`` without an answer."""
        cdef Waiting* first = <Waiting*>self.waiting.items + (number - WAITING)
        cdef uint32_t added
        if otherwise == NO_STRING:
            return NO_STRING
        if first.otherwise == NO_STRING:
            first.otherwise = otherwise
        if first.otherwise == otherwise:
            return number
        if first.latest and (
            (<Waiting*>self.waiting.items)[first.latest - WAITING].otherwise == otherwise
        ):
            return first.latest
        added = self._add_waiting(first.question, otherwise)
        if added != NO_STRING:
            (<Waiting*>self.waiting.items + (number - WAITING)).latest = added
        return added

    cdef void settle(self) noexcept:
        """Give the waiting names their answers."""
        cdef Waiting* waiting = <Waiting*>self.waiting.items
        cdef Waiting* end = waiting + self.waiting.count
        cdef Span text
        if not self.apart.run():
            self.dwarf.damaged(b".debug_str", 0, b"no process or memory can be had for its C++ names")
        while waiting < end:
            text = self.apart.answer(waiting.question)
            waiting.name = waiting.otherwise if waiting.otherwise != NO_STRING else 0
            if text.size and <int64_t>(text.size // 16) <= self.dwarf.steps:
                self.dwarf.spend(text.size // 16)
                waiting.name = self.names.add_text(text)
            waiting += 1

    cdef uint32_t settled(self, uint32_t name) noexcept nogil:
        """Return the index of a name that was waiting."""
        name = (<Waiting*>self.waiting.items + (name - WAITING)).name
        return name if name != NO_STRING else 0

    # ---- one linkage name

    cdef bint _is_long(self, uint32_t name) noexcept:
        """Whether a name was cut off."""
        cdef Span text = self.names.get(name)
        return text.size >= LONGEST_NAME and (
            len(text.data[: text.size].decode("utf-8", "replace")) >= LONGEST_NAME
        )

    cdef uint32_t _plain(self, Span linkage) noexcept:
        """Return the index of a name that is not mangled."""
        from crashsym.demangle import readable  # many files need it for no name

        cdef bytes text = readable(
            linkage.data[: linkage.size].decode("utf-8", "replace"), keep_suffixes=self.keep_suffixes
        ).encode("utf-8", "replace")
        cdef Span span
        span.data, span.size = text, len(text)
        return self.names.add_text(span)

    cdef uint32_t readable(self, Span linkage) noexcept:
        """Return the index of the demangled name, or where it waits; 0 when it is not mangled."""
        cdef char* made
        cdef Span text
        cdef uint32_t name = 0
        cdef Readable found = demangle(
            linkage, &self.scratch, &self.dwarf.memory, &text, &made
        )
        if found == ASK:
            answer = self._demangled(linkage)
            if answer is not None:
                text.data, text.size = answer, len(answer)
                return self.names.add_text(text)
        elif found == RISKY:
            name = self._wait(linkage)
        elif found == MADE:
            if self.dwarf.spend(text.size // 16):
                name = self.names.add(text.data, text.size, True)
            else:
                name = NO_STRING
            free(made)
        return name

    cdef object _demangled(self, Span linkage):
        from crashsym.demangle import demangle

        name = demangle(
            linkage.data[: linkage.size].decode("utf-8", "replace"), keep_suffixes=self.keep_suffixes
        )
        return None if name is None else name.encode("utf-8", "replace")

    # ---- chains of entries that refer to each other

    cdef int _link(self, uint64_t place, Link* link) noexcept nogil:
        """Read the entry at a place: 1, 0 when no entry that we know is there, -1 when not yet."""
        cdef Unit* unit
        cdef int state
        cdef AbbrevTable* table
        cdef Abbrev* abbrev
        cdef Cursor c
        cdef const uint8_t* before
        if not self.dwarf.spend(1):
            return 0
        state = self.entries.holder(place, &link.unit)
        if state <= 0:
            return state
        unit = self.dwarf.unit(link.unit)
        table = self.dwarf.table_of(unit)
        if table == NULL:
            return 0
        c = self.dwarf.entry_cursor(unit, place & ((<uint64_t>1 << OFFSET_BITS) - 1))
        abbrev = abbrev_of(table, uleb(&c))
        if abbrev == NULL:
            return 0
        before = c.at
        take_entry(table, abbrev, unit.shape, &c, &link.values)
        if not self.dwarf.spend(<uint64_t>(c.at - before) // 256 + abbrev.ops // MANY):
            return 0
        link.place = place
        link.is_namespace = abbrev.kind == NAMESPACE
        return 1

    cdef uint64_t _next(self, Link* link) noexcept nogil:
        """Return the place that an entry refers to for its name, or NOWHERE."""
        cdef Unit* unit = self.dwarf.unit(link.unit)
        cdef uint64_t place
        cdef int slot
        for slot in range(ORIGIN, SIGNATURE + 1):
            if link.values.form[slot]:
                place = self.dwarf.reference(unit, link.values.raw[slot], link.values.form[slot])
                if place != NOWHERE:
                    return place
        return NOWHERE

    cdef int _chain(self, uint64_t place, Link* chain) noexcept nogil:
        """Read an entry and those that it refers to, one after the other; -1: not yet."""
        cdef int count = 0, found
        while place != NOWHERE and count < LONGEST_CHAIN:
            found = self._link(place, chain + count)
            if found < 0:
                return -1
            if found == 0:
                break
            place = self._next(chain + count)
            count += 1
            if place == LATER:
                return -1
        return count

    cdef Span _own_name(self, Link* chain, int count) noexcept nogil:
        cdef Span text
        cdef int i
        text.data, text.size = NULL, 0
        for i in range(count):
            text = self.dwarf.text(
                self.dwarf.unit(chain[i].unit), chain[i].values.raw[NAME], chain[i].values.form[NAME]
            )
            if text.size:
                break
        return text

    cdef uint32_t _qualified(self, Link* chain, int count) noexcept:
        """Join the names of the scopes and the name; 0 for the nameless."""
        cdef Link above[LONGEST_CHAIN]
        cdef Span parts[LONGEST_CHAIN + 1]
        cdef Span part
        cdef Unit* unit
        cdef uint64_t length, place
        cdef int used = 1, found, steps = 0
        cdef uint32_t parent
        cdef uint64_t holder
        if count == 0:
            return 0
        parts[0] = self._own_name(chain, count)
        if not parts[0].size:
            return 0
        length = parts[0].size
        parent, holder = self.entries.scope_of(chain[count - 1].place), chain[count - 1].unit
        while parent and length < LONGEST_NAME and steps < LONGEST_CHAIN:
            steps += 1
            unit = self.dwarf.unit(holder)
            place = (<uint64_t>unit.context << OFFSET_BITS) | (unit.offset + parent)
            found = self._chain(place, above)
            if found < 0:
                return DEFERRED
            if found == 0:
                break
            if above[0].is_namespace:
                part = self.dwarf.text(unit, above[0].values.raw[NAME], above[0].values.form[NAME])
                if not part.size:
                    part.data, part.size = <const uint8_t*>ANONYMOUS, strlen(ANONYMOUS)
                else:
                    part = self._own_name(above, found)
            else:
                part = self._own_name(above, found)
            if part.size:
                parts[used] = part
                used += 1
                length += part.size
            parent, holder = self.entries.scope_of(above[found - 1].place), above[found - 1].unit
        return _joined(self, parts, used, length)


cdef uint32_t _joined(Names self, Span* parts, int used, uint64_t length) noexcept:
    cdef bytes text
    cdef Span span
    cdef int i
    if not self.dwarf.spend(length // 16):
        return NO_STRING
    if used == 1 and length <= LONGEST_NAME:
        return self.names.add_text(parts[0])
    text = b"::".join([parts[i].data[: parts[i].size] for i in range(used - 1, -1, -1)])
    if len(text) > LONGEST_NAME:
        text = text.decode("utf-8", "replace")[:LONGEST_NAME].encode("utf-8")
    span.data, span.size = text, len(text)
    return self.names.add_text(span)
