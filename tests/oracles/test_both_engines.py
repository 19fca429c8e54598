# SPDX-License-Identifier: MIT
"""The compiled kernel gives the very bytes of the reference."""

from __future__ import annotations

import io
import re
from contextlib import ExitStack
from pathlib import Path

import pytest
from corpus.matrix import COMPRESSED, DESCRIPTORS, PROGRAMS, X86_64, Program
from crashsym.dump import DumpOptions, dump_module
from crashsym.elf import ElfFile
from crashsym.engines.compiled import CompiledEngine
from crashsym.engines.protocols import Engine
from crashsym.engines.reference import ReferenceEngine
from crashsym.splitpair import SplitPair
from oracles.cases import compiled, each_program

from bench.packages import DebianPackage

ARCHITECTURES = ("amd64", "i386", "armhf", "arm64", "ppc64el", "s390x", "mips64el")


Dumped = tuple[bytes, list[str], tuple[int, int, int]]
LINE = re.compile(rb"[0-9a-f]+ ([0-9a-f]+) [0-9]+ [0-9]+")
FUNC = re.compile(rb"FUNC (?:m )?[0-9a-f]+ ([0-9a-f]+) 0 .*")
RULES = re.compile(rb"STACK CFI INIT [0-9a-f]+ ([0-9a-f]+) .*")


def dumped(engine: Engine, path: Path, debug: Path | None, options: DumpOptions) -> Dumped:
    """Return a symbol file, the codes of the findings, and the bytes of code that it covers."""
    with ExitStack() as stack:
        halves = [stack.enter_context(ElfFile(file)) for file in (path, debug) if file is not None]
        dump = dump_module(SplitPair(*halves), path.name, path.name, options, engine)
        stream = io.BytesIO()
        dump.write(stream)
    rules = dump.rules.code_bytes if dump.rules is not None else 0
    covered = (dump.functions.function_bytes, dump.functions.line_bytes, rules)
    return stream.getvalue(), [finding.code for finding in dump.findings], covered


def sizes(symbols: bytes, record: re.Pattern[bytes]) -> int:
    """Return the sum of the sizes in all records of a kind."""
    matches = map(record.fullmatch, symbols.splitlines())
    return sum(int(match[1], 16) for match in matches if match)


def check_same(path: Path, debug: Path | None = None) -> None:
    for options in (DumpOptions(), DumpOptions(inlines=False, keep_suffixes=True)):
        reference = dumped(ReferenceEngine(), path, debug, options)
        assert dumped(CompiledEngine(), path, debug, options) == reference
        assert reference[0].count(b"\n") > 5
        assert reference[2] == tuple(sizes(reference[0], kind) for kind in (FUNC, LINE, RULES))


@each_program((*PROGRAMS, *DESCRIPTORS, *COMPRESSED))
def test_engines_agree_on_the_corpus(program: Program) -> None:
    binary = compiled(program)
    check_same(binary.shipped, binary.debug)


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_engines_agree_on_debians_libc(architecture: str, tmp_path: Path) -> None:
    package = DebianPackage("libc6-dbg", architecture, X86_64)
    path = tmp_path / "libc.debug"
    package.make(path)
    check_same(path)
