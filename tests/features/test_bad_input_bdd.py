"""Steps of bad_input.feature: trees with one good file and one that is not."""

from __future__ import annotations

import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from builders import cfi, dwarf, elf
from builders.elf import Elf
from builders.encode import Format
from pytest_bdd import given, parsers, scenarios, then, when
from support import require_tool

scenarios("bad_input.feature")

FMT = Format()


def good(build_id: bytes = elf.BUILD_ID) -> bytes:
    """Return a program about which there is nothing to say."""
    info = dwarf.Dwarf(FMT)
    unit: list[dwarf.Attribute] = [
        (dwarf.NAME, dwarf.STRING, b"a.c"),
        (dwarf.STMT_LIST, dwarf.SEC_OFFSET, 0),
    ]
    info.unit(dwarf.Die(dwarf.COMPILE_UNIT, unit, [dwarf.function(0x1000, 16, b"main")]))
    lines = dwarf.line_program(FMT, dwarf.sequence(FMT, 0x1000, b"\1"))
    frames = cfi.EhFrame(FMT)
    frames.fde(frames.cie(), 0x1000, 16)
    sections = (elf.code(), elf.build_id(FMT, build_id), *info.sections(), frames.section())
    return Elf((*sections, elf.Section(".debug_line", lines))).build()


@dataclass
class World:
    """The tree, and what came of extracting it."""

    folder: Path
    runs: list[subprocess.CompletedProcess[str]] = field(default_factory=list)
    largest_file: int = resource.RLIM_INFINITY
    old_symbols: Path | None = None

    def __post_init__(self) -> None:
        self.root = self.folder / "root"
        self.store = self.folder / "out" / "store"
        self.manifest = self.folder / "out" / "manifest.json"
        self.manifest.parent.mkdir()
        self.root.mkdir()

    def place(self, path: str) -> Path:
        """Return where a target path lies; the folders above are made."""
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        return file

    @property
    def command(self) -> list[str | Path]:
        """The extract command."""
        where = ("--store", self.store, "--manifest", self.manifest)
        return [sys.executable, "-m", "crashsym", "extract", self.root, *where]

    def limit(self) -> None:
        """Set the limits of the child."""
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.largest_file, resource.RLIM_INFINITY))

    def run(self, command: list[str | Path]) -> None:
        """Run a command to its end."""
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            check=False,
            timeout=120,
            preexec_fn=self.limit,
        )
        self.runs.append(done)

    @property
    def last(self) -> subprocess.CompletedProcess[str]:
        """The last command."""
        return self.runs[-1]


@pytest.fixture
def world() -> Iterator[World]:
    """A world outside of pytest's own folder, which only one user may enter."""
    with tempfile.TemporaryDirectory(prefix="crashsym-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield World(folder)
        for below, _, _ in os.walk(folder):
            Path(below).chmod(0o755)
            for closed in Path(below).iterdir():
                if closed.is_dir() and not closed.is_symlink():
                    closed.chmod(0o755)


@given(parsers.parse('a tree with a good program "{path}"'))
def _(world: World, path: str) -> None:
    world.place(path).write_bytes(good())


def _damage(file: Path, damage: str) -> None:
    data = good(b"\2" * 20)
    contents = {
        "empty": b"",
        "a shell script": b"#!/bin/sh\n",
        "cut off behind the ELF header": data[:64],
        "cut off inside of its sections": data[:300],
        "of the other byte order": bytes((*data[:5], 2)) + data[6:],
        "made for an unknown CPU": data[:18] + b"\xed\xfe" + data[20:],
    }
    if damage in contents:
        file.write_bytes(contents[damage])
    elif damage == "a named pipe":
        os.mkfifo(file)
    elif damage == "a socket":
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(file))
    else:
        file.symlink_to(file if damage == "a link to itself" else "nowhere")


@given(parsers.re(r'the file "(?P<path>[^"]+)" is (?P<damage>.+)'))
def _(world: World, path: str, damage: str) -> None:
    _damage(world.place(path), damage)


@given(parsers.parse('the file "{path}" may not be read'))
def _(world: World, path: str) -> None:
    file = world.place(path)
    file.write_bytes(good(b"\2" * 20))
    file.chmod(0)


@given(parsers.re(r'the folder "(?P<path>[^"]+)" has an ELF file and mode (?P<mode>\d+)'))
def _(world: World, path: str, mode: str) -> None:
    file = world.place(f"{path}/bad.so")
    file.write_bytes(good(b"\2" * 20))
    file.parent.chmod(int(mode, 8))


