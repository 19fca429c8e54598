# SPDX-License-Identifier: MIT
# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Functions, lines and inlines as records; the compiled form of `crashsym.dump` and `codemap`."""

from cython cimport final
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from crashsym.kernel.base cimport Array, Span, give_back, reserve
from crashsym.kernel.bodies cimport Bodies, Body, Claim
from crashsym.kernel.dwarf cimport Dwarf
from crashsym.kernel.inlines cimport Inline, after, unpack, unpack_call, unpack_distance
from crashsym.kernel.lines cimport Lines
from crashsym.kernel.linetables cimport NO_FILE, NO_TABLE, Row, Sequence, Table
from crashsym.kernel.names cimport Names
from crashsym.kernel.pieces cimport Pieces
from crashsym.kernel.strings cimport NO_STRING, Entry, Strings
from crashsym.kernel.text cimport (
    Text, bytes_at, char_at, decimal_at, end_at, end_of, hex_at, make_room, place_for, put_bytes,
    put_char, put_decimal, put_hex,
)
from crashsym.kernel.units cimport Units

from crashsym.dwarf.sections import read_sections

cdef enum:
    LINE_RECORD = 128  # bytes that a record without names can have at most
    LONG = 1 << 16


cdef struct Line:
    uint64_t start
    uint64_t end
    uint32_t line
    uint32_t file


cdef inline char* line_at(char* at, Line* line, uint64_t load_base, Entry* files) noexcept nogil:
    at = char_at(hex_at(at, line.start - load_base), b" ")
    at = char_at(hex_at(at, line.end - line.start), b" ")
    at = char_at(decimal_at(at, line.line), b" ")
    return char_at(decimal_at(at, files[line.file].number), b"\n")


class Nowhere:
    """A stream for those who only want to know how much is written."""

    def write(self, data):
        """Do nothing."""


