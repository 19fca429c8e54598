# SPDX-License-Identifier: MIT
"""The reference engine: short, readable Python, on pyelftools' DWARF."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, BinaryIO

from crashsym.breakpad.records import (
    CfiRecord,
    FuncRecord,
    InlineRecord,
    LineRecord,
    PublicRecord,
)
from crashsym.breakpad.rules import RuleWriter
from crashsym.breakpad.writer import write_cfi, write_functions, write_publics
from crashsym.budget import Budget
from crashsym.cfi.tables import read_cfi
from crashsym.codemap import CodeMap
from crashsym.demangle import begin_table, readable
from crashsym.dwarf.model import Function
from crashsym.dwarf.reference import read_functions
from crashsym.errors import MalformedError

if TYPE_CHECKING:
    from crashsym.breakpad.cpus import Cpu
    from crashsym.dwarf.inputs import DebugInputs
    from crashsym.engines.protocols import Damage, FunctionPart
    from crashsym.splitpair import SplitPair

UNKNOWN_FILE = "<unknown>"


class ReferenceEngine:
    """See `crashsym.engines.protocols.Engine`."""

    name = "reference"

    def functions(
        self, inputs: DebugInputs, load_base: int, *, inlines: bool, keep_suffixes: bool
    ) -> FunctionPart:
        """See `crashsym.engines.protocols.Engine.functions`."""
        begin_table()
        table = read_functions(inputs, inlines=inlines, keep_suffixes=keep_suffixes)
        damage = [(damage.where, damage.why) for damage in table.damage]
        return Functions(table.functions, load_base, damage)

    def publics(
        self, pair: SplitPair, cpu: Cpu, functions: FunctionPart, *, keep_suffixes: bool
    ) -> Publics:
        """See `crashsym.engines.protocols.Engine.publics`.

        One record for each symbol address that no function covers. Of several symbols at one
        address the most visible has it, then the first by name; ``multiple`` where their readable
        names differ. Functions are marked by the same rule.
        """
        begin_table()
        code = CodeMap(pair.elf_file.executable_ranges)
        damage: list[Damage] = []
        symbols = pair.function_symbols(lambda error: damage.append((error.where, error.why)))
        found: dict[int, set[tuple[int, str]]] = {}
        inside: dict[int, set[tuple[int, str]]] = {}
        for symbol in symbols:
            if functions.covers(symbol.address):
                inside.setdefault(symbol.address, set()).add((symbol.rank, symbol.name))
            elif code.contains(symbol.address):
                found.setdefault(symbol.address, set()).add((symbol.rank, symbol.name))
        publics = Publics([], damage)
        _name(publics, pair, found, keep_suffixes=keep_suffixes)
        several = {address: names for address, names in inside.items() if len(names) > 1}
        marked = Publics([], damage)
        _name(marked, pair, several, keep_suffixes=keep_suffixes)
        for record in marked.records:
            if record.multiple:
                functions.mark(record.address + pair.elf_file.load_base)
        return publics

    def cfi(self, pair: SplitPair, cpu: Cpu) -> Cfi:
        """See `crashsym.engines.protocols.Engine.cfi`."""
        elf_file = pair.elf_file
        table = read_cfi(pair)
        writer = RuleWriter(cpu.registers, elf_file.load_base, little_endian=elf_file.little_endian)
        records = [record for entry in table.entries for record in writer.records(entry)]
        return Cfi(records, [(damage.where, damage.why) for damage in table.damage])


class Functions:
    """See `crashsym.engines.protocols.FunctionPart`."""

    def __init__(
        self, functions: tuple[Function, ...], load_base: int, damage: list[Damage]
    ) -> None:
        self.damage = damage
        self._starts = [function.address for function in functions]
        self._sizes = [function.size for function in functions]
        self._files, self._origins, self._records = _number(functions, load_base)
        self.functions = len(functions)
        self.lines = sum(len(function.lines) for function in functions)
        self.inlines = sum(len(function.inlines) for function in functions)
        self.function_bytes = sum(self._sizes)
        self.line_bytes = sum(line.size for function in functions for line in function.lines)
        self.has_lines = self.lines > 0

    def covers(self, address: int) -> bool:
        """Whether a function covers an address of the file."""
        index = bisect_right(self._starts, address) - 1
        return index >= 0 and address < self._starts[index] + self._sizes[index]

    def mark(self, address: int) -> None:
        """Say that symbols of several names are where a function begins, if one begins there."""
        index = bisect_right(self._starts, address) - 1
        if index >= 0 and self._starts[index] == address:
            self._records[index] = replace(self._records[index], multiple=True)

    def write(self, stream: BinaryIO) -> None:
        """Write the records."""
        write_functions(stream, self._files, self._origins, self._records)


@dataclass(slots=True)
class Publics:
    """The PUBLIC records; see `crashsym.engines.protocols.Part`."""

    records: list[PublicRecord]
    damage: list[Damage]

    @property
    def count(self) -> int:
        """How many records there are."""
        return len(self.records)

    def write(self, stream: BinaryIO) -> None:
        """Write the records."""
        write_publics(stream, self.records)


@dataclass(slots=True)
class Cfi:
    """The STACK CFI records; see `crashsym.engines.protocols.CfiPart`."""

    records: list[CfiRecord]
    damage: list[Damage]

    @property
    def count(self) -> int:
        """How many STACK CFI INIT records there are."""
        return len(self.records)

    @property
    def code_bytes(self) -> int:
        """How many bytes of code they cover."""
        return sum(record.size for record in self.records)

    def write(self, stream: BinaryIO) -> None:
        """Write the records."""
        write_cfi(stream, self.records)


def _number(
    functions: tuple[Function, ...], load_base: int
) -> tuple[list[str], list[str], list[FuncRecord]]:
    """Give files and inline origins their numbers, in the order of the records that need them."""
    file_numbers: dict[str, int] = {}
    origin_numbers: dict[str, int] = {}
    for function in functions:
        for call in function.inlines:
            file_numbers.setdefault(call.call_file, len(file_numbers))
            origin_numbers.setdefault(call.name, len(origin_numbers))
        for line in function.lines:
            file_numbers.setdefault(line.file, len(file_numbers))
    records = [
        FuncRecord(
            address=function.address - load_base,
            size=function.size,
            name=function.name,
            inlines=tuple(
                InlineRecord(
                    call.depth,
                    call.call_line,
                    file_numbers[call.call_file],
                    origin_numbers[call.name],
                    tuple((start - load_base, end - start) for start, end in call.ranges),
                )
                for call in function.inlines
            ),
            lines=tuple(
                LineRecord(line.address - load_base, line.size, line.line, file_numbers[line.file])
                for line in function.lines
            ),
            multiple=function.multiple,
        )
        for function in functions
    ]
    return [path or UNKNOWN_FILE for path in file_numbers], list(origin_numbers), records


def _name(
    publics: Publics,
    pair: SplitPair,
    found: dict[int, set[tuple[int, str]]],
    *,
    keep_suffixes: bool,
) -> None:
    """Add the records of symbols: address → (rank, name) of each symbol there."""
    budget = Budget(pair.elf_file.size)
    for address, symbols in sorted(found.items()):
        names = [_public_name(name, keep_suffixes=keep_suffixes) for _, name in sorted(symbols)]
        try:
            budget.spend(sum(map(len, names)), "names of symbols")
        except MalformedError as error:
            publics.damage.append((error.where, error.why))
            break
        multiple = any(name != names[0] for name in names)
        start = address - pair.elf_file.load_base
        publics.records.append(PublicRecord(start, names[0], multiple))


def _public_name(name: str, *, keep_suffixes: bool) -> str:
    """Return the readable name; ``@@VERSION``, which some linkers keep, is not part of it."""
    plain = name.partition("@")[0] or name
    return readable(plain, keep_suffixes=keep_suffixes)