@given(parsers.re(r'the file (?P<name>(?s:.+)) in "/usr/bin" is a good program, too'))
def _(world: World, name: str) -> None:
    plain = "n" * 255 if name == "of 255 letters" else json.loads(name.replace("\\x", "\\u00"))
    world.place(f"/usr/bin/{plain}").write_bytes(good(b"\2" * 20))


@given(parsers.parse('the store has other symbols for "{path}"'))
def _(world: World, path: str) -> None:
    world.run(world.command)
    (world.old_symbols,) = world.store.rglob("*.sym")
    world.old_symbols.write_bytes(b"MODULE Linux x86_64 0 other\n")


@given("the store is in a folder where nobody may write")
def _(world: World) -> None:
    world.store.parent.chmod(0o555)


@given("the place of the manifest is a folder")
def _(world: World) -> None:
    world.manifest.mkdir()


@given("the manifest is in a folder where nobody may write")
def _(world: World) -> None:
    world.manifest = world.folder / "closed" / "m.json"
    world.manifest.parent.mkdir(mode=0o555)


@given(parsers.parse('the manifest goes to the place of "{path}"'))
def _(world: World, path: str) -> None:
    world.manifest = world.place(path)


@given(parsers.parse("no file may become larger than {size:d} bytes"))
def _(world: World, size: int) -> None:
    world.largest_file = size


@when("I extract the tree")
def _(world: World) -> None:
    world.run(world.command)


@when("I extract the tree as an ordinary user")
def _(world: World) -> None:
    if os.geteuid() != 0:
        world.run(world.command)
        return
    # root without the rights that let it pass by the modes of files
    rights = "-dac_override,-dac_read_search"
    world.run([require_tool("setpriv", "util-linux"), "--bounding-set", rights, *world.command])


@when(parsers.parse('I dump "{path}" to a full device'))
def _(world: World, path: str) -> None:
    with Path("/dev/full").open("wb") as device:
        done = subprocess.run(
            [sys.executable, "-m", "crashsym", "dump", world.place(path)],
            stdout=device,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    world.runs.append(done)


@when("I extract the tree twice at the same time")
def _(world: World) -> None:
    both = [
        subprocess.Popen(world.command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for process in both:
        out, err = process.communicate(timeout=120)
        done = subprocess.CompletedProcess(world.command, process.returncode, out, err)
        world.runs.append(done)


@then(parsers.parse("the exit code is {code:d}"))
def _(world: World, code: int) -> None:
    assert world.last.returncode == code, world.last.stderr


@then(parsers.parse("both exit codes are {code:d}"))
def _(world: World, code: int) -> None:
    assert [run.returncode for run in world.runs] == [code, code]


@then(parsers.parse('the store holds the symbols of "{path}"'))
def _(world: World, path: str) -> None:
    name = path.rpartition("/")[2]
    (file,) = world.store.glob(f"{name}/*/{name}.sym")
    assert "FUNC 1000 10 0 main" in file.read_text().splitlines()


@then(parsers.parse('one line on stderr names "{path}" and ends with "{end}"'))
def _(world: World, path: str, end: str) -> None:
    (line,) = [line for line in world.last.stderr.splitlines() if f"'{path}'" in line]
    assert line.endswith(end)


@then(parsers.parse('stderr does not mention "{path}"'))
def _(world: World, path: str) -> None:
    assert path not in world.last.stderr


@then(parsers.parse('stderr says "{text}"'))
def _(world: World, text: str) -> None:
    assert text in world.last.stderr


@then("there is no traceback")
def _(world: World) -> None:
    assert "Traceback" not in world.last.stderr, world.last.stderr


@then("every line on stderr is printable")
def _(world: World) -> None:
    assert all(line.isprintable() for line in world.last.stderr.splitlines())


@then(parsers.parse("the manifest has {count:d} modules, and their symbols are in the store"))
def _(world: World, count: int) -> None:
    modules = json.loads(world.manifest.read_bytes())["modules"]
    assert len(modules) == count
    for module in modules:
        path = world.store / module["symbols"]["path"]
        first = path.read_text("utf-8").split("\n")[0]
        assert first.endswith(f" {path.parent.parent.name}")


@then("the other symbols are still in the store")
def _(world: World) -> None:
    assert world.old_symbols is not None
    assert world.old_symbols.read_bytes() == b"MODULE Linux x86_64 0 other\n"


@then("there is no store")
def _(world: World) -> None:
    assert not world.store.exists()


@then(parsers.parse('"{path}" is as it was'))
def _(world: World, path: str) -> None:
    assert world.place(path).read_bytes() == good()


@then("nothing is left in the store")
def _(world: World) -> None:
    assert [path for path in world.store.rglob("*") if path.is_file()] == []
