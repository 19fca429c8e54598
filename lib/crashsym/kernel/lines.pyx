# SPDX-License-Identifier: MIT
# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Line programs of DWARF 2 to 5; the compiled form of `crashsym.dwarf.lines`."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memset

from crashsym.kernel.abbrevs cimport Shape
from crashsym.kernel.attributes cimport take_form
from crashsym.kernel.base cimport (
    Cursor, Span, cstring, cursor_on, fixed, left, load, offset_of, place_of, reserve, skip, sleb,
    string_at, sub, u8, uleb,
)
from crashsym.kernel.linetables cimport LARGEST_LINE, NO_TABLE, LineTables, Machine, Table, in_code

cdef enum:
    LNCT_PATH = 1
    LNCT_DIRECTORY_INDEX = 2


cdef inline bint _row(Lines self, Machine* m, uint64_t address, int64_t line, uint64_t file) noexcept:
    """Begin a row here; the one before covers the code up to here."""
    address &= self.code_mask
    if not m.pending:
        m.wanted = in_code(self.code, address)
        m.first_row = self.rows.count
        m.pending = True
    elif m.wanted and m.row_address < address and not self._piece(m, address):
        return False
    m.row_address = address
    m.row_line = <uint32_t>line if 0 <= line <= LARGEST_LINE else 0
    m.row_file = file
    return True


cdef inline uint64_t _moved(Header* header, Machine* m, uint64_t address, uint64_t operations) noexcept nogil:
    """Return the address after a number of operations (DWARF 5 section 6.2.5.1)."""
    cdef uint64_t rest
    if header.operations != 1:
        rest = m.op_index + operations % header.operations
        operations = operations // header.operations + rest // header.operations
        m.op_index = rest % header.operations
    return (address + header.minimum_length * operations) & header.mask


cdef inline int64_t _short_leb(const uint8_t** at, int64_t* sign) noexcept nogil:
    """Read a LEB128 number of one or two bytes, and which of its bits is the sign."""
    cdef int64_t number = at[0][0]
    sign[0] = 0x40
    at[0] += 1
    if number >= 0x80:
        number = (number & 0x7F) | <int64_t>at[0][0] << 7
        sign[0] = 0x2000
        at[0] += 1
    return number


cdef inline const uint8_t* _last_column(Cursor* c, Header* header) noexcept nogil:
    """Return up to where a column can be read together with the two instructions after it."""
    cdef const uint8_t* counts = header.operand_counts - 1
    if header.opcode_base > 6 and counts[5] == 1 and counts[6] == 0 and left(c) > 16:
        return c.end - 16
    return c.at


cdef void _skip_operands(Cursor* c, unsigned int count) noexcept nogil:
    while count:
        uleb(c)
        count -= 1


