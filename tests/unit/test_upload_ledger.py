# SPDX-License-Identifier: MIT
"""What has been acknowledged is noted, and noted well: half lines, two at once, other targets."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from builders.uploading import Bench, kept, shown, states
from crashsym.cli.main import main
from crashsym.errors import StoreError
from crashsym.upload.items import Item, symbol_items
from crashsym.upload.ledger import FOLDER, Ledger
from crashsym.upload.sources import StoreFolder
from crashsym.upload.targets import read as read_targets
from servers.faults import Answer, Order, Plan, Slow
from servers.put import PutServer
from servers.symupload_v1 import SymUploadV1Server


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, 3)


def source(bench: Bench) -> StoreFolder:
    return StoreFolder(bench.folder / "manifest.json", bench.store, [])


@pytest.fixture
def items(bench: Bench) -> list[Item]:
    found, unusable = symbol_items(bench.manifest.modules, source(bench))
    assert not unusable
    return found


def only(folder: Path) -> Path:
    (file,) = folder.glob("*.jsonl")
    return file


def known(bench: Bench, items: list[Item], target: str = "here") -> list[str | None]:
    with Ledger(bench.store, target) as ledger:
        return [ledger.known(item) for item in items]


def note(bench: Bench, items: list[Item], target: str = "here") -> None:
    with Ledger(bench.store, target) as ledger:
        for item in items:
            ledger.note(item, f"id of {item.debug_file}")


def test_what_is_noted_is_known_at_once_and_later(bench: Bench, items: list[Item]) -> None:
    with Ledger(bench.store, "here") as ledger:
        assert ledger.known(items[0]) is None
        ledger.note(items[0], 'a\n\u2028"b')
        assert ledger.known(items[0]) == 'a\n\u2028"b'
    assert known(bench, items) == ['a\n\u2028"b', None, None]
    assert (only(bench.store / FOLDER).stat().st_mode & 0o777) == 0o644


def test_other_targets_do_not_share(bench: Bench, items: list[Item]) -> None:
    note(bench, items)
    assert known(bench, items, "there") == [None, None, None]


@pytest.mark.parametrize("cut", range(2, 40, 3))
def test_half_a_line_is_none(bench: Bench, items: list[Item], cut: int) -> None:
    note(bench, items[:2])
    file = only(bench.store / FOLDER)
    os.truncate(file, file.stat().st_size - cut)
    assert known(bench, items) == ["id of lib0.so", None, None]
    note(bench, items[1:])
    assert None not in known(bench, items)


@pytest.mark.parametrize(
    "garbage",
    [
        b"\n\n",
        b"\xff\xfe\x00",
        b"nonsense\n",
        b"[]\n",
        b"1\n",
        b'"file"\n',
        b'{"file": 1, "id": "x"}\n',
        b'{"file": "x"}\n',
        b'{"id": "x"}\n',
        b"[" * 100_000 + b"\n",
        b"9" * 10_000 + b"\n",
        b"\0" * 4096,
    ],
)
def test_garbage_costs_nothing_else(bench: Bench, items: list[Item], garbage: bytes) -> None:
    note(bench, items[:1])
    with only(bench.store / FOLDER).open("ab") as stream:
        stream.write(garbage)
    note(bench, items[1:])
    assert known(bench, items) == [f"id of lib{n}.so" for n in range(3)]


def test_what_is_forgotten_is_forgotten(bench: Bench, items: list[Item]) -> None:
    note(bench, items)
    with Ledger(bench.store, "here") as ledger:
        ledger.forget(items[:1])
        assert ledger.known(items[0]) is None
        ledger.note(items[0], "again")
        ledger.forget(items[1:2])
    assert known(bench, items) == ["again", None, "id of lib2.so"]
    assert not [
        one for one in (bench.store / FOLDER).iterdir() if one.suffix not in (".jsonl", ".lock")
    ]


def test_other_bytes_are_another_file(bench: Bench, items: list[Item]) -> None:
    note(bench, items)
    bench.symbol_file(0).write_bytes(b"MODULE Linux x86_64 other\n")
    manifest = json.loads((bench.folder / "manifest.json").read_text())
    digest = hashlib.sha256(b"MODULE Linux x86_64 other\n").hexdigest()
    manifest["modules"][0]["symbols"]["sha256"] = digest
    (bench.folder / "manifest.json").write_text(json.dumps(manifest))
    changed, _ = symbol_items(source(bench).manifest.modules, source(bench))
    assert known(bench, changed) == [None, "id of lib1.so", "id of lib2.so"]


# -- places that are no good


def test_a_link_in_place_of_the_ledger(bench: Bench, items: list[Item], tmp_path: Path) -> None:
    note(bench, items)
    file = only(bench.store / FOLDER)
    victim = tmp_path / "victim"
    victim.write_text("precious")
    file.unlink()
    file.symlink_to(victim)
    with pytest.raises(StoreError, match="cannot write"):
        note(bench, items)
    assert victim.read_text() == "precious"


def test_a_file_in_place_of_the_folder(bench: Bench, items: list[Item]) -> None:
    (bench.store / FOLDER).write_text("")
    with pytest.raises(StoreError, match=r"cannot write: '.*\.crashsym-uploads"):
        note(bench, items)


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.ENOSPC])
def test_a_store_where_nothing_can_be_written(
    bench: Bench,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    number: int,
) -> None:
    real = os.open

    def refuse(path: str | Path, flags: int, *more: int, dir_fd: int | None = None) -> int:
        if FOLDER in str(path) and flags & os.O_CREAT:
            raise OSError(number, os.strerror(number))
        return real(path, flags, *more, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", refuse)
    with PutServer() as server:
        bench.target("http", server.url)
        assert bench.run() == 2
        assert not server.account.requests
    said = capsys.readouterr().err
    assert os.strerror(number) in said
    assert said.count("\n") == 1


# -- two at once


def test_of_two_at_once_the_second_waits_and_sends_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 6)
    with PutServer(None, [Order("put", Slow(0.5), onwards=True)]) as server:
        bench.target("http", server.url, "jobs = 1")
        first = bench.start("--json")
        while not server.account.statuses("head") and first.poll() is None:
            time.sleep(0.02)
        second = bench.start("--json")
        out, said = second.communicate(timeout=60)
        assert first.wait(60) == 0
        assert second.returncode == 0
        assert states(shown(out)) == ["present"] * 6
        assert "another upload from" in said
        assert "is at work; waiting for it" in said
        assert server.account.statuses("put") == [201] * 6
        assert first.communicate()[1].count("waiting") == 0


def test_a_verification_waits_for_an_upload_and_says_so(bench: Bench) -> None:
    config = bench.folder / "crashsym.toml"
    name = "a\\u001b[31m"
    config.write_text(f'[target."{name}"]\nkind = "store"\npath = "{bench.folder}/out"\n')
    ((name, target),) = read_targets(config).items()
    with Ledger(bench.store, target.identity):
        line = [sys.executable, "-m", "crashsym", *bench.line("verify", to=name)]
        process = subprocess.Popen(line, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        said = process.stderr.readline()
        assert f"another upload from '{bench.store}' to 'a\\x1b[31m' is at work" in said
        assert process.poll() is None
    assert "\x1b" not in process.communicate(timeout=60)[1]
    assert process.returncode == 3


def test_another_target_is_not_waited_for(bench: Bench, items: list[Item]) -> None:
    with Ledger(bench.store, "here"), Ledger(bench.store, "there", lambda: pytest.fail("waits")):
        pass


def test_two_stores_to_one_server(tmp_path: Path) -> None:
    benches = []
    with PutServer() as server:
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            benches.append(Bench(tmp_path / name, 20))
            benches[-1].target("http", server.url)
        running = [bench.start() for bench in benches]
        for process in running:
            said = process.communicate(timeout=60)[1]
            assert process.returncode == 0, said
        assert kept(server) == benches[0].wanted
        assert all(file.times == 1 for file in server.account.files.values())


# -- what is forgotten by a verification


@pytest.mark.parametrize("status", [503, 401, 400])
def test_a_server_that_does_not_say_makes_nothing_be_sent_again(
    bench: Bench, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    with PutServer() as server:
        bench.target("http", server.url, "patience = 0.2")
        assert bench.run() == 0
        noted = bench.ledger()
        server.plan = Plan([Order("head", Answer(status), onwards=True)])
        assert bench.run("verify") == 3
        assert noted
        assert bench.ledger() == noted
        server.plan = Plan([])
        assert bench.run("upload") == 0
        assert server.account.statuses("put") == [201] * 3


def test_a_protocol_without_the_question_makes_nothing_be_sent_again(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    with SymUploadV1Server() as server:
        bench.target("symupload-v1", server.url)
        assert bench.run("upload", "--verify") == 3
        assert "this protocol has no question for that" in capsys.readouterr().err
        assert bench.run("upload") == 0
        assert len(server.account.statuses("upload")) == 3


def test_an_extraction_into_the_store_leaves_the_ledgers(bench: Bench, items: list[Item]) -> None:
    note(bench, items)
    root = bench.folder / "root"
    root.mkdir()
    places = ["--store", str(bench.store), "--manifest", str(bench.folder / "other.json")]
    assert main(["extract", str(root), *places]) == 2  # it has no ELF file
    (root / "program").write_bytes(Path(sys.executable).read_bytes())
    assert main(["extract", str(root), *places]) in (0, 3)
    assert None not in known(bench, items)
