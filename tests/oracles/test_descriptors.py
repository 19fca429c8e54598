"""PPC64 ELFv1: ``nm --synthetic`` follows the function descriptors as we do."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import pytest
from corpus.build import run
from corpus.matrix import DESCRIPTORS, Program
from oracles.cases import compiled, dumped_text, each_program, elf_facts
from oracles.symfile import parse

pytestmark = pytest.mark.oracle
# "0000000000000930 T .mid": the dot stands for the code of what is a descriptor.
_CODE = re.compile(r"([0-9a-f]{16}) [tTwW] \.(\S+)")


@each_program(DESCRIPTORS)
def test_public_symbols_are_where_nm_finds_the_code(program: Program) -> None:
    whole = compiled(program).whole
    base = elf_facts(whole).base
    # Exit code 3: the program has no debug information.
    publics = parse(dumped_text(whole, None, exit_code=3)).publics
    expected = synthetic(program, whole)
    assert {public.address + base for public in publics} == expected.keys()
    for public in publics:
        # Without the suffixes of clones. Names of C++ are for other tests.
        names = {name.partition(".")[0] or name for name in expected[public.address + base]}
        assert public.name in names or any(name.startswith("_Z") for name in names)


def synthetic(program: Program, path: Path) -> dict[int, set[str]]:
    """The names that nm gives to the code at each address."""
    text = run([f"{program.cpu.triple}-nm", "--synthetic", str(path)])
    found: dict[int, set[str]] = defaultdict(set)
    for match in _CODE.finditer(text):
        found[int(match[1], 16)].add(match[2])
    return found