cdef class Lines(LineTables):
    """Reads line tables."""

    cdef bint _damage(self, const char* why, Cursor* at) noexcept nogil:
        self.why = why
        self.where = offset_of(at)
        return False

    cdef uint32_t read(self, LineInput* source, uint64_t offset, Span comp_dir, unsigned int address_size) noexcept:
        """Decode the program at ``offset``; NO_TABLE and ``why`` when it or its header is damaged."""
        cdef Cursor c = cursor_on(source.line, offset, source.big)
        cdef Cursor unit, program
        cdef unsigned int offset_size = 4
        cdef uint64_t length = fixed(&c, 4), version
        cdef Header header
        cdef Shape shape
        cdef Table table
        cdef Machine m
        cdef uint64_t rows = self.rows.count
        if length == <uint64_t>0xFFFFFFFF:
            offset_size = 8
            length = fixed(&c, 8)
        elif length >= <uint64_t>0xFFFFFFF0:
            c.failed = True
        unit = sub(&c, length)
        if c.failed:
            self._damage("the line table runs past the section", &c)
            return NO_TABLE
        version = fixed(&unit, 2)
        if version < 2 or version > 5:
            self._damage("unknown line table version", &unit)
            return NO_TABLE
        if version >= 5:
            address_size = <unsigned int>u8(&unit)
            u8(&unit)
        header.mask = (<uint64_t>0xFFFFFFFFFFFFFFFF) >> (64 - 8 * address_size) if address_size <= 8 and address_size else 0
        length = fixed(&unit, offset_size)
        program = unit
        skip(&program, length)
        if unit.failed or program.failed or address_size not in (2, 4, 8):
            self._damage("the line table's header is damaged", &unit)
            return NO_TABLE
        memset(&table, 0, sizeof(Table))
        table.comp_dir = comp_dir
        table.first_file = self.files.count
        table.first_sequence = self.sequences.count
        shape.version, shape.address_size = <uint8_t>version, <uint8_t>address_size
        shape.offset_size = <uint8_t>offset_size
        if not self._header(source, &unit, &header, shape):
            return NO_TABLE
        table.files = self.files.count - table.first_file
        if not reserve(&self.tables, 1, sizeof(Table), self.memory):
            self._damage("more line tables than a file of this size has a right to", &unit)
            return NO_TABLE
        memset(&m, 0, sizeof(Machine))
        m.table = <uint32_t>self.tables.count
        (<Table*>self.tables.items)[m.table] = table
        self.tables.count += 1
        m.first_sequence = self.sequences.count
        m.known_file = <uint64_t>0xFFFFFFFFFFFFFFFF
        if self._program(&program, &header, &m) and self._arrange(&m):
            (<Table*>self.tables.items)[m.table].sequences = self.sequences.count - m.first_sequence
            return m.table
        self.rows.count = rows
        self.sequences.count = m.first_sequence
        self.tables.count -= 1
        return NO_TABLE

    cdef bint _header(self, LineInput* source, Cursor* unit, Header* header, Shape shape) noexcept:
        cdef Span name
        cdef uint64_t index
        header.version = shape.version
        header.minimum_length = u8(unit)
        header.operations = u8(unit) if shape.version >= 4 else 1
        u8(unit)
        header.line_base = <int>u8(unit)
        if header.line_base >= 128:
            header.line_base -= 256
        header.line_range = u8(unit)
        header.opcode_base = u8(unit)
        header.operand_counts = unit.at
        skip(unit, header.opcode_base - 1 if header.opcode_base else 0)
        if unit.failed or header.line_range == 0 or header.operations == 0:
            return self._damage("the line table's header is damaged", unit)
        self.directories.count = 0
        if shape.version >= 5:
            return self._entries(source, unit, shape, False) and self._entries(
                source, unit, shape, True
            )
        name.data, name.size = unit.at, 0  # the first directory is that of the compilation
        while True:
            if not self._add_directory(name):
                return self._damage("more folders than a file of this size has a right to", unit)
            name = cstring(unit)
            if not name.size:
                break
        if not self._add_gap():
            return self._damage("more files than a file of this size has a right to", unit)
        while True:
            name = cstring(unit)
            if not name.size:
                break
            index = uleb(unit)
            uleb(unit)
            uleb(unit)
            if not self._add_file(name, index):
                return self._damage("more files than a file of this size has a right to", unit)
        if unit.failed:
            return self._damage("the line table's header is damaged", unit)
        return True

    cdef bint _entries(self, LineInput* source, Cursor* unit, Shape shape, bint files) noexcept:
        """Read a list of directories or files (DWARF 5 section 6.2.4.1)."""
        cdef uint64_t contents[256]
        cdef uint64_t forms[256]
        cdef uint64_t columns = u8(unit), count, _i, column, form, number, directory
        cdef Span path
        for column in range(columns):
            contents[column] = uleb(unit)
            forms[column] = uleb(unit)
        count = uleb(unit)
        if unit.failed or count > left(unit):
            return self._damage("the line table's lists of files are damaged", unit)
        for _i in range(count):
            path.data, path.size = unit.at, 0
            directory = 0
            for column in range(columns):
                form = forms[column]
                number = take_form(&form, shape, unit)
                if unit.failed:
                    return self._damage("the line table's lists of files are damaged", unit)
                if contents[column] == LNCT_PATH:
                    if not self._string(source, number, form, &path):
                        return self._damage("a file name is not in .debug_str_offsets", unit)
                elif contents[column] == LNCT_DIRECTORY_INDEX and not _is_bytes(form):
                    directory = number
            if not (self._add_file(path, directory) if files else self._add_directory(path)):
                return self._damage("more files than a file of this size has a right to", unit)
        return True

    cdef bint _string(self, LineInput* source, uint64_t raw, uint64_t form, Span* text) noexcept nogil:
        """Give the text of a path; of a form that has none the empty one."""
        cdef Cursor c
        text.size = 0
        if form == 0x08:
            text[0] = string_at(source.line, raw)
        elif form == 0x1F:
            text[0] = string_at(source.line_str, raw)
        elif form == 0x0E:
            text[0] = string_at(source.str, raw)
        elif form in (0x1D, 0x1F21):
            text[0] = string_at(source.supplementary, raw)
        elif form in (0x1A, 0x25, 0x26, 0x27, 0x28, 0x1F02):
            if raw > source.str_offsets.size or source.str_base > source.str_offsets.size:
                return False
            c = cursor_on(source.str_offsets, place_of(source.str_base, raw, source.offset_size), source.big)
            raw = fixed(&c, source.offset_size)
            if c.failed:
                return False
            text[0] = string_at(source.str, raw)
        return True

    # ---- the state machine of DWARF 5 section 6.2.2

    cdef void _prepare(self, Header* header) noexcept nogil:
        """Divide once for each special opcode; most programs have the same."""
        cdef uint64_t opcode, adjusted
        if (
            self.special_line_range == header.line_range
            and self.special_line_base == header.line_base
            and self.special_opcode_base == header.opcode_base
        ):
            return
        for opcode in range(header.opcode_base, 256):
            adjusted = opcode - header.opcode_base
            self.specials[opcode].operations = <uint32_t>(adjusted // header.line_range)
            self.specials[opcode].line = header.line_base + <int32_t>(adjusted % header.line_range)
        self.special_line_range = header.line_range
        self.special_line_base = header.line_base
        self.special_opcode_base = header.opcode_base

    cdef bint _program(self, Cursor* c, Header* header, Machine* m) noexcept:
        cdef uint64_t opcode, address = 0, file = 1
        cdef int64_t line = 1, number, sign
        cdef const uint8_t* counts = header.operand_counts - 1
        cdef const uint8_t* at = c.at
        cdef const uint8_t* end = c.end
        cdef const uint8_t* last = _last_column(c, header)
        cdef Special* specials = self.specials
        cdef bint good = True
        self._prepare(header)
        while at < end and good:
            opcode = at[0]
            at += 1
            if opcode == 5 and at < last and at[0] < 0x80:  # a flag and the line are likely to follow
                opcode = at[1]
                at += 2
                if opcode == 6:
                    opcode = at[0]
                    at += 1
                if opcode == 3 and (at[0] & at[1]) < 0x80:
                    number = _short_leb(&at, &sign)
                    line += (number ^ sign) - sign
                    opcode = at[0]
                    at += 1
            if opcode >= header.opcode_base:
                line += specials[opcode].line
                address = _moved(header, m, address, specials[opcode].operations)
                good = _row(self, m, address, line, file)
            elif opcode == 1:
                good = _row(self, m, address, line, file)
            elif 4 < opcode < 8 and counts[opcode] <= 1 and at < end and at[0] < 0x80:
                at += counts[opcode]  # a column, or a flag
            elif 3 <= opcode <= 4 and end - at > 1 and (at[0] & at[1]) < 0x80:
                number = _short_leb(&at, &sign)
                if opcode == 3:
                    line += (number ^ sign) - sign
                else:
                    file = <uint64_t>number
            else:
                c.at = at
                m.address, m.line, m.file = address, line, file
                if not self._operation(opcode, c, header, m):
                    return False
                at, address, line, file = c.at, m.address, m.line, m.file
        c.at = at
        if not good:
            return self._damage("more rows than a file of this size has a right to", c)
        if c.failed:
            return self._damage("the line program ends in the middle of an instruction", c)
        return self._end_sequence(m)

    cdef bint _operation(self, uint64_t opcode, Cursor* c, Header* header, Machine* m) noexcept:
        """Do what is less frequent, or has long operands."""
        if opcode == 0:
            return self._extended(c, header, m)
        if opcode == 2:
            m.address = _moved(header, m, m.address, uleb(c))
        elif opcode == 3:
            m.line = _advanced(m.line, sleb(c))
        elif opcode == 4:
            m.file = uleb(c)
        elif opcode == 8:
            m.address = _moved(
                header, m, m.address, (255 - header.opcode_base) // header.line_range
            )
        elif opcode == 9:
            m.address = (m.address + fixed(c, 2)) & header.mask
            m.op_index = 0
        else:
            _skip_operands(c, header.operand_counts[opcode - 1])
        return True

    cdef bint _extended(self, Cursor* c, Header* header, Machine* m) noexcept:
        """DWARF 5 section 6.2.5.3."""
        cdef Cursor body = sub(c, uleb(c))
        cdef uint64_t opcode
        cdef unsigned int size
        cdef Span name
        cdef uint64_t n
        cdef Table* table
        if c.failed:
            return self._damage("an extended line instruction runs past the table", c)
        if body.at >= body.end:
            return True
        opcode = u8(&body)
        if opcode == 1:
            if not _row(self, m, m.address, m.line, m.file) or not self._end_sequence(m):
                return self._damage("more rows than a file of this size has a right to", c)
        elif opcode == 2:
            size = 8 if left(&body) > 8 else <unsigned int>left(&body)
            m.address = load(body.at, size, body.big)
            m.op_index = 0
        elif opcode == 3:
            table = <Table*>self.tables.items + m.table
            name = cstring(&body)
            n = uleb(&body) if body.at < body.end else 0
            if body.failed:
                return self._damage("a file name has no end", c)
            if header.version >= 5 and not m.defined:  # the number after the next
                if not self._add_gap():
                    return self._damage("more files than a file of this size has a right to", c)
                table.files += 1
            m.defined = True
            if not self._add_file(name, n):
                return self._damage("more files than a file of this size has a right to", c)
            table.files += 1
        return True

cdef inline bint _is_bytes(uint64_t form) noexcept nogil:
    """Whether a value of this form is no number: string, data16, blocks."""
    return form in (0x08, 0x1E, 0x0A, 0x03, 0x04, 0x09, 0x18)


cdef inline int64_t _advanced(int64_t line, int64_t delta) noexcept nogil:
    """Add without overflow; lines that far away are written as 0 in any case."""
    cdef int64_t far = <int64_t>1 << 62
    if delta > far or delta < -far:
        return far if delta > 0 else -far
    line += delta
    return far if line > far else (-far if line < -far else line)
