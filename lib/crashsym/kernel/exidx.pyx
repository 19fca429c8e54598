# SPDX-License-Identifier: MIT
# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The exception index of Arm; the compiled form of `crashsym.cfi.exidx`.

An index has few distinct sequences of instructions: the reference executes each once.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport qsort

from crashsym.kernel.base cimport Cursor, Span, cursor_on, fixed, give_back, left, load, reserve
from crashsym.kernel.coderanges cimport cut_to_code
from crashsym.kernel.dwarf cimport span_of
from crashsym.kernel.frametable cimport MOST_DAMAGE, Item
from crashsym.kernel.ruletext cimport RuleText

from crashsym.errors import MalformedError

cdef enum:
    ENTRY = 8
    CANTUNWIND = 1
    REFUSES = -1  # it refuses to unwind
    NO_FORM = -2  # its rows cannot be written
    MOST_PROGRAMS = 1 << 16
    LONGEST_PROGRAM = 3 + 4 * 255  # bytes of instructions

cdef uint64_t SPACE = <uint64_t>1 << 32
cdef uint32_t HIGHEST_BIT = <uint32_t>1 << 31


cdef inline uint64_t prel31(uint32_t word, uint64_t place) noexcept nogil:
    """Return the address that the lower 31 bits of a word refer to."""
    cdef uint64_t distance = word & 0x7FFFFFFF
    if distance & 0x40000000:
        distance -= HIGHEST_BIT
    return (place + distance) & (SPACE - 1)


cdef object damage(str why):
    return MalformedError("cannot decode", why=why)


cdef uint64_t next_word(Cursor* c) except? 0xFFFFFFFF:
    if left(c) < 4:
        raise damage(f"4 bytes wanted, {left(c)} left")
    return fixed(c, 4)


cdef int _by_address(const void* a, const void* b) noexcept nogil:
    cdef IndexEntry* x = <IndexEntry*>a
    cdef IndexEntry* y = <IndexEntry*>b
    if x.address != y.address:
        return -1 if x.address < y.address else 1
    return -1 if x.order < y.order else 1


