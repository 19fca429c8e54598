# SPDX-License-Identifier: MIT
"""How much of a module's code its symbols cover; `test_both_engines` counts it from the records."""

from __future__ import annotations

from pathlib import Path

import pytest
from builders import elf
from builders.elf import ALLOC, Section
from crashsym.coverage import Coverage
from crashsym.dump import DumpOptions
from crashsym.extract import extract
from crashsym.onefile import Recipe
from crashsym.store import Store
from crashsym.tree import HalfIndex, scan


@pytest.mark.parametrize(("what", "share"), [("functions", 66.6), ("lines", 50.0), ("cfi", 100.0)])
def test_the_linkers_table_can_have_rules_but_no_functions(what: str, share: float) -> None:
    assert Coverage(code=10, plt=4, functions=4, lines=3, cfi=10).percent(what) == share


def test_without_code_there_is_no_share() -> None:
    empty = Coverage(code=4, plt=4, functions=0, lines=0, cfi=0)
    assert (empty.percent("lines"), empty.percent("cfi")) == (None, 0.0)


def test_the_manifest_says_how_much_code_there_is(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    table = Section(".plt", bytes(48), flags=ALLOC | elf.EXECINSTR, address=0x20000)
    (tmp_path / "root/a").write_bytes(elf.module(table))
    tree = scan(tmp_path / "root", [], packages=False, exclude=())
    store = Store(tmp_path / "store")
    made = extract(tree, HalfIndex([]), store, Recipe(), DumpOptions(), jobs=1)
    symbols = made.manifest.modules[0].symbols
    assert symbols is not None
    assert symbols.coverage == Coverage(elf.TEXT_SIZE + 48, 48, 0, 0, 0)
