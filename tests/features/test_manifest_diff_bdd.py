# SPDX-License-Identifier: MIT
"""Steps of manifest_diff.feature: two releases of a small root file system."""

from __future__ import annotations

import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from pytest_bdd import given, parsers, scenarios, then, when
from support import crashsym, require_tool

scenarios("manifest_diff.feature")

PROGRAM = """
static inline int half(int n) { volatile int m = n; return m / 2; }
int main(int argc, char **argv) { (void)argv; return half(argc) - half(NUMBER); }
"""


@dataclass
class World:
    """One scenario: its folder and the last run."""

    root: Path
    last: subprocess.CompletedProcess[bytes] | None = None

    @property
    def result(self) -> subprocess.CompletedProcess[bytes]:
        assert self.last is not None
        return self.last


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@given(parsers.parse('the program "{path}" compiled with "{flags}"'))
def program(world: World, path: str, flags: str) -> None:
    (world.root / path).parent.mkdir(parents=True, exist_ok=True)
    number = len(path)  # programs have build ids of their own
    command = [require_tool("gcc"), *flags.split(), "-Wl,--build-id", f"-DNUMBER={number}"]
    subprocess.run(
        [*command, "-xc", "-", "-o", path], cwd=world.root, input=PROGRAM.encode(), check=True
    )


@given(parsers.parse('"{path}" is stripped'))
def stripped(world: World, path: str) -> None:
    subprocess.run([require_tool("strip", "binutils"), world.root / path], check=True)


@given(parsers.parse('the file "{path}" with the lines'))
def lines(world: World, path: str, docstring: str) -> None:
    (world.root / path).write_text(docstring + "\n")


@given(parsers.parse('"{command}" has been run'))
@when(parsers.re(r'I run "(?P<command>[^"]+)"'))
def run(world: World, command: str) -> None:
    words = shlex.split(command)
    assert words[0] == "crashsym"
    world.last = crashsym(*words[1:], cwd=world.root)
    assert b"Traceback" not in world.last.stderr, world.last.stderr.decode()


@then(parsers.parse("the exit code is {code:d}"))
def exit_code(world: World, code: int) -> None:
    assert world.result.returncode == code, world.result.stdout + world.result.stderr


@then(parsers.parse('stdout has the line "{line}"'))
def has_line(world: World, line: str) -> None:
    assert line in world.result.stdout.decode().splitlines()


@then(parsers.parse('stdout says "{text}"'))
def stdout_says(world: World, text: str) -> None:
    assert text in world.result.stdout.decode()


@then(parsers.parse('stderr says "{text}"'))
def stderr_says(world: World, text: str) -> None:
    assert text in world.result.stderr.decode()


@then(parsers.parse('there is no file "{path}"'))
def no_file(world: World, path: str) -> None:
    assert not (world.root / path).exists()
