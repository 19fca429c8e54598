"""Writers of DWARF: entries, abbreviations, line programs and range lists.

An attribute is (DW_AT, DW_FORM, value). A value of type bytes is written as it is, whatever the
form, so that a wrong encoding is a literal. Numbers: DWARF 5 section 7.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from builders.elf import Section
from builders.encode import X64, Format, sleb, uleb

# Tags
COMPILE_UNIT, SUBPROGRAM, INLINED, NAMESPACE, LEXICAL_BLOCK = 0x11, 0x2E, 0x1D, 0x39, 0x0B
ENTRY_POINT, STRUCTURE, IMPORTED_UNIT, PARTIAL_UNIT, TYPE_UNIT = 0x03, 0x13, 0x3D, 0x3C, 0x41
# Attributes
SIBLING, NAME, STMT_LIST, LOW_PC, HIGH_PC, COMP_DIR = 0x01, 0x03, 0x10, 0x11, 0x12, 0x1B
ABSTRACT_ORIGIN, SPECIFICATION, RANGES, CALL_FILE, CALL_LINE = 0x31, 0x47, 0x55, 0x58, 0x59
LINKAGE_NAME, STR_OFFSETS_BASE, ADDR_BASE, RNGLISTS_BASE = 0x6E, 0x72, 0x73, 0x74
IMPORT, SIGNATURE, DWO_NAME, DECLARATION = 0x18, 0x69, 0x76, 0x3C
GNU_DWO_NAME, GNU_DWO_ID, GNU_RANGES_BASE, GNU_ADDR_BASE = 0x2130, 0x2131, 0x2132, 0x2133
# Forms
ADDR, BLOCK, BLOCK1, BLOCK4, DATA1, DATA2, DATA4 = 0x01, 0x09, 0x0A, 0x04, 0x0B, 0x05, 0x06
DATA8, STRING, STRP, UDATA, SDATA, REF4, REF_ADDR = 0x07, 0x08, 0x0E, 0x0F, 0x0D, 0x13, 0x10
INDIRECT, SEC_OFFSET, EXPRLOC, FLAG_PRESENT, IMPLICIT = 0x16, 0x17, 0x18, 0x19, 0x21
STRX, ADDRX, RNGLISTX, LINE_STRP = 0x1A, 0x1B, 0x23, 0x1F
STRX1, STRX2, STRX3, STRX4, ADDRX1, ADDRX2, ADDRX3, ADDRX4 = *range(0x25, 0x29), *range(0x29, 0x2D)
REF_SIG8, REF_SUP4, STRP_SUP, REF_SUP8, DATA16, REF_UDATA = 0x20, 0x1C, 0x1D, 0x24, 0x1E, 0x15
GNU_ADDR_INDEX, GNU_STR_INDEX, GNU_REF_ALT, GNU_STRP_ALT = 0x1F01, 0x1F02, 0x1F20, 0x1F21

Value = int | bytes
Attribute = tuple[int, int, Value]
_FIXED = {DATA1: 1, DATA2: 2, DATA4: 4, DATA8: 8, REF4: 4, REF_SIG8: 8, REF_SUP4: 4, REF_SUP8: 8}
_FIXED |= {STRX1: 1, STRX2: 2, STRX3: 3, STRX4: 4, ADDRX1: 1, ADDRX2: 2, ADDRX3: 3, ADDRX4: 4}
_OFFSETS = {STRP, SEC_OFFSET, REF_ADDR, LINE_STRP, STRP_SUP, GNU_REF_ALT, GNU_STRP_ALT}
_ULEBS = {UDATA, STRX, ADDRX, RNGLISTX, INDIRECT, GNU_ADDR_INDEX, GNU_STR_INDEX, REF_UDATA}
_EMPTY = {FLAG_PRESENT, IMPLICIT}


@dataclass(frozen=True)
class Die:
    """A debugging information entry; ``children`` None: its abbreviation says it has none."""

    tag: int
    attributes: Sequence[Attribute] = ()
    children: Sequence[Die] | None = None


@dataclass
class Dwarf:
    """``.debug_info`` and ``.debug_abbrev`` under construction; ``wide``: the 64-bit form."""

    format: Format = X64
    version: int = 4
    wide: bool = False
    info: bytearray = field(default_factory=bytearray)
    abbrev: bytearray = field(default_factory=bytearray)
    _codes: dict[tuple[object, ...], int] = field(default_factory=dict)

    @property
    def offset_size(self) -> int:
        """The size of an offset in bytes."""
        return 8 if self.wide else 4

    def unit(
        self, root: Die, *, length: int | None = None, tail: bytes = b"", **header: int
    ) -> int:
        """Append a unit and return its offset; ``length`` is what it claims to be long.

        ``tail`` is what follows the fields that all headers have: dwo_id, or signature and offset.
        """
        return self.raw_unit(tail + self.entries(root), length=length, **header)

    def raw_unit(self, body: bytes, *, length: int | None = None, **header: int) -> int:
        """Append a unit whose entries are ``body``; see `header` for the fields."""
        start, head = len(self.info), self.header(**header)
        size = len(head) + len(body) if length is None else length
        escape = b"\xff" * 4 if self.wide else b""
        self.info += escape + self.format.number(size, self.offset_size) + head + body
        return start

    def header(
        self, *, abbrev_offset: int = 0, address_size: int = 0, version: int = 0, kind: int = 1
    ) -> bytes:
        """Return the header behind the length; ``kind`` is the unit type of DWARF 5."""
        version = version or self.version
        size = bytes((address_size or self.format.word_size,))
        offset = self.format.number(abbrev_offset, self.offset_size)
        order = bytes((kind,)) + size + offset if version >= 5 else offset + size
        return self.format.number(version, 2) + order

    def entries(self, root: Die) -> bytes:
        """Return an entry with all below it, and remember its abbreviations. No recursion."""
        out, waiting = bytearray(), [iter((root,))]
        while waiting:
            die = next(waiting[-1], None)
            if die is None:
                waiting.pop()
                if waiting:
                    out.append(0)
                continue
            out += self.entry(die)
            if die.children is not None:
                waiting.append(iter(die.children))
        return bytes(out)

    def entry(self, die: Die) -> bytes:
        """Return one entry without its children."""
        forms = tuple((name, form) for name, form, _ in die.attributes)
        consts = tuple(v for _, form, v in die.attributes if form == IMPLICIT)
        key = (die.tag, die.children is None, forms, consts)
        if key not in self._codes:
            self._codes[key] = len(self._codes) + 1
            self.abbrev += abbreviation(self._codes[key], die)
        return uleb(self._codes[key]) + b"".join(
            self._value(form, value) for _, form, value in die.attributes
        )

    def _value(self, form: int, value: Value) -> bytes:
        if form in _EMPTY:
            return b""
        if isinstance(value, bytes):
            return value + b"\0" if form == STRING else value
        if form == ADDR:
            return self.format.word(value)
        if form in _FIXED:
            return self.format.number(value, _FIXED[form])
        if form == REF_ADDR and self.version == 2:
            return self.format.word(value)
        if form in _OFFSETS:
            return self.format.number(value, self.offset_size)
        return uleb(value) if form in _ULEBS else sleb(value)

    def sections(self) -> tuple[Section, Section]:
        """Return both sections; the abbreviations are ended."""
        return (
            Section(".debug_info", bytes(self.info)),
            Section(".debug_abbrev", bytes(self.abbrev) + b"\0"),
        )


def abbreviation(code: int, die: Die) -> bytes:
    """Return the declaration that describes ``die`` (DWARF 5 section 7.5.3)."""
    out = uleb(code) + uleb(die.tag) + bytes((die.children is not None,))
    for name, form, value in die.attributes:
        out += uleb(name) + uleb(form)
        if form == IMPLICIT and isinstance(value, int):
            out += sleb(value)
    return out + b"\0\0"


def function(address: int, size: int, name: bytes = b"f", *children: Die) -> Die:
    """Return a subprogram with code; addresses as DW_FORM_addr and data8."""
    attributes: list[Attribute] = [
        (NAME, STRING, name),
        (LOW_PC, ADDR, address),
        (HIGH_PC, DATA8, size),
    ]
    return Die(SUBPROGRAM, attributes, children or None)


@dataclass(frozen=True)
class LineHeader:
    """The header of a line program; ``tables`` replaces directories and files.

    ``wide``: the 64-bit form.
    """

    directories: Sequence[bytes] = ()
    files: Sequence[tuple[bytes, int]] = ((b"a.c", 0),)
    version: int = 4
    line_base: int = -5
    line_range: int = 14
    opcode_base: int = 13
    minimum_length: int = 1
    operations: int = 1
    length: int | None = None
    header_length: int | None = None
    tables: bytes | None = None
    wide: bool = False

    @property
    def offset_size(self) -> int:
        """The size of an offset in bytes."""
        return 8 if self.wide else 4


def line_program(fmt: Format, program: bytes, header: LineHeader | None = None) -> bytes:
    """Return a unit of ``.debug_line``."""
    header = header or LineHeader()
    operations = bytes((header.operations,)) if header.version >= 4 else b""
    fixed = bytes((header.minimum_length,)) + operations + b"\1"
    fixed += bytes((header.line_base & 0xFF, header.line_range, header.opcode_base))
    fixed += bytes((0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1))[: max(header.opcode_base - 1, 0)]
    tables = header.tables if header.tables is not None else _file_tables(header)
    size = len(fixed) + len(tables) if header.header_length is None else header.header_length
    before = bytes((fmt.word_size, 0)) if header.version >= 5 else b""
    offset = header.offset_size
    body = fmt.number(header.version, 2) + before + fmt.number(size, offset)
    body += fixed + tables + program
    escape = b"\xff" * 4 if header.wide else b""
    return escape + fmt.number(len(body) if header.length is None else header.length, offset) + body


def _file_tables(header: LineHeader) -> bytes:
    if header.version >= 5:  # one format for each list: DW_LNCT_path, DW_FORM_string
        names = [b"".join(n + b"\0" for n in header.directories or (b"/src",))]
        names.append(b"".join(name + b"\0" for name, _ in header.files))
        counts = (len(header.directories or (b"/src",)), len(header.files))
        lists = (b"\x01\x01\x08" + uleb(n) + t for n, t in zip(counts, names, strict=True))
        return b"".join(lists)
    directories = b"".join(name + b"\0" for name in header.directories)
    files = b"".join(name + b"\0" + uleb(index) + b"\0\0" for name, index in header.files)
    return directories + b"\0" + files + b"\0"


def extended(opcode: int, operand: bytes = b"") -> bytes:
    """Return an extended line opcode: 1 end_sequence, 2 set_address, 3 define_file."""
    return b"\0" + uleb(1 + len(operand)) + bytes((opcode,)) + operand


def sequence(fmt: Format, address: int, opcodes: bytes, *, end: int = 16) -> bytes:
    """Return a sequence from ``address`` on that ends ``end`` bytes behind its last row."""
    advance = b"\x02" + uleb(end)
    return extended(2, fmt.word(address)) + opcodes + advance + extended(1)
