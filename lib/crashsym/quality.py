# SPDX-License-Identifier: MIT
"""A symbol file against the ELF file it was made from: the same module, and how much of its code.

All addresses are relative to the load base.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crashsym.breakpad.cpus import CPUS
from crashsym.breakpad.lint import Report
from crashsym.breakpad.writer import module_name
from crashsym.cfi.model import RuleKind
from crashsym.cfi.tables import read_cfi
from crashsym.coverage import PLT

if TYPE_CHECKING:
    from crashsym.breakpad.lint import LintFinding, LintResult
    from crashsym.cfi.model import CfiEntry
    from crashsym.elf import ElfFile
    from crashsym.errors import InputError
    from crashsym.splitpair import SplitPair

Range = tuple[int, int]

_LARGEST_PADDING = 1 << 16  # the largest page size
# What assemblers and linkers fill up code with: zeros and the forms of no-operation of GNU as.
_X86_FILLER = (
    rb"(?:[\x66\x2e]*(?:\x90|\xcc|\x00|\x0f\x1f(?:\x00|\x40\x00|\x44\x00\x00|\x80\x00{4}|\x84\x00{5}))"
    rb"|\x2e?\x8d(?:\x76\x00|\x74\x26\x00|\xb4\x26\x00{4}|\xb6\x00{4}))*"
)
_FILLERS = {
    "EM_386": _X86_FILLER,
    "EM_X86_64": _X86_FILLER,
    "EM_ARM": rb"(?:\x00\xf0\x20\xe3|\x00\x00\xa0\xe1|\x00\xbf|\xc0\x46|\xaf\xf3\x00\x80|\x00)*",
    "EM_AARCH64": rb"(?:\x1f\x20\x03\xd5|\x00)*",
    "EM_RISCV": rb"(?:\x13\x00\x00\x00|\x01\x00|\x00)*",
    "EM_PPC": rb"(?:\x60\x00\x00\x00|\x00)*",
    "EM_PPC64": rb"(?:\x60\x00\x00\x00|\x00\x00\x00\x60|\x00)*",
    "EM_S390": rb"(?:\x07[\x00\x07]|\x00)*",
    "EM_LOONGARCH": rb"(?:\x00\x00\x40\x03|\x00)*",
}
_OTHER_WORDS = {"EM_MIPS": "mips64"}  # symbolic's word for 64 bits


@dataclass(frozen=True, slots=True)
class Quality:
    """Bytes of code, and how many of them have functions, lines and unwind rows.

    ``code`` is what executable sections hold, without the procedure linkage table (``plt``) and
    without ``padding``: pieces that no symbol with a size and no unwind information covers, and
    that hold nothing but zeros and no-operations.
    """

    code: int
    plt: int
    padding: int
    functions: int
    lines: int
    cfi: int

    def percent(self, what: str) -> float | None:
        """Return the share of ``functions``, ``lines`` or ``cfi``, rounded down to a tenth."""
        covered: int = getattr(self, what)
        return covered * 1000 // self.code / 10 if self.code else None


def compare(
    pair: SplitPair, file_name: str, result: LintResult
) -> tuple[Quality, tuple[LintFinding, ...]]:
    """Compare a symbol file, checked with ``coverage``, with its ELF file.

    ``file_name`` is that of the module on the target; it counts where there is no SONAME.

    Raises:
        InputError: the ELF file is damaged.
    """
    report = Report()
    _check_module(pair.elf_file, file_name, result, report)
    base = pair.elf_file.load_base
    entries = read_cfi(pair).entries
    fdes = merge((e.address - base, e.address + e.size - base) for e in entries)
    everything = merge((start - base, end - base) for start, end in pair.elf_file.executable_ranges)
    plt = _sections(pair.elf_file, PLT)
    code = subtract(everything, plt)
    gaps = subtract(subtract(code, _symbols(pair)), fdes)
    padding = merge(gap for gap in gaps if _is_padding(pair.elf_file, gap))
    code = subtract(code, padding)
    functions, lines, cfi = (
        merge(zip(spans.starts, spans.ends, strict=True))
        for spans in (result.functions, result.lines, result.cfi)
    )
    _check_unwinding(entries, plt, cfi, (base, result.rows), report)
    covered = [size(code) - size(subtract(code, spans)) for spans in (functions, lines, cfi)]
    return Quality(size(code), size(plt), size(padding), *covered), report.findings()


def require(quality: Quality, shares: dict[str, float]) -> tuple[LintFinding, ...]:
    """Return findings for those of ``shares`` (what: percent) that are not reached."""
    report = Report()
    for what, wanted in shares.items():
        found = quality.percent(what)
        if found is not None and found < wanted:
            report.add("low-coverage", 0, f"{what} {found} %, required {wanted:g} %")
    return report.findings()


def _check_module(elf_file: ElfFile, file_name: str, result: LintResult, report: Report) -> None:
    module = result.module
    if module is None:
        return
    identifier = elf_file.identifier
    if identifier is not None:
        ids = {identifier.debug_id}
        if not elf_file.little_endian:  # symbolic and rust-minidump do not swap there
            ids.add(identifier.value[:16].ljust(16, b"\0").hex().upper() + "0")
        if module.debug_id not in ids:
            fact = f"'{module.debug_id}', the ELF file has '{identifier.debug_id}'"
            report.add("elf-id", module.number, fact)
        elif result.code_id and result.code_id != identifier.code_id:
            fact = f"'{result.code_id}', the ELF file has '{identifier.code_id}'"
            report.add("elf-code-id", 0, fact)
    name = module_name(elf_file.soname, file_name)
    if module.debug_file != name:
        report.add("elf-name", module.number, f"'{module.debug_file}', the ELF file is '{name}'")
    cpu = CPUS.get(elf_file.machine)
    if cpu is not None and module.arch not in (cpu.arch, _OTHER_WORDS.get(elf_file.machine)):
        fact = f"'{module.arch}', the ELF file is for '{cpu.arch}'"
        report.add("elf-arch", module.number, fact)


def _sections(elf_file: ElfFile, names: tuple[str, ...]) -> list[Range]:
    base = elf_file.load_base
    return merge(
        (s.address - base, s.address + s.size - base)
        for s in elf_file.sections
        if s.executable and s.name in names and s.address >= base
    )


def _symbols(pair: SplitPair) -> list[Range]:
    base = pair.elf_file.load_base
    starts = ((s.address - base, s.size) for s in pair.function_symbols(_ignore))
    return merge((start, start + length) for start, length in starts if start >= 0)


def _ignore(_error: InputError) -> None:
    """A damaged symbol table is reported when its file is dumped; here it counts as not there."""


def _is_padding(elf_file: ElfFile, gap: Range) -> bool:
    start, end = gap[0] + elf_file.load_base, gap[1] + elf_file.load_base
    section = next(
        (s for s in elf_file.sections if s.executable and s.address <= start < s.address + s.size),
        None,
    )
    if section is None or not section.has_bytes or end - start > _LARGEST_PADDING:
        return False
    place = section.file_offset + start - section.address
    data = elf_file.file_bytes(place, min(end, section.address + section.size) - start, "code")
    return re.fullmatch(_FILLERS.get(elf_file.machine, rb"\x00*"), data) is not None


def _check_unwinding(
    entries: tuple[CfiEntry, ...],
    plt: list[Range],
    cfi: list[Range],
    rows: tuple[int, array[int]],
    report: Report,
) -> None:
    """Compare with what the ELF file says where the CFA is a register and an offset.

    A row that changes the CFA must have a record at its address: without it the rules before
    stay in force and find the wrong caller. Frames whose CFA is another expression are left out,
    for few dumpers can write them.
    """
    base, found = rows
    known = array("Q", sorted(found))
    wanted: list[Range] = []
    for entry in entries:
        ends = [*(row.address for row in entry.rows[1:]), entry.address + entry.size]
        before = None
        for row, end in zip(entry.rows, ends, strict=True):
            start = row.address - base
            if row.cfa.kind is RuleKind.REGISTER_OFFSET:
                wanted.append((start, end - base))
                if before not in (None, row.cfa) and _inside(cfi, start):
                    index = bisect_left(known, start)
                    if index == len(known) or known[index] != start:
                        report.add("cfi-rows-missing", 0, f"a new CFA at 0x{start:x}")
            before = row.cfa
    for start, end in subtract(subtract(merge(wanted), plt), cfi):
        report.add("cfi-missing", 0, f"{end - start} bytes from 0x{start:x}")


def _inside(ranges: list[Range], address: int) -> bool:
    index = bisect_right(ranges, (address, 1 << 64)) - 1
    return index >= 0 and address < ranges[index][1]


def merge(ranges: Iterable[Range]) -> list[Range]:
    """Return the same addresses as sorted ranges that do not touch."""
    merged: list[Range] = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        elif start < end:
            merged.append((start, end))
    return merged


def subtract(ranges: list[Range], others: list[Range]) -> list[Range]:
    """Return what is in ``ranges`` and not in ``others``; all of them merged."""
    left: list[Range] = []
    index = 0
    for start, end in ranges:
        cursor = start
        while index and others[index - 1][1] > start:
            index -= 1
        while index < len(others) and others[index][0] < end:
            if others[index][0] > cursor:
                left.append((cursor, others[index][0]))
            cursor = max(cursor, others[index][1])
            index += 1
        if cursor < end:
            left.append((cursor, end))
    return [(a, b) for a, b in left if a < b]


def size(ranges: list[Range]) -> int:
    """Return how many bytes the ranges hold."""
    return sum(end - start for start, end in ranges)
