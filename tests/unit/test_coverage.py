# SPDX-License-Identifier: MIT
"""How much of a module's code its symbols cover; `test_both_engines` counts it from the records."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from builders import elf
from builders.elf import ALLOC, Section
from crashsym.coverage import SHARES, Coverage
from crashsym.dump import DumpOptions
from crashsym.errors import ConfigError
from crashsym.extract import extract
from crashsym.findings import Owner, Policy
from crashsym.manifest import Counts, Module, Symbols
from crashsym.onefile import Recipe
from crashsym.store import Store
from crashsym.thresholds import low, low_image, total
from crashsym.tree import HalfIndex, scan


@pytest.mark.parametrize(("what", "share"), [("functions", 66.6), ("lines", 50.0), ("cfi", 100.0)])
def test_the_linkers_table_can_have_rules_but_no_functions(what: str, share: float) -> None:
    assert Coverage(code=10, plt=4, functions=4, lines=3, cfi=10).percent(what) == share


def test_without_code_there_is_no_share() -> None:
    empty = Coverage(code=4, plt=4, functions=0, lines=0, cfi=0)
    assert (empty.percent("lines"), empty.percent("cfi")) == (None, 0.0)


CODE = 10_000


def module(
    path: str = "/usr/lib/a", functions: int = 100, lines: int = 100, cfi: int = 100
) -> Module:
    """Return a module of which so many percent of the code are covered."""
    covered = (CODE * share // 100 for share in (functions, lines, cfi))
    coverage = Coverage(CODE, 0, *covered)
    symbols = Symbols("a/0/a.sym", "0" * 64, Counts(1, 1, 1, 1, 1), coverage)
    return Module(
        *(path, "ab", "0" * 33, "a", "x86_64", 1, None, "glibc", "2", "libc6", None),
        *(symbols, "ok", None),
    )


def policy(tmp_path: Path, text: str) -> Policy:
    file = tmp_path / "policy.toml"
    file.write_text(text)
    return Policy.parse([str(file)])


@pytest.mark.parametrize(
    ("what", "enough", "name"),
    [("functions", 50, "functions"), ("lines", 50, "lines"), ("cfi", 75, "unwind rules")],
)
def test_less_than_the_default_share_is_a_finding(what: str, enough: int, name: str) -> None:
    fine, bad = (
        module("/usr/lib/a", *(share if what == one else 100 for one in SHARES))
        for share in (enough, enough - 1)
    )
    assert list(low([fine], Policy.parse([]))) == []
    (finding,) = low([bad], Policy.parse([]))
    assert (finding.code, finding.path) == ("low-coverage", "/usr/lib/a")
    assert finding.owner == Owner("libc6", "glibc")
    assert f"{name} for {enough - 1}.0 % of 10000 bytes, {enough} % are wanted" in finding.message


def test_a_policy_wants_other_shares_of_some_files(tmp_path: Path) -> None:
    rules = policy(
        tmp_path,
        "[[coverage]]\nlines = 90\nfunctions = 80.5\n"
        '[[coverage]]\npath = "/usr/lib/*"\nlines = 20\n'
        '[[coverage]]\npackage = "other"\nlines = 100\n'
        '[[coverage]]\nrecipe = "glib[bc]"\ncfi = 10\n',
    )
    assert list(low([module(lines=20, functions=81, cfi=10)], rules)) == []
    (first, second) = low([module(lines=19, functions=80), module("/bin/b", lines=89)], rules)
    assert "functions for 80.0 %" in first.why
    assert "80.5 % are wanted" in first.why
    assert "lines for 19.0 %" in first.why
    assert second.why == "lines for 89.0 % of 10000 bytes, 90 % are wanted"


def with_symbols(found: Module, **facts: Any) -> Module:
    assert found.symbols is not None
    return replace(found, symbols=replace(found.symbols, **facts))


def test_small_files_and_those_without_symbols_are_not_judged() -> None:
    without = replace(module(), symbols=None)
    tiny = with_symbols(module(lines=0), coverage=Coverage(4195, 100, 0, 0, 0))
    assert list(low([without, tiny], Policy.parse([]))) == []


def test_kinds_of_which_a_file_has_nothing_are_other_findings() -> None:
    """Debian's busybox: no debug information, and unwind rules for what the compiler adds."""
    nothing = replace(module(functions=0, lines=0, cfi=0), status="no-debug-info")
    for counts, found in ((Counts(0, 0, 0, 1, 0), []), (Counts(0, 0, 0, 1, 5), ["unwind rules"])):
        judged = low([with_symbols(nothing, counts=counts)], Policy.parse([]))
        assert [finding.why.partition(" for ")[0] for finding in judged] == found


def test_the_sum_is_over_those_that_have_symbols() -> None:
    modules = [module(lines=50), module(), replace(module(), symbols=None)]
    assert total(modules) == Coverage(2 * CODE, 0, 2 * CODE, 15_000, 2 * CODE)


def test_a_policy_may_want_a_share_of_the_image_as_a_whole(tmp_path: Path) -> None:
    modules = [module(lines=50), module("/usr/lib/b", lines=70)]
    assert list(low_image(modules, policy(tmp_path, "[[coverage]]\nlines = 90"))) == []
    wanted = '[[coverage]]\npath = "/"\nlines = {}\n[[coverage]]\ncfi = 100\n'
    assert list(low_image(modules, policy(tmp_path, wanted.format(60)))) == []
    (finding,) = low_image(modules, policy(tmp_path, wanted.format(61)))
    assert (finding.code, finding.path) == ("low-coverage", "/")
    assert finding.why == "lines for 60.0 % of 20000 bytes, 61 % are wanted"
    assert list(low_image([], policy(tmp_path, wanted.format(61)))) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("coverage = 5", "'coverage' is no list"),
        ("coverage = [5]", "coverage 1: it is no table"),
        ("[[coverage]]\nfunction = 5", "unknown key 'function'"),
        ('[[coverage]]\ncode = "no-lines"\nlines = 5', "unknown key 'code'"),
        ("[[coverage]]\nlines = 101", "lines is 101"),
        ("[[coverage]]\nlines = -1", "lines is -1"),
        ("[[coverage]]\nlines = true", "lines is True"),
        ("[[coverage]]\nlines = nan", "lines is nan"),
        ('[[coverage]]\nlines = "5"', "lines is '5'"),
        ('[[coverage]]\npath = ""\nlines = 5', "path is ''"),
        ('[[coverage]]\npath = "/a"', "it does not say how much is wanted"),
    ],
)
def test_a_wrong_table_is_an_error(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        policy(tmp_path, text)


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
