# SPDX-License-Identifier: MIT
"""The names of all kinds of records, with the suffixes of clones and without."""

from __future__ import annotations

from pathlib import Path

import pytest
from builders import dwarf, elf
from builders.dwarf import Die, Dwarf
from builders.elf import Elf, Section
from builders.encode import Format
from crashsym.breakpad.records import ModuleRecord
from crashsym.budget import Budget
from crashsym.dwarf.names import NameEntry, NameTable
from crashsym.store import Store
from crashsym.symbolicate import Symbolicator
from support import crashsym

FMT = Format()
_HEADER_SIZE = 11  # of a unit, DWARF 4


def _file() -> bytes:
    """Return a file with a clone each for a FUNC, an INLINE_ORIGIN and a PUBLIC record."""
    info = Dwarf(FMT)
    body = info.entry(Die(dwarf.COMPILE_UNIT, [(dwarf.NAME, dwarf.STRING, b"a.rs")], ()))
    origin = _HEADER_SIZE + len(body)
    body += info.entry(
        Die(dwarf.SUBPROGRAM, [(dwarf.LINKAGE_NAME, dwarf.STRING, b"_RNvC1a4calm.llvm.1F@2")])
    )
    call = Die(
        dwarf.INLINED,
        [
            (dwarf.ABSTRACT_ORIGIN, dwarf.REF4, origin),
            (dwarf.LOW_PC, dwarf.ADDR, 0x1004),
            (dwarf.HIGH_PC, dwarf.DATA8, 4),
        ],
    )
    attributes: list[dwarf.Attribute] = [
        (dwarf.LINKAGE_NAME, dwarf.STRING, b"_Z1fv.isra.0.cold"),
        (dwarf.LOW_PC, dwarf.ADDR, 0x1000),
        (dwarf.HIGH_PC, dwarf.DATA8, 16),
    ]
    body += info.entry(Die(dwarf.SUBPROGRAM, attributes, ())) + info.entry(call) + b"\0\0"
    info.raw_unit(body)
    names = [b"covered.part.0", b"g.part.0", b"_D1a1hFZv.constprop.1"]
    sections = (elf.code(0x1000), elf.build_id(FMT), *info.sections())
    return Elf((*sections, *elf.symbol_table(FMT, names))).build()


def _names(tmp_path: Path, *options: str) -> dict[str, list[str]]:
    """Return the names of each kind of record."""
    (tmp_path / "subject").write_bytes(_file())
    run = crashsym("dump", tmp_path / "subject", *options)
    found: dict[str, list[str]] = {}
    for line in run.stdout.decode().splitlines():
        kind, _, rest = line.partition(" ")
        words = {"FUNC": 3, "PUBLIC": 2, "INLINE_ORIGIN": 1}.get(kind)
        if words:
            found.setdefault(kind, []).append(rest.split(" ", words)[words])
    return found


def test_no_record_has_the_suffix_of_a_clone(tmp_path: Path) -> None:
    assert _names(tmp_path) == {
        "FUNC": ["f()"],
        "INLINE_ORIGIN": ["a::calm"],
        "PUBLIC": ["g", "a.h()"],
    }


def test_each_record_has_them_on_request(tmp_path: Path) -> None:
    assert _names(tmp_path, "--keep-suffixes") == {
        "FUNC": ["f() [clone .isra.0] [clone .cold]"],
        "INLINE_ORIGIN": ["a::calm [clone .llvm.1F@2]"],
        "PUBLIC": ["g.part.0", "a.h() [clone .constprop.1]"],
    }


@pytest.mark.parametrize(("section", "name"), [(".go.buildinfo", "main.cold"), (".data", "main")])
def test_a_function_of_go_may_be_called_cold(tmp_path: Path, section: str, name: str) -> None:
    symbols = elf.symbol_table(FMT, (b"main.cold",))
    parts = (elf.code(), elf.build_id(FMT), Section(section, b"go"), *symbols)
    (tmp_path / "subject").write_bytes(Elf(parts).build())
    run = crashsym("dump", tmp_path / "subject")
    assert run.stdout.decode().splitlines()[-1] == f"PUBLIC 1000 0 {name}"


@pytest.mark.parametrize(
    ("name", "linkage_name", "plain", "kept"),
    [
        (None, "f.constprop.0", "f", "f.constprop.0"),
        ("f", "f.lto_priv.0", "f", "f"),  # C: the name in the source decides
        ("f.cold", None, "f.cold", "f.cold"),  # so no linker has seen it: Go, or the source itself
        ("f", "_Z1fv", "f()", "f()"),
        ("f", "_Z_", "f", "f"),
        ("f" * 65_535, "_Z_", "f" * 65_535, "f" * 65_535),
        ("f" * 65_536, "_Z_.cold", "_Z_", "_Z_.cold"),
        ("f" * 70_000, None, "f" * 65_536, "f" * 65_536),
        (None, "_Z_.cold", "_Z_", "_Z_.cold"),
        (None, None, "<name omitted>", "<name omitted>"),
    ],
)
def test_which_name_an_entry_has(
    name: str | None, linkage_name: str | None, plain: str, kept: str
) -> None:
    for keep, expected in ((False, plain), (True, kept)):
        table = NameTable(Budget(1_000_000), keep_suffixes=keep)
        table.add((0, 8), NameEntry(name, linkage_name, None, None))
        assert table.function_name((0, 8)) == expected


SYMBOLS = b"""MODULE Linux x86_64 0403020106050807090A0B0C0D0E0F100 app
FUNC 1000 20 0 split
FUNC 2000 20 0 split
FUNC 3000 20 0 alone
PUBLIC 4000 0 f() [clone .isra.0]
"""


@pytest.mark.parametrize(
    ("frame", "name"),
    [
        ("app(alone.constprop.0+0x4)[0x0]", "alone"),
        ("app(_Z1fv.isra.0+0x4)[0x0]", "f() [clone .isra.0]"),
        ("app(split.cold+0x4)[0x0]", None),  # which piece it is cannot be known
        ("app(other.cold+0x4)[0x0]", None),
    ],
)
def test_a_log_may_name_a_clone(tmp_path: Path, frame: str, name: str | None) -> None:
    store = Store(tmp_path / "store")
    module = ModuleRecord("Linux", "x86_64", "0403020106050807090A0B0C0D0E0F100", "app", "")
    (tmp_path / "new").write_bytes(SYMBOLS)
    store.add(module, tmp_path / "new")
    [line] = Symbolicator([store]).lines([frame])
    assert line == (frame if name is None else f"{frame} {name}")
