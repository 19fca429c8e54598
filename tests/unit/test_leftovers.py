# SPDX-License-Identifier: MIT
"""Symbols and excuses that nothing needs any more, where the policy asks for them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from builders import elf
from builders.elf import Elf
from builders.encode import Format
from crashsym.findings import ASKED_FOR, Finding, Policy
from support import REPOSITORY, crashsym

SCHEMA = REPOSITORY / "docs/reference/crashsym-image-1.schema.json"
EXCUSE = """
[[rule]]
{patterns}
level = "excused"
reason = "ticket 4711"
expires = {day}
"""


class Image:
    """A root file system, and what is made of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "root"
        self.root.mkdir()

    def put(self, name: str, number: int) -> None:
        fmt = Format()
        parts = (elf.code(), elf.build_id(fmt, bytes([number] * 20)))
        (self.root / name).write_bytes(Elf(parts, format=fmt).build())

    def policy(self, *words: str, patterns: str = "", day: str = "9999-12-31") -> list[str]:
        """Return the options for these words, and for an excuse for what fits the patterns."""
        file = self.folder / "rules.toml"
        file.write_text(EXCUSE.format(patterns=patterns, day=day) if patterns else "")
        return [option for word in (*words, str(file)) for option in ("--policy", word)]

    def run(self, *options: str | Path) -> dict[str, list[dict[str, Any]]]:
        """Return the findings of a run by their codes."""
        places = ("--store", self.folder / "store", "--manifest", self.folder / "m.json")
        done = crashsym("image", self.root, *places, "--json", *options)
        assert done.returncode in (0, 3), done.stderr.decode()
        document = json.loads(done.stdout)
        jsonschema.validate(document, json.loads(SCHEMA.read_text()))
        found: dict[str, list[dict[str, Any]]] = {}
        for finding in document["findings"]:
            found.setdefault(finding["code"], []).append(finding)
        return found


@pytest.fixture
def image(tmp_path: Path) -> Image:
    made = Image(tmp_path)
    made.put("app", 1)
    made.put("tool", 2)
    return made


def test_symbols_of_what_is_gone_or_of_another_build_are_stale(image: Image) -> None:
    asked = image.policy("stale=warning")
    assert "stale" not in image.run(*asked)
    (image.root / "tool").unlink()
    image.put("app", 3)
    found = image.run(*asked)["stale"]
    ids = {"app": "01" * 16, "tool": "02" * 16}
    assert [one["path"] for one in found] == [f"{n}/{i}0/{n}.sym" for n, i in ids.items()]
    assert {one["level"] for one in found} == {"warning"}
    assert "the store has them, and no file of this image does. Remove" in found[0]["message"]
    assert (image.folder / "store" / found[0]["path"]).is_file()
    for one in found:
        (image.folder / "store" / one["path"]).unlink()
    assert "stale" not in image.run(*asked)


def test_other_files_in_the_store_are_none_of_our_business(image: Image) -> None:
    image.run()
    for path in ("notes.txt", "app/readme", ".hidden/deep/er/x.sym"):
        file = image.folder / "store" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("mine\n")
    assert "stale" not in image.run(*image.policy("stale=error"))


def test_symbols_that_the_store_refused_to_replace_are_not_stale(image: Image) -> None:
    image.run()
    (image.folder / "store/app" / f"{'01' * 16}0" / "app.sym").write_text("MODULE\n")
    found = image.run(*image.policy("stale=warning"))
    assert "conflict" in found
    assert "stale" not in found


def test_a_rule_can_excuse_some_of_the_store(image: Image) -> None:
    image.run()
    for file in image.root.iterdir():
        file.unlink()
    image.put("new", 4)
    options = image.policy("stale=warning", patterns='code = "stale"\npath = "app/*"')
    levels = {one["path"].split("/")[0]: one["level"] for one in image.run(*options)["stale"]}
    assert levels == {"app": "excused", "tool": "warning"}


@pytest.mark.parametrize(
    ("patterns", "unused"),
    [
        ('path = "/app"', False),
        ('code = "no-debug-info"', False),
        ('path = "/gone/*"', True),
        ('code = "no-build-id"\npath = "/app"', True),
        ('recipe = "vendor"', True),
    ],
)
@pytest.mark.parametrize("day", ["9999-12-31", "2020-01-01"])
def test_an_excuse_that_fits_nothing_can_be_deleted(
    image: Image, patterns: str, unused: bool, day: str
) -> None:
    found = image.run(*image.policy("unused-excuse=warning", patterns=patterns, day=day))
    assert ("unused-excuse" in found) is unused
    if unused:
        (one,) = found["unused-excuse"]
        assert (one["path"], one["level"]) == ("rules.toml", "warning")
        first = patterns.splitlines()[0].replace('"', "'").replace(" =", "")
        assert f"rule 1 ({first}" in one["message"]
        assert "its reason was: ticket 4711. Delete the rule" in one["message"]
        assert str(image.folder) not in one["message"]


def test_an_excuse_for_what_became_worse_is_one_for_something(image: Image) -> None:
    image.run()
    old = image.folder / "old.json"
    text = (image.folder / "m.json").read_text()
    old.write_text(text.replace('"functions": 0', '"functions": 9', 1))
    options = image.policy("unused-excuse=warning", patterns='code = "worse"')
    assert "unused-excuse" not in image.run(*options, "--baseline", old)
    assert "unused-excuse" in image.run(*options)


@pytest.mark.parametrize("words", [(), ("*=error",), ("stale=ignore", "unused-excuse=ignore")])
def test_nobody_is_told_who_has_not_asked(image: Image, words: tuple[str, ...]) -> None:
    image.run()
    (image.root / "tool").unlink()
    found = image.run(*image.policy(*words, patterns='path = "/gone"'))
    assert not set(ASKED_FOR) & set(found)


def test_all_codes_are_all_but_these() -> None:
    policy = Policy.parse(["*=error", "stale=warning"])
    levels = {code: policy.level(Finding(code, "x", "w", "y")) for code in (*ASKED_FOR, "worse")}
    assert levels == {"stale": "warning", "unused-excuse": "ignore", "worse": "error"}
