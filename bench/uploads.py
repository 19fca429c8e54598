# SPDX-License-Identifier: MIT
"""Compare ``crashsym upload`` with sentry-cli: the same files to the same server, in turn.

Without options: five rounds, results into docs/performance/uploads.md.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from builders.symbolstore import add_records
from crashsym.manifest import Manifest
from oracles.uploaders import sentry_cli
from servers.sentry import Sentry

from bench import PROJECT
from bench.errors import BenchError
from bench.farm import FILES
from bench.measure import Run, run
from bench.objects import bench_cache
from bench.targets import MB
from bench.tools import OURS, crashsym

PEER = "sentry-cli"
MISSED = 3
_ROUNDS = 5
_SOURCE = "libcxx-x86_64-93.so"
_SMALLEST, _LARGEST = 2_000, 2_000_000  # bytes, spread evenly by their logarithm
_LARGE = 1_000_000_000
_SENTRY = Sentry()


@dataclass(frozen=True)
class Load:
    """Files to send: a store, its manifest, and what a server has when all of them are there."""

    name: str
    folder: Path
    files: int
    size: int
    digests: tuple[str, ...]


@dataclass
class Sent:
    """What the runs of one tool were: seconds, memory, and what the server says of each."""

    runs: list[Run] = field(default_factory=list)
    requests: list[int] = field(default_factory=list)
    received: list[int] = field(default_factory=list)
    memory: int = 0

    @property
    def wall(self) -> float:
        """Median seconds."""
        return median(one.wall for one in self.runs)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0 if crashsym is as fast and asks no more, 3 if not."""
    parser = argparse.ArgumentParser(prog="python -m bench.uploads", description=__doc__)
    parser.add_argument("--rounds", metavar="N", type=int, default=_ROUNDS)
    parser.add_argument("--files", metavar="N", type=int, default=500)
    parser.add_argument("--large", metavar="BYTES", type=int, default=_LARGE)
    parser.add_argument("--output", metavar="FILE", type=Path, help="write the results here")
    args = parser.parse_args(arguments)
    try:
        loads = [_many(args.files), _one(args.large)]
        found = {load: _compare(load, args.rounds) for load in loads}
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    text = _markdown(found, args.rounds)
    print(text)
    whole = (args.rounds, args.files, args.large) == (_ROUNDS, 500, _LARGE)
    output = args.output or (PROJECT / "docs/performance/uploads.md" if whole else None)
    if output is not None:
        output.write_text(text, encoding="utf-8")
    return 0 if all(_met(sent) for sent in found.values()) else MISSED


def _many(count: int) -> Load:
    """Return so many files of very different sizes."""
    sizes = random.Random(count)  # noqa: S311 - no secret
    spread = _LARGEST / _SMALLEST
    return _load(
        f"{count} files", [int(_SMALLEST * spread ** sizes.random()) for _ in range(count)]
    )


def _one(size: int) -> Load:
    return _load("one file", [size])


def _load(name: str, sizes: Sequence[int]) -> Load:
    """Return a store of files that are cut out of a real symbol file, made now or earlier."""
    source = _symbols()
    key = hashlib.sha256(json.dumps([sizes, source.stat().st_size]).encode()).hexdigest()[:16]
    folder = bench_cache() / "uploads" / key
    if not (folder / "manifest.json").exists():
        print(f"bench: making {name}", file=sys.stderr, flush=True)
        functions = source.read_bytes().partition(b"\nFUNC ")[2].split(b"\nFUNC ")
        chooser = random.Random(len(sizes))  # noqa: S311 - no secret
        modules = [
            add_records(folder / "store", number, _cut(functions, size, chooser))
            for number, size in enumerate(sizes)
        ]
        Manifest.of(modules).write(folder / "manifest.json")
    stored = sorted((folder / "store").glob("*/*/*.sym"))
    digests = tuple(sorted(hashlib.sha256(one.read_bytes()).hexdigest() for one in stored))
    return Load(name, folder, len(stored), sum(one.stat().st_size for one in stored), digests)


def _cut(functions: list[bytes], size: int, chooser: random.Random) -> bytes:
    """Return about so many bytes of records, from anywhere on."""
    at, length = chooser.randrange(len(functions)), 0
    chosen = []
    while length < size:
        function = functions[at % len(functions)]
        chosen.append(b"FUNC " + function + b"\n")
        length += len(chosen[-1])
        at += 1
    return b"".join(chosen)


def _symbols() -> Path:
    """Return the symbol file of a file of the farm."""
    (source,) = (file for file in FILES if file.name == _SOURCE)
    made = bench_cache() / "uploads" / f"{_SOURCE}.sym"
    made.parent.mkdir(parents=True, exist_ok=True)
    command = [crashsym(), "dump", str(source.path()), "-o", str(made)]
    subprocess.run(command, check=True, capture_output=True)
    return made


