"""The unwind table of an ELF file as ``readelf --debug-dump=frames-interp`` prints it.

binutils interprets the opcodes; this module only reads the printed table. What a cell means:

======== ==========================================================================
``c-16`` the register is saved at CFA-16
``v+8``  the register's value is CFA+8
``s``    same value, said explicitly
``u``    no rule so far, or explicitly undefined: the opcodes (``--debug-dump=frames``) tell
``exp``  saved where a DWARF expression says (for the CFA: the expression is its value)
``vexp`` the value of a DWARF expression
``rax``  kept in that register
======== ==========================================================================

A FDE without a table of its own has the row of its CIE for its whole range.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from corpus.build import run

# A stripped file names its debug half; only the file given is to be read.
NO_LINKS = "--debug-dump=no-follow-links"
_SECTION = re.compile(r"Contents of the (\S+) section")
_ENTRY = re.compile(r"([0-9a-f]+) [0-9a-f]+ [0-9a-f]+ (CIE|FDE)(.*)")
_FDE = re.compile(r" cie=([0-9a-f]+) pc=([0-9a-f]+)\.\.([0-9a-f]+)")
_ROW = re.compile(r"([0-9a-f]{8,16}) (\S.*)")
_UNDEFINED = re.compile(r"  DW_CFA_undefined: r(\d+)")
_ADVANCE = re.compile(r"  DW_CFA_(?:advance_loc\d?: \d+ to|set_loc:) ([0-9a-f]+)")
_EXPRESSION = re.compile(
    r"  DW_CFA_(?:val_expression|expression|def_cfa_expression):?"
    r"(?: r(\d+)(?: \([^)]*\))?)? \((.*)\)$"
)
_WINDOW = re.compile(r"  DW_CFA_GNU_window_save\b")
_REVERT = re.compile(r"  DW_CFA_(?:restore|restore_extended|remember_state)\b")


@dataclass(frozen=True)
class Row:
    """The rules from ``address`` on; the registers are in readelf's spelling."""

    address: int
    cfa: str
    cells: dict[str, str]


@dataclass(frozen=True)
class Entry:
    """What the opcodes of a CIE or FDE say that the printed table does not.

    ``undefined`` and ``expressions`` are in the order of the opcodes; a register is a DWARF
    number, and None is the CFA. From ``windows`` on SPARC's registers are saved, which the table
    does not show.
    """

    undefined: tuple[tuple[int, int], ...] = ()
    expressions: tuple[tuple[int, int | None, str], ...] = ()
    reverts: bool = False
    windows: tuple[int, ...] = ()


@dataclass
class Fde:
    section: str
    begin: int
    end: int
    return_column: int
    rows: list[Row]
    opcodes: Entry
    cie_opcodes: Entry

    def rows_by_range(self) -> Iterator[tuple[int, int, Row]]:
        """Each row with the range of addresses it holds for."""
        ends = [row.address for row in self.rows[1:]] + [self.end]
        for row, end in zip(self.rows, ends, strict=True):
            if row.address < end:
                yield row.address, end, row


@dataclass
class _Table:
    section: str
    offset: str
    kind: str
    head: str
    lines: list[str] = field(default_factory=list)


def read_fdes(path: Path) -> list[Fde]:
    """Every FDE of .eh_frame and .debug_frame of ``path``."""
    opcodes = {
        (table.section, table.offset): _read_opcodes(table)
        for table in _tables(run(["readelf", "--wide", NO_LINKS, "--debug-dump=frames", str(path)]))
    }
    cies: dict[tuple[str, str], tuple[int, list[Row]]] = {}
    tables = list(
        _tables(run(["readelf", "--wide", NO_LINKS, "--debug-dump=frames-interp", str(path)]))
    )
    for table in tables:
        if table.kind == "CIE":
            column = re.search(r"\bra=(\d+)", table.head)
            assert column, table.head
            cies[table.section, table.offset] = (int(column[1]), _read_rows(table))
    return [_read_fde(table, cies, opcodes) for table in tables if table.kind == "FDE"]


def _read_fde(
    table: _Table,
    cies: dict[tuple[str, str], tuple[int, list[Row]]],
    opcodes: dict[tuple[str, str], Entry],
) -> Fde:
    match = _FDE.match(table.head)
    assert match, table.head
    begin, end = int(match[2], 16), int(match[3], 16)
    cie = (table.section, match[1])
    return_column, cie_rows = cies[cie]
    rows = _read_rows(table) or [Row(begin, cie_rows[0].cfa, cie_rows[0].cells)]
    here = opcodes[table.section, table.offset]
    return Fde(table.section, begin, end, return_column, rows, here, opcodes[cie])


def _tables(text: str) -> Iterator[_Table]:
    section = ""
    table: _Table | None = None
    for line in text.splitlines():
        if match := _SECTION.match(line):
            section = match[1]
        elif match := _ENTRY.match(line):
            if table:
                yield table
            table = _Table(section, match[1], match[2], match[3])
        elif table and not line.endswith("ZERO terminator"):
            table.lines.append(line)
    if table:
        yield table


def _read_rows(table: _Table) -> list[Row]:
    columns: list[str] = []
    rows = []
    for line in table.lines:
        if line.startswith("   LOC"):
            columns = line.split()[2:]
        elif match := _ROW.match(line):
            # readelf prints a register as "r0 (rax)" in a cell, and as "rax" in the head.
            cells = re.sub(r"r\d+ \(([^)]*)\)", r"\1", match[2]).split()
            rows.append(
                Row(int(match[1], 16), cells[0], dict(zip(columns, cells[1:], strict=True)))
            )
    return rows


def _read_opcodes(table: _Table) -> Entry:
    begin = _FDE.match(table.head)
    address = int(begin[2], 16) if begin else 0
    undefined = []
    expressions: list[tuple[int, int | None, str]] = []
    reverts = False
    windows = []
    for line in table.lines:
        if match := _ADVANCE.match(line):
            address = int(match[1], 16)
        elif match := _UNDEFINED.match(line):
            undefined.append((address, int(match[1])))
        elif match := _EXPRESSION.match(line):
            register = int(match[1]) if match[1] else None
            expressions.append((address, register, match[2]))
        elif _WINDOW.match(line):
            windows.append(address)
        reverts = reverts or bool(_REVERT.match(line))
    return Entry(tuple(undefined), tuple(expressions), reverts, tuple(windows))
