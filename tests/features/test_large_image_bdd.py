# SPDX-License-Identifier: MIT
"""Steps of large_image.feature: many files, Ctrl-C, and what all processes need together."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from builders.copies import copied
from features.world import World
from pytest_bdd import given, parsers, scenarios, then, when
from support import crashsym, require_tool

from bench.farm import FILES, TINY

scenarios("large_image.feature")

# Begins with no file after the first ones; it says so once for each process.
STOPPING = """
import os, sys, time
from crashsym import onefile
from crashsym.cli.main import main
do = onefile.Work.do
def do_or_wait(work, task):
    if task.number >= {files}:
        os.write(1, b"waiting\\n")
        time.sleep(600)
    return do(work, task)
onefile.Work.do = do_or_wait
sys.exit(main())
"""
JOBS = 2
SOURCES = {TINY.name: 1250, "libcxx-x86_64-1.so": 660} | {
    f"libcxx-{cpu}-4.so": 30 for cpu in ("x86_64", "arm", "aarch64")
}


@dataclass
class Large(World):
    """One scenario: the last run, the most memory that it had, and what the cache had before."""

    peak: int = 0
    kept: int = 0
    command: str = ""

    def begin(self, *words: str) -> subprocess.Popen[bytes]:
        """Start a process with the command line of the scenario, in a session of its own."""
        return subprocess.Popen(
            [sys.executable, *words, *shlex.split(self.command)[1:], "-j", str(JOBS)],
            cwd=self.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def interrupt(self, process: subprocess.Popen[bytes]) -> None:
        """Press Ctrl-C, and wait for the end."""
        os.killpg(process.pid, signal.SIGINT)
        stdout, stderr = process.communicate(timeout=600)
        self.last = subprocess.CompletedProcess([], process.returncode, stdout, stderr)
        assert b"Traceback" not in stderr, stderr.decode()

    def entries(self) -> int:
        return sum(1 for _ in (self.root / "cache").rglob("*.json"))


@pytest.fixture
def world() -> Iterator[Large]:
    with tempfile.TemporaryDirectory() as folder:  # gigabytes: pytest would keep its own
        yield Large(Path(folder))


@given(parsers.parse("a root file system of {number:d} ELF files with debug information"))
def small(world: Large, number: int) -> None:
    source = "int f(int n) { return n + 1; } int g(int n) { return f(n) * 2; }"
    library = world.root / "source.so"
    flags = ("-g", "-fPIC", "-shared", "-Wl,--build-id", "-xc", "-", "-o", str(library))
    subprocess.run([require_tool("gcc"), *flags], input=source.encode(), check=True)
    copied([(library, number)], world.root / "root")
    library.unlink()


@given(
    parsers.parse(
        "a root file system of {number:d} ELF files with more than {size:d} GB of debug information"
    )
)
def large(world: Large, number: int, size: int) -> None:
    made = {file.name: file for file in (*FILES, TINY)}
    sources = [(made[name].path(), times) for name, times in SOURCES.items()]
    assert sum(SOURCES.values()) == number
    debug = sum(debug_bytes(file) * times for file, times in sources)
    assert debug > size * 10**9
    copied(sources, world.root / "root")


def debug_bytes(file: Path) -> int:
    """Return the size of the debug sections of a file."""
    listed = subprocess.check_output([require_tool("size", "binutils"), "-A", file], text=True)
    rows = [line.split() for line in listed.splitlines() if line.startswith(".debug_")]
    return sum(int(row[1]) for row in rows)


@when(
    parsers.re(r'I run "(?P<command>crashsym [^"]+)" and press Ctrl-C after (?P<number>\d+) files')
)
def interrupted(world: Large, command: str, number: str) -> None:
    world.command = command
    with world.begin("-c", STOPPING.format(files=number)) as process:
        assert process.stdout is not None
        for _ in range(JOBS):
            assert process.stdout.readline() == b"waiting\n"
        world.interrupt(process)


@when(parsers.re(r'I run "(?P<command>crashsym [^"]+)" and press Ctrl-C in the middle'))
def interrupted_somewhere(world: Large, command: str) -> None:
    world.command = command
    with world.begin("-m", "crashsym") as process:
        while world.entries() < 500:
            assert process.poll() is None
            time.sleep(0.1)
        world.interrupt(process)
    world.kept = world.entries()


@when("I run it to the end")
def to_the_end(world: Large) -> None:
    begin, before = time.monotonic(), os.times()
    world.peak = 0
    with (world.root / "stdout").open("wb") as out, (world.root / "stderr").open("wb") as err:
        command = [sys.executable, "-m", *shlex.split(world.command), "-j", str(JOBS)]
        process = subprocess.Popen(
            command, cwd=world.root, stdout=out, stderr=err, start_new_session=True
        )
        while process.poll() is None:
            world.peak = max(world.peak, memory(process.pid))
            time.sleep(0.05)
    outputs = [(world.root / name).read_bytes() for name in ("stdout", "stderr")]
    world.last = subprocess.CompletedProcess([], process.returncode, *outputs)
    assert process.returncode == 0, outputs[1].decode()
    after = os.times()
    worked = sum(after[2:4]) - sum(before[2:4])
    took = f"{time.monotonic() - begin:.0f} s, processors {worked:.0f} s, {world.peak >> 20} MiB"
    print(took)  # noqa: T201 - no assertion is made of it; pytest shows it with -rP


def memory(session: int) -> int:
    """Return the bytes that all processes of a session have; what they share counts for each."""
    found = 0
    for place in Path("/proc").glob("[0-9]*"):
        try:
            fields = (place / "stat").read_text().rpartition(")")[2].split()
            pages = int((place / "statm").read_text().split()[1])
        except OSError:  # it has ended
            continue
        if int(fields[3]) == session:
            found += pages * os.sysconf("SC_PAGESIZE")
    return found


@then(parsers.parse("nothing is left but what the cache has of {number:d} files"))
def left(world: Large, number: int) -> None:
    only_the_cache(world)
    assert world.entries() == number


@then("nothing is left but what the cache has")
def only_the_cache(world: Large) -> None:
    assert {file.name for file in world.root.iterdir()} == {"root", "cache"}
    names = [file.suffix for file in (world.root / "cache").rglob("*") if file.is_file()]
    assert set(names) == {".json", ".sym"}
    assert names.count(".json") <= names.count(".sym") <= names.count(".json") + JOBS


@then("what the cache had was not read again")
def not_again(world: Large) -> None:
    assert world.kept >= 500
    assert f"{world.kept} of 2000 files known" in world.result.stderr.decode()


@then("the account is that of a run without interruption")
def same_account(world: Large) -> None:
    places = ("--store", "other-store", "--manifest", "other.json")
    assert crashsym("image", "root", *places, cwd=world.root).returncode == 0
    assert (world.root / "other.json").read_bytes() == (world.root / "image.json").read_bytes()
    stores = [symbols(world.root / name) for name in ("store", "other-store")]
    assert stores[0] == stores[1]


def symbols(store: Path) -> dict[str, bytes]:
    return {str(f.relative_to(store)): f.read_bytes() for f in store.rglob("*") if f.is_file()}


@then(parsers.parse("all processes together had less than {number:d} MB of memory at any time"))
def bounded(world: Large, number: int) -> None:
    assert 10 < world.peak >> 20 < number


@then(parsers.parse('the manifest has {number:d} files that are "ok"'))
def all_ok(world: Large, number: int) -> None:
    modules = json.loads((world.root / "image.json").read_bytes())["modules"]
    assert [module["status"] for module in modules] == ["ok"] * number
