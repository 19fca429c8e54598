# SPDX-License-Identifier: MIT
"""Pipes and devices where files should be: nothing waits for them, or reads them for ever.

Each command runs in a process of its own, which the test ends when it hangs.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from builders.uploading import Bench
from crashsym.errors import ConfigError, StoreError
from crashsym.upload.items import symbol_items
from crashsym.upload.ledger import FOLDER, Ledger
from crashsym.upload.targets import read as read_targets
from servers.base import Step
from servers.faults import Fault
from servers.messages import Request, Response
from servers.put import PutServer

SECONDS = 60


def linked(to: str) -> Callable[[Path], None]:
    return lambda file: file.symlink_to(to)


def linked_pipe(file: Path) -> None:
    os.mkfifo(file.with_suffix(".pipe"))
    file.symlink_to(file.with_suffix(".pipe"))


NO_FILES: dict[str, Callable[[Path], None]] = {
    "pipe": os.mkfifo,
    "linked-pipe": linked_pipe,
    "linked-zero": linked("/dev/zero"),
}
NO_FILE = pytest.mark.parametrize("make", NO_FILES.values(), ids=NO_FILES)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, 2)


def said(bench: Bench, code: int, *more: str, to: str, env: Mapping[str, str] | None = None) -> str:
    """Run an upload that has to end with an exit code; return what it says."""
    process = bench.start(*more, to=to, env=env)
    try:
        _, text = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    assert process.returncode == code, text
    return text


@NO_FILE
def test_in_the_store(bench: Bench, make: Callable[[Path], None]) -> None:
    file = bench.symbol_file(0)
    file.unlink()
    make(file)
    text = said(bench, 3, to=f"store:{bench.folder}/out")
    assert f"failed: '{file}' (/usr/lib/lib0.so): it is no regular file\n" in text
    assert "1 sent" in text


@NO_FILE
def test_in_the_store_while_it_is_sent(bench: Bench, make: Callable[[Path], None]) -> None:
    with PutServer() as server:
        real, files = server.respond, [bench.symbol_file(0), bench.symbol_file(1)]

        def respond(found: Step | None, request: Request, fault: Fault | None) -> Response:
            while files:
                file = files.pop()
                file.unlink()
                make(file)
            return real(found, request, fault)

        server.respond = respond  # type: ignore[method-assign]
        bench.target("http", server.url, "jobs = 1")
        text = said(bench, 3, to="server")
    assert text.count(": it is no regular file\n") == 2


@NO_FILE
def test_in_the_target(bench: Bench, make: Callable[[Path], None]) -> None:
    file = bench.folder / "out" / bench.symbol_file(0).relative_to(bench.store)
    file.parent.mkdir(parents=True)
    make(file)
    text = said(bench, 3, to=f"store:{bench.folder}/out")
    assert f"'{file}': it is no regular file" in text
    assert "1 sent" in text


def test_a_link_to_nowhere_in_the_target(bench: Bench) -> None:
    file = bench.folder / "out" / bench.symbol_file(0).relative_to(bench.store)
    file.parent.mkdir(parents=True)
    file.symlink_to("nowhere")
    text = said(bench, 3, "--verify", to=f"store:{bench.folder}/out")
    assert text.count(f"'{file}': No such file or directory") == 2


def test_the_ledger(bench: Bench) -> None:
    to = f"store:{bench.folder}/out"
    said(bench, 0, to=to)
    (file,) = (bench.store / FOLDER).glob("*.jsonl")
    file.unlink()
    os.mkfifo(file)
    assert f"cannot write: '{file}': it is no regular file" in said(bench, 2, to=to)


def test_a_ledger_that_is_far_too_large(bench: Bench) -> None:
    items, _ = symbol_items(bench.manifest.modules, bench.source)
    with Ledger(bench.store, "here") as ledger:
        ledger.note(items[0], "id")
    (file,) = (bench.store / FOLDER).glob("*.jsonl")
    os.truncate(file, (256 << 20) + 1)
    with pytest.raises(StoreError, match=r"\.jsonl': it has 268435457 bytes.*Remove it"):
        Ledger(bench.store, "here").__enter__()
    file.unlink()
    with Ledger(bench.store, "here") as ledger:
        assert ledger.known(items[0]) is None


@NO_FILE
def test_the_netrc(bench: Bench, make: Callable[[Path], None]) -> None:
    file = bench.folder / "netrc"
    make(file)
    text = said(bench, 2, to="http://127.0.0.1:9", env={"NETRC": str(file)})
    assert f"no token: '{file}': it is no regular file" in text


def test_a_netrc_that_is_far_too_large(bench: Bench) -> None:
    file = bench.folder / "netrc"
    file.touch(0o600)
    os.truncate(file, 3 << 30)
    text = said(bench, 2, to="http://127.0.0.1:9", env={"NETRC": str(file)})
    assert f"no token: '{file}': it has more than 1048576 bytes" in text


@NO_FILE
def test_the_targets(bench: Bench, make: Callable[[Path], None]) -> None:
    make(bench.folder / "crashsym.toml")
    assert "crashsym.toml': it is no regular file" in said(bench, 2, to="server")


def test_targets_that_would_take_minutes(tmp_path: Path) -> None:
    file = tmp_path / "crashsym.toml"
    file.write_text("a" + ".a" * 200_000 + " = 1\n")
    with pytest.raises(ConfigError, match="it has more than 65536 bytes"):
        read_targets(file)


def test_debug_files_are_looked_at_the_same_way(bench: Bench) -> None:
    items, _ = symbol_items(bench.manifest.modules, bench.source)
    pipe = bench.folder / "pipe"
    os.mkfifo(pipe)
    assert items[0].content is not None
    with pytest.raises(OSError, match="no regular file"):
        replace(items[0].content, file=pipe).digest()
