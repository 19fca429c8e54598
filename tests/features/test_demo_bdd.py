# SPDX-License-Identifier: MIT
"""Steps of demo.feature: the demo as ``make demo`` runs it, in a folder of its own."""

from __future__ import annotations

import functools
import itertools
import json
import os
import platform
import re
import shlex
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from pytest_bdd import given, parsers, scenarios, then, when
from support import REPOSITORY, crashsym, require_tool

scenarios("demo.feature")

# One worker makes the demo's output once for all scenarios.
pytestmark = pytest.mark.xdist_group("demo")

# What "make install" of the example and the demo itself call, and g++ in turn.
HOST_TOOLS = ("make", "sh", "install", "ln", "g++", "as", "ld", "objcopy", "strip")
CPUS = {"this machine": platform.machine(), "ARM": "arm"}


@dataclass(frozen=True)
class Shown:
    """A finished run of the demo."""

    exit_code: int
    output: str
    errors: str
    folder: Path

    def part_for(self, place: str) -> str:
        """Return what was printed about one CPU."""
        parts = re.split(r"^== (\w+): .*\n", self.output, flags=re.MULTILINE)
        return dict(zip(parts[1::2], parts[2::2], strict=True))[CPUS[place]]

    def stack_for(self, place: str, *, readable: bool) -> list[str]:
        """Return the lines of the stack before or after ``crashsym symbolicate``."""
        raw, symbolicated = self.part_for(place).split("$ crashsym symbolicate ")
        text = symbolicated if readable else raw
        return text[text.index("\n#0 ") + 1 :].strip().splitlines()


@dataclass(frozen=True)
class Crashed:
    """A finished run of the example program."""

    signal: signal.Signals
    frames: str


