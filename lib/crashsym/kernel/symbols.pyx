# SPDX-License-Identifier: MIT
# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""PUBLIC records; the compiled form of `crashsym.engines.reference.ReferenceEngine.publics`."""

from cython cimport final
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, qsort
from libc.string cimport memchr, memcmp, memset

from crashsym.kernel.apart cimport Apart
from crashsym.kernel.base cimport Array, Memory, Span, give_back, load, release, reserve
from crashsym.kernel.coderanges cimport add_ranges, cut_to_code
from crashsym.kernel.demangling cimport ASK, MADE, RISKY, Readable, demangle, without_suffixes
from crashsym.kernel.dwarf cimport span_of
from crashsym.kernel.pieces cimport Pieces
from crashsym.kernel.strings cimport NO_STRING
from crashsym.kernel.text cimport Text, put_bytes, put_char, put_hex, make_room

import io

from crashsym.errors import MalformedError

cdef enum:
    WIDE = 24  # the size of an Elf64_Sym in bytes
    NARROW = 16
    SYMBOL_RECORD = 64  # bytes of a record without its name
    FEW_SYMBOLS = 32  # symbols at one address that are sorted by insertion
    READ = 0
    RECORD_NAMES = 1
    MARK = 2
    DROP = 3

TOO_MANY = "they need more memory than the file may use"
WHY = "its references ask for work out of proportion to its size"


cdef struct Symbol:
    uint64_t address
    const uint8_t* name
    uint64_t size  # of the name
    uint64_t rank


cdef struct ShownName:  # one that can be read; `made` is to be freed
    Span text
    char* made


cdef inline int compare(Symbol* a, Symbol* b) noexcept nogil:
    """Compare by rank and name, in the order of Unicode, which is that of UTF-8."""
    cdef uint64_t size = a.size if a.size < b.size else b.size
    cdef int found
    if a.rank != b.rank:
        return -1 if a.rank < b.rank else 1
    found = memcmp(a.name, b.name, size)
    if found or a.size == b.size:
        return found
    return -1 if a.size < b.size else 1


cdef int _by_name(const void* a, const void* b) noexcept nogil:
    return compare(<Symbol*>a, <Symbol*>b)


cdef Span _bare(Symbol* symbol, bint keep_suffixes) noexcept nogil:
    """Return the name; "@@VERSION", which some linkers keep, is not part of it."""
    cdef const uint8_t* at = <const uint8_t*>memchr(symbol.name, b"@", symbol.size)
    cdef Span name
    name.data, name.size = symbol.name, symbol.size
    if at != NULL and at != symbol.name:
        name.size = <uint64_t>(at - symbol.name)
    return name if keep_suffixes else without_suffixes(name)


