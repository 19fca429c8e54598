# SPDX-License-Identifier: MIT
"""What a hostile root file system, policy, cache or manifest tries with an account."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from builders.rootfs import Root, module
from crashsym.manifest import read
from crashsym.policyfile import read as read_policy
from support import crashsym

PLACE = "/usr/lib/crashdump/image.json"


@pytest.fixture
def root(tmp_path: Path) -> Root:
    root = Root(tmp_path)
    root.put("/usr/bin/app", module(1), "app")
    return root


def name_recipe(root: Root, recipe: str) -> None:
    """Let the database of the root call the recipe of its package so."""
    root.write_database()
    status = root.root / "var/lib/dpkg/status"
    status.write_text(status.read_text().replace("app-source", recipe))


def place_of(root: Root, recipe: str) -> Path:
    folder = root.folder / "deploy/core2/manifests"
    folder.mkdir(parents=True)
    return folder / f"{recipe}.json"


def fifo(place: Path) -> None:
    os.mkfifo(place)


def link(place: Path) -> None:
    place.symlink_to("/dev/zero")


def folder(place: Path) -> None:
    place.mkdir()


@pytest.mark.parametrize("make", [fifo, link, folder])
def test_a_fragment_that_is_no_file_is_a_finding(root: Root, make: Any) -> None:
    name_recipe(root, "rec")
    make(place_of(root, "rec"))
    document = root.run("--fragments", root.folder / "deploy")
    assert [f["path"] for f in document["findings"] if f["code"] == "malformed"] == [
        "core2/manifests/rec.json"
    ]


def test_a_recipe_whose_name_no_file_has_has_no_fragment(root: Root) -> None:
    name_recipe(root, "r" * 300)
    place_of(root, "rec")
    assert root.run("--fragments", root.folder / "deploy")["sources"] == 0
    assert root.manifest()["/usr/bin/app"]["recipe"] == "r" * 300


def cache_entries(root: Root) -> list[Path]:
    root.run("--cache", root.folder / "cache")
    return list((root.folder / "cache").rglob("*.json"))


@pytest.mark.parametrize(
    "change",
    [
        {"others": [["{fifo}", "x"]]},
        {"others": [["/dev/zero", "x"]]},
        {"path": "../../../etc/passwd"},
        {"code": 10**4000},
        {"code": -1},
    ],
)
def test_a_forged_entry_of_the_cache_counts_as_not_there(
    root: Root, change: dict[str, Any]
) -> None:
    (entry,) = cache_entries(root)
    honest = (root.folder / "m.json").read_bytes()
    os.mkfifo(root.folder / "fifo")
    document = json.loads(entry.read_bytes())
    if "others" in change:
        document["others"] = [[change["others"][0][0].format(fifo=root.folder / "fifo"), "x"]]
    elif "path" in change:
        document["module"]["symbols"]["path"] = change["path"]
    else:
        document["module"]["symbols"]["coverage"]["code"] = 7777777
    text = json.dumps(document).replace("7777777", str_of(change.get("code", 0)))
    entry.write_text(text)
    assert root.run("--cache", root.folder / "cache")["known"] == 0
    assert (root.folder / "m.json").read_bytes() == honest


def str_of(number: int) -> str:
    """Return the digits of a number, however many these are."""
    return str(number) if abs(number) < 10**18 else "1" + "0" * 4000


@pytest.mark.parametrize("build", [{"merged": [5]}, {"merged": [{"merged": []}]}, {"merged": 1}])
def test_what_was_merged_has_to_be_builds(tmp_path: Path, build: dict[str, Any]) -> None:
    file = tmp_path / "m.json"
    file.write_text(json.dumps({"schema": "crashsym-manifest/1", "build": build, "modules": []}))
    done = crashsym("manifest", "merge", file, "-o", "-")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"does not follow its schema" in done.stderr


def test_a_build_of_many_levels_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "m.json"
    for levels, code in ((5, 0), (100, 2), (900, 2)):
        inner = "[" * levels + "]" * levels
        build = f'{{"a": {inner}}}'
        file.write_text(f'{{"schema": "crashsym-manifest/1", "build": {build}, "modules": []}}')
        assert crashsym("manifest", "merge", file, "-o", "-").returncode == code


def test_huge_numbers_of_a_manifest_are_refused(root: Root) -> None:
    root.run()
    text = (root.folder / "m.json").read_text()
    file = root.folder / "huge.json"
    file.write_text(text.replace('"functions": 0', '"functions": ' + "9" * 4000, 1))
    done = crashsym("manifest", "diff", file, root.folder / "m.json")
    assert done.returncode == 2
    assert b"a number of many digits is no number of anything" in done.stderr
    assert len(read(root.folder / "m.json").modules) == 1


@pytest.mark.parametrize(
    "text",
    [
        "[[coverage]]\nfunctions = 0x" + "f" * 5000,
        "[[rule]]\ncode = 0x" + "f" * 5000,
        "[[rule]]\nlevel" + ".a" * 2000 + " = 1\ncode = '*'",
        "[[rule]]\ncode" + ".a" * 2000 + " = 1",
        "[[coverage]]\nlines" + ".a" * 2000 + " = 1",
    ],
)
def test_a_monstrous_policy_is_a_mistake_in_one_line(root: Root, text: str) -> None:
    (root.folder / "policy.toml").write_text(text)
    places = ("--store", root.folder / "store", "--manifest", root.folder / "m.json")
    done = crashsym("image", root.root, *places, "--policy", root.folder / "policy.toml")
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1
    assert len(done.stderr) < 2000


def test_the_last_day_of_an_excuse_is_read(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text('[[rule]]\ncode = "*"\nlevel = "excused"\nreason = "r"\nexpires = 9999-12-31\n')
    assert read_policy(str(file)).rules[0].expires == "9999-12-31"


def test_a_name_cannot_stand_for_another_line_of_the_id(root: Root, tmp_path: Path) -> None:
    honest, forged = tmp_path / "honest", tmp_path / "forged"
    for folder in (honest, forged):
        folder.mkdir()
    data = module(1), module(2)
    (honest / "a").write_bytes(data[0])
    (honest / "b").write_bytes(data[1])
    sums = crashsym("identify", honest).stdout
    digest = hashlib.sha256(data[1]).hexdigest()
    name = forged / f"a\n{digest}  "
    name.mkdir()
    (name / "b").write_bytes(data[0])
    assert json.loads(crashsym("identify", forged).stdout)["id"] != json.loads(sums)["id"]


def test_a_large_file_that_says_what_the_image_is_is_a_finding(root: Root) -> None:
    root.put(PLACE, b"[" + b"[]," * 100_000 + b"[]]")
    (found,) = [f for f in root.run()["findings"] if f["path"] == PLACE]
    assert "more than 65536" in found["message"]


def test_half_a_character_is_written_out(root: Root) -> None:
    done = crashsym("identify", root.root, "--image", os.fsdecode(b"\xff"))
    assert json.loads(done.stdout)["image"] == "\\xff"
