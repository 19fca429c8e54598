# SPDX-License-Identifier: MIT
"""The unwind rules of an ELF file, by three independent readers of .eh_frame and .debug_frame.

``readelf --debug-dump=frames-interp`` (binutils), ``llvm-dwarfdump --eh-frame`` (LLVM) and
pyelftools' ``CallFrameInfo`` each interpret the opcodes. A rule is written here as

============== ===================================================================
``$rsp+8``     the value of a register plus an offset (for the CFA, and for
               registers: the value is that of another register)
``[cfa-16]``   the value that memory holds at CFA-16
``cfa+0``      the value CFA+0
``[$ebp-12]``  the value that memory holds at a register plus an offset
``same``       the register is unchanged, by an explicit rule
``undefined``  the value cannot be had, by an explicit rule
``none``       no rule
``u``          readelf's ``u``: no rule, or ``undefined``
``expression`` a DWARF expression whose content the tool does not print, or of another kind
============== ===================================================================
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from corpus.build import run
from corpus.conformance.machines import breakpad_name, numbered_name
from elftools.dwarf.callframe import FDE, RegisterRule
from elftools.dwarf.dwarf_expr import DWARFExprParser
from elftools.elf.elffile import ELFFile

RETURN = ".ra"
CFA = ".cfa"
Rules = dict[str, str]
# By address: what each FDE that covers it says; more than one when there are two sections.
Table = dict[int, list[Rules]]

_ENTRY = re.compile(r"[0-9a-f]+ [0-9a-f]+ [0-9a-f]+ (CIE|FDE)(.*)")
_CIE_OF = re.compile(r" cie=([0-9a-f]+) pc=([0-9a-f]+)\.\.\.?([0-9a-f]+)")
_READELF_ROW = re.compile(r"([0-9a-f]{8,16}) (\S.*)")
_LLVM_ROW = re.compile(r"  (?:0x([0-9a-f]+): )?CFA=(.*)")
_LLVM_RULE = re.compile(r"(\w+)=(.*?)(?=, \w+=|$)")
_SIMPLE = re.compile(r"DW_OP_breg\d+ (\w+)([-+]\d+)(, DW_OP_deref)?")


@dataclass
class _Entry:
    kind: str
    begin: int = 0
    end: int = 0
    cie: str = ""
    restores: bool = False
    rows: list[tuple[int, Rules]] = field(default_factory=list)


def readelf_table(path: Path, machine: str) -> Table:
    """The rules by readelf's table."""
    command = ["readelf", "--wide", "--debug-dump=no-follow-links", "--debug-dump=frames-interp"]
    text = run([*command, str(path)])
    columns: list[str] = []
    entries: dict[tuple[str, str], _Entry] = {}
    entry = None
    section = ""
    for line in text.splitlines():
        if line.startswith("Contents of") or line.endswith("ZERO terminator"):
            section = line if line.startswith("C") else section
        elif match := _ENTRY.match(line):
            entry = entries[section, line.split()[0]] = _head(match)
        elif line.startswith("   LOC"):
            columns = line.split()[2:]
        elif entry and (match := _READELF_ROW.match(line)):
            # A register is printed as "r0 (rax)" or "(x9)" in a cell, and as "rax" in the head.
            cells = re.sub(r"(?:r\d+ )?\(([^)]*)\)", r"\1", match[2]).split()
            rules = {CFA: _readelf_cfa(cells[0], machine)}
            for column, cell in zip(columns, cells[1:], strict=True):
                name = RETURN if column == "ra" else breakpad_name(machine, column)
                if name:
                    rules[name] = _readelf_cell(cell, machine)
            entry.rows.append((int(match[1], 16), rules))
    return _by_address(entries)


def _head(match: re.Match[str]) -> _Entry:
    if match[1] == "CIE":
        return _Entry("CIE")
    fde = _CIE_OF.match(match[2])
    assert fde, match[0]
    return _Entry("FDE", int(fde[2], 16), int(fde[3], 16), fde[1])


def _readelf_cfa(cell: str, machine: str) -> str:
    if cell == "exp":
        return "expression"
    match = re.fullmatch(r"(\w+)([-+]\d+)", cell)
    assert match, cell
    return f"{_register(match[1], machine)}{int(match[2]):+d}"


def _readelf_cell(cell: str, machine: str) -> str:
    if match := re.fullmatch(r"c([-+]\d+)", cell):
        return f"[cfa{int(match[1]):+d}]"
    if match := re.fullmatch(r"v([-+]\d+)", cell):
        return f"cfa{int(match[1]):+d}"
    words = {"u": "u", "s": "same", "exp": "expression", "vexp": "expression"}
    return words.get(cell) or f"{_register(cell, machine)}+0"


def _register(name: str, machine: str) -> str:
    return breakpad_name(machine, name) or f"?{name}"


def llvm_table(path: Path, machine: str, return_register: str) -> Table:
    """The rules by llvm-dwarfdump's table; ``return_register`` is that of the return column."""
    entries: dict[tuple[str, str], _Entry] = {}
    entry = None
    section = ""
    for line in run(["llvm-dwarfdump", "--eh-frame", str(path)]).splitlines():
        if line.endswith(" contents:"):
            section = line
        elif match := _ENTRY.match(line):
            entry = entries[section, line.split()[0]] = _head(match)
        elif entry and line.startswith("  DW_CFA_restore_state"):
            entry.restores = True
        elif entry and (match := _LLVM_ROW.match(line)):
            rules = _llvm_rules(match[2], machine, return_register)
            if entry.restores:
                # LLVM 14 restores the registers but not the CFA (DWARFDebugFrame.cpp): no answer.
                del rules[CFA]
            entry.rows.append((int(match[1] or "0", 16), rules))
    return _by_address(entries)


