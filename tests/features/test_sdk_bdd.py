# SPDX-License-Identifier: MIT
"""Steps of sdk.feature: a small SDK, made by the machine's own compiler."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from features.world import World
from pytest_bdd import given, parsers, scenarios, then, when
from support import crashsym, require_tool

scenarios("sdk.feature")

HALVES = {
    ".debug": "{folder}/.debug/{name}",
    "debug-file-directory": "/usr/lib/debug{folder}/{name}.debug",
}


@dataclass
class Sdk(World):
    """One scenario: its folder with the SDK's sysroot, and the last run."""

    sysroot: Path = Path()


@pytest.fixture
def world(tmp_path: Path) -> Sdk:
    return Sdk(tmp_path)


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
def sdk(world: Sdk, told: str, name: str) -> None:
    world.sysroot = world.root / "sdk/sysroots" / name
    compile_library(world.root / "sdk/sysroots/x86_64-oesdk-linux/usr/lib/libtool.so.1")
    (world.root / "sdk" / f"environment-setup-{name}").write_text(
        f"export SDKTARGETSYSROOT={told}/sysroots/{name}\n"
        f'export OECORE_NATIVE_SYSROOT="{told}/sysroots/x86_64-oesdk-linux"\n'
    )


@given(parsers.parse('its library "{path}" split as "PACKAGE_DEBUG_SPLIT_STYLE" "{style}" does'))
def library(world: Sdk, path: str, style: str) -> None:
    file = world.sysroot / path.lstrip("/")
    compile_library(file)
    folder, _, name = path.rpartition("/")
    half = HALVES[style].format(folder=folder, name=name)
    split(file, world.sysroot / half.lstrip("/"))


def account_of_image(world: Sdk) -> None:
    places = ("--store", "image-store", "--manifest", "image.json")
    crashsym("image", "image", *places, cwd=world.root)


@given("the image has the libraries of the SDK")
def same_image(world: Sdk) -> None:
    for file in (world.sysroot / "usr/lib").glob("*.so.*"):
        target = world.root / "image/usr/lib" / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, target)
    account_of_image(world)


@given(parsers.parse('the image has "{path}" built again'))
def other_image(world: Sdk, path: str) -> None:
    compile_library(world.root / "image" / path.lstrip("/"), "-O0")
    account_of_image(world)


@given(parsers.parse('the empty folder "{path}"'))
def folder(world: Sdk, path: str) -> None:
    (world.root / path).mkdir()


@given(parsers.parse('the SDK has lost its folder "{path}"'))
def lost(world: Sdk, path: str) -> None:
    shutil.rmtree(world.root / "sdk" / path)


def store_of(world: Sdk, path: str) -> str:
    """Return the symbol file of a target path."""
    document = json.loads((world.root / "m.json").read_bytes())
    (module,) = [module for module in document["modules"] if module["path"] == path]
    path = str(module["symbols"]["path"])
    return (world.root / "store" / path).read_text()


@when(parsers.parse('I symbolicate the frame of "{function}" in "{name}" with "{store}"'))
def symbolicate(world: Sdk, function: str, name: str, store: str) -> None:
    text = store_of(world, f"/usr/lib/{name}")
    found = re.search(rf"^FUNC (\w+) \w+ \w+ {function}$", text, re.MULTILINE)
    assert found is not None
    frame = f"#0 {name}+0x{found[1]}\n".encode()
    world.last = crashsym("symbolicate", "--store", store, stdin=frame, cwd=world.root)


@then(parsers.parse('the store has the function "{function}" of "{path}"'))
def has_function(world: Sdk, function: str, path: str) -> None:
    assert re.search(rf"^FUNC .* {function}$", store_of(world, path), re.MULTILINE)


@then(parsers.parse('the manifest says nothing of "{path}" of the host\'s tools'))
def no_tools(world: Sdk, path: str) -> None:
    assert path not in (world.root / "m.json").read_text()
