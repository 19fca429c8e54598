# SPDX-License-Identifier: MIT
# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""``.eh_frame`` and ``.debug_frame``; the compiled form of `crashsym.cfi.tables` and `pointers`.

Each FDE is executed twice: `scan` finds out which code it describes and whether its rows have a
form in a symbol file, and `write` writes them, once it is known which entry has which code. So no
row is kept.
"""

from libc.stdint cimport UINT64_MAX, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

from crashsym.kernel.base cimport (
    Array, Cursor, Span, cstring, cursor_on, fail, fixed, give_back, left, offset_of, reserve,
    signed_fixed, skip, sub, u8, uleb,
)
from crashsym.kernel.coderanges cimport cut_to_code
from crashsym.kernel.dwarf cimport span_of
from crashsym.kernel.frames cimport (
    NO_RULE, WORDS, Cie, Interpreter, Rule, leb, lowest, number,
)
from crashsym.kernel.ruletext cimport RuleText

from crashsym.cfi.pointers import pointers_of

cdef enum:
    OMIT = 0xFF
    INDIRECT = 0x80
    PCREL = 1
    ALIGNED = 5
WINDOW_MACHINES = ("EM_SPARC", "EM_SPARC32PLUS", "EM_SPARCV9")


cdef class FrameTable(Interpreter):
    """One of the two sections of a file; ``damage`` is the list that damage goes to."""

    def __init__(self, elf_file, str name, list damage, RuleText texts):
        self.buffer = elf_file.section_view(name)
        self.section = span_of(self.buffer)
        pointers = pointers_of(elf_file, name)
        self.address = pointers.place
        self.address_size = pointers.address_size
        for application, base in pointers.bases.items():
            self.bases[application >> 4], self.has_base[application >> 4] = base, True
        self.has_windows = elf_file.machine in WINDOW_MACHINES
        self.big = not elf_file.little_endian
        self.name, self.eh = name, name == ".eh_frame"
        self.damage, self.texts = damage, texts
        self.numbers = {}
        self.current = UINT64_MAX
        self.steps = 200_000 + 8 * <int64_t>self.section.size

    def __dealloc__(self):
        give_back(&self.cies)
        give_back(&self.cie_rules)

    cdef bint _damaged(self, uint64_t offset) except False:
        if len(self.damage) < MOST_DAMAGE:
            why = self.why.decode() if self.why != NULL else "it runs past its end"
            self.damage.append((f"{self.name}+0x{offset:x}", why))
        self.why = NULL
        return True

    # ---- entries

    cdef Cursor _body(self, Cursor* c, unsigned int* offset_size) noexcept nogil:
        """Read a length, and return a cursor over as many bytes (DWARF 5 section 7.4)."""
        cdef uint64_t length = fixed(c, 4)
        offset_size[0] = 4
        if length == <uint64_t>0xFFFFFFFF:
            offset_size[0] = 8
            length = fixed(c, 8)
        elif length >= <uint64_t>0xFFFFFFF0:
            fail(c)
        return sub(c, length)

    cdef int scan(self) except -1:
        """Add what all FDEs describe to `items`; what cannot be decoded goes to `damage`."""
        cdef Cursor c = cursor_on(self.section, 0, self.big), body
        cdef uint64_t offset
        cdef unsigned int offset_size
        cdef int good
        while left(&c) >= 4:
            offset = offset_of(&c)
            body = self._body(&c, &offset_size)
            if c.failed:  # where the next entry begins is not known
                return self._damaged(offset)
            if body.at == body.end:  # the terminator, of which ld leaves one in the middle
                continue
            good = self._entry(offset, &body, offset_size)
            if not good or body.failed:
                self._damaged(offset)
        return 1

    cdef int _entry(self, uint64_t offset, Cursor* body, unsigned int offset_size) except -1:
        cdef uint64_t at = offset_of(body)
        cdef uint64_t pointer = fixed(body, 4 if self.eh else offset_size)
        if body.failed:
            return 0
        self.place, self.length = offset, left(body)
        if self.eh:
            if not pointer:
                return 1
            return pointer <= at and self._fde(body, at - pointer)
        if pointer == UINT64_MAX >> (64 - 8 * offset_size):
            return 1
        return self._fde(body, pointer)

    cdef int _fde(self, Cursor* body, uint64_t cie) except -1:
        """Execute an FDE from behind its pointer to the CIE."""
        cdef uint64_t address, size
        cdef bint fits
        if not self._find_cie(cie):
            return 0
        if not self.pointer(body, self.cie.encoding, self.cie.address_size, &address):
            return 0
        if not self._value(body, self.cie.encoding & 7, self.cie.address_size, &size, &fits):
            return 0
        if self.cie.augmented:
            skip(body, uleb(body))
        if body.failed:
            return 0
        if not self.paid:
            self.start = address
            self.end = address + size if fits and address + size >= address else UINT64_MAX
            if not cut_to_code(self.code, self.start, &self.end) or self.start >= self.end:
                return 1
        self.location = address
        self.open = -1
        self.made = False
        self.kept.count = self.rules.count = 0
        self.begin()
        if self.run(body) and not body.failed:
            return self.finish()
        return 0

    # ---- rows

    cdef int row(self, uint64_t start, uint64_t end) except -1:
        if start < self.start:
            start = self.start
        if end > self.end:
            end = self.end
        if start >= end or self.items == NULL:
            return 1
        if not self.paid:
            return self._add(start, end)
        if self.has_last:
            self.texts.change(&self.last, &self.state, self.changed, self.cie.return_column, start)
        else:
            self.texts.begin(&self.state, self.cie.return_column, self.start, self.end)
        self.keep()
        return 1

    cdef int _add(self, uint64_t start, uint64_t end) except -1:
        """Add a row to the last item, or begin another."""
        cdef Item* item
        cdef bint formed
        if self.state.cfa.kind == NO_RULE:
            self.open = -1
            return 1
        formed = self.texts.has_form(&self.state, self.cie.return_column)
        if self.open >= 0:
            item = <Item*>self.items.items + self.open
            if item.formed == formed:
                item.end = end
                return 1
        if self.made:  # the FDE is executed again for each
            self.steps -= <int64_t>self.length
        if self.steps < 0 or not reserve(self.items, 1, sizeof(Item), self.memory):
            self.why = b"it asks for more work or memory than a file of its size may use"
            return 0
        self.made = True
        self.open = <int64_t>self.items.count
        item = <Item*>self.items.items + self.open
        item.start, item.end, item.place = start, end, self.place
        item.order, item.source, item.formed = <uint32_t>self.open, self.source, formed
        item.first, item.again = True, False
        self.items.count += 1
        return 1

    cdef bint charge(self, Item* item) except -1:
        """Pay for the execution of an FDE of which another item has been made."""
        cdef Cursor c = cursor_on(self.section, item.place, self.big)
        cdef unsigned int offset_size
        cdef Cursor body = self._body(&c, &offset_size)
        self.steps -= <int64_t>left(&body)
        if self.steps < 0:
            self.why = b"its overlaps ask for work out of proportion to its size"
            self._damaged(item.place)
        return self.steps >= 0

    cdef int write(self, Item* item) except -1:
        """Write the records of an item: execute its FDE again."""
        cdef Cursor c = cursor_on(self.section, item.place, self.big)
        cdef unsigned int offset_size
        cdef Cursor body = self._body(&c, &offset_size)
        self.paid = True
        self.start, self.end, self.stop = item.start, item.end, item.end
        self._entry(item.place, &body, offset_size)
        return 1

    # ---- CIEs

    cdef bint _find_cie(self, uint64_t offset) except -1:
        """Make the CIE at an offset the current one; False if it is damaged."""
        cdef Cie cie
        if offset == self.current:
            return self._is_good()
        self.current = offset
        found = self.numbers.get(offset)
        if found is None:
            memset(&cie, 0, sizeof(Cie))
            cie.good = self._read_cie(offset, &cie)
            if not self._store(&cie):
                self.current, self.cie = UINT64_MAX, NULL
                self.why = b"it asks for more memory than a file of its size may use"
                return False
            found = self.numbers[offset] = self.cies.count - 1
        self.cie = <Cie*>self.cies.items + <uint64_t>found
        self._load(self.cie)
        return self._is_good()

    cdef bint _is_good(self) noexcept:
        if not self.cie.good:
            self.why = b"its CIE is damaged"
        return self.cie.good

    cdef bint _store(self, Cie* cie) noexcept:
        """Keep a CIE and the rules in `state`, which its instructions have set."""
        cdef uint64_t word
        cdef int i
        if not reserve(&self.cies, 1, sizeof(Cie), self.memory) or not reserve(
            &self.cie_rules, self.state.count, sizeof(Rule), self.memory
        ):
            return False
        if cie.good:
            cie.cfa, cie.first_rule = self.state.cfa, self.cie_rules.count
            memcpy(cie.used, self.state.used, sizeof(cie.used))
        for i in range(WORDS):
            word = cie.used[i]
            while word:
                (<Rule*>self.cie_rules.items)[self.cie_rules.count] = (
                    self.state.rules[64 * i + lowest(word)]
                )
                self.cie_rules.count += 1
                word &= word - 1
        (<Cie*>self.cies.items)[self.cies.count] = cie[0]
        self.cies.count += 1
        return True

    cdef void _load(self, Cie* cie) noexcept:
        """Make the rules of a CIE those that FDEs begin with."""
        cdef Rule* rule = <Rule*>self.cie_rules.items + cie.first_rule
        cdef uint64_t word
        cdef int i
        self.initial.cfa, self.initial.count = cie.cfa, 0
        for i in range(WORDS):
            word = self.initial.used[i] = cie.used[i]
            while word:
                self.initial.rules[64 * i + lowest(word)] = rule[0]
                self.initial.count += 1
                rule += 1
                word &= word - 1

    cdef bint _read_cie(self, uint64_t offset, Cie* cie) except -1:
        """Read a CIE and execute its instructions; `state` is the result."""
        cdef Cursor c = cursor_on(self.section, offset, self.big), body
        cdef unsigned int offset_size
        cdef uint64_t mark, version
        cdef Span letters
        memset(&self.state.used, 0, sizeof(self.state.used))
        self.state.count, self.state.cfa.kind = 0, NO_RULE
        body = self._body(&c, &offset_size)
        if c.failed:
            return False
        self.steps -= <int64_t>left(&body)
        mark = fixed(&body, 4 if self.eh else offset_size)
        version = u8(&body)
        letters = cstring(&body)
        if self.steps < 0 or body.failed or version not in (1, 3, 4) or (
            mark != (0 if self.eh else UINT64_MAX >> (64 - 8 * offset_size))
        ):
            return False
        cie.address_size = <uint8_t>self.address_size
        if version == 4:
            cie.address_size = <uint8_t>u8(&body)
            if cie.address_size not in (4, 8) or u8(&body):
                return False
        if letters.size == 2 and memcmp(letters.data, b"eh", 2) == 0:
            skip(&body, cie.address_size)
        cie.code_factor = uleb(&body)
        cie.data_factor = number(&body, True)
        cie.return_column = u8(&body) if version == 1 else uleb(&body)
        if body.failed or not self._augmentation(letters, &body, cie):
            return False
        return self._execute(&body, cie)

    cdef bint _execute(self, Cursor* body, Cie* cie) except -1:
        """Execute the instructions of a CIE."""
        cdef Array* items = self.items
        cdef bint good
        self.cie = cie
        memset(&self.initial.used, 0, sizeof(self.initial.used))
        self.location = 0
        self.has_last = False
        self.kept.count = self.rules.count = 0
        self.items = NULL  # no row is kept
        good = self.run(body) == 1 and not body.failed
        self.items = items
        return good

    cdef bint _augmentation(self, Span letters, Cursor* body, Cie* cie) noexcept:
        """Read the pointer encoding of the FDEs. Source: LSB 5.0 "CIE Augmentations"."""
        cdef Cursor data
        cdef uint64_t i
        cdef uint8_t letter
        cie.augmented = letters.size > 0 and letters.data[0] == b"z"
        if not cie.augmented:
            for i in range(letters.size):
                if letters.data[i] not in (b"S", b"B", b"G"):
                    return (letters.size == 2 and memcmp(letters.data, b"eh", 2) == 0) or (
                        letters.size == 6 and memcmp(letters.data, b"armcc+", 6) == 0
                    )
            return True
        data = sub(body, uleb(body))
        for i in range(1, letters.size):
            letter = letters.data[i]
            if letter == b"R":
                cie.encoding = <uint8_t>u8(&data)
            elif letter == b"L":
                u8(&data)
            elif letter == b"P":
                if not self._skip_pointer(&data, u8(&data), cie.address_size):
                    return False
            elif letter not in (b"S", b"B", b"G"):
                break
        return not data.failed and not body.failed

    # ---- pointers

    cdef bint _skip_pointer(self, Cursor* c, uint64_t encoding, unsigned int size) noexcept:
        cdef uint64_t ignored
        cdef bint fits
        if encoding == OMIT:
            return True
        if (encoding >> 4) & 7 == ALIGNED:
            skip(c, (0 - (self.address + offset_of(c))) % size)
        return self._value(c, encoding, size, &ignored, &fits)

    cdef bint pointer(
        self, Cursor* c, uint64_t encoding, unsigned int size, uint64_t* value
    ) noexcept:
        """Read a pointer, see `crashsym.cfi.pointers.Pointers.read`."""
        cdef uint64_t application = (encoding >> 4) & 7, base = 0
        cdef bint fits
        if encoding & INDIRECT:  # or omitted
            self.why = b"a pointer is indirect or omitted"
            return False
        if application == PCREL:
            base = self.address + offset_of(c)
        elif application == ALIGNED:
            skip(c, (0 - (self.address + offset_of(c))) % size)
        elif application:
            if not self.has_base[application]:
                self.why = b"the encoding of a pointer is not supported"
                return False
            base = self.bases[application]
        if not self._value(c, encoding, size, value, &fits):
            return False
        value[0] = (value[0] + base) & (UINT64_MAX >> (64 - 8 * size))
        return True

    cdef bint _value(
        self, Cursor* c, uint64_t encoding, unsigned int size, uint64_t* value, bint* fits
    ) noexcept:
        """Read the number alone; ``fits``: it is no more than 64 bits."""
        cdef unsigned int form = encoding & 15
        fits[0] = True
        if form == 0x01 or form == 0x09:
            value[0] = leb(c, form == 0x09, fits)
        elif form == 0x00 or form == 0x08 or 0x02 <= (form & 7) <= 0x04:
            if form & 7:
                size = 1 << ((form & 7) - 1)
            value[0] = <uint64_t>signed_fixed(c, size) if form & 8 else fixed(c, size)
        else:
            self.why = b"the format of a pointer is unknown"
            return False
        return not c.failed