def _llvm_rules(text: str, machine: str, return_register: str) -> Rules:
    cfa, _, rest = text.partition(": ")
    rules = {CFA: _llvm_rule(cfa, machine)}
    for register, rule in _LLVM_RULE.findall(rest):
        name = breakpad_name(machine, register)
        if name:
            rules[RETURN if name == return_register else name] = _llvm_rule(rule, machine)
    return rules


def _llvm_rule(text: str, machine: str) -> str:
    if text in ("same", "undefined"):
        return text
    if "DW_OP" in text:
        inner = text.removeprefix("[").removesuffix("]")
        match = _SIMPLE.fullmatch(inner)
        # "[expression]" dereferences once more than the expression does.
        loads = bool(match and match[3]) + (inner != text)
        if not match or loads > 1:
            return "expression"
        term = f"{_register(match[1], machine)}{int(match[2]):+d}"
        return f"[{term}]" if loads else term
    if match := re.fullmatch(r"(\[?)CFA([-+]\d+)?(\]?)", text):
        return f"{match[1]}cfa{int(match[2] or 0):+d}{match[3]}"
    match = re.fullmatch(r"(\w+)([-+]\d+)?", text)
    assert match, text
    return f"{_register(match[1], machine)}{int(match[2] or 0):+d}"


def pyelftools_table(path: Path, machine: str, return_register: str) -> Table:
    """The rules by pyelftools; ``return_register`` is that of the return column."""
    table: Table = defaultdict(list)
    with path.open("rb") as stream:
        dwarf = ELFFile(stream).get_dwarf_info()
        sections = [dwarf.CFI_entries] if dwarf.has_CFI() else []
        sections += [dwarf.EH_CFI_entries] if dwarf.has_EH_CFI() else []
        for read_entries in sections:
            try:
                entries = read_entries()
            except AssertionError:
                # pyelftools 0.33 reads no augmentation without "z", such as "S" alone in a
                # .debug_frame. It then has no answer for that section.
                continue
            for fde in (entry for entry in entries if isinstance(entry, FDE)):
                begin = fde["initial_location"]
                entry = _Entry("FDE", begin, begin + fde["address_range"])
                try:
                    rows = fde.get_decoded().table
                except ValueError:
                    continue  # it does not know DW_CFA_GNU_args_size, and fails to say so
                for row in rows:
                    rules = _pyelftools_rules(dict(row), machine, return_register, dwarf.structs)
                    entry.rows.append((row["pc"], rules))
                _fill(table, entry, [])
    return dict(table)


def _pyelftools_rules(
    row: dict[Any, Any], machine: str, return_register: str, structs: Any
) -> Rules:
    del row["pc"]
    cfa = row.pop("cfa")
    if cfa.expr is None:
        rules = {CFA: _numbered(cfa.reg, cfa.offset, machine)}
    else:
        rules = {CFA: _expression(cfa.expr, False, machine, structs)}
    for number, rule in row.items():
        name = numbered_name(machine, number)
        if name:
            text = _pyelftools_rule(rule, machine, structs)
            rules[RETURN if name == return_register else name] = text
    return rules


def _pyelftools_rule(rule: Any, machine: str, structs: Any) -> str:
    if rule.type == RegisterRule.OFFSET:
        return f"[cfa{rule.arg:+d}]"
    if rule.type == RegisterRule.VAL_OFFSET:
        return f"cfa{rule.arg:+d}"
    if rule.type == RegisterRule.REGISTER:
        return _numbered(rule.arg, 0, machine)
    if rule.type in (RegisterRule.EXPRESSION, RegisterRule.VAL_EXPRESSION):
        return _expression(rule.arg, rule.type == RegisterRule.EXPRESSION, machine, structs)
    return "same" if rule.type == RegisterRule.SAME_VALUE else "undefined"


def _numbered(number: int, offset: int, machine: str) -> str:
    return f"{numbered_name(machine, number) or f'?{number}'}{offset:+d}"


def _expression(raw: list[int], load: bool, machine: str, structs: Any) -> str:
    """A register with an offset, dereferenced at most once; every other one is only named."""
    operations = DWARFExprParser(structs).parse_expr(raw)
    names = [operation.op_name for operation in operations]
    loads = load + (names[1:] == ["DW_OP_deref"])
    if len(names) > 1 + (names[1:] == ["DW_OP_deref"]) or loads > 1 or "breg" not in names[0]:
        return "expression"
    number = int(names[0].removeprefix("DW_OP_breg"))
    term = _numbered(number, operations[0].args[0], machine)
    return f"[{term}]" if loads else term


def _by_address(entries: dict[tuple[str, str], _Entry]) -> Table:
    table: Table = defaultdict(list)
    for (section, _), entry in entries.items():
        if entry.kind == "FDE":
            _fill(table, entry, entries[section, entry.cie].rows[:1])
    return dict(table)


def _fill(table: Table, entry: _Entry, of_cie: list[tuple[int, Rules]]) -> None:
    for begin, end, rules in _ranges(entry, of_cie):
        for address in range(begin, end):
            table[address].append(rules)


def _ranges(entry: _Entry, of_cie: list[tuple[int, Rules]]) -> Iterator[tuple[int, int, Rules]]:
    """Each row with the range it holds for; without rows the CIE's holds for the whole."""
    rows = entry.rows or [(entry.begin, rules) for _, rules in of_cie]
    ends = [address for address, _ in rows[1:]] + [entry.end]
    for (begin, rules), end in zip(rows, ends, strict=True):
        if begin < end:
            yield begin, end, rules
