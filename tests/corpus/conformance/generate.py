# SPDX-License-Identifier: MIT
"""Make the facts of one program of the corpus, from other projects' tools alone."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

try:
    # What 0.31 and later have: older ones end at the opcodes of AArch64's pointer authentication.
    import elftools
    from elftools.dwarf.constants import DW_CFA_AARCH64_negate_ra_state  # type: ignore[attr-defined] # noqa: F401
except ImportError:
    # The commands import this first, and what to do is better than a traceback.
    sys.stderr.write(
        "cannot make facts: this Python has no pyelftools from 0.31 on."
        " Run 'pip install pyelftools' in a virtual environment.\n"
    )
    sys.exit(2)
from corpus.build import Binary, cache_root, run
from corpus.conformance.consensus import Tally, agree_on_locations, merged
from corpus.conformance.elf import ElfFile, read_elf
from corpus.conformance.facts import (
    Facts,
    Module,
    Sample,
    Unwind,
    read_facts,
    write_facts,
)
from corpus.conformance.frametables import llvm_table, pyelftools_table, readelf_table
from corpus.conformance.locations import TOOLS, Answers
from corpus.conformance.machines import MACHINES, Machine
from corpus.conformance.marks import confirm, marked_lines
from corpus.conformance.trace import sample
from corpus.conformance.unwinding import agree_on_rules
from corpus.matrix import Program

# How many arguments the program is run with: each number is a run, and takes other branches.
RUNS = (1, 4)
NEEDED = (*TOOLS, "readelf", "llvm-dwarfdump", "c++filt")
# This code as it was loaded: facts of another version are not used again.
_CODE = b"".join(code.read_bytes() for code in sorted(Path(__file__).parent.glob("*.py")))
_VERSION = re.compile(r"\d+\.\d[\w.+-]*")


def machine_name(program: Program) -> str:
    """The key of the program's processor in ``machines.py``."""
    return program.cpu.triple.split("-", 1)[0]


def needed_tools(program: Program) -> tuple[str, ...]:
    """The commands that the facts of ``program`` need."""
    machine = MACHINES.get(machine_name(program))
    return (*NEEDED, machine.emulator[0]) if machine and not program.shared else NEEDED


def make_facts(binary: Binary) -> Facts:
    """Ask all tools about ``binary.whole``, run it, and keep what they agree on."""
    program = binary.program
    elf = read_elf(binary.whole)
    tally = Tally()
    machine = MACHINES.get(machine_name(program))
    addresses = elf.code_addresses()
    answers = _asked(elf.path, addresses, machine.ignored if machine else 0)
    locations = agree_on_locations(answers, addresses, _named(elf), elf.base, tally)
    unwinds, samples = _unwinding(elf, program, machine, tally) if machine else ([], [])
    sources = confirm(marked_lines(program), locations, tally)
    order = sorted(tally.disputed, key=lambda fact: (fact.category, fact.address))
    module = Module(
        program.name,
        program.cpu.arch,
        machine_name(program),
        elf.build_id,
        versions(needed_tools(program)),
        dict(tally.unconfirmed),
    )
    return Facts(
        module,
        tuple(locations),
        tuple(unwinds),
        tuple(samples),
        tuple(sources),
        tuple(merged(order)),
    )


def cached_facts(binary: Binary, folder: Path | None = None) -> Path:
    """The file with the facts of ``binary``; made once for its content, the tools and this code."""
    home = folder or cache_root() / "corpus-facts"
    path = home / f"{binary.program.name}-{_key(binary)}.jsonl"
    if not path.is_file():
        home.mkdir(parents=True, exist_ok=True)
        scratch = path.with_suffix(f".{os.getpid()}")
        write_facts(make_facts(binary), scratch)
        read_facts(scratch)
        scratch.replace(path)
    return path


def _key(binary: Binary) -> str:
    digest = hashlib.sha256(binary.whole.read_bytes() + _CODE)
    for tool, version in versions(needed_tools(binary.program)).items():
        digest.update(f"{tool} {version}\n".encode())
    return digest.hexdigest()[:16]


def versions(tools: Sequence[str]) -> dict[str, str]:
    """What each tool says of its version, and pyelftools."""
    return {**{tool: _version(tool) for tool in tools}, "pyelftools": elftools.__version__}


@cache
def _version(tool: str) -> str:
    text = run([tool, "--version"])
    # "GNU addr2line (GNU Binutils for Debian) 2.40", "Debian LLVM version 14.0.6"
    for line in text.splitlines():
        if match := _VERSION.findall(line):
            return str(match[-1] if "(" in line and line.endswith(match[-1]) else match[0])
    return "unknown"


def _asked(path: Path, addresses: Sequence[int], ignored: int) -> dict[str, Answers]:
    """Every tool's answers.

    In Thumb code the tools are asked for the odd address, as a return address there is one: the GNU
    assembler begins its functions at odd addresses (DW_AT_low_pc), and the tools take that for
    part of the address.
    """
    odd = sorted({address | ignored for address in addresses})
    found = {}
    for tool, ask in TOOLS.items():
        given = ask(path, odd)
        found[tool] = {address: given.get(address | ignored, ()) for address in addresses}
    return found


def _named(elf: ElfFile) -> Callable[[int], bool]:
    """Whether a function symbol with a size covers an address."""
    covered = {address for begin, end in elf.functions for address in range(begin, end)}
    return covered.__contains__


def _unwinding(
    elf: ElfFile, program: Program, machine: Machine, tally: Tally
) -> tuple[list[Unwind], list[Sample]]:
    name = machine_name(program)
    register = machine.return_register
    tables = {
        "readelf": readelf_table(elf.path, name),
        "llvm-dwarfdump": llvm_table(elf.path, name, register),
        "pyelftools": pyelftools_table(elf.path, name, register),
    }
    code = set(elf.code_addresses())
    # Functions that the linker discarded keep entries at the address 0.
    tables = {
        tool: {address: rules for address, rules in table.items() if address in code}
        for tool, table in tables.items()
    }
    samples = {} if program.shared else _run_program(elf, machine)
    return agree_on_rules(tables, samples, machine, elf.base, tally)


def _run_program(elf: ElfFile, machine: Machine) -> dict[int, Sample]:
    symbols = run(["readelf", "--wide", "--syms", str(elf.path)])
    found = re.search(r": ([0-9a-f]+) .* FUNC .* main$", symbols, re.MULTILINE)
    if not found:
        raise ValueError(f"{elf.path}: no symbol 'main'")
    main = int(found[1], 16) & ~machine.ignored
    return {taken.address: taken for taken in sample(machine, elf, main, RUNS)}
