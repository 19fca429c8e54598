"""Where Mozilla's and Breakpad's dump_syms say something else than we do, why, and exactly what.

A difference is a function that turns what we say into what the peer says. A test applies all of a
peer's differences to our answer and then asks for equality, and each difference must change
something in exactly the programs it is meant for. So nothing can hide behind an entry that is too
wide or out of date.

Their *inputs* are repaired where a known weakness would hide everything else: see ``repairs.py``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from corpus.matrix import Program
from oracles.cases import ElfFacts
from oracles.lookups import normal
from oracles.symfile import Func, SymFile

Place = tuple[str, int]
Peer = Literal["Breakpad", "Mozilla"]


@dataclass(frozen=True)
class View:
    """What a symbol file says of the code, without names: what all dumpers must agree on.

    ``lines`` has each address with every (file, line) that a record gives it.
    """

    functions: frozenset[tuple[int, int]]
    lines: dict[int, frozenset[Place]]
    publics: frozenset[int]


def view(symbols: SymFile) -> View:
    lines: dict[int, set[Place]] = defaultdict(set)
    for func in symbols.functions:
        for record in func.lines:
            for address in range(record.address, record.address + record.size):
                lines[address].add((normal(record.file), record.line))
    return View(
        frozenset((func.address, func.size) for func in symbols.functions),
        {address: frozenset(places) for address, places in lines.items()},
        frozenset(public.address for public in symbols.publics),
    )


@dataclass(frozen=True)
class Case:
    """One program: what we say of it, and facts about its ELF file.

    ``carried`` are the addresses of rows that begin before their function.
    """

    program: Program
    symbols: SymFile
    elf: ElfFacts
    carried: frozenset[int]

    def symbols_at(self, address: int) -> frozenset[int]:
        """The addresses of function symbols at ``address``, relative, with ARM's Thumb bit kept."""
        here = {address, address | 1} if self.program.cpu.arch == "arm" else {address}
        found = {symbol.address - self.elf.base for symbol in self.elf.functions}
        return frozenset(found & here)


@dataclass(frozen=True)
class Difference:
    """``change`` turns our view into the peer's.

    ``expected`` tells from the build and the ELF file alone whether it must have an effect.
    """

    peer: Peer
    name: str
    reason: str
    source: str
    expected: Callable[[Case], bool]
    change: Callable[[View, Case], View]


def without_functions(before: View, case: Case, gone: list[Func]) -> View:
    """Without these FUNC records; their symbols come back as PUBLIC records."""
    addresses = {a for func in gone for a in range(func.address, func.address + func.size)}
    publics = {symbol for func in gone for symbol in case.symbols_at(func.address)}
    return View(
        before.functions - {(func.address, func.size) for func in gone},
        {address: place for address, place in before.lines.items() if address not in addresses},
        before.publics | publics,
    )


def split_functions(case: Case) -> list[list[Func]]:
    """Functions with several ranges: each as its FUNC records, by address."""
    by_name: dict[str, list[Func]] = defaultdict(list)
    for func in case.symbols.functions:
        # Elsewhere in the corpus equal names are different functions: constructors, lambdas.
        if any(record.file.endswith("/hotcold.c") for record in func.lines):
            by_name[func.name].append(func)
    return [sorted(parts, key=lambda f: f.address) for parts in by_name.values() if len(parts) > 1]


def _assembler(before: View, case: Case) -> View:
    gone = [
        func
        for func in case.symbols.functions
        if any(record.file.endswith(".S") for record in func.lines)
    ]
    return without_functions(before, case, gone)


def _old_ranges(before: View, case: Case) -> View:
    if not _has_old_ranges(case):
        return before
    gone = [part for parts in split_functions(case) for part in parts]
    return without_functions(before, case, gone)


def _second_public(before: View, case: Case) -> View:
    publics = set(before.publics)
    for parts in split_functions(case):
        for part in parts[1:]:
            if (part.address, part.size) in before.functions:
                publics |= case.symbols_at(part.address)
    return replace(before, publics=frozenset(publics))


def _thumb_publics(before: View, case: Case) -> View:
    if not _is_arm(case):
        return before
    kept = {address for address in before.publics if not case.symbols_at(address)}
    tagged = {symbol for address in before.publics for symbol in case.symbols_at(address)}
    return replace(before, publics=frozenset(kept | tagged))


def _no_descriptors(before: View, case: Case) -> View:
    return replace(before, publics=frozenset()) if _has_descriptors(case) else before


def _section_publics(before: View, case: Case) -> View:
    taken = before.publics | {address for address, _size in before.functions}
    # Mozilla forgets to subtract the base, so these are far off in a fixed-address program.
    sections = {section.address for section in case.elf.code}
    return replace(before, publics=before.publics | (sections - taken))


def _unit_without_ranges(before: View, case: Case) -> View:
    if not _is_strict(case):
        return before
    gone = [func for func in case.symbols.functions if func.name == "main"]
    return without_functions(before, case, gone)


def _carried_over(before: View, case: Case) -> View:
    lines = {a: place for a, place in before.lines.items() if a not in case.carried}
    for func in case.symbols.functions:
        # From the outermost inlined call to the innermost, whose call is all that is left.
        for inline in sorted(func.inlines, key=lambda record: record.nest):
            here = {a for start, size in inline.ranges for a in range(start, start + size)}
            place = frozenset({(normal(inline.call_file), inline.call_line)})
            lines.update(dict.fromkeys(here & case.carried, place))
    return replace(before, lines=lines)