@final
cdef class Publics:
    """The PUBLIC records of symbols that no function covers; see `crashsym.engines.Part`."""

    cdef Memory memory
    cdef int64_t steps[3]  # left, see crashsym.budget: to read names, to record, to mark
    cdef Array code
    cdef Array symbols
    cdef Array scratch
    cdef Array other_scratch
    cdef Array asking_scratch
    cdef uint64_t current  # the first symbol of the address that is worked on
    cdef object functions
    cdef Pieces pieces  # the same, where they are those of the kernel
    cdef list keep
    cdef bytes made  # the last name that is no part of a table
    cdef Apart apart
    cdef bint has_asked
    cdef bint keep_suffixes
    cdef uint64_t load_base
    cdef Text text
    cdef object records
    cdef readonly uint64_t count
    cdef readonly list damage

    def __init__(self, elf_file, bint keep_suffixes):
        cdef int i
        self.damage, self.keep = [], []
        self.keep_suffixes, self.load_base = keep_suffixes, elf_file.load_base
        for i in range(3):
            self.steps[i] = 200_000 + 8 * <int64_t>elf_file.size
        self.memory.limit = (<uint64_t>20 << 20) + 8 * <uint64_t>elf_file.size
        self.apart = Apart()
        self.apart.memory = &self.memory
        self.records = io.BytesIO()
        self.text = Text(self.records)
        add_ranges(&self.code, elf_file.executable_ranges, &self.memory)

    def __dealloc__(self):
        give_back(&self.code)
        give_back(&self.symbols)
        give_back(&self.scratch)
        give_back(&self.other_scratch)
        give_back(&self.asking_scratch)

    cdef bint _spend(self, int purpose, uint64_t steps) noexcept nogil:
        self.steps[purpose] -= <int64_t>(steps if steps < 0x7FFFFFFF else 0x7FFFFFFF)
        return self.steps[purpose] >= 0

    # ---- symbols

    cdef bint _read(self, table, bint wide, bint big, uint64_t mask) except False:
        """Add the function symbols of a table, see `crashsym.elfsymbols.read_function_symbols`."""
        cdef Span entries = span_of(table.entries), names = span_of(table.names), name
        cdef const uint8_t* at = entries.data
        cdef unsigned int step = WIDE if wide else NARROW, info
        cdef uint64_t left = entries.size // step, address
        self.keep += [table.entries, table.names]
        while left:
            left -= 1
            info = at[4 if wide else 12]
            if (info & 15 == 2 or info & 15 == 10) and load(at + (6 if wide else 14), 2, big):
                name = self._name_at(names, load(at, 4, big))
                if not self._spend(READ, name.size):
                    raise MalformedError("cannot decode", where=table.where, why=WHY)
                address = load(at + 8, 8, big) if wide else load(at + 4, 4, big)
                if name.size:
                    self._add(address & mask, info >> 4, name)
            at += step
        return True

    cdef Span _name_at(self, Span names, uint64_t offset) noexcept nogil:
        cdef Span found
        cdef const uint8_t* stop
        found.data, found.size = names.data, 0
        if offset < names.size:
            found.data = names.data + offset
            stop = <const uint8_t*>memchr(found.data, 0, names.size - offset)
            found.size = names.size - offset if stop == NULL else <uint64_t>(stop - found.data)
        return found

    cdef bint _add(self, uint64_t address, unsigned int binding, Span name) except False:
        cdef Symbol* symbol
        cdef uint64_t i
        cdef bytes clean
        for i in range(name.size):
            if name.data[i] >= 0x80:
                self.memory.used += 6 * name.size  # of the copy, up to 3 bytes for one, and its making
                if self.memory.used > self.memory.limit:
                    raise MalformedError("cannot decode", where="symbols", why=TOO_MANY)
                clean = name.data[: name.size].decode("utf-8", "replace").encode()
                self.keep.append(clean)
                name = span_of(clean)
                break
        if not reserve(&self.symbols, 1, sizeof(Symbol), &self.memory):
            raise MalformedError("cannot decode", where="symbols", why=TOO_MANY)
        symbol = <Symbol*>self.symbols.items + self.symbols.count
        symbol.address, symbol.name, symbol.size = address, name.data, name.size
        symbol.rank = 0 if binding == 1 else 1 if binding == 2 else 2
        self.symbols.count += 1
        return True

    cdef bint _sort(self) except False:
        """Sort by address: a radix sort, a byte at a time, of the bytes that differ."""
        cdef Array other
        cdef Symbol* source
        cdef Symbol* target
        cdef uint64_t counts[256]
        cdef uint64_t i, sum_, varying = 0, count = self.symbols.count
        cdef unsigned int shift = 0, digit
        memset(&other, 0, sizeof(Array))
        source = <Symbol*>self.symbols.items
        for i in range(1, count):
            varying |= source[i].address ^ source[0].address
        if not varying:
            return True
        if not reserve(&other, count, sizeof(Symbol), &self.memory):
            raise MalformedError("cannot decode", where="symbols", why=TOO_MANY)
        while shift < 64 and varying >> shift:
            if (varying >> shift) & 255:
                source, target = <Symbol*>self.symbols.items, <Symbol*>other.items
                memset(counts, 0, sizeof(counts))
                for i in range(count):
                    counts[(source[i].address >> shift) & 255] += 1
                sum_ = 0
                for digit in range(256):
                    sum_ += counts[digit]
                    counts[digit] = sum_ - counts[digit]
                for i in range(count):
                    digit = (source[i].address >> shift) & 255
                    target[counts[digit]] = source[i]
                    counts[digit] += 1
                other.count = count
                self.symbols, other = other, self.symbols
            shift += 8
        release(&other, sizeof(Symbol), &self.memory)
        return True

    # ---- records

    cdef bint _each(self, functions) except False:
        """Write one record for each address that no function covers, and mark functions."""
        cdef Symbol* symbols = <Symbol*>self.symbols.items
        cdef uint64_t first = 0, count
        cdef int purpose
        self.functions = functions
        self.pieces = functions if isinstance(functions, Pieces) else None
        while first < self.symbols.count:
            count = self._same(first)
            purpose = self._purpose(symbols + first, count)
            self.current = first
            if purpose != DROP and self._names(symbols + first, count, purpose):
                if purpose == MARK:
                    self.functions.mark(symbols[first].address)
            first += count
        self.text.flush()
        self.functions = self.pieces = None
        release(&self.symbols, sizeof(Symbol), &self.memory)
        self.keep = []
        return True

    cdef uint64_t _same(self, uint64_t first) noexcept nogil:
        """Return how many symbols have the address of the one that is given."""
        cdef Symbol* symbols = <Symbol*>self.symbols.items
        cdef uint64_t end = first + 1
        while end < self.symbols.count and symbols[end].address == symbols[first].address:
            end += 1
        return end - first

    cdef int _purpose(self, Symbol* symbols, uint64_t count) except -1:
        """Return what the names of an address are wanted for."""
        cdef uint64_t end = symbols.address
        cdef bint is_covered
        if self.pieces is not None:
            is_covered = self.pieces._covers(symbols.address)
        else:
            is_covered = self.functions.functions and self.functions.covers(symbols.address)
        if is_covered:
            return MARK if count > 1 else DROP
        return RECORD_NAMES if cut_to_code(&self.code, end, &end) else DROP

    # ---- names that are asked for in a process of its own, all at once

    cdef bint _ask(self) except False:
        """Ask for all such names, from the current symbol on, that will be wanted."""
        cdef Symbol* symbols = <Symbol*>self.symbols.items
        cdef uint64_t first = self.current, count, i
        self.has_asked = True
        while first < self.symbols.count:
            count = self._same(first)
            if self._purpose(symbols + first, count) != DROP:
                for i in range(first, first + count):
                    self._ask_if_risky(_bare(symbols + i, self.keep_suffixes))
            first += count
        if not self.apart.run():
            self.damage.append(("names of symbols", "no process or memory can be had for those of C++"))
        return True

    cdef bint _ask_if_risky(self, Span name) except False:
        cdef Span text
        cdef char* made
        cdef Readable found
        if self._is_plain(name):
            return True
        found = demangle(name, &self.asking_scratch, &self.memory, &text, &made)
        free(made)
        if found == RISKY:
            self.apart.ask(name)
        return True

    cdef bint _names(self, Symbol* symbols, uint64_t count, int purpose) except -1:
        """Write the record of an address, if that is wanted; return whether its names differ."""
        cdef ShownName name, other
        cdef uint64_t i, length
        cdef bint multiple = False
        cdef bytes _first
        if self.steps[purpose] < 0:
            return False
        if count > 1:
            self._order(symbols, count)
            if purpose == MARK and compare(symbols, symbols + count - 1) == 0:
                return False
        self._readable(symbols, &name, &self.scratch)
        _first = self.made  # as long as `name` is in use
        length = name.text.size
        for i in range(1, count):
            if compare(symbols + i - 1, symbols + i) == 0:
                continue
            self._readable(symbols + i, &other, &self.other_scratch)
            length += other.text.size
            if other.text.size != name.text.size or memcmp(
                other.text.data, name.text.data, name.text.size
            ):
                multiple = True
            free(other.made)
        if not self._spend(purpose, length):
            self.damage.append(("names of symbols", WHY))
            multiple = False
        elif purpose == RECORD_NAMES:
            self._write(symbols.address, name.text, multiple)
        free(name.made)
        return multiple

    cdef bint _order(self, Symbol* symbols, uint64_t count) except False:
        """Sort the symbols of one address by rank and name."""
        cdef uint64_t i, j
        cdef Symbol moved
        if count > FEW_SYMBOLS:
            qsort(symbols, count, sizeof(Symbol), &_by_name)
            return True
        for i in range(1, count):
            moved = symbols[i]
            j = i
            while j and compare(&moved, symbols + j - 1) < 0:
                symbols[j] = symbols[j - 1]
                j -= 1
            symbols[j] = moved
        return True

    cdef bint _write(self, uint64_t address, Span name, bint multiple) except False:
        make_room(self.text, SYMBOL_RECORD)
        put_bytes(self.text, b"PUBLIC ", 7)
        if multiple:
            put_bytes(self.text, b"m ", 2)
        put_hex(self.text, address - self.load_base)
        put_bytes(self.text, b" 0 ", 3)
        self.text.span(name)
        make_room(self.text, 1)
        put_char(self.text, b"\n")
        self.count += 1
        return True

    cdef bint _readable(self, Symbol* symbol, ShownName* name, Array* scratch) except False:
        """Give the readable name."""
        cdef bytes text
        cdef Span readable_text
        cdef Readable found
        cdef uint32_t number
        name.text, name.made = _bare(symbol, self.keep_suffixes), NULL
        if self._is_plain(name.text):
            return True
        found = demangle(name.text, scratch, &self.memory, &readable_text, &name.made)
        if found == RISKY:
            if not self.has_asked:
                self._ask()
            number = self.apart.ask(name.text)
            if number != NO_STRING:
                readable_text = self.apart.answer(number)
                if readable_text.size:
                    found = MADE
        if found == MADE:
            name.text = readable_text
        elif found == ASK:
            from crashsym.demangle import readable

            text = readable(
                name.text.data[: name.text.size].decode("utf-8", "replace"),
                keep_suffixes=self.keep_suffixes,
            ).encode("utf-8", "replace")
            self.made = text
            name.text = span_of(text)
        return True

    cdef bint _is_plain(self, Span name) noexcept nogil:
        """Whether a name is readable as it is: not mangled, without a suffix."""
        if name.size > 1 and name.data[0] == b"_" and name.data[1] in (b"Z", b"R", b"D"):
            return False
        return memchr(name.data, b".", name.size) == NULL

    def write(self, stream):
        """Write the records to a binary stream."""
        stream.write(self.records.getbuffer())


def read_publics(pair, functions, *, bint isa_bit, bint keep_suffixes):
    """Read the symbols that no function covers, see `crashsym.engines.Engine.publics`."""
    elf_file = pair.elf_file
    cdef Publics publics = Publics(elf_file, keep_suffixes)
    cdef uint64_t mask = ~<uint64_t>isa_bit
    damage = publics.damage
    for table in pair.symbol_tables(lambda error: damage.append((error.where, error.why))):
        publics._read(table, elf_file.bits == 64, not elf_file.little_endian, mask)
    publics._sort()
    publics._each(functions)
    return publics