@final
cdef class Functions(Pieces):
    """The functions of a module in ascending order without overlap.

    ``functions``, ``lines`` and ``inlines`` count the records, ``function_bytes`` and
    ``line_bytes`` the code that they cover.
    """

    cdef Lines line_tables
    cdef Names names
    cdef uint64_t load_base
    cdef readonly uint64_t functions
    cdef readonly uint64_t inlines
    cdef readonly uint64_t function_bytes
    cdef readonly bint has_lines
    cdef uint64_t line_count
    cdef uint64_t lined_bytes
    cdef bint is_counted
    cdef Array files
    cdef Array origins
    cdef Text text

    def __init__(self, Dwarf dwarf, Bodies bodies, Names names, uint64_t load_base):
        self.dwarf = dwarf
        self.bodies = bodies
        self.names = names
        self.line_tables = dwarf.lines
        self.load_base = load_base
        dwarf.steps = dwarf.due  # names that cost too much leave other functions their records
        try:
            self._divide()
            self._number_each()
        except MemoryError:
            self.dwarf.damaged(b".debug_info", 0, b"its functions need more memory than their due")
            self.pieces.count = self.files.count = self.origins.count = 0
            self.functions = self.inlines = self.function_bytes = 0

    def __dealloc__(self):
        give_back(&self.files)
        give_back(&self.origins)

    @property
    def damage(self):
        """Where the debug information could not be decoded, and why, as pairs."""
        return self.dwarf.damage

    @property
    def lines(self):
        """How many line records there are; they are counted while they are written."""
        if not self.is_counted:
            self.write(Nowhere())
        return self.line_count

    @property
    def line_bytes(self):
        """How many bytes of code have lines; they are counted with them."""
        return self.lined_bytes if self.lines else 0

    # ---- all records in order: once to number what they refer to, once to write them

    cdef bint _number_each(self) except False:
        """Number the files and origins of all records, and count functions and inlines."""
        cdef uint64_t i
        cdef Claim* piece
        cdef Body* body
        for i in range(self.pieces.count):
            piece = <Claim*>self.pieces.items + i
            body = <Body*>self.bodies.bodies.items + piece.body
            if not self.dwarf.spend(
                1 + body.inlines + body.ranges // 4 + self.names.names.get(body.name).size // 16
            ):
                self.dwarf.damaged(b".debug_info", 0, b"its functions ask for too much work")
                self.pieces.count = i
                break
            self.functions += 1
            self.function_bytes += piece.end - piece.start
            self._number_inlines(body, piece.start, piece.end)
            if body.table != NO_TABLE:
                self._number_lines(body.table, piece.start, piece.end)
        return True

    cdef bint _write_each(self) except False:
        """Write the records of each function."""
        cdef uint64_t i
        cdef Claim* piece
        cdef Body* body
        for i in range(self.pieces.count):
            piece = <Claim*>self.pieces.items + i
            body = <Body*>self.bodies.bodies.items + piece.body
            make_room(self.text, LINE_RECORD)
            put_bytes(self.text, b"FUNC ", 5)
            if piece.multiple:
                put_bytes(self.text, b"m ", 2)
            put_hex(self.text, piece.start - self.load_base)
            put_char(self.text, b" ")
            put_hex(self.text, piece.end - piece.start)
            put_bytes(self.text, b" 0 ", 3)
            self._text_of(self.names.names, body.name)
            make_room(self.text, 1)
            put_char(self.text, b"\n")
            self._write_inlines(body, piece.start, piece.end)
            if body.table != NO_TABLE:
                self._write_lines(body.table, piece.start, piece.end)
        return True

    cdef bint _number_inlines(self, Body* body, uint64_t low, uint64_t high) except False:
        """Number what the inlined calls of a body name that have code between two addresses."""
        cdef const uint8_t* at = <const uint8_t*>self.bodies.inlines.items + body.first_inline
        cdef uint64_t _i, start, stop
        cdef uint32_t left
        cdef Inline call
        for _i in range(body.inlines):
            unpack_call(&at, &call)
            left = call.ranges
            stop = 0
            while left:
                left -= 1
                start = stop + unpack_distance(&at)
                stop = start + unpack(&at)
                if start < high and stop > low:
                    self.inlines += 1
                    self._number(self.line_tables.paths, &self.files, call.call_file)
                    self._number(self.names.names, &self.origins, call.name)
                    at = after(at, 2 * <uint64_t>left)
                    break
        return True

    cdef bint _write_inlines(self, Body* body, uint64_t low, uint64_t high) except False:
        """Write the inlined calls of a body that have code between two addresses."""
        cdef const uint8_t* packed = <const uint8_t*>self.bodies.inlines.items + body.first_inline
        cdef Text text = self.text
        cdef char* at = end_of(text)
        cdef uint64_t _i, _k, start, stop, load_base = self.load_base
        cdef Entry* files = self.line_tables.paths.entry(0)
        cdef Entry* names = self.names.names.entry(0)
        cdef Inline call
        cdef bint begun
        for _i in range(body.inlines):
            unpack_call(&packed, &call)
            begun = False
            stop = 0
            for _k in range(call.ranges):
                start = stop + unpack_distance(&packed)
                stop = start + unpack(&packed)
                if start >= high or stop <= low:
                    continue
                at = place_for(text, at, LINE_RECORD)
                if not begun:
                    at = bytes_at(at, b"INLINE ", 7)
                    at = char_at(decimal_at(at, call.depth), b" ")
                    at = char_at(decimal_at(at, call.call_line), b" ")
                    at = char_at(decimal_at(at, files[call.call_file].number), b" ")
                    at = decimal_at(at, names[call.name].number)
                    begun = True
                start = start if start > low else low
                at = char_at(hex_at(char_at(at, b" "), start - load_base), b" ")
                at = hex_at(at, (stop if stop < high else high) - start)
            if begun:
                at = char_at(at, b"\n")  # there is room, as a range is shorter than LINE_RECORD
        end_at(text, at)
        return True

    cdef bint _number_lines(self, uint32_t number, uint64_t low, uint64_t high) except False:
        """Number the files of the lines between two addresses."""
        cdef Table* table = <Table*>self.line_tables.tables.items + number
        cdef Sequence* sequence = self._sequence_at(table, low)
        cdef Sequence* last = self._sequences(table) + table.sequences
        cdef uint32_t file = NO_FILE  # the one before
        cdef Row* row
        cdef Row* end
        while sequence < last and sequence.low < high:
            row = self._row_at(sequence, low)
            end = <Row*>self.line_tables.rows.items + sequence.first + sequence.count - 1
            while row < end and row.address < high:
                if row.file != file and row.file != NO_FILE and row.address < row[1].address:
                    file = row.file
                    self._number(self.line_tables.paths, &self.files, file)
                    self.has_lines = True
                row += 1
            sequence += 1
        return True

    cdef bint _write_lines(self, uint32_t number, uint64_t low, uint64_t high) except False:
        """Write the lines between two addresses; those that go on with the one before are one."""
        cdef Table* table = <Table*>self.line_tables.tables.items + number
        cdef Sequence* sequence = self._sequence_at(table, low)
        cdef Sequence* last = self._sequences(table) + table.sequences
        cdef uint64_t start, stop
        cdef Line line
        cdef Row* row
        cdef Row* end
        cdef Text text = self.text
        cdef char* at = end_of(text)
        cdef Entry* files = self.line_tables.paths.entry(0)
        line.file = NO_FILE  # there is none
        while sequence < last and sequence.low < high:
            row = self._row_at(sequence, low)
            end = <Row*>self.line_tables.rows.items + sequence.first + sequence.count - 1
            while row < end and row.address < high:
                start = row.address if row.address > low else low
                stop = row[1].address if row[1].address < high else high
                if row.file != NO_FILE and start < stop:
                    if row.file == line.file and row.line == line.line and start == line.end:
                        line.end = stop
                    else:
                        if line.file != NO_FILE:
                            at = line_at(place_for(text, at, LINE_RECORD), &line, self.load_base, files)
                            self.line_count += 1
                            self.lined_bytes += line.end - line.start
                        line.start, line.end, line.line, line.file = start, stop, row.line, row.file
                row += 1
            sequence += 1
        if line.file != NO_FILE:
            at = line_at(place_for(text, at, LINE_RECORD), &line, self.load_base, files)
            self.line_count += 1
            self.lined_bytes += line.end - line.start
        end_at(text, at)
        return True

    cdef inline Sequence* _sequences(self, Table* table) noexcept nogil:
        return <Sequence*>self.line_tables.sequences.items + table.first_sequence

    cdef Sequence* _sequence_at(self, Table* table, uint64_t address) noexcept nogil:
        """Return the first sequence that does not end before an address."""
        cdef Sequence* sequences = self._sequences(table)
        cdef uint64_t first = 0, last = table.sequences, middle
        while first < last:
            middle = (first + last) // 2
            if sequences[middle].high <= address:
                first = middle + 1
            else:
                last = middle
        return sequences + first

    cdef Row* _row_at(self, Sequence* sequence, uint64_t address) noexcept nogil:
        """Return the row that holds an address, else the first of the sequence."""
        cdef Row* rows = <Row*>self.line_tables.rows.items + sequence.first
        cdef uint64_t low = 0, high = sequence.count, middle
        while low < high:
            middle = (low + high) // 2
            if rows[middle].address <= address:
                low = middle + 1
            else:
                high = middle
        return rows + (low - 1 if low else 0)

    cdef inline bint _number(self, Strings strings, Array* order, uint32_t index) except False:
        """Give a string the next number when it is used for the first time."""
        if (<Entry*>strings.entries.items)[index].number != NO_STRING:
            return True
        return self._new_number(strings, order, index)

    cdef bint _new_number(self, Strings strings, Array* order, uint32_t index) except False:
        cdef Entry* entry = <Entry*>strings.entries.items + index
        if not reserve(order, 1, sizeof(uint32_t), &self.dwarf.memory):
            raise MemoryError
        entry.number = <uint32_t>order.count
        (<uint32_t*>order.items)[order.count] = index
        order.count += 1
        return True

    def write(self, stream):
        """Write the FILE, INLINE_ORIGIN, FUNC, INLINE and line records to a binary stream."""
        cdef uint64_t i
        cdef uint32_t index
        self.text = Text(stream)
        self.line_count = self.lined_bytes = 0
        for i in range(self.files.count):
            index = (<uint32_t*>self.files.items)[i]
            self._name_record(b"FILE ", 5, i, self.line_tables.paths, index)
        for i in range(self.origins.count):
            index = (<uint32_t*>self.origins.items)[i]
            self._name_record(b"INLINE_ORIGIN ", 14, i, self.names.names, index)
        self._write_each()
        self.text.flush()
        self.text = None
        self.is_counted = True

    cdef bint _name_record(self, const char* word, uint64_t size, uint64_t number, Strings strings, uint32_t index) except False:
        make_room(self.text, LINE_RECORD)
        put_bytes(self.text, word, size)
        put_decimal(self.text, number)
        put_char(self.text, b" ")
        if strings.entry(index).size:
            self._text_of(strings, index)
        else:
            put_bytes(self.text, b"<unknown>", 9)
        make_room(self.text, 1)
        put_char(self.text, b"\n")
        return True

    cdef bint _text_of(self, Strings strings, uint32_t index) except False:
        """Write a name or path."""
        cdef Span text = strings.get(index)
        if not strings.entry(index).plain or text.size > LONG:
            return self.text.span(text)
        make_room(self.text, text.size)
        put_bytes(self.text, <const char*>text.data, text.size)
        return True


