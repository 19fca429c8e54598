# SPDX-License-Identifier: MIT
"""Steps of debian_image.feature: what dpkg, elfutils, readelf and a browser say of the account."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from browser.devtools import Browser, Tab
from browser.shown import cards, statuses, too_wide
from features.debian_root import DebianRoot, build_ids, elf_files, has_functions, owners
from features.world import World
from pytest_bdd import given, parsers, scenarios, then, when
from support import require_tool

scenarios("debian_image.feature")

Module = dict[str, Any]


@dataclass
class Account(World):
    """One scenario: the last run, and what the first has left."""

    first: dict[str, bytes] = field(default_factory=dict)
    command: str = ""

    def run(self, command: str) -> None:
        """Run a command, and remember it."""
        super().run(command)
        self.command = command

    @property
    def modules(self) -> list[Module]:
        found: list[Module] = json.loads((self.root / "image.json").read_bytes())["modules"]
        return found

    def documents(self) -> dict[str, bytes]:
        return {name: (self.root / name).read_bytes() for name in ("image.json", "image.html")}


@pytest.fixture
def world(tmp_path: Path) -> Account:
    return Account(tmp_path)


@given(
    parsers.parse(
        'a root file system of Debian\'s packages for "{architecture}", and the debug files of'
        " some of them"
    )
)
def root(world: Account, architecture: str) -> None:
    for tool, package in (("apt-get", "apt"), ("dpkg", "dpkg"), ("eu-elfclassify", "elfutils")):
        require_tool(tool, package)
    made = DebianRoot(architecture).made()
    for name in ("root", "debug"):
        (world.root / name).symlink_to(made / name)


@then(
    parsers.parse(
        "it accounts for more than {number:d} ELF files, those that elfutils finds and no others"
    )
)
def each_once(world: Account, number: int) -> None:
    paths = [module["path"] for module in world.modules]
    assert len(paths) > number
    assert sorted(paths) == sorted(elf_files(world.root / "root"))


@then("package, recipe and version of each are what dpkg says")
def owner(world: Account) -> None:
    said = owners(world.root / "root")
    for module in world.modules:
        found = tuple(module[name] for name in ("package", "recipe", "version"))
        assert found == said[module["path"]], module["path"]


@then("size, digest and build id of each are what the machine's own tools say")
def identity(world: Account) -> None:
    ids = build_ids(world.root / "root", [module["path"] for module in world.modules])
    for module in world.modules:
        data = (world.root / f"root{module['path']}").read_bytes()
        assert module["size"] == len(data)
        assert module["sha256"] == hashlib.sha256(data).hexdigest()
        assert module["build_id"] == ids.get(module["path"]), module["path"]


# Of crti.o, crtbegin.o and their like, which the linker adds to each library.
START_FILES = {
    *("_init", "_fini", "deregister_tm_clones", "register_tm_clones", "frame_dummy"),
    *("__do_global_dtors_aux", "call_weak_fn", "__x86.get_pc_thunk.bx"),
}


def own_functions(debug_file: Path) -> set[str]:
    """Return the functions of a library that come from its sources, by readelf."""
    listed = subprocess.check_output(["readelf", "-sW", debug_file], text=True)
    rows = [line.split() for line in listed.splitlines() if " FUNC " in line]
    return {row[7] for row in rows if row[6] != "UND"} - START_FILES


@then("those have functions and lines whose debug files are there, and no others")
def with_debug_file(world: Account) -> None:
    folder = world.root / "debug/usr/lib/debug/.build-id"
    halves = {file.parent.name + file.stem: file for file in folder.glob("*/*.debug")}
    there = {m["path"]: halves[m["build_id"]] for m in world.modules if m["build_id"] in halves}
    assert len(there) > 200
    for module in world.modules:
        path, counts = module["path"], module["symbols"]["counts"]
        assert (counts["functions"] > 0) == (counts["lines"] > 0), path
        if module["status"] == "no-debug-info":
            assert counts["functions"] == 0, path
        elif counts["functions"] == 0:  # a library of data, as glibc's tables of characters are
            assert own_functions(there[path]) == set(), path
        if counts["functions"] > 0:
            assert path in there
        elif path in there:
            assert not has_functions(there[path]), path


@then("the store has the symbols of each, with the digest that the manifest says")
def stored(world: Account) -> None:
    there = {
        str(f.relative_to(world.root / "store")) for f in (world.root / "store").rglob("*.sym")
    }
    assert there == {module["symbols"]["path"] for module in world.modules}
    for module in world.modules:
        data = (world.root / "store" / module["symbols"]["path"]).read_bytes()
        assert module["symbols"]["sha256"] == hashlib.sha256(data).hexdigest()
        words = data.partition(b"\n")[0].decode().split(" ", 4)
        assert words == [
            "MODULE",
            "Linux",
            *(module[k] for k in ("arch", "debug_id", "debug_file")),
        ]


@then("stdout names the packages that lack most")
def worst(world: Account) -> None:
    missing: Counter[str] = Counter()
    for module in world.modules:
        coverage = module["symbols"]["coverage"]
        missing[module["package"]] += coverage["code"] - coverage["plt"] - coverage["lines"]
    names = [name for name, _ in missing.most_common(3)]
    [line] = [line for line in world.stdout.splitlines() if line.startswith("most code without")]
    assert re.findall(r"[:,] (\S+) [0-9.]+ [KM]iB", line) == names


@then("stdout adds up the files of the manifest")
def table(world: Account) -> None:
    rows = [line.split(maxsplit=1) for line in world.stdout.splitlines()]
    shown = {what.strip(): int(number) for number, what in rows if number.isdecimal()}
    assert shown.pop("ELF files") == len(world.modules)
    assert shown == Counter(module["status"] for module in world.modules)


@then('there is one finding for each file that is not "ok"')
def one_each(world: Account) -> None:
    found = [line for line in world.result.stderr.decode().splitlines() if line.endswith("]")]
    for status in {module["status"] for module in world.modules} - {"ok"}:
        bad = [f"'{m['path']}': " for m in world.modules if m["status"] == status]
        told = [line for line in found if line.endswith(f"[{status}]")]
        assert all(any(path in line for line in told) for path in bad)
        assert len(told) >= len(bad)


@then(
    parsers.parse("the page has the numbers of the manifest, in windows of {a:d} and {b:d} pixels")
)
def page(world: Account, a: int, b: int) -> None:
    code = sum(module["symbols"]["coverage"]["code"] for module in world.modules)
    with Browser(world.root / "profile") as browser:
        tab = Tab(browser)
        for width in (a, b):
            tab.window(width)
            tab.open(world.root / "image.html")
            totals = cards(tab)
            assert totals["ELF files"] == str(len(world.modules))
            assert totals["Code"] == f"{code / 2**20:.1f} MiB"
            assert statuses(tab) == Counter(module["status"] for module in world.modules)
            assert too_wide(tab) == []
            assert tab.complaints() == []


@when("I run it again")
def again(world: Account) -> None:
    world.first = world.documents()
    world.run(world.command)


@then("it dumps no file")
def nothing_dumped(world: Account) -> None:
    number = len(world.modules)
    assert f"; {number} of {number} files known from the cache; " in world.result.stderr.decode()
    assert f"{number} symbol files: 0 new, {number} already there" in world.result.stderr.decode()


@then("manifest and page have not changed by a byte")
def unchanged(world: Account) -> None:
    assert world.documents() == world.first