@dataclass(frozen=True)
class Machine:
    """A machine as the demo sees it: the tools in one folder, and a place to work in."""

    tools: Path
    output: Path

    def replace(self, name: str, script: str) -> None:
        """Put a shell script in the place of a tool."""
        (self.tools / name).unlink()
        (self.tools / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (self.tools / name).chmod(0o755)


def run_demo(output: Path, path: str) -> Shown:
    result = subprocess.run(
        [sys.executable, REPOSITORY / "scripts" / "demo.py", "--output", output],
        env={**os.environ, "PATH": path},
        capture_output=True,
        check=False,
        text=True,
        timeout=300,
    )
    return Shown(result.returncode, result.stdout, result.stderr, output)


def products(shown: Shown) -> dict[Path, bytes]:
    """Return what ``crashsym extract`` made for this machine."""
    folder = shown.folder / platform.machine()
    paths = [folder / "manifest.json", *folder.glob("symbols/**/*.sym")]
    return {path.relative_to(folder): path.read_bytes() for path in paths}


@functools.cache
def demo_here(output: Path) -> Shown:
    """Run the demo with the tools of this machine, once for all scenarios."""
    return run_demo(output, os.environ["PATH"])


@given(parsers.parse('"{compiler}" and "{emulator}" are installed'))
def tools_are_installed(compiler: str, emulator: str) -> None:
    require_tool(compiler, "g++-arm-linux-gnueabihf")
    require_tool(emulator, "qemu-user")


@given("a machine with nothing but the host's compiler", target_fixture="machine")
def machine(tmp_path: Path) -> Machine:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in HOST_TOOLS:
        (tools / name).symlink_to(require_tool(name))
    return Machine(tools, tmp_path / "demo")


@given(parsers.parse('"{tool}" is missing there'))
def tool_is_missing(machine: Machine, tool: str) -> None:
    (machine.tools / tool).unlink()


@given("a file is where the demo should work")
def file_in_the_way(machine: Machine) -> None:
    machine.output.touch()


@given(parsers.parse('the compiler there is always called with "{option}"'))
def compiler_gets_option(machine: Machine, option: str) -> None:
    compiler = shlex.quote(require_tool("g++"))
    machine.replace("g++", f'exec {compiler} "$@" {shlex.quote(option)}')


@when("I run the demo", target_fixture="shown")
def run_here(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    return demo_here(tmp_path_factory.getbasetemp() / "demo")


@when("I run the demo there", target_fixture="shown")
def run_there(machine: Machine) -> Shown:
    return run_demo(machine.output, str(machine.tools))


@when("I run the demo in another folder", target_fixture="elsewhere")
def run_elsewhere(tmp_path: Path) -> Shown:
    return run_demo(tmp_path / "another folder", os.environ["PATH"])


@when(parsers.parse('the stripped program crashes with "{crash}"'), target_fixture="crashed")
def crash(shown: Shown, crash: str) -> Crashed:
    root = shown.folder / platform.machine() / "root"
    result = subprocess.run(
        [root / "usr/bin/backend", "--crash", crash],
        env={**os.environ, "LD_LIBRARY_PATH": str(root / "usr/lib")},
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    return Crashed(signal.Signals(-result.returncode), result.stderr)


@then("it succeeds")
def succeeds(shown: Shown) -> None:
    assert (shown.exit_code, shown.errors) == (0, "")


@then(parsers.parse("it fails with exit code {code:d}"))
def fails(shown: Shown, code: int) -> None:
    assert shown.exit_code == code


@then(parsers.parse('it says "{line}"'))
def says(shown: Shown, line: str) -> None:
    assert line in shown.output.splitlines()


@then(parsers.parse('it complains "{words}"'))
def complains(shown: Shown, words: str) -> None:
    assert words in shown.errors


@then(parsers.parse('for {place} it lists these files as "{status}"'))
def lists_files(shown: Shown, place: str, status: str, datatable: list[list[str]]) -> None:
    listed = re.findall(rf"^{status} +(/\S+) ", shown.part_for(place), flags=re.MULTILINE)
    assert listed == [row[0] for row in datatable[1:]]
    manifest = json.loads((shown.folder / CPUS[place] / "manifest.json").read_text("utf-8"))
    assert listed == [module["path"] for module in manifest["modules"]]


@then("no installed program holds debug information itself")
def no_debug_information(shown: Shown) -> None:
    readelf = require_tool("readelf", "binutils")
    for path in sorted((shown.folder / platform.machine() / "root/usr/bin").glob("*")):
        if path.is_file():
            sections = subprocess.run(
                [readelf, "-SW", path], capture_output=True, check=True, text=True
            ).stdout
            assert ".text" in sections
            assert ".debug_info" not in sections
            assert ".symtab" not in sections


@then(parsers.parse('for {place} the raw stack begins with "{start}" and names no function'))
def raw_stack(shown: Shown, place: str, start: str) -> None:
    frames = shown.stack_for(place, readable=False)
    assert frames[0].startswith(start)
    assert [frame for frame in frames if not re.fullmatch(r"#\d+ \S+\+0x[0-9a-f]+", frame)] == []


@then(parsers.parse("for {place} the readable stack has, from the crash outwards"))
def readable_stack(shown: Shown, place: str, datatable: list[list[str]]) -> None:
    lines = [line for line in shown.stack_for(place, readable=True) if " at /" in line]
    for line, (function, at) in zip(lines, datatable[1:], strict=True):
        assert re.search(rf"\b{function}\b.* at /usr/src/debug/crashdump-example/1.0/{at}$", line)


@then("both folders hold the same manifest and symbol files")
def same_products(shown: Shown, elsewhere: Shown) -> None:
    here, there = products(shown), products(elsewhere)
    assert len(here) > 1
    assert here == there


@then(parsers.parse("it dies of {name}"))
def dies(crashed: Crashed, name: str) -> None:
    assert crashed.signal.name == name


@then(parsers.parse("its stack names, from the crash outwards, {functions}"))
def stack_names(shown: Shown, crashed: Crashed, functions: str) -> None:
    place = shown.folder / platform.machine()
    result = crashsym(
        "symbolicate",
        "--store",
        place / "symbols",
        "--manifest",
        place / "manifest.json",
        stdin=crashed.frames.encode(),
    )
    assert result.returncode == 0
    places = re.findall(r"(?<= ).*? at /\S+:\d+$", result.stdout.decode(), flags=re.MULTILINE)
    named = [re.sub(r"^\S+\+0x\w+ |^ *\(inlined by\) ", "", place) for place in places]
    without_repeats = [name for name, _ in itertools.groupby(named)]
    for line, function in zip(without_repeats, functions.split(), strict=True):
        assert re.search(rf"(?:^|::){re.escape(function)}(?:[(<].*)? at /", line)
