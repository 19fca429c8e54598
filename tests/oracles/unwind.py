"""Compare the STACK CFI records of a symbol file with readelf's table, address by address."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from corpus.matrix import Cpu
from oracles.frames import Entry, Fde, Row
from oracles.registers import BY_NUMBER
from oracles.rules import (
    NO_CALLER,
    UNDEFINED,
    Term,
    breakpad_name,
    callee_saved,
    evaluate,
    of_dwarf_expression,
    return_register,
    saved_at,
)
from oracles.symfile import CfiBlock, SymFile

Rules = dict[str, Term]
# What may stand in a symbol file for one cell; None: no rule for that register.
Allowed = frozenset[Term | None]

# Of the exception index: (start, end, rules or None where it cannot unwind).
IndexRange = tuple[int, int, "Rules | None"]
SMALLEST_GAP = 16

_CFA = re.compile(r"(\w+)([-+]\d+)")
_SAVED = re.compile(r"c([-+]\d+)")
_VALUE = re.compile(r"v([-+]\d+)")


@dataclass(frozen=True)
class Disagreement:
    address: int
    register: str
    found: Term | None
    allowed: Allowed
    section: str

    def __str__(self) -> str:
        allowed = " or ".join(sorted(map(str, self.allowed)))
        where = f"{self.address:#x} {self.register} ({self.section})"
        return f"{where}: found {self.found}, readelf says {allowed}"


def rules_by_address(blocks: list[CfiBlock]) -> dict[int, Rules]:
    """The rules in effect at each address; an address in two blocks is an error."""
    found: dict[int, Rules] = {}
    for block in blocks:
        rules = {name: evaluate(text) for name, text in block.rules.items()}
        changes = dict(block.deltas)
        assert len(changes) == len(block.deltas), f"two records at one address: {block}"
        assert list(changes) == sorted(changes), f"records that do not ascend: {block}"
        end = block.address + block.size
        assert all(block.address < address < end for address in changes), f"outside: {block}"
        for address in range(block.address, end):
            if address in changes:
                new = {name: evaluate(text) for name, text in changes[address].items()}
                rules = {**rules, **new}
            assert address not in found, f"{address:#x} is in two STACK CFI INIT records"
            found[address] = rules
    return found


def compare(
    cpu: Cpu, symbols: SymFile, fdes: list[Fde], base: int, index: Sequence[IndexRange] = ()
) -> list[Disagreement]:
    """Every address and register on which ``symbols`` and the tables differ.

    ``base`` is the address the file was linked for. FDEs of discarded functions are to be left out
    by the caller. ``index`` is the exception index of Arm: it has the code that no FDE has, but
    for gaps below 16 bytes inside of its entries, which are padding.
    """
    rules = rules_by_address(symbols.cfi)
    wrong: list[Disagreement] = []
    for fde in fdes:
        for begin, end, row in fde.rows_by_range():
            allowed = _allowed(cpu, fde, row)
            for address in range(begin - base, end - base):
                wrong += _compare_row(address, rules.get(address, {}), allowed, fde.section)
    expected = {a for fde in fdes for a in range(fde.begin - base, fde.end - base)}
    gaps = list(_gaps(index, expected, base))
    for gap, term_of in gaps:
        for address in gap:
            wrong += _compare_with_index(address, rules.get(address, {}), term_of)
    expected |= {address for gap, _ in gaps for address in gap}
    for address in sorted(rules.keys() - expected):
        none: Allowed = frozenset({None})
        wrong.append(Disagreement(address, "(any)", rules[address][".cfa"], none, "no FDE"))
    return wrong


def _gaps(
    index: Sequence[IndexRange], described: set[int], base: int
) -> Iterator[tuple[range, Rules]]:
    for start, end, rules in index:
        place = start
        while place < end and rules is not None:
            last = place
            while last < end and last - base not in described:
                last += 1
            if last > place and (place == start or last - place >= SMALLEST_GAP):
                yield range(place - base, last - base), rules
            place = last + 1


def _compare_with_index(address: int, found: Rules, expected: Rules) -> Iterator[Disagreement]:
    for name in sorted(found.keys() | expected.keys()):
        if found.get(name) != expected.get(name):
            allowed = frozenset({expected.get(name)})
            yield Disagreement(address, name, found.get(name), allowed, ".ARM.exidx")


def _compare_row(
    address: int, rules: Rules, allowed: dict[str, Allowed], section: str
) -> Iterator[Disagreement]:
    if rules.get(".cfa") in (None, UNDEFINED):
        # No unwinder uses a row without a CFA, whatever else it says.
        if not allowed[".cfa"] & {None, UNDEFINED}:
            found = rules.get(".cfa")
            yield Disagreement(address, ".cfa", found, allowed[".cfa"], section)
        return
    for name in allowed.keys() | rules.keys():
        found = rules.get(name)
        choices = allowed.get(name, frozenset({None, Term(name)}))
        if found not in choices:
            yield Disagreement(address, name, found, choices, section)


def _allowed(cpu: Cpu, fde: Fde, row: Row) -> dict[str, Allowed]:
    """What a correct symbol file may say at ``row``, by Breakpad's register name."""
    allowed = {".cfa": _allowed_cfa(cpu, fde, row)}
    cells = {"ra": "u", **row.cells}
    for column, cell in cells.items():
        name = ".ra" if column == "ra" else breakpad_name(cpu, column)
        if name is not None:
            allowed[name] = _allowed_cell(cpu, fde, row, name, cell)
    if cpu.arch in _WINDOW_WORDS and any(at <= row.address for at in fde.opcodes.windows):
        allowed |= _window(cpu)
    return allowed