def _compare(load: Load, rounds: int) -> dict[str, Sent]:
    """Send a load with both tools in turn, in another order in every other round."""
    found = {tool: Sent() for tool in (OURS, PEER)}
    tools = list(found)
    for number in range(rounds + 1):
        for tool in tools if number % 2 == 0 else tools[::-1]:
            done, state = _send(tool, load, watch=not number)
            if number == 0:
                found[tool].memory = done.memory.anonymous
                continue
            found[tool].runs.append(done)
            found[tool].requests.append(sum(state["requests"].values()))
            found[tool].received.append(state["bytes"])
        print(f"bench: {load.name}: round {number} of {rounds}", file=sys.stderr, flush=True)
    return found


def _send(tool: str, load: Load, *, watch: bool) -> tuple[Run, dict[str, Any]]:
    with tempfile.TemporaryDirectory(dir=bench_cache()) as name, _server() as server:
        folder = Path(name)
        command = _ours(load, server.url, folder) if tool == OURS else _theirs(load, server.url)
        done = run(command, folder / "stdout", folder / "stderr", watch=watch)
        said = (folder / "stderr").read_text(errors="replace")[-500:]
        state = server.end()
    if done.exit_code != 0 or tuple(state["kept"]) != load.digests:
        kept = f"{len(state['kept'])} of {load.files} files are there"
        raise BenchError(f"cannot measure {tool}: {load.name}: {kept}: {said}")
    return done, state


@dataclass
class _Server:
    url: str
    process: subprocess.Popen[str]

    def end(self) -> dict[str, Any]:
        """Return what came in, and what is kept."""
        document: dict[str, Any] = json.loads(self.process.communicate("")[0])
        return document


@contextmanager
def _server() -> Iterator[_Server]:
    """Yield a new server, with nothing in it, in a process of its own."""
    command = [sys.executable, "-m", "bench.uploadserver"]
    with subprocess.Popen(
        command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            url = process.stdout.readline().strip() if process.stdout is not None else ""
            yield _Server(url, process)
        finally:
            process.kill()


def _ours(load: Load, url: str, folder: Path) -> list[str]:
    token = folder / "token"
    token.write_text(_SENTRY.token)
    token.chmod(0o600)
    store = folder / "store"  # whose ledger is empty
    store.mkdir()
    for place in (load.folder / "store").iterdir():
        (store / place.name).symlink_to(place)
    to = f"sentry+{url}/{_SENTRY.organisation}/{_SENTRY.projects[0]}"
    given = ["--manifest", str(load.folder / "manifest.json"), "--store", str(store)]
    return [crashsym(), "upload", *given, "--token-file", str(token), "--to", to]


def _theirs(load: Load, url: str) -> list[str]:
    where = {"URL": url, "ORG": _SENTRY.organisation, "PROJECT": _SENTRY.projects[0]}
    os.environ.update({f"SENTRY_{key}": value for key, value in where.items()})
    os.environ["SENTRY_AUTH_TOKEN"] = _SENTRY.token
    return [sentry_cli(), "debug-files", "upload", "--wait", str(load.folder / "store")]


def _met(sent: dict[str, Sent]) -> bool:
    ours, theirs = sent[OURS], sent[PEER]
    return theirs.wall >= ours.wall and max(ours.requests) <= min(theirs.requests)


_HEAD = """\
# Uploads

`crashsym upload` and sentry-cli send the same files to the same server, in turn, {rounds} times
each, after a run that is not timed. The server is the tests' Sentry server, in a process of its own
on the same machine, new and empty for each run; a run counts only if it has all files afterwards.
What counts are the ratios: most of the time is the server's. `.venv/bin/python -m bench.uploads`
makes this page.
"""
_COLUMNS = ("Load", "Tool", "Wall time", "CPU", "Memory", "Requests", "Sent")


def _markdown(found: dict[Load, dict[str, Sent]], rounds: int) -> str:
    rows = [_row(load, tool, one) for load, sent in found.items() for tool, one in sent.items()]
    verdicts = [_verdict(load, sent) for load, sent in found.items()]
    table = [f"| {' | '.join(_COLUMNS)} |", "| --- | --- |" + " ---: |" * 5, *rows]
    return "\n".join([_HEAD.format(rounds=rounds), *verdicts, "", *table, ""])


def _row(load: Load, tool: str, one: Sent) -> str:
    cpu = median(each.cpu for each in one.runs)
    what = f"{load.name}, {load.size / MB:.0f} MB"
    numbers = f"{one.wall:.2f} s | {cpu:.2f} s | {one.memory / MB:.0f} MB"
    return (
        f"| {what} | {tool} | {numbers} | {max(one.requests)} | {max(one.received) / MB:.1f} MB |"
    )


def _verdict(load: Load, sent: dict[str, Sent]) -> str:
    ours, theirs = sent[OURS], sent[PEER]
    state = "met" if _met(sent) else "NOT MET"
    ratio = f"{theirs.wall / ours.wall:.2f} times its speed"
    asked = f"{max(ours.requests)} requests, sentry-cli {min(theirs.requests)}"
    return (
        f"- {state}: {load.name}: at least sentry-cli's speed, no more requests: {ratio}; {asked}"
    )


if __name__ == "__main__":
    sys.exit(main())
