# SPDX-License-Identifier: MIT
"""Steps of lint.feature: the checker as a user calls it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from features.world import World
from pytest_bdd import given, parsers, scenarios, then
from support import REPOSITORY, crashsym, require_tool

scenarios("lint.feature")

SOURCE = """
static inline int half(int n) { volatile int m = n; return m / 2; }
__attribute__((noinline)) int twice(int n) { int a[9]; a[n & 7] = n; return half(n) + a[n & 3]; }
int main(int argc, char **argv) { (void)argv; return twice(argc) - half(argc); }
"""


class Files(World):
    """One scenario: its folder with symbol files, and the last run."""

    def lines(self, name: str) -> list[str]:
        return (self.root / name).read_text().splitlines(keepends=True)

    def keep(self, name: str, lines: list[str]) -> None:
        """Write fewer lines than there were."""
        assert len(lines) < len(self.lines(name))
        (self.root / name).write_text("".join(lines))


@pytest.fixture
def world(tmp_path: Path) -> Files:
    return Files(tmp_path)


@given(parsers.parse('the program "{name}" with its symbols in "{symbols}"'))
def program(world: Files, name: str, symbols: str) -> None:
    (world.root / "app.c").write_text(SOURCE)
    command = [require_tool("gcc"), "-g", "-O1", "-Wl,--build-id", "app.c", "-o", name]
    subprocess.run(command, cwd=world.root, check=True, timeout=120)
    done = crashsym("dump", name, "-o", symbols, cwd=world.root)
    assert done.returncode == 0, done.stderr.decode()


@given(parsers.parse('in "{name}" the record "{start}" ends in "x" and stands there twice'))
def doubled(world: Files, name: str, start: str) -> None:
    lines = world.lines(name)
    index = next(index for index, line in enumerate(lines) if line.startswith(start))
    lines.insert(index, f"{start}x\n")
    (world.root / name).write_text("".join(lines))


@given(parsers.parse('"{name}" has no record "{start}"'))
def no_record(world: Files, name: str, start: str) -> None:
    """Leave out records, and with FUNC and INIT what belongs to them."""
    kept, leave = [], False
    for line in world.lines(name):
        belongs = line[0] in "0123456789abcdef" or line.startswith("INLINE ")
        if start == "STACK CFI INIT":
            belongs = line.startswith("STACK CFI ") and not line.startswith(start)
        leave = line.startswith(start) or (leave and belongs)
        kept += [] if leave else [line]
    world.keep(name, kept)


@given(parsers.parse('"{name}" has no record "STACK CFI" but INIT'))
def no_deltas(world: Files, name: str) -> None:
    deltas = ("STACK CFI 1", "STACK CFI 2", "STACK CFI 3", "STACK CFI 4", "STACK CFI 5")
    world.keep(name, [line for line in world.lines(name) if not line.startswith(deltas)])


@given(parsers.parse('"{name}" is "{source}" without its first line'))
def without_first(world: Files, name: str, source: str) -> None:
    shutil.copy(world.root / source, world.root / name)
    world.keep(name, world.lines(name)[1:])


@given(parsers.parse('"{source}" is copied to "{target}"'))
def copied(world: Files, source: str, target: str) -> None:
    (world.root / target).parent.mkdir(parents=True)
    shutil.copy(world.root / source, world.root / target)


@given(parsers.parse('"{whole}" is split into "{stripped}" and "{debug}"'))
def split(world: Files, whole: str, stripped: str, debug: str) -> None:
    assert whole == stripped
    objcopy = require_tool("objcopy", "binutils")
    for words in ([objcopy, "--only-keep-debug", whole, debug], [objcopy, "--strip-all", whole]):
        subprocess.run(words, cwd=world.root, check=True, timeout=60)


@given(parsers.parse('in "{name}" "{right}" is "{wrong}"'))
def replaced(world: Files, name: str, right: str, wrong: str) -> None:
    lines = world.lines(name)
    _, _, arch, debug_id, _ = lines[0].split()
    code_id = lines[1].split()[2]
    words = {"debug id": debug_id, "code id": code_id, "arch": arch, "other id": "A" * 33}
    for key, value in words.items():
        right, wrong = (text.replace(f"{{{key}}}", value) for text in (right, wrong))
    text = "".join(lines)
    assert right in text
    (world.root / name).write_text(text.replace(right, wrong, 1))


@then("stdout is empty")
def nothing(world: Files) -> None:
    assert world.stdout == ""


@then("stdout has the line")
def has_line(world: Files, docstring: str) -> None:
    assert docstring in world.stdout.splitlines()


@then(parsers.parse('stdout is JSON of the schema "{schema}"'))
def follows(world: Files, schema: str) -> None:
    place = REPOSITORY / "docs/reference" / f"{schema.replace('/', '-')}.schema.json"
    jsonschema.validate(json.loads(world.result.stdout), json.loads(place.read_text()))


@then(parsers.parse('the JSON has the findings "{codes}" for "{name}"'))
@then(parsers.re(r'the JSON has the findings "(?P<codes>)" for "(?P<name>[^"]+)"'))
def has_findings(world: Files, codes: str, name: str) -> None:
    assert " ".join(f["code"] for f in of_file(world, name)["findings"]) == codes


@then(
    parsers.parse('the JSON counts as many bytes of functions as the FUNC records of "{name}" have')
)
def function_bytes(world: Files, name: str) -> None:
    sizes = [int(line.split()[2], 16) for line in world.lines(name) if line.startswith("FUNC ")]
    coverage = of_file(world, name)["coverage"]
    assert coverage["functions"]["bytes"] == sum(sizes) > 0
    assert coverage["code"] > sum(sizes)


def of_file(world: Files, name: str) -> dict[str, Any]:
    files = json.loads(world.result.stdout)["files"]
    found: dict[str, Any] = next(file for file in files if file["path"] == name)
    return found
