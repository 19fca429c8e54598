"""What the test server of Sentry reads in a debug file is what Sentry's symbolic reads in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from corpus.matrix import PROGRAMS, Program
from oracles.cases import compiled, each_program, our_text
from servers.client import SYMBOLS
from servers.debugfile import BadDebugFileError, read_debug_file
from symbolic.debuginfo import Archive
from symbolic.exceptions import SymbolicError

pytestmark = pytest.mark.oracle


@each_program()
def test_the_facts_of_a_file_are_those_of_symbolic(program: Program, tmp_path: Path) -> None:
    binary = compiled(program)
    symbols = tmp_path / "own.sym"
    symbols.write_text(our_text(program), encoding="utf-8")
    halves = [binary.whole, binary.shipped, binary.debug, symbols]
    for path in [half for half in halves if half is not None]:
        assert our_facts(path) == symbolics_facts(path)


@pytest.mark.parametrize("keep", [0, 3, 16, 40, 63, 64, 200, 1000])
def test_what_symbolic_cannot_read_is_refused(keep: int, tmp_path: Path) -> None:
    elf = compiled(PROGRAMS[0]).whole
    part = tmp_path / "part"
    for content in (elf.read_bytes()[:keep], SYMBOLS[:keep]):
        part.write_bytes(content)
        assert (our_facts(part) is None) == (symbolics_facts(part) is None)


def our_facts(path: Path) -> tuple[object, ...] | None:
    try:
        facts = read_debug_file(path)
    except BadDebugFileError:
        return None
    ids = (facts.debug_id, facts.code_id)
    return (facts.format, facts.arch, *ids, facts.kind, facts.features)


def symbolics_facts(path: Path) -> tuple[object, ...] | None:
    try:
        (found,) = Archive.open(str(path)).iter_objects()
    except SymbolicError:
        return None
    code_id = None if found.code_id is None else str(found.code_id)
    ids = (str(found.debug_id), code_id)
    return (found.file_format, found.arch, *ids, found.kind, frozenset(found.features))
