# SPDX-License-Identifier: MIT
"""The account of a root file system: each ELF file once, with its owner and what is wrong."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
from builders import elf
from builders.elf import Elf
from builders.rootfs import Root, module
from support import crashsym, require_tool

_ET_REL = 1


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path)


def codes(document: dict[str, Any], path: str) -> set[str]:
    return {found["code"] for found in document["findings"] if found["path"] == path}


def elf_files(root: Path) -> set[str]:
    """Return what `find` and `readelf` say are the ELF files of a root file system."""
    require_tool("readelf", "binutils")
    listed = subprocess.check_output(["find", root, "-type", "f", "-print0"])
    found = set()
    for file in filter(None, listed.split(b"\0")):
        done = subprocess.run(["readelf", "-h", file], capture_output=True, check=False)
        if b"ELF Header" in done.stdout:
            found.add("/" + os.path.relpath(os.fsdecode(file), root))
    return found


def test_each_elf_file_has_one_entry_and_nothing_else_has(root: Root) -> None:
    app = root.put("/usr/bin/app", module(1), "app")
    root.put("/opt/vendor/deep/er/tool", module(2), "app")
    root.put("/usr/lib/libx.so.1", module(3), "app")
    root.put("/usr/lib/crt1.o", Elf((elf.code(),), type=_ET_REL).build(), "app")
    root.put("/etc/passwd", b"root:x:0:0\n")
    (root.root / "usr/bin/hard").hardlink_to(app)
    (root.root / "usr/bin/link").symlink_to("app")
    (root.root / "usr/bin/nowhere").symlink_to("/gone")
    (root.root / "usr/bin/itself").symlink_to("itself")
    (root.root / "usr/outside").symlink_to("/usr")
    os.mkfifo(root.root / "pipe")
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(root.root / "socket"))
    odd = root.put("/usr/bin/a\nb", module(4), "app")
    assert odd.is_file()
    root.write_database()
    document = root.run()
    assert document["files"] == 6
    assert set(root.manifest()) == elf_files(root.root)
    assert document["by_status"]["left-out"] == 1
    assert root.manifest()["/usr/bin/hard"]["sha256"] == root.manifest()["/usr/bin/app"]["sha256"]


def test_an_entry_says_whose_the_file_is(root: Root) -> None:
    root.put("/usr/bin/app", module(1), "app")
    root.put("/usr/lib/crt1.o", Elf((elf.code(),), type=_ET_REL).build(), "app-dev")
    root.write_database()
    document = root.run()
    assert document["packages"] == 2
    found = root.manifest()
    for path, package in (("/usr/bin/app", "app"), ("/usr/lib/crt1.o", "app-dev")):
        entry = found[path]
        assert (entry["package"], entry["recipe"]) == (package, f"{package}-source")
        assert entry["version"] == "2.0"


def test_what_was_changed_after_packaging_and_what_nobody_has(root: Root) -> None:
    root.put("/usr/bin/same", module(1), "app")
    root.put("/usr/bin/changed", module(2), "app").write_bytes(module(2, (b"g",)))
    root.put("/usr/bin/made", module(3))
    root.write_database()
    document = root.run()
    found = {path: codes(document, f"/usr/bin/{path}") for path in ("same", "changed", "made")}
    of_image = {"changed", "unowned"}
    assert found["same"] & of_image == set()
    assert found["changed"] & of_image == {"changed"}
    assert found["made"] & of_image == {"unowned"}


def test_without_a_database_nobody_is_blamed(root: Root) -> None:
    root.put("/usr/bin/app", module(1))
    document = root.run()
    assert document["packages"] == 0
    assert "unowned" not in codes(document, "/usr/bin/app")
    places = ("--store", root.folder / "store", "--manifest", root.folder / "m.json")
    done = crashsym("image", root.root, *places)
    assert b"whose they are is not known" in done.stdout


@pytest.mark.parametrize(
    ("other", "names", "found"),
    [
        ("/usr/lib/other.so", (b"f", b"g"), True),
        ("/opt/libx.so", (b"g",), True),
        ("/opt/libx.so", (b"f",), False),
        ("/usr/lib/copy.so", (b"f",), False),
        ("/usr/lib/other-name.so", (b"g",), True),
    ],
)
def test_two_files_with_one_build_id_are_told_apart_by_their_code(
    root: Root, other: str, names: tuple[bytes, ...], found: bool
) -> None:
    root.put("/usr/lib/libx.so", module(1))
    root.put(other, module(1, names))
    document = root.run()
    said = [one for one in document["findings"] if one["code"] == "duplicate-build-id"]
    assert bool(said) is found
    assert all(one["level"] == "error" for one in said)


def test_files_that_cannot_be_used_are_in_the_account(root: Root) -> None:
    root.put("/usr/bin/app", module(1), "app")
    root.put("/usr/bin/broken", module(2)[:100], "app")
    root.write_database()
    document = root.run()
    entry = root.manifest()["/usr/bin/broken"]
    assert (entry["status"], entry["symbols"], entry["debug_id"]) == ("malformed", None, None)
    assert entry["package"] == "app"
    assert document["by_status"]["malformed"] == 1


def test_a_policy_knows_packages_and_recipes(root: Root) -> None:
    root.put("/usr/bin/app", module(1), "app")
    root.put("/usr/bin/blob", module(2), "blob")
    root.write_database()
    (root.folder / "policy.toml").write_text(
        '[[rule]]\ncode = "*"\npackage = "app"\nlevel = "ignore"\n'
        '[[rule]]\nrecipe = "blob-*"\nlevel = "excused"\nreason = "known"\nexpires = 9999-12-31\n'
    )
    document = root.run("--policy", root.folder / "policy.toml", code=0)
    assert {one["level"] for one in document["findings"]} == {"ignore", "excused"}
    assert root.manifest()["/usr/bin/blob"]["status"] == "excused"
    assert root.manifest()["/usr/bin/app"]["status"] == "no-debug-info"


def test_a_policy_may_want_a_share_of_the_whole_image(root: Root) -> None:
    root.put("/usr/bin/app", module(1), "app")
    root.write_database()
    (root.folder / "policy.toml").write_text('[[coverage]]\npath = "/"\nlines = 1\n')
    assert codes(root.run("--policy", root.folder / "policy.toml"), "/") == {"low-coverage"}
    assert codes(root.run(), "/") == set()


def test_a_policy_decides_what_is_listed_and_an_option_what_fails(root: Root) -> None:
    root.put("/usr/bin/app", module(1), "app")
    root.write_database()
    assert root.run(code=3)["findings"]
    document = root.run("--fail-on", "error", code=0)
    assert {found["level"] for found in document["findings"]} == {"warning"}
    root.run("--fail-on", "error", "--policy", "no-debug-info=error", code=3)


def test_nothing_is_written_into_the_root(root: Root) -> None:
    root.put("/usr/bin/app", module(1))
    (root.folder / "link").symlink_to(root.root / "usr")
    for place in (root.root / "symbols", root.folder / "link" / "symbols"):
        done = crashsym("image", root.root, "--store", place, "--manifest", root.folder / "m.json")
        assert done.returncode == 2
        assert b"it would be a part of the root file system" in done.stderr
    assert {file.name for file in root.root.iterdir()} == {"usr"}


def test_what_is_excluded_is_counted(root: Root) -> None:
    root.put("/usr/bin/app", module(1))
    root.put("/opt/tool", module(2))
    root.put("/opt/readme", b"text")
    places = ("--store", root.folder / "store", "--manifest", root.folder / "m.json")
    done = crashsym("image", root.root, *places, "--exclude", "/opt/*")
    assert b"; 1 ELF file excluded" in done.stderr


def test_a_second_run_reads_nothing_again_and_says_the_same(root: Root) -> None:
    root.put("/usr/bin/app", module(1), "app")
    root.put("/usr/bin/changed", module(2), "app").write_bytes(module(2, (b"g",)))
    root.write_database()
    first = root.run("--cache", root.folder / "cache")
    manifest = (root.folder / "m.json").read_bytes()
    again = root.run("--cache", root.folder / "cache")
    assert (first["known"], again["known"]) == (0, 2)
    assert again["findings"] == first["findings"]
    assert (root.folder / "m.json").read_bytes() == manifest


def test_two_roots_with_the_same_files_give_the_same_manifest(tmp_path: Path) -> None:
    texts = []
    for name, order in (("one", (1, 2, 3)), ("two", (3, 2, 1))):
        (tmp_path / name).mkdir()
        root = Root(tmp_path / name)
        for number in order:
            root.put(f"/usr/bin/app{number}", module(number), "app")
        root.write_database()
        root.run()
        texts.append((root.folder / "m.json").read_bytes())
    assert texts[0] == texts[1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--installed", "list"), b"--installed without --pkgdata"),
        (("--pkgdata", "gone"), b"'gone': no such folder"),
        (("--pkgdata", ".", "--installed", "gone"), b"'gone': no such file"),
        (("--baseline", "gone"), b"'gone': No such file"),
    ],
)
def test_a_mistake_is_said_before_the_work(
    root: Root, options: tuple[str, ...], message: bytes
) -> None:
    root.put("/usr/bin/app", module(1))
    places = ("--store", root.folder / "store", "--manifest", root.folder / "m.json")
    done = crashsym("image", root.root, *places, *options, cwd=root.folder)
    assert done.returncode == 2
    assert message in done.stderr
    assert not (root.folder / "store").exists()


def test_what_became_worse_since_a_baseline_is_a_finding(root: Root) -> None:
    root.put("/usr/bin/app", module(1), "app")
    root.put("/usr/bin/tool", module(2), "app")
    root.write_database()
    without = root.run()
    assert "baseline" not in without
    old = root.folder / "old.json"
    document = json.loads((root.folder / "m.json").read_bytes())
    document["modules"][0]["symbols"]["counts"]["functions"] = 99
    old.write_text(json.dumps(document))
    manifest = (root.folder / "m.json").read_bytes()
    found = root.run("--baseline", old)
    assert found["baseline"]["worse"] == 1
    assert found["baseline"]["unchanged"] == 2
    assert codes(found, "/usr/bin/app") - codes(without, "/usr/bin/app") == {"worse"}
    assert codes(found, "/usr/bin/tool") == codes(without, "/usr/bin/tool")
    assert (root.folder / "m.json").read_bytes() == manifest  # says nothing about another release
    [worse] = [one for one in found["findings"] if one["code"] == "worse"]
    assert worse["level"] == "warning"
    assert "functions 99 -> 0" in worse["message"]


def test_a_policy_excuses_what_became_worse_and_says_when_that_has_ended(root: Root) -> None:
    root.put("/usr/bin/app", module(1), "app")
    root.write_database()
    root.run()
    old = root.folder / "old.json"
    old.write_text((root.folder / "m.json").read_text().replace('"functions": 0', '"functions": 9'))
    for day, level in (("9999-12-31", "excused"), ("2020-01-01", "warning")):
        (root.folder / "policy.toml").write_text(
            f'[[rule]]\ncode = "worse"\npackage = "app"\nlevel = "excused"\nreason = "known"\n'
            f"expires = {day}\n"
        )
        document = root.run("--policy", root.folder / "policy.toml", "--baseline", old)
        [worse] = [one for one in document["findings"] if one["code"] == "worse"]
        assert worse["level"] == level
        assert ("(the excuse ended on 2020-01-01: known)" in worse["message"]) is (
            level == "warning"
        )


def test_a_baseline_may_know_a_file_by_its_soname_alone(root: Root) -> None:
    root.put("/usr/lib/libx.so.1", module(1), "app")
    root.run()
    old = root.folder / "old.json"
    text = (root.folder / "m.json").read_text()
    old.write_text(text.replace('"path": "/usr/lib/libx.so.1"', '"path": "/usr/lib/libx.so.1.2"'))
    assert root.run("--baseline", old)["baseline"]["changed"] == 1


def test_a_baseline_may_be_replaced_by_the_new_manifest(root: Root) -> None:
    root.put("/usr/bin/app", module(1), "app")
    root.run()
    root.put("/usr/bin/app", module(2), "app")
    document = root.run("--baseline", root.folder / "m.json")
    assert (document["baseline"]["changed"], document["baseline"]["unchanged"]) == (1, 0)
    assert root.run("--baseline", root.folder / "m.json")["baseline"]["unchanged"] == 1


def test_a_database_that_is_of_no_use_is_said_before_the_work(root: Root) -> None:
    root.put("/usr/bin/app", module(1))
    (root.root / "var/lib/dpkg").mkdir(parents=True)
    os.mkfifo(root.root / "var/lib/dpkg/status")
    places = ("--store", root.folder / "store", "--manifest", root.folder / "m.json")
    done = crashsym("image", root.root, *places)
    assert done.returncode == 2
    assert b"/var/lib/dpkg/status': it is no regular file" in done.stderr
    assert not (root.folder / "store").exists()


def test_an_empty_root_is_an_error(root: Root) -> None:
    root.put("/etc/passwd", b"")
    places = ("--store", root.folder / "store", "--manifest", root.folder / "m.json")
    done = crashsym("image", root.root, *places)
    assert done.returncode == 2
    assert b"no ELF executable" in done.stderr
    assert not (root.folder / "m.json").exists()


def test_an_image_of_data_alone_has_an_account(root: Root) -> None:
    root.put("/etc/passwd", b"")
    (root.folder / "pkgdata").mkdir()
    installed = root.folder / "image.manifest"
    installed.write_bytes(b"")
    options = ("--pkgdata", root.folder / "pkgdata", "--installed", installed)
    document = root.run(*options, code=0)
    assert (document["files"], document["packages"], document["findings"]) == (0, 0, [])
    assert root.manifest() == {}
