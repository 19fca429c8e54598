# SPDX-License-Identifier: MIT
"""Steps that features about the command share; a feature may have its own in their place."""

from __future__ import annotations

from pathlib import Path

import pytest
from features.world import World
from pytest_bdd import parsers, then, when


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@when(parsers.re(r'I run "(?P<command>crashsym [^"]+)"'))
def run(world: World, command: str) -> None:
    world.run(command)


@then(parsers.parse("the exit code is {code:d}"))
def exit_code(world: World, code: int) -> None:
    assert world.result.returncode == code, world.result.stdout + world.result.stderr


@then(parsers.parse('stdout has the line "{line}"'))
def has_line(world: World, line: str) -> None:
    assert line in world.stdout.splitlines()


@then(parsers.parse('stdout says "{text}"'))
def stdout_says(world: World, text: str) -> None:
    assert text in world.stdout


@then(parsers.parse('stderr says "{text}"'))
def stderr_says(world: World, text: str) -> None:
    assert text in world.result.stderr.decode()


@then(parsers.parse('there is no file "{path}"'))
def no_file(world: World, path: str) -> None:
    assert not (world.root / path).exists()
