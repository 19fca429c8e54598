# SPDX-License-Identifier: MIT
"""The pipeline: a module's files in, its symbol file and what is wrong with them out."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from crashsym import findings
from crashsym.breakpad.cpus import CPUS, Cpu
from crashsym.breakpad.records import (
    CfiRecord,
    FuncRecord,
    InlineRecord,
    LineRecord,
    ModuleRecord,
    PublicRecord,
    SymbolFile,
)
from crashsym.breakpad.rules import RuleWriter
from crashsym.breakpad.writer import module_name
from crashsym.budget import Budget
from crashsym.cfi import read_cfi
from crashsym.codemap import CodeMap
from crashsym.demangle import demangle
from crashsym.dwarf import Function, read_functions
from crashsym.errors import MalformedError, UnsupportedError
from crashsym.findings import Finding

if TYPE_CHECKING:
    from crashsym.elf import ElfFile
    from crashsym.splitpair import SplitPair

UNKNOWN_FILE = "<unknown>"


@dataclass(frozen=True, slots=True)
class DumpOptions:
    """What goes into a symbol file; ``strict``: a module with findings gives none."""

    inlines: bool = True
    cfi: bool = True
    strict: bool = False


@dataclass(slots=True)
class Dump:
    """A symbol file, and the findings about the files that it was made from."""

    symbols: SymbolFile
    findings: list[Finding]


@dataclass(slots=True)
class _Job:
    """One module on its way through the pipeline."""

    pair: SplitPair
    path: str
    cpu: Cpu
    options: DumpOptions
    findings: list[Finding] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)

    def report(self, code: str, why: str, remedy: str = "") -> None:
        what = _TITLES.get(code, "symbols are incomplete")
        self.findings.append(Finding(code, self.path, what, why, remedy))

    def damaged(self, where: str, why: str) -> None:
        place = where if not where.startswith("'") else where.rpartition("' ")[2]
        self.damage.append(f"{place}: {why}")

    def report_damage(self) -> None:
        """Report all damage as one finding: the first place, and how many there are more."""
        if self.damage:
            more = f" (and {len(self.damage) - 1} more places)" if len(self.damage) > 1 else ""
            remedy = "Rebuild the file; the rest is kept."
            self.report(findings.MALFORMED, self.damage[0] + more, remedy)


_TITLES = {
    findings.NO_BUILD_ID: "symbols are found by a weak id",
    findings.NO_DEBUG_INFO: "no functions and lines",
    findings.NO_UNWIND_INFO: "no unwind rules",
}


def dump_module(pair: SplitPair, debug_file: str, path: str, options: DumpOptions) -> Dump:
    """Make the symbol file of one module; damage becomes findings, and the rest is kept.

    ``debug_file`` is the name for the MODULE record where the file has no SONAME; ``path`` the
    name for findings.

    Raises:
        UnsupportedError: the file is for a CPU that is not in `CPUS`.
        MalformedError: there is nothing to identify the file by.
    """
    elf_file = pair.elf_file
    job = _Job(pair, path, _cpu(elf_file, path), options)
    module = _module_record(job, debug_file)
    functions = _functions(job)
    files, origins, records = _number(functions, elf_file.load_base)
    publics = _publics(job, functions)
    rows = _cfi(job) if options.cfi else ()
    _report_missing(job, functions, bool(functions or publics), rows)
    job.report_damage()
    return Dump(SymbolFile(module, files, origins, records, publics, rows), job.findings)


def _cpu(elf_file: ElfFile, path: str) -> Cpu:
    cpu = CPUS.get(elf_file.machine)
    if cpu is None or (elf_file.machine == "EM_RISCV" and elf_file.bits != 64):
        raise UnsupportedError(
            "cannot make symbols",
            where=f"'{path}'",
            why=f"CPU {elf_file.machine}, {elf_file.bits} bit",
            remedy=f"This crashsym knows {', '.join(sorted(CPUS))} (RISC-V: 64 bit). Exclude it.",
        )
    return cpu


def _module_record(job: _Job, debug_file: str) -> ModuleRecord:
    elf_file = job.pair.elf_file
    identifier = elf_file.identifier
    if identifier is None:
        raise MalformedError(
            "cannot make symbols",
            where=f"'{job.path}'",
            why="no build id, and no .text to make an id from",
            remedy="Link it with '-Wl,--build-id', or exclude it.",
        )
    if elf_file.build_id is None:
        job.report(
            findings.NO_BUILD_ID,
            "no GNU build id, the hash of its .text stands in",
            "Link it with '-Wl,--build-id', or exclude it.",
        )
    try:
        soname = elf_file.soname
    except MalformedError as error:
        job.damaged(error.where, error.why)
        soname = None
    name = module_name(soname, debug_file)
    return ModuleRecord("Linux", job.cpu.arch, identifier.debug_id, name, identifier.code_id)


def _functions(job: _Job) -> tuple[Function, ...]:
    holder = job.pair.holder(".debug_info")
    if holder is None:
        return ()
    try:
        table = read_functions(holder, inlines=job.options.inlines)
    except MalformedError as error:
        job.damaged(error.where, error.why)
        return ()
    for damage in table.damage:
        job.damaged(damage.where, damage.why)
    return table.functions


def _number(
    functions: tuple[Function, ...], load_base: int
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[FuncRecord, ...]]:
    """Give files and inline origins their numbers, in the order of their names."""
    paths = {line.file for function in functions for line in function.lines}
    paths |= {call.call_file for function in functions for call in function.inlines}
    names = {call.name for function in functions for call in function.inlines}
    files, origins = sorted(paths), sorted(names)
    file_numbers = {path: number for number, path in enumerate(files)}
    origin_numbers = {name: number for number, name in enumerate(origins)}
    records = tuple(
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
        )
        for function in functions
    )
    return tuple(path or UNKNOWN_FILE for path in files), tuple(origins), records


def _publics(job: _Job, functions: tuple[Function, ...]) -> tuple[PublicRecord, ...]:
    """Return one record for each symbol address that no function covers.

    Of several symbols at one address the most visible has it, then the first by name.
    """
    elf_file = job.pair.elf_file
    code = CodeMap(elf_file.executable_ranges)
    try:
        symbols = job.pair.function_symbols()
    except MalformedError as error:
        job.damaged(error.where, error.why)
        return ()
    starts = [function.address for function in functions]
    found: dict[int, tuple[int, str]] = {}
    for symbol in symbols:
        address = symbol.address & ~1 if job.cpu.thumb else symbol.address
        index = bisect_right(starts, address) - 1
        covered = index >= 0 and address < starts[index] + functions[index].size
        if covered or not code.contains(address):
            continue
        candidate = (symbol.rank, symbol.name)
        if address not in found or candidate < found[address]:
            found[address] = candidate
    return _public_records(job, found)


def _public_records(job: _Job, found: dict[int, tuple[int, str]]) -> tuple[PublicRecord, ...]:
    budget = Budget(job.pair.elf_file.size)
    records = []
    for address, (_, symbol) in sorted(found.items()):
        name = _public_name(symbol)
        try:
            budget.spend(len(name), "names of symbols")
        except MalformedError as error:
            job.damaged(error.where, error.why)
            break
        records.append(PublicRecord(address - job.pair.elf_file.load_base, name))
    return tuple(records)


def _public_name(name: str) -> str:
    """Return the readable name; ``@@VERSION``, which some linkers keep, is not part of it."""
    plain = name.partition("@")[0] or name
    return demangle(plain) or plain


def _cfi(job: _Job) -> tuple[CfiRecord, ...]:
    elf_file = job.pair.elf_file
    table = read_cfi(job.pair)
    for damage in table.damage:
        job.damaged(damage.where, damage.why)
    writer = RuleWriter(job.cpu.registers, elf_file.load_base, little_endian=elf_file.little_endian)
    return tuple(record for entry in table.entries for record in writer.records(entry))


def _report_missing(
    job: _Job, functions: tuple[Function, ...], has_code: bool, rows: tuple[CfiRecord, ...]
) -> None:
    if not functions:
        held = job.pair.holder(".debug_info") is not None
        job.report(
            findings.NO_DEBUG_INFO,
            "its .debug_info describes no function" if held else "no .debug_info section",
            "Compile it with -g and give its unstripped or .debug file, or exclude it.",
        )
    if job.options.cfi and has_code and not rows:
        job.report(
            findings.NO_UNWIND_INFO,
            "neither .eh_frame nor .debug_frame has rows",
            "Compile it with -funwind-tables or -g, or exclude it.",
        )
