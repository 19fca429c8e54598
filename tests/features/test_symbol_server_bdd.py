# SPDX-License-Identifier: MIT
"""Steps of symbol_server.feature: gdb and elfutils' tools, and what serves them debug files."""

from __future__ import annotations

import http.client
import json
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from corpus.build import run
from pytest_bdd import given, parsers, scenarios, then, when
from support import REPOSITORY, crashsym, require_tool

scenarios("symbol_server.feature")

ATTEMPTS = 600  # of ten in a second, to find a file


@dataclass
class World:
    """A device with the example, and what a developer has elsewhere."""

    folder: Path
    built: Path
    stop: ExitStack = field(default_factory=ExitStack)
    url: str = ""
    stack: list[str] = field(default_factory=list)

    @property
    def device(self) -> Path:
        return self.folder / "device"

    @property
    def core(self) -> Path:
        return self.folder / "core"

    @property
    def store(self) -> Path:
        return self.folder / "served"

    @property
    def build_ids(self) -> dict[str, str]:
        """Paths on the target and their build ids."""
        modules = json.loads((self.built / "manifest.json").read_bytes())["modules"]
        return {module["path"]: module["build_id"] for module in modules}

    def environment(self) -> dict[str, str]:
        """Return that of a developer who has nothing yet, or the address of the server alone."""
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        own = {"HOME": str(home), "DEBUGINFOD_CACHE_PATH": str(home / "cache"), "LC_ALL": "C"}
        server = {"DEBUGINFOD_URLS": self.url} if self.url else {}
        return {"PATH": os.environ["PATH"], **own, **server}

    def gdb(self, *commands: str) -> str:
        """Let gdb run commands and return what it prints."""
        line = [require_tool("gdb"), "-nx", "-batch", "-ex", "set width 0"]
        for command in commands:
            line += ["-ex", command]
        environment = self.environment()
        done = subprocess.run(line, env=environment, check=True, capture_output=True, text=True)
        return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the demo makes for this machine: ``root`` with ``.debug``, ``symbols``, a manifest."""
    for tool in ("make", "g++", "objcopy", "strip"):
        require_tool(tool)
    folder = tmp_path_factory.mktemp("demo")
    run([sys.executable, str(REPOSITORY / "scripts/demo.py"), "--output", str(folder)])
    return folder / platform.machine()


@pytest.fixture
def world(tmp_path: Path, built: Path) -> Iterator[World]:
    found = World(tmp_path, built)
    with found.stop:
        yield found


@given("the example was built, and runs on a device that has its stripped files alone")
def installed(world: World) -> None:
    ignored = shutil.ignore_patterns(".debug")
    shutil.copytree(world.built / "root", world.device, symlinks=True, ignore=ignored)


@given(
    parsers.parse(
        'the debug files of the example are uploaded into a folder in the layout "{layout}"'
    )
)
def uploaded(world: World, layout: str) -> None:
    config = world.folder / "crashsym.toml"
    lines = ("[target.served]", 'kind = "store"', f'path = "{world.store}"', f'layout = "{layout}"')
    config.write_text("\n".join([*lines, 'send = ["debug-files"]', ""]))
    upload(world, world.built)


def upload(world: World, built: Path) -> None:
    places = ("--manifest", built / "manifest.json", "--store", built / "symbols")
    options = ("--debug-root", built / "root", "--config", world.folder / "crashsym.toml")
    done = crashsym("upload", *places, *options, "--to", "served", "--verify")
    assert done.returncode == 0, done.stderr.decode()


@given("so are those of another release, for which the folder is pruned")
def pruned(world: World) -> None:
    other = world.folder / "other"
    library = other / "root/usr/lib/libother.so"
    library.parent.mkdir(parents=True)
    compiler = [require_tool("gcc"), "-g", "-shared", "-fPIC", "-Wl,--build-id"]
    source = other / "other.c"
    source.write_text("int other(int n) { return n + 1; }\n")
    run([*compiler, str(source), "-o", str(library)])
    places = ("--store", other / "symbols", "--manifest", other / "manifest.json")
    done = crashsym("extract", other / "root", *places)
    assert done.returncode == 0, done.stderr.decode()
    upload(world, other)
    line = ("--store", world.store, "--layout", "debuginfod", "--keep", other / "manifest.json")
    done = crashsym("store", "prune", *line)
    assert done.returncode == 0, done.stderr.decode()
    assert b"1 file kept, 3 removed" in done.stderr


@given("a web server serves the folder")
def web_server(world: World) -> None:
    line = [sys.executable, "-u", "-m", "http.server", "--bind", "127.0.0.1", "0"]
    child = subprocess.Popen(
        line, cwd=world.store, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    ending(world, child)
    assert child.stdout is not None
    said = child.stdout.readline()
    match = re.search(r"http://127\.0\.0\.1:\d+", said)
    assert match, said
    world.url = match[0]


def ending(world: World, child: subprocess.Popen[str]) -> None:
    """Let a process end with the scenario."""
    world.stop.enter_context(child)
    world.stop.callback(child.kill)


@given("debuginfod serves the folder")
def debuginfod(world: World) -> None:
    serve(world, world.store)


@given("debuginfod serves the folder, and the files of the device")
def debuginfod_of_both(world: World) -> None:
    image = world.folder / "image"
    shutil.copytree(world.device, image, symlinks=True)
    serve(world, world.store, image)
    wait_for(world, "executable")


def serve(world: World, *folders: Path) -> None:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    line = [require_tool("debuginfod"), "-d", ":memory:", "-p", str(port), "-F"]
    output = (world.folder / "debuginfod.log").open("w")
    world.stop.enter_context(output)
    child = subprocess.Popen(
        [*line, *map(str, folders)],
        env=world.environment(),
        stdout=output,
        stderr=output,
        text=True,
    )
    ending(world, child)
    world.url = f"http://127.0.0.1:{port}"
    wait_for(world, "debuginfo")


def wait_for(world: World, kind: str) -> None:
    """Wait until the server has found all files of the example."""
    for build_id in world.build_ids.values():
        for _ in range(ATTEMPTS):
            found = status(world.url, f"/buildid/{build_id}/{kind}")
            if found == 200:
                break
            time.sleep(0.1)
        else:
            pytest.fail((world.folder / "debuginfod.log").read_text())


def status(url: str, path: str) -> int:
    connection = http.client.HTTPConnection(url.removeprefix("http://"))
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except OSError:  # it has not begun to listen
        return 0
    finally:
        connection.close()


@when(parsers.parse('the example crashes with "{crash}" and leaves a core'))
def crashes(world: World, crash: str) -> None:
    # Where the kernel leaves cores is a setting of the machine; gdb writes the same.
    said = world.gdb(
        "set debuginfod enabled off",
        f"set environment LD_LIBRARY_PATH {world.device}/usr/lib",
        f"file {world.device}/usr/bin/backend",
        f"run --crash {crash}",
        f"generate-core-file {world.core}",
    )
    assert "SIGSEGV" in said, said
    assert world.core.is_file(), said


@when("the device is far away")
def far_away(world: World) -> None:
    shutil.rmtree(world.device)


@when("gdb opens the core with the address of the server")
@when("gdb opens the core without a server")
def opens(world: World) -> None:
    open_core(world, "set debuginfod enabled on")


@when("gdb opens the core with the folder as its debug-file-directory")
def opens_with_folder(world: World) -> None:
    open_core(world, "set debuginfod enabled off", f"set debug-file-directory {world.store}")


def open_core(world: World, *settings: str) -> None:
    program = world.device / "usr/bin/backend"
    files = [f"file {program}"] if program.exists() else []
    said = world.gdb(*settings, *files, f"core-file {world.core}", "echo stack:\\n", "bt")
    world.stack = said.partition("stack:\n")[2].splitlines()
    assert world.stack, said


@then("its stack is, from the crash outwards")
def stack_is(world: World, datatable: list[list[str]]) -> None:
    rows = datatable[1:]
    assert len(world.stack) >= len(rows), world.stack
    for line, (function, place) in zip(world.stack, rows, strict=False):
        assert re.search(rf"\b{function} \(.* at (?:.*/)?{re.escape(place)}$", line), world.stack


@then(parsers.parse('its stack has "{function}" at a line of "{file}"'))
def stack_has(world: World, function: str, file: str) -> None:
    pattern = rf"\b{function} \(.* at (?:.*/)?{re.escape(file)}:\d+$"
    assert any(re.search(pattern, line) for line in world.stack), world.stack


@then("its stack has neither a function nor a line of the example")
def stack_has_nothing(world: World) -> None:
    assert "in ?? ()" in world.stack[0]
    assert not re.search(r"\.cpp|\.h:|main \(|report|newest_sample", "\n".join(world.stack[:3]))


@then(
    parsers.parse(
        'eu-stack shows "{function}" at a line of "{file}" with the address of the server'
    )
)
def eu_stack(world: World, function: str, file: str) -> None:
    program = str(world.device / "usr/bin/backend")
    line = [require_tool("eu-stack", "elfutils"), "-s", "--core", str(world.core), "-e", program]
    # It fails for frames of the C library, which nothing here has debug files for.
    done = subprocess.run(
        line, env=world.environment(), check=False, capture_output=True, text=True
    )
    pattern = rf"\b{function}\b[^\n]*\n\s+\S*/{re.escape(file)}:\d+"
    assert re.search(pattern, done.stdout), done.stdout + done.stderr


@then("debuginfod-find gets each debug file as it was")
def debuginfod_find(world: World) -> None:
    find = require_tool("debuginfod-find", "debuginfod")
    for path, build_id in world.build_ids.items():
        done = subprocess.run(
            [find, "debuginfo", build_id],
            env=world.environment(),
            check=True,
            capture_output=True,
            text=True,
        )
        # Names of one file have one debug file, that of the first.
        name = "backend" if path.endswith("/backend-worker") else Path(path).name
        half = (world.built / "root" / path[1:]).parent / ".debug" / name
        assert Path(done.stdout.strip()).read_bytes() == half.read_bytes()