def _overlapping(before: View, case: Case) -> View:
    if not _is_relaxed_assembler(case):
        return before
    (func,) = (func for func in case.symbols.functions if func.name == "corpus_first_frame")
    call_shrunk_by = 4
    ours, theirs = (func.address, func.size), (func.address, func.size + call_shrunk_by)
    return replace(before, functions=before.functions - {ours} | {theirs})


def _has_assembler(case: Case) -> bool:
    return any(unit.source == "assembler.S" for unit in case.program.units)


def _is_partitioned(case: Case) -> bool:
    return any(symbol.name.endswith(".cold") for symbol in case.elf.functions)


def _has_old_ranges(case: Case) -> bool:
    """Whether a partitioned function is described in DWARF 2 with GNU extensions, or in DWARF 3."""
    (unit,) = (unit for unit in case.program.units if unit.source == "hotcold.c")
    old = {"-gdwarf-2", "-gdwarf-3"} & set(unit.flags) and "-gstrict-dwarf" not in unit.flags
    return bool(old) and _is_partitioned(case)


def _has_new_ranges(case: Case) -> bool:
    return _is_partitioned(case) and not _has_old_ranges(case) and not _is_strict(case)


def _is_arm(case: Case) -> bool:
    return case.program.cpu.arch == "arm"


def _has_descriptors(case: Case) -> bool:
    return case.program.cpu.name == "ppc64-elfv1"


def _is_strict(case: Case) -> bool:
    return "-gstrict-dwarf" in case.program.units[0].flags


def _has_unnamed_section(case: Case) -> bool:
    named = {(symbol.address & ~1) - case.elf.base for symbol in case.elf.functions}
    return any(section.address not in named for section in case.elf.code)


def _is_relaxed_assembler(case: Case) -> bool:
    return case.program.cpu.arch == "riscv" and _has_assembler(case)


_BREAKPAD_CU = "google/breakpad, src/common/dwarf_cu_to_module.cc"

DIFFERENCES: tuple[Difference, ...] = (
    Difference(
        "Breakpad",
        "assembler units",
        "has no functions for units in assembler, although the GNU assembler describes them since"
        " binutils 2.35; their symbols become PUBLIC and their lines are lost",
        "google/breakpad, src/common/language.cc (AssemblerLanguage::HasFunctions)",
        _has_assembler,
        _assembler,
    ),
    Difference(
        "Breakpad",
        "hot/cold before DWARF 4",
        "does not read DW_AT_ranges in the form of DWARF 2 and 3 (DW_FORM_data4): such functions"
        " become PUBLIC",
        _BREAKPAD_CU,
        _has_old_ranges,
        _old_ranges,
    ),
    Difference(
        "Breakpad",
        "PUBLIC inside a function",
        "takes away the PUBLIC only at the first range of a function: the symbol of the second"
        " range of a hot/cold function stays, under its FUNC",
        "google/breakpad, src/common/module.cc (AddFunction)",
        _has_new_ranges,
        _second_public,
    ),
    Difference(
        "Breakpad",
        "Thumb bit of PUBLIC",
        "leaves bit 0 of a Thumb function's symbol in the PUBLIC address",
        "google/breakpad, src/common/linux/elf_symbols_to_module.cc",
        _is_arm,
        _thumb_publics,
    ),
    Difference(
        "Mozilla",
        "PUBLIC through descriptors",
        "has no PUBLIC for PPC64 ELFv1: the symbols lie in .opd, which holds no code",
        "getsentry/symbolic, symbolic-debuginfo/src/elf.rs (ElfSymbolIterator)",
        _has_descriptors,
        _no_descriptors,
    ),
    Difference(
        "Mozilla",
        "PUBLIC of sections",
        "adds a PUBLIC `<.text ELF section in NAME>` where a section with code begins without a"
        " symbol, at the absolute address instead of the relative one",
        "mozilla/dump_syms, src/symbol.rs (add_executable_section_symbols)",
        _has_unnamed_section,
        _section_publics,
    ),
    Difference(
        "Mozilla",
        "units without DW_AT_ranges",
        "takes a unit with neither DW_AT_low_pc nor DW_AT_ranges (strict DWARF 2 with code in two"
        " sections) for a discarded one",
        "getsentry/symbolic, symbolic-debuginfo/src/dwarf.rs (DwarfUnit::from_unit)",
        _is_strict,
        _unit_without_ranges,
    ),
    Difference(
        "Mozilla",
        "rows from before a function",
        "drops a row that begins before the function, so its first instructions have no line, or"
        " that of the call that is inlined there",
        "getsentry/symbolic, symbolic-debuginfo/src/function_builder.rs (add_leaf_line)",
        lambda case: bool(case.carried),
        _carried_over,
    ),
    Difference(
        "Mozilla",
        "relaxed assembler functions",
        "keeps the end that the GNU assembler computed before the linker relaxed a RISC-V call, so"
        " the function overlaps the next; we cut it there",
        "binutils 2.40: DW_AT_high_pc is a constant without a relocation",
        _is_relaxed_assembler,
        _overlapping,
    ),
)