cdef class ExceptionIndex:
    """The index in a section of a file; ``damage`` is the list that damage goes to."""

    def __init__(self, elf_file, section, list damage, RuleText texts):
        self.elf_file, self.section = elf_file, section
        self.damage, self.texts = damage, texts
        self.big = not elf_file.little_endian
        self.keep, self.rules, self.known, self.programs = [], [], {}, {}

    def __dealloc__(self):
        give_back(&self.entries)
        give_back(&self.places)

    cdef bint _damaged(self, str where, str why) except -1:
        if len(self.damage) < MOST_DAMAGE:
            self.damage.append((where, why))
        return True

    cdef int read(self) except -1:
        """Add what the index describes to `items`."""
        cdef IndexEntry* entries
        cdef uint64_t i, end, limit
        self.name = self.section.name
        self.steps = 200_000 + 8 * <int64_t>self.section.size
        self._add_section(self.section)
        self._find_places()
        self._sort()
        entries = <IndexEntry*>self.entries.items
        for i in range(self.entries.count):
            end = entries[i + 1].address if i + 1 < self.entries.count else SPACE
            if entries[i].word == CANTUNWIND or entries[i].address == end:
                continue
            limit = end
            if not cut_to_code(self.code, entries[i].address, &limit):
                self._damaged(f"{self.name} entry for 0x{entries[i].address:x}", "no code lies there")
                continue
            found = self._text(entries + i)
            if isinstance(found, tuple):
                self._damaged(found[0], found[1])
            elif found != REFUSES:
                self._item(entries + i, limit, found)
        return 1

    cdef bint _add_section(self, section) except -1:
        cdef Span data
        cdef uint64_t i, address = section.address, count
        cdef uint32_t first
        cdef IndexEntry* entry
        try:
            buffer = self.elf_file.section_view(section.name)
        except MalformedError as error:
            return self._damaged(error.where, error.why)
        self.keep.append(buffer)
        data = span_of(buffer)
        count = data.size // ENTRY
        self.memory.limit += 8 * data.size
        if not reserve(&self.entries, count, sizeof(IndexEntry), self.memory):
            return self._damaged(section.name, "it is larger than the file may make it")
        for i in range(count):
            first = <uint32_t>load(data.data + ENTRY * i, 4, self.big)
            if first & HIGHEST_BIT:
                self._damaged(f"{section.name}+0x{ENTRY * i:x}", f"0x{first:x} is no relative address")
                continue
            entry = <IndexEntry*>self.entries.items + self.entries.count
            entry.address = prel31(first, address + ENTRY * i) & ~<uint64_t>1
            entry.place = address + ENTRY * i + 4
            entry.word = <uint32_t>load(data.data + ENTRY * i + 4, 4, self.big)
            entry.order = <uint32_t>self.entries.count
            self.entries.count += 1
        return True

    cdef bint _sort(self) except -1:
        cdef IndexEntry* entries = <IndexEntry*>self.entries.items
        cdef uint64_t i
        for i in range(1, self.entries.count):
            if entries[i].address < entries[i - 1].address:
                self._damaged(self.name, "its entries are not in ascending order")
                qsort(entries, self.entries.count, sizeof(IndexEntry), &_by_address)
                break
        return True

    cdef bint _item(self, IndexEntry* entry, uint64_t end, int64_t text) except -1:
        cdef Item* item
        if not reserve(self.items, 1, sizeof(Item), self.memory):
            return self._damaged(self.name, "it asks for more memory than the file may use")
        item = <Item*>self.items.items + self.items.count
        item.start, item.end = entry.address, end
        item.order, item.source, item.formed = <uint32_t>self.items.count, 2, text >= 0
        item.place = <uint64_t>text if text >= 0 else 0
        item.first, item.again = True, False
        self.items.count += 1
        return True

    # ---- instructions

    cdef object _text(self, IndexEntry* entry):
        """Return the number of the text of an entry, or what is damaged as (where, why).

        Entries with one word or table share it.
        """
        cdef bint inline = entry.word & HIGHEST_BIT != 0
        cdef uint64_t key = entry.word if inline else prel31(entry.word, entry.place)
        found = self.known.get(key + SPACE if inline else key)
        if found is None:
            if len(self.known) >= MOST_PROGRAMS:
                self.known.clear()
            where = f"{self.name} {'word' if inline else 'table at'} 0x{key:x}"
            try:
                found = self._decode(key, inline)
            except MalformedError as error:
                found = (where, error.why)
            self.known[key + SPACE if inline else key] = found
        return found

    cdef object _decode(self, uint64_t key, bint inline):
        cdef bytes program = self._inline(key) if inline else self._table(key)
        self.steps -= len(program)
        if self.steps < 0:
            raise damage("its references ask for work out of proportion to its size")
        found = self.programs.get(program)
        if found is None:
            found = self._execute(program)
            if len(self.programs) < MOST_PROGRAMS:
                self.programs[program] = found
        return found

    cdef object _execute(self, bytes program):
        """Return the number of the text of instructions."""
        from crashsym.breakpad.rules import RuleWriter  # on Arm alone
        from crashsym.cfi.ehabi import execute
        from crashsym.cfi.model import CfiEntry, CfiRow
        from crashsym.reader import Reader

        unwound = execute(Reader(program, little_endian=True))
        if unwound is None:
            return REFUSES
        writer = RuleWriter(self.texts.registers, 0, little_endian=not self.big)
        row = CfiRow(0, unwound.cfa, unwound.registers)
        records = writer.records(CfiEntry(0, 1, unwound.return_column, (row,)))
        if not records:
            return NO_FORM
        rules = records[0].rules.encode()
        self.memory.used += len(rules)
        if self.memory.used > self.memory.limit:
            raise damage("it asks for more memory than a file of its size may use")
        self.rules.append(rules)
        return len(self.rules) - 1

    cdef bytes _inline(self, uint64_t word):
        """Return the instructions in the index itself: routine 0, and no other."""
        cdef unsigned int routine = (word >> 24) & 0x7F
        if routine != 0:
            raise damage(f"personality routine {routine} has no inline form")
        return bytes([(word >> 16) & 255, (word >> 8) & 255, word & 255])

    cdef bytes _table(self, uint64_t address):
        """Return the instructions in an entry of .ARM.extab."""
        cdef char program[LONGEST_PROGRAM]
        cdef Cursor c
        cdef uint64_t word, count = 0, size = 0
        cdef unsigned int routine
        cdef int i, first = 1
        self._seek(address, &c)
        word = next_word(&c)
        if not word & HIGHEST_BIT:
            word = next_word(&c)
            count = word >> 24
        else:
            routine = (word >> 24) & 0x7F
            if routine > 2:
                raise damage(f"personality routine {routine} is not defined")
            if routine:
                count, first = (word >> 16) & 255, 2
        while True:
            for i in range(first, 4):
                program[size] = <char>((word >> (24 - 8 * i)) & 255)
                size += 1
            if not count:
                return program[:size]
            word = next_word(&c)
            count -= 1
            first = 0

    # ---- sections

    cdef bint _find_places(self) except -1:
        """Find the sections that tables may lie in, by address; the first of each name."""
        cdef Place* place
        found = {}
        for section in self.elf_file.sections:
            if section.has_bytes and section.address and section.type == "SHT_PROGBITS":
                found.setdefault(section.name, section)
        ordered = sorted(found.values(), key=lambda section: section.address)
        if not reserve(&self.places, len(ordered), sizeof(Place), self.memory):
            raise MemoryError
        for section in ordered:
            place = <Place*>self.places.items + self.places.count
            place.address, place.size = section.address, section.size
            place.bytes.data, place.bytes.size = NULL, 0
            self.places.count += 1
        self.place_names = [section.name for section in ordered]
        return True

    cdef bint _seek(self, uint64_t address, Cursor* c) except -1:
        """Give a cursor from an address to the end of its section."""
        cdef Place* places = <Place*>self.places.items
        cdef uint64_t number = 0, high = self.places.count, middle
        while number < high:
            middle = (number + high) // 2
            if places[middle].address <= address:
                number = middle + 1
            else:
                high = middle
        if not number or address - places[number - 1].address >= places[number - 1].size:
            raise damage("no section has these bytes")
        if places[number - 1].bytes.data == NULL:
            buffer = self.elf_file.section_view(self.place_names[number - 1])
            self.keep.append(buffer)
            places[number - 1].bytes = span_of(buffer)
        c[0] = cursor_on(places[number - 1].bytes, address - places[number - 1].address, self.big)
        return True