def read_functions(
    inputs, *, bint isa_bit, bint inlines, bint keep_suffixes, uint64_t load_base
):
    """Read the functions of a module, see `crashsym.dwarf.reference.read_functions`."""
    elf_file = inputs.elf_file
    big = not elf_file.little_endian
    sections = read_sections(elf_file)
    cdef uint64_t size = sum(len(data) for data in sections.values()) + inputs.size
    cdef Dwarf dwarf = Dwarf(elf_file.executable_ranges, isa_bit, size)
    cdef Names names
    cdef Units units
    cdef uint32_t main = dwarf.add_context(sections, big, ".debug_info"), types, common = 0
    types = dwarf.add_context(sections, big, ".debug_types")
    dwarf.context(types).referred = main
    if inputs.supplementary is not None:
        common = dwarf.add_context(
            inputs.supplementary.bytes_by_name,
            not inputs.supplementary.little_endian,
            ".debug_info",
        )
        dwarf.context(common).names_only = True
        dwarf.context(main).supplementary = dwarf.context(types).supplementary = common
    dwarf.lines = Lines()
    dwarf.lines.memory = &dwarf.memory
    dwarf.lines.steps = &dwarf.steps
    dwarf.lines.code = &dwarf.code
    dwarf.lines.code_mask = dwarf.mask
    dwarf.lines.paths = Strings()
    dwarf.lines.paths.memory = &dwarf.memory
    dwarf.lines.paths.add(<const uint8_t*>b"", 0, True)
    names = Names(dwarf, keep_suffixes)
    units = Units(dwarf, names, inputs, inlines)
    units.context(main)
    units.inputs = None  # only the units of the main file stand for others
    units.context(types)
    if inputs.supplementary is not None:
        units.context(common)
    units.settle()
    return Functions(dwarf, units, names, load_base)
