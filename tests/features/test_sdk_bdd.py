# SPDX-License-Identifier: MIT
"""Steps of sdk.feature: a small SDK, made by the machine's own compiler."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from pytest_bdd import given, parsers, scenarios, then, when
from support import crashsym, require_tool

scenarios("sdk.feature")

HALVES = {
    ".debug": "{folder}/.debug/{name}",
    "debug-file-directory": "/usr/lib/debug{folder}/{name}.debug",
}


@dataclass
class World:
    """One scenario: its folder and the last run."""

    root: Path
    sysroot: Path = Path()
    last: subprocess.CompletedProcess[bytes] | None = None

    @property
    def result(self) -> subprocess.CompletedProcess[bytes]:
        assert self.last is not None
        return self.last


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def compile_library(path: Path, options: str = "-O1") -> None:
    """Compile a library with one function, called like it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    name = path.name.removeprefix("lib").partition(".")[0]
    source = f"int {name}(int n) {{ return n + {len(name)}; }}"
    flags = ("-g", "-fPIC", "-shared", "-Wl,--build-id", "-xc", "-", "-o", str(path))
    command = [require_tool("gcc"), *options.split(), *flags]
    subprocess.run(command, input=source.encode(), check=True)


def split(library: Path, half: Path) -> None:
    """Split a library as OE does."""
    half.parent.mkdir(parents=True, exist_ok=True)
    commands: tuple[list[str | Path], ...] = (
        ["objcopy", "--only-keep-debug", library, half],
        ["strip", "--remove-section=.comment", "--remove-section=.note", library],
        ["objcopy", f"--add-gnu-debuglink={half}", library],
    )
    for command in commands:
        require_tool(str(command[0]), "binutils")
        subprocess.run(command, check=True)


@given(parsers.parse('an SDK whose installer was told "{told}", with the sysroot "{name}"'))
def sdk(world: World, told: str, name: str) -> None:
    world.sysroot = world.root / "sdk/sysroots" / name
    compile_library(world.root / "sdk/sysroots/x86_64-oesdk-linux/usr/lib/libtool.so.1")
    (world.root / "sdk" / f"environment-setup-{name}").write_text(
        f"export SDKTARGETSYSROOT={told}/sysroots/{name}\n"
        f'export OECORE_NATIVE_SYSROOT="{told}/sysroots/x86_64-oesdk-linux"\n'
    )


@given(parsers.parse('its library "{path}" split as "PACKAGE_DEBUG_SPLIT_STYLE" "{style}" does'))
def library(world: World, path: str, style: str) -> None:
    file = world.sysroot / path.lstrip("/")
    compile_library(file)
    folder, _, name = path.rpartition("/")
    half = HALVES[style].format(folder=folder, name=name)
    split(file, world.sysroot / half.lstrip("/"))


def account_of_image(world: World) -> None:
    places = ("--store", "image-store", "--manifest", "image.json")
    crashsym("image", "image", *places, cwd=world.root)


@given("the image has the libraries of the SDK")
def same_image(world: World) -> None:
    for file in (world.sysroot / "usr/lib").glob("*.so.*"):
        target = world.root / "image/usr/lib" / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, target)
    account_of_image(world)


@given(parsers.parse('the image has "{path}" built again'))
def other_image(world: World, path: str) -> None:
    compile_library(world.root / "image" / path.lstrip("/"), "-O0")
    account_of_image(world)


@given(parsers.parse('the empty folder "{path}"'))
def folder(world: World, path: str) -> None:
    (world.root / path).mkdir()


@given(parsers.parse('the SDK has lost its folder "{path}"'))
def lost(world: World, path: str) -> None:
    shutil.rmtree(world.root / "sdk" / path)


@when(parsers.re(r'I run "(?P<command>[^"]+)"'))
def run(world: World, command: str) -> None:
    words = shlex.split(command)
    assert words[0] == "crashsym"
    world.last = crashsym(*words[1:], cwd=world.root)
    assert b"Traceback" not in world.last.stderr, world.last.stderr.decode()


def store_of(world: World, path: str) -> str:
    """Return the symbol file of a target path."""
    document = json.loads((world.root / "m.json").read_bytes())
    (module,) = [module for module in document["modules"] if module["path"] == path]
    path = str(module["symbols"]["path"])
    return (world.root / "store" / path).read_text()


@when(parsers.parse('I symbolicate the frame of "{function}" in "{name}" with "{store}"'))
def symbolicate(world: World, function: str, name: str, store: str) -> None:
    text = store_of(world, f"/usr/lib/{name}")
    found = re.search(rf"^FUNC (\w+) \w+ \w+ {function}$", text, re.MULTILINE)
    assert found is not None
    frame = f"#0 {name}+0x{found[1]}\n".encode()
    world.last = crashsym("symbolicate", "--store", store, stdin=frame, cwd=world.root)


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


@then(parsers.parse('the store has the function "{function}" of "{path}"'))
def has_function(world: World, function: str, path: str) -> None:
    assert re.search(rf"^FUNC .* {function}$", store_of(world, path), re.MULTILINE)


@then(parsers.parse('the manifest says nothing of "{path}" of the host\'s tools'))
def no_tools(world: World, path: str) -> None:
    assert path not in (world.root / "m.json").read_text()


@then(parsers.parse('there is no file "{path}"'))
def no_file(world: World, path: str) -> None:
    assert not (world.root / path).exists()
