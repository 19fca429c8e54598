# SPDX-License-Identifier: MIT
"""Finding modules by id, path and name, and what is printed of their source."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from builders.manifests import SOURCE, bare, module
from crashsym.manifest import Manifest, Module
from crashsym.manifestfind import find
from crashsym.source import Repository, Source
from support import crashsym

PLAIN = module()
APP = module(source=SOURCE)
# a recipe, a package and files that are called like the beginning of a build id
HEX = "deadbeef"
BY_ID = replace(PLAIN, path="/z", build_id=f"{HEX}00", debug_id="1" * 33, debug_file="z")
BY_NAME = replace(PLAIN, path=f"/usr/bin/{HEX}", build_id="01" * 20, recipe="r", package="p")
BY_SONAME = replace(PLAIN, path="/lib/x.so.1.0", build_id="02" * 20, debug_file=HEX)
BY_PACKAGE = replace(PLAIN, path="/usr/bin/b", build_id="03" * 20, package=HEX)
BY_RECIPE = replace(PLAIN, path="/usr/bin/c", build_id="04" * 20, recipe=HEX)
ODD = replace(bare("/usr/bin/[", "unreadable"), recipe=None, package=None)
ALL = (BY_RECIPE, BY_PACKAGE, BY_SONAME, BY_NAME, BY_ID, ODD)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (HEX, [BY_ID, BY_RECIPE, BY_PACKAGE, BY_SONAME, BY_NAME]),
        (HEX.upper(), [BY_ID]),
        (f"/usr/bin/{HEX}", [BY_NAME]),
        ("/usr/bin/?", [BY_RECIPE, BY_PACKAGE, ODD]),
        ("*/*.so*", [BY_SONAME]),
        ("/usr/bin/[", [ODD]),
        ("[", [ODD]),
        ("x.so.1.0", [BY_SONAME]),
        ("x.so.*", [BY_SONAME]),
        ("dead*", [BY_RECIPE, BY_PACKAGE, BY_SONAME, BY_NAME]),
        ("usr/bin/b", []),
        ("bin", []),
        ("-", []),
        ("", []),
    ],
)
def test_ids_come_before_paths_and_names(wanted: str, found: list[Module]) -> None:
    assert find(ALL, wanted) == found


def test_what_several_manifests_have_is_found_once() -> None:
    assert find((*ALL, *ALL), "/z") == [BY_ID]


def lines(folder: Path, source: Source | None, *options: str) -> list[str]:
    """Print a module with this source; return the lines below the first."""
    Manifest.of([replace(APP, source=source)]).write(folder / "m.json")
    done = crashsym("manifest", "find", "/usr/bin/app", folder / "m.json", *options)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.decode().splitlines()[1:]


def test_the_source_is_printed_below_its_module(tmp_path: Path) -> None:
    assert APP.source is not None
    assert lines(tmp_path, APP.source) == [
        "    source  git://example.com/app  b060ad20  /usr/src/debug/app/1.0",
        "    source  https://example.com/data.tar.gz  -  -",
        "    source  -  17ad20b0  /usr/src/debug/app/1.0/lib (src/lib/)",
        "    patch  0001-first.patch",
        "    patch  0002-second.patch",
    ]
    assert lines(tmp_path, replace(APP.source, prefix=None))[0].endswith("  b060ad20  -")


def test_of_a_recipe_without_sources_the_prefix_is_printed(tmp_path: Path) -> None:
    assert lines(tmp_path, Source((), (), "/usr/src/debug/app")) == [
        "    source  -  -  /usr/src/debug/app"
    ]
    assert lines(tmp_path, Source((), (), None)) == ["    source  -  -  -"]
    assert lines(tmp_path, None) == []


def test_a_hostile_source_has_its_lines_only(tmp_path: Path) -> None:
    odd = Source((Repository("git://x\n/usr/bin/fake", "\x1b[31m", ""),), ("a\rb.patch",), "/p")
    assert lines(tmp_path, odd) == [
        "    source  git://x\\n/usr/bin/fake  \\x1b[31m  /p",
        "    patch  a\\rb.patch",
    ]


def test_machines_get_all_of_it(tmp_path: Path) -> None:
    Manifest.of([APP]).write(tmp_path / "m.json")
    done = crashsym("manifest", "find", "app", tmp_path / "m.json", tmp_path / "m.json", "--json")
    whole = json.loads((tmp_path / "m.json").read_text())["modules"]
    assert json.loads(done.stdout) == whole


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("", "m.json"), "argument WHAT: it is empty; give an id, a path or a name"),
        (("app", "none.json"), "cannot read the manifest: 'none.json'"),
        (("a\nb", "m.json"), r"cannot find a module: 'a\nb': no module in 1 manifest has this id"),
    ],
)
def test_what_cannot_be_found(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    Manifest.of([APP]).write(tmp_path / "m.json")
    done = crashsym("manifest", "find", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr.decode()


def test_of_several_manifests_those_that_have_the_module_are_named(tmp_path: Path) -> None:
    Manifest.of([APP], {"image": "my-image", "version": "1.1"}).write(tmp_path / "old.json")
    Manifest.of([APP]).write(tmp_path / "new.json")
    Manifest.of([BY_ID]).write(tmp_path / "other.json")
    names = ("old.json", "new.json", "other.json")
    done = crashsym("manifest", "find", "/usr/bin/app", *names, cwd=tmp_path)
    lines = done.stdout.decode().splitlines()
    assert lines[-2:] == ["    in  old.json  my-image 1.1", "    in  new.json"]