_WINDOW_WORDS = {"sparc": 4, "sparcv9": 8}


def _window(cpu: Cpu) -> dict[str, Allowed]:
    """SPARC: the outs of the caller are the ins, locals and ins lie at the CFA.

    The return address, in %o7, has a rule of its own.
    """
    names, word = BY_NUMBER[cpu.arch], _WINDOW_WORDS[cpu.arch]
    outs = {names[number]: Term(names[number + 16]) for number in range(8, 15)}
    saved = {names[number]: saved_at(".cfa", (number - 16) * word) for number in range(16, 32)}
    return {name: frozenset({term}) for name, term in (outs | saved).items()}


def _allowed_cfa(cpu: Cpu, fde: Fde, row: Row) -> Allowed:
    if row.cfa == "exp":
        exact = of_dwarf_expression(cpu, _expression_at(fde, row, None))
        return frozenset({exact} if exact else {None, UNDEFINED})
    match = _CFA.fullmatch(row.cfa)
    assert match, row.cfa
    base = breakpad_name(cpu, match[1])
    assert base is not None, row.cfa
    return frozenset({Term(base, int(match[2]))})


def _allowed_cell(cpu: Cpu, fde: Fde, row: Row, name: str, cell: str) -> Allowed:
    if match := _SAVED.fullmatch(cell):
        return frozenset({saved_at(".cfa", int(match[1]))})
    if match := _VALUE.fullmatch(cell):
        return frozenset({Term(".cfa", int(match[1]))})
    if cell == "u" and _is_undefined(cpu, fde, row, name):
        return _allowed_undefined(cpu, name)
    if cell in ("u", "s"):
        return _allowed_same(cpu, name)
    if cell in ("exp", "vexp"):
        return _allowed_expression(cpu, fde, row, name, cell)
    base = breakpad_name(cpu, cell)
    assert base is not None, cell
    return frozenset({Term(base)})


def _allowed_undefined(cpu: Cpu, name: str) -> Allowed:
    if name == ".ra":
        return frozenset({NO_CALLER})
    # Without a rule an unwinder keeps a callee-saved register: that would be wrong here.
    return frozenset({UNDEFINED} if name in callee_saved(cpu) else {UNDEFINED, None})


def _allowed_same(cpu: Cpu, name: str) -> Allowed:
    if name == ".ra":
        return frozenset({Term(return_register(cpu))})
    return frozenset({None, Term(name)})


def _allowed_expression(cpu: Cpu, fde: Fde, row: Row, name: str, cell: str) -> Allowed:
    text = _expression_at(fde, row, _dwarf_number(cpu, name))
    exact = of_dwarf_expression(cpu, text)
    if exact and cell == "exp" and exact.loads == 0:
        return frozenset({UNDEFINED, saved_at(exact.base, exact.offset)})
    if exact and cell == "vexp":
        return frozenset({UNDEFINED, exact})
    return frozenset({UNDEFINED})


def _expression_at(fde: Fde, row: Row, register: int | None) -> str:
    """The last expression given for ``register`` (None: the CFA) up to ``row``."""
    given = (*fde.cie_opcodes.expressions, *fde.opcodes.expressions)
    texts = [text for at, number, text in given if number == register and at <= row.address]
    assert texts, f"readelf prints an expression at {row.address:#x}, the opcodes have none"
    return texts[-1]


def _is_undefined(cpu: Cpu, fde: Fde, row: Row, name: str) -> bool:
    """Whether ``u`` is an explicit DW_CFA_undefined, not only the absence of a rule."""
    number = fde.return_column if name == ".ra" else _dwarf_number(cpu, name)

    def says(entry: Entry) -> bool:
        return any(reg == number and at <= row.address for at, reg in entry.undefined)

    if says(fde.opcodes):
        assert not fde.opcodes.reverts, f"FDE at {fde.begin:#x}: undefined, and a restore"
    return says(fde.cie_opcodes) or says(fde.opcodes)


_X86 = ("$eax", "$ecx", "$edx", "$ebx", "$esp", "$ebp", "$esi", "$edi")
_X86_64 = ("$rax", "$rdx", "$rcx", "$rbx", "$rsi", "$rdi", "$rbp", "$rsp")
_RISCV_SAVED = {"s0": 8, "s1": 9, **{f"s{n}": n + 16 for n in range(2, 12)}}


def _dwarf_number(cpu: Cpu, name: str) -> int:
    """The DWARF number of a general register; -1 for others, which have simple rules only."""
    if cpu.arch in ("x86", "x86_64"):
        names = _X86 if cpu.arch == "x86" else _X86_64
        if name in names:
            return names.index(name)
        return int(name.removeprefix("$r")) if re.fullmatch(r"\$r\d+", name) else -1
    if cpu.arch == "riscv":
        return _RISCV_SAVED.get(name, -1)
    if cpu.arch in BY_NUMBER:
        return next(number for number, known in BY_NUMBER[cpu.arch].items() if known == name)
    match = re.fullmatch(r"[rx](\d+)", name)
    return int(match[1]) if match else -1
