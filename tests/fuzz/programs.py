"""Debug information that uses much of DWARF in few bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from builders import dwarf as d
from builders import elf
from builders.dwarf import Attribute, Die, Dwarf, LineHeader
from builders.elf import Section
from builders.encode import Format, uleb

_NAMES = (b"a.c", b"/src", b"_ZN1a1bEv", b"shared", b"_ZNSt6vectorIiE4pushEi.cold")
_ALL_FORMS: tuple[Attribute, ...] = (
    (0x02, d.EXPRLOC, b"\x02\x91\x10"),
    (0x02, d.BLOCK1, b"\x01\x00"),
    (0x02, d.BLOCK, b"\x01\x00"),
    (0x02, d.SDATA, -3),
    (0x02, d.INDIRECT, bytes((d.DATA2, 1, 2))),
    (0x02, d.STRING, b"text"),
    (0x02, d.REF_UDATA, 5),
)


@dataclass(frozen=True)
class Style:
    """How a file is encoded."""

    format: Format
    version: int
    wide: bool = False
    machine: int = elf.X86_64

    @property
    def name(self) -> str:
        """Return what tells it from others."""
        order = "" if self.format.little_endian else "be"
        wide = "-dwarf64" if self.wide else ""
        return f"dwarf{self.version}-{self.format.bits}{order}{wide}"

    @classmethod
    def all(cls) -> Iterator[Style]:
        """Yield those that matter."""
        for version in (2, 3, 4, 5):
            yield cls(Format(), version)
        yield cls(Format(), 5, wide=True)
        yield cls(Format(32), 4, machine=elf.ARM)
        yield cls(Format(32, little_endian=False), 5, machine=elf.PPC)

    @property
    def offset_size(self) -> int:
        """The size of an offset in bytes."""
        return 8 if self.wide else 4

    def unit(self, body: bytes) -> bytes:
        """Return a table with its length before it."""
        escape = b"\xff" * 4 if self.wide else b""
        return escape + self.format.number(len(body), self.offset_size) + body


class _Unit:
    """The entries of a unit one by one; `at` is where the next one begins in the unit."""

    def __init__(self, dwarf: Dwarf, head: int) -> None:
        self.dwarf, self.head, self.body = dwarf, head, bytearray()

    def put(self, tag: int, *attributes: Attribute, children: bool = False) -> int:
        at = self.head + len(self.body)
        self.body += self.dwarf.entry(Die(tag, attributes, () if children else None))
        return at

    def end(self) -> None:
        self.body.append(0)


def info(dwarf: Dwarf, style: Style) -> None:
    """Add a unit of many entries, a partial unit that it imports, and a type unit of DWARF 5."""
    head = len(dwarf.header()) + (12 if style.wide else 4)
    unit = _Unit(dwarf, head)
    _root(unit, style)
    _names(unit, style)
    dwarf.raw_unit(bytes(unit.body))
    dwarf.unit(Die(d.PARTIAL_UNIT, (), [d.function(0x1800, 16, b"of the partial unit")]))
    if style.version >= 5:
        tail = bytes(range(8)) + style.format.number(30, style.offset_size)
        dwarf.unit(Die(d.TYPE_UNIT, (), [Die(d.STRUCTURE, ())]), tail=tail, kind=2)


def _root(unit: _Unit, style: Style) -> None:
    split = style.version >= 5
    attributes: list[Attribute] = [
        (d.NAME, d.STRP, 0),
        (d.COMP_DIR, d.STRX1, 1) if split else (d.COMP_DIR, d.STRING, b"/src"),
        (d.STMT_LIST, d.SEC_OFFSET, 0),
        (d.LOW_PC, d.ADDR, 0x1000),
    ]
    if split:
        bases = (d.STR_OFFSETS_BASE, d.ADDR_BASE, d.RNGLISTS_BASE)
        sizes = (4, 4, 8)
        start = 12 if style.wide else 4
        attributes += [(b, d.SEC_OFFSET, start + n) for b, n in zip(bases, sizes, strict=True)]
    unit.put(d.COMPILE_UNIT, *attributes, children=True)


def _names(unit: _Unit, style: Style) -> None:
    """Put a namespace with a class, functions with and without names, and inlined calls."""
    split = style.version >= 5
    reach: Attribute = (d.RANGES, d.RNGLISTX, 0) if split else (d.RANGES, d.SEC_OFFSET, 0)
    low: Attribute = (d.LOW_PC, d.ADDRX, 1) if split else (d.LOW_PC, d.ADDR, 0x1100)
    name: Attribute = (d.NAME, d.STRX1, 3) if split else (d.NAME, d.STRP, 9)
    unit.put(d.NAMESPACE, (d.NAME, d.STRING, b"ns"), children=True)
    unit.put(d.STRUCTURE, (d.NAME, d.STRING, b"Class"), children=True)
    method = unit.put(d.SUBPROGRAM, (d.NAME, d.STRING, b"method"))
    unit.end()
    unit.end()
    linkage: Attribute = (d.LINKAGE_NAME, d.STRING, _NAMES[2])
    mangled = unit.put(d.SUBPROGRAM, name, linkage)
    unit.put(d.SUBPROGRAM, (d.SPECIFICATION, d.REF4, method), reach, children=True)
    _calls(unit, mangled, low)
    unit.end()
    plain: Attribute = (d.HIGH_PC, d.DATA1, 0x30)
    unit.put(d.SUBPROGRAM, low, plain, (d.ABSTRACT_ORIGIN, d.REF4, mangled), *_ALL_FORMS)
    unit.put(d.SUBPROGRAM, (d.NAME, d.STRING, b"f"), *_at(0x1200, 64), children=True)
    unit.put(d.LEXICAL_BLOCK, *_at(0x1200, 64), children=True)
    _calls(unit, method, (d.LOW_PC, d.ADDR, 0x1208))
    unit.put(d.ENTRY_POINT, (d.NAME, d.STRING, b"entry"), (d.LOW_PC, d.ADDR, 0x1220))
    unit.end()
    unit.end()
    unit.put(d.SUBPROGRAM, (d.NAME, d.STRING, b"alias"), *_at(0x1200, 64))
    unit.put(d.IMPORTED_UNIT, (d.IMPORT, d.REF_ADDR, unit.head))
    unit.end()


def _at(address: int, size: int) -> tuple[Attribute, Attribute]:
    return (d.LOW_PC, d.ADDR, address), (d.HIGH_PC, d.DATA4, size)


def _calls(unit: _Unit, origin: int, low: Attribute) -> None:
    """Put an inlined call in another one."""
    where: tuple[Attribute, Attribute] = (d.CALL_FILE, d.DATA1, 1), (d.CALL_LINE, d.DATA2, 7)
    size: Attribute = (d.HIGH_PC, d.DATA4, 16)
    of: Attribute = (d.ABSTRACT_ORIGIN, d.REF4, origin)
    unit.put(d.INLINED, of, low, size, *where, children=True)
    unit.put(d.INLINED, of, low, (d.HIGH_PC, d.DATA4, 8), *where)
    unit.end()


def line_table(style: Style) -> Section:
    """Return ``.debug_line`` with two sequences, the later one first."""
    special = bytes((0x4B, 0x5C, 0x83)) * 12
    program = bytes((5, 3, 3)) + uleb(11) + b"\x01" + special + bytes((8, 9, 4, 0, 10, 6)) + special
    program = d.sequence(style.format, 0x1100, program, end=64) + d.sequence(
        style.format, 0x1000, b"\x04\x01" + special + b"\x0b\x0c\x01", end=32
    )
    header = LineHeader((b"/src", b"lib"), ((b"a.c", 0), (b"b.h", 1)), style.version)
    return Section(".debug_line", d.line_program(style.format, program, header))


def strings(style: Style) -> list[Section]:
    """Return ``.debug_str`` and, of DWARF 5, ``.debug_str_offsets``."""
    text, offsets = bytearray(), []
    for name in _NAMES:
        offsets.append(len(text))
        text += name + b"\0"
    found = [Section(".debug_str", bytes(text))]
    if style.version >= 5:
        table = style.format.number(5, 2) + b"\0\0"
        table += style.format.numbers(style.offset_size, *offsets)
        found.append(Section(".debug_str_offsets", style.unit(table)))
    return found


def ranges(style: Style) -> list[Section]:
    """Return the range lists: two ranges of one function, with a base."""
    word = style.format.word
    if style.version < 5:
        pairs = word(0x10, 0x40, -1, 0x1100, 0x80, 0x90, 0, 0)
        return [Section(".debug_ranges", pairs)]
    body = b"\x04" + uleb(0x10) + uleb(0x40) + b"\x01\x02\x04" + uleb(4) + uleb(8)
    body += b"\x05" + word(0x1300) + b"\x04\x00\x08\x06" + word(0x1400, 0x1410)
    body += b"\x07" + word(0x1500) + b"\x10\x03\x01\x20\x02\x00\x01\x00"
    head = style.format.number(5, 2) + bytes((style.format.word_size, 0))
    head += style.format.number(1, 4) + style.format.number(style.offset_size, style.offset_size)
    return [Section(".debug_rnglists", style.unit(head + body))]


def addresses(style: Style) -> list[Section]:
    """Return ``.debug_addr``, which DWARF 5 has."""
    if style.version < 5:
        return []
    head = style.format.number(5, 2) + bytes((style.format.word_size, 0))
    table = style.format.word(0x1000, 0x1100, 0x1600, 0x1700)
    return [Section(".debug_addr", style.unit(head + table))]
