# SPDX-License-Identifier: MIT
"""Steps of manifest_diff.feature: two releases of a small root file system."""

from __future__ import annotations

import subprocess

from features.world import World
from pytest_bdd import given, parsers, scenarios
from support import require_tool

scenarios("manifest_diff.feature")

PROGRAM = """
static inline int half(int n) { volatile int m = n; return m / 2; }
int main(int argc, char **argv) { (void)argv; return half(argc) - half(NUMBER); }
"""


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
def has_been_run(world: World, command: str) -> None:
    world.run(command)
