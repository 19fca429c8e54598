# SPDX-License-Identifier: MIT
"""How far an upload is: bytes, files, rate and remaining time on a terminal, else one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from builders.uploading import Bench
from crashsym.cli.uploadline import line
from crashsym.upload import run as uploads
from crashsym.upload import targets, transport
from crashsym.upload.extent import Extent
from crashsym.upload.items import SYMBOLS, Item, symbol_items
from crashsym.upload.meter import Meter
from crashsym.upload.outcome import FAILED, PRESENT, SENT, Outcome
from servers.backtrace import Backtrace, BacktraceServer
from servers.base import Server
from servers.bugsnag import BugsnagServer
from servers.bugsplat import BugSplat, BugSplatServer
from servers.faults import Answer, CutRequest, Order, Slow
from servers.put import PutServer
from servers.s3 import S3, S3Server
from servers.sentry import Sentry, SentryServer
from servers.symupload_v1 import SymUploadV1Server
from servers.symupload_v2 import SymUploadV2, SymUploadV2Server
from servers.tecken import Tecken, TeckenServer
from unit.test_progress import frames, lines_on, run_on_terminal

FILES, SIZE = 12, 40_000


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def item(number: int, size: int) -> Item:
    return Item(
        SYMBOLS, Extent(Path("f"), 0, size), "", str(number), "lib.so", "0" * 33, None, "arm", ()
    )


def test_a_meter_counts_files_bytes_and_time() -> None:
    clock = Clock()
    items = [item(0, 3_000_000), item(1, 5_000_000), item(2, 2_000_000)]
    meter = Meter(items, clock)
    assert line("t", meter) == "crashsym: t: 0 of 3 files, 0.0 of 10.0 MB"
    meter.ended(Outcome(items[0], PRESENT))
    assert line("t", meter) == "crashsym: t: 1 of 3 files, 3.0 of 10.0 MB"
    clock.now += 2
    meter.moved(2_000_000)
    assert line("t", meter) == "crashsym: t: 1 of 3 files, 5.0 of 10.0 MB, 1.0 MB/s, 0:05 left"
    meter.moved(3_000_000)
    meter.ended(Outcome(items[1], SENT))
    assert line("t", meter) == "crashsym: t: 2 of 3 files, 8.0 of 10.0 MB, 2.5 MB/s, 0:01 left"
    meter.moved(1_000_000)
    meter.moved(-1_000_000)  # the connection broke
    assert meter.done_size == 8_000_000
    meter.ended(Outcome(items[2], FAILED))
    assert line("t", meter) == "crashsym: t: 3 of 3 files, 10.0 of 10.0 MB, 2.5 MB/s, 0:00 left"


def test_long_times_have_hours() -> None:
    clock = Clock()
    meter = Meter([item(0, 8_000_000_000)], clock)
    clock.now += 1
    meter.moved(1_000_000)
    assert line("t", meter).endswith(", 1.0 of 8000.0 MB, 1.0 MB/s, 2:13:19 left")


def test_the_name_of_a_target_does_no_harm() -> None:
    assert line("\x1b[2J漢", Meter([])) == r"crashsym: \x1b[2J\u6f22: 0 of 0 files"


def server_of(kind: str, faults: list[Order]) -> Server:
    if kind == "sentry":
        return SentryServer(Sentry(chunk_size=8192, chunks_per_request=2), faults)
    if kind == "http":
        return PutServer(faults=faults)
    if kind == "tecken":
        return TeckenServer(faults=faults)
    if kind == "s3":
        return S3Server(faults=faults)
    if kind == "bugsnag":
        return BugsnagServer("any", faults)
    others: dict[str, Callable[[None, list[Order]], Server]] = {
        "symupload-v1": lambda _, orders: SymUploadV1Server(orders),
        "symupload-v2": SymUploadV2Server,
        "bugsplat": BugSplatServer,
        "backtrace": BacktraceServer,
    }
    return others[kind](None, faults)


TOKENS = {
    "s3": S3().secret_key,
    "bugsplat": BugSplat().client_secret,
    "bugsnag": "any",
    "backtrace": Backtrace().token,
    "sentry": Sentry().token,
    "tecken": Tecken().token,
    "symupload-v2": SymUploadV2().key,
    "http": "any",
    "symupload-v1": "any",
}
STEPS = {
    **dict.fromkeys(["tecken", "symupload-v1", "backtrace"], "upload"),
    "sentry": "chunks",
    "bugsnag": "breakpad-symbol",
}
MORE = {
    "sentry": ('organization = "acme"', 'project = "firmware"'),
    "bugsplat": ('database = "acme"', 'application = "a"', 'version = "1"', 'client = "client"'),
    "backtrace": ('subdomain = "acme"',),
    "s3": (f'bucket = "{S3().bucket}"', f'access_key = "{S3().access_key}"'),
}


@pytest.mark.parametrize("fault", [None, Answer(503), CutRequest()], ids=["well", "503", "cut"])
@pytest.mark.parametrize("kind", TOKENS)
def test_what_is_sent_is_all_of_the_files_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, fault: Answer | CutRequest | None
) -> None:
    monkeypatch.setattr(transport, "_FIRST", 0.01)
    bench = Bench(tmp_path, FILES, SIZE)
    faults = [Order(STEPS.get(kind, "put"), fault)] if fault is not None else []
    with server_of(kind, faults) as server:
        bench.target(kind, server.url, bench.token(TOKENS[kind]), *MORE.get(kind, ()))
        (target,) = targets.find(["server"], tmp_path / "crashsym.toml")
        items, _ = symbol_items(bench.manifest.modules, bench.source)
        door = uploads.door(target)
        moved: list[float] = []
        assert door.transport is not None
        door.transport.moved = moved.append
        outcomes = list(door.uploader.upload(items))
    assert [outcome.state for outcome in outcomes] == [SENT] * FILES
    assert sum(moved) == pytest.approx(sum(one.size for one in items))
    assert any(size < 0 for size in moved) == (fault is not None)


def test_a_terminal_shows_it_and_keeps_what_went_wrong(tmp_path: Path) -> None:
    bench = Bench(tmp_path, FILES, SIZE)
    bench.symbol_file(3).write_text("another")
    faults = [Order("put", Answer(413), nth=2), Order("put", Slow(0.1), onwards=True)]
    with PutServer(faults=faults) as server:
        bench.target("http", server.url, bench.token("any"), "jobs = 1")
        code, shown = run_on_terminal(tmp_path, *bench.line())
    assert code == 3
    assert frames(shown)[0] == "crashsym: server: 0 of 11 files, 0.0 of 0.4 MB"
    assert " MB, 0." in frames(shown)[-1]
    first, *others = lines_on(shown)
    assert first.startswith("crashsym: refused: 'lib")
    assert "HTTP 413" in first
    assert [text.split(": ")[1] for text in others] == ["failed", "server"]
    assert others[1].startswith("crashsym: server: 11 files: 10 sent, 0 already there, 1 refused")


def test_a_terminal_gets_ten_of_many_failures_and_their_number(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 30)
    with PutServer(faults=[Order("*", Answer(400), onwards=True)]) as server:
        bench.target("http", server.url, bench.token("any"))
        of_file = bench.start().communicate()[1].splitlines()
        _, shown = run_on_terminal(tmp_path, *bench.line())
    of_terminal = lines_on(shown)
    assert [text.split(": ")[1] for text in of_file] == ["refused"] * 30 + ["server"]
    assert sum("HTTP 400" in text for text in of_terminal) == 10
    more = "crashsym: 20 more like these. Send stderr to a file to read all: 2>FILE"
    assert of_terminal[10:] == [more, of_file[-1]]


def test_nothing_of_it_in_a_file(tmp_path: Path) -> None:
    bench = Bench(tmp_path, FILES)
    with PutServer() as server:
        bench.target("http", server.url, bench.token("any"))
        child = bench.start()
        said = child.communicate()[1]
    assert said.startswith("crashsym: server: 12 files: 12 sent")
    assert said.count("\n") == 1
    assert "\r" not in said


def test_a_server_that_is_waited_for_is_named_also_without_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(transport, "_FIRST", 0.01)
    monkeypatch.setattr(transport, "_SILENCE", 0)
    bench = Bench(tmp_path, 1)
    with PutServer(faults=[Order("put", Answer(503, b"busy\x1b[2J"))]) as server:
        bench.target("http", server.url)
        assert bench.run() == 0
    said, summary = capsys.readouterr().err.splitlines()
    assert said.startswith("crashsym: ")
    assert f"'server' ({server.url}): HTTP 503: busy\\x1b[2J. It is tried again, for " in said
    assert "1 sent" in summary
