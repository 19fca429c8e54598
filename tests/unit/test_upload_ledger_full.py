# SPDX-License-Identifier: MIT
"""A ledger that has no room for one more line; the limit of a process stands for a full disk.

Both let a write end in the middle of a line.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from builders.uploading import LIB, Bench, shown, states
from crashsym.errors import StoreError
from crashsym.upload.items import Item, symbol_items
from crashsym.upload.ledger import FOLDER, Ledger
from crashsym.upload.targets import find
from servers.put import PutServer
from servers.symupload_v1 import SymUploadV1Server

LIMITED = """
import resource, sys
from crashsym.cli.main import main
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))
sys.exit(main(sys.argv[2:]))
"""


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, 6)


@pytest.fixture
def items(bench: Bench) -> list[Item]:
    return symbol_items(bench.manifest.modules, bench.source)[0]


@contextmanager
def largest(size: int) -> Iterator[None]:
    """Let no file of this process grow over a size."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def only(bench: Bench) -> Path:
    (file,) = (bench.store / FOLDER).glob("*.jsonl")
    return file


@pytest.mark.parametrize("room", [0, 1, 60])
def test_no_half_line_stays(bench: Bench, items: list[Item], room: int) -> None:
    with Ledger(bench.store, "here") as ledger:
        ledger.note(items[0], "one")
        before = only(bench).read_bytes()
        with largest(len(before) + room), pytest.raises(StoreError, match="cannot write"):
            ledger.note(items[1], "two")
        assert only(bench).read_bytes() == before
        assert ledger.known(items[1]) is None
        ledger.note(items[2], "three")
    with Ledger(bench.store, "here") as ledger:
        assert [ledger.known(item) for item in items[:3]] == ["one", None, "three"]


def test_one_that_cannot_be_opened_holds_nobody_up(bench: Bench, items: list[Item]) -> None:
    with Ledger(bench.store, "here"):
        pass
    file = only(bench)
    file.unlink()
    file.mkdir()
    with pytest.raises(StoreError):
        Ledger(bench.store, "here").__enter__()
    file.rmdir()
    with Ledger(bench.store, "here", lambda: pytest.fail("waits")):
        pass


def limited(bench: Bench, size: int, command: str, *more: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-c", LIMITED, str(size), *bench.line(command, "--json", *more)]
    env = {**os.environ, "PYTHONPATH": LIB}
    return subprocess.run(line, capture_output=True, text=True, env=env, check=False)


def fill(bench: Bench, size: int) -> None:
    """Let the ledger of the target have so many bytes already."""
    (target,) = find(["server"], bench.folder / "crashsym.toml")
    with Ledger(bench.store, target.identity):
        pass
    only(bench).write_bytes(b" " * (size - 1) + b"\n")


def test_an_upload_that_cannot_note_what_arrives_ends_and_says_so(bench: Bench) -> None:
    with SymUploadV1Server() as server:
        bench.target("symupload-v1", server.url, "jobs = 1")
        fill(bench, 2000)
        done = limited(bench, 2400, "upload")
        assert done.returncode == 3, done.stderr
        noted = bench.ledger()
        known = noted.count('{"file"')
        assert noted.endswith("}\n")
        assert 0 < known < 6
        sent = len(server.account.statuses("upload"))
        assert known < sent < 6, "what would be sent again is not sent now"
        assert sorted(states(shown(done.stdout))) == ["failed"] * (6 - known) + ["sent"] * known
        assert done.stderr.count("it is there, but that cannot be noted: cannot write: ") == 1
        assert done.stderr.count("broken off: that another file is there cannot be noted") > 0
        assert "Make room there" in done.stderr
        assert f"server: 6 files: {known} sent" in done.stderr
        assert bench.run() == 0
        assert len(server.account.statuses("upload")) == 6 + sent - known


def test_a_verification_that_cannot_note_what_is_gone_says_so(bench: Bench) -> None:
    with PutServer() as server:
        bench.target("http", server.url)
        assert bench.run("upload", "--verify") == 0
        noted = bench.ledger()
        del server.kept[sorted(server.kept)[0]]
        receipts = (bench.folder / "manifest.json").read_bytes()
        done = limited(bench, 300, "verify")
        assert done.returncode == 2, done.stderr  # the manifest has no room either
        assert (bench.folder / "manifest.json").read_bytes() == receipts
        assert "server: verified: 5 of 6 files are there" in done.stderr
        assert sorted(states(shown(done.stdout))) == ["failed"] + ["present"] * 5
        assert "; it will not be sent again, as that cannot be noted: cannot write" in done.stderr
        assert bench.ledger() == noted
        assert bench.run("verify") == 3
        assert bench.run("upload") == 0
        assert len(server.kept) == 6
