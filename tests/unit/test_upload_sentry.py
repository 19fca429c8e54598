# SPDX-License-Identifier: MIT
"""Sentry: files in pieces, what the server lacks, what it has to do still, and its older upload."""

from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from builders.uploading import Bench, kept, states, upload
from crashsym.errors import RejectedError
from crashsym.upload import sentry as module
from crashsym.upload import sentryzip, transport
from crashsym.upload.chunks import Limits
from servers.faults import Answer, Order
from servers.messages import Request, Response
from servers.sentry import Sentry, SentryServer

PLACE = ('organization = "acme"', 'project = "firmware"')


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_FIRST", 0.01)
    monkeypatch.setattr(module, "_PAUSE", 0.01)


def told(status: int, document: object) -> Answer:
    return Answer(status, json.dumps(document).encode(), {"Content-Type": "application/json"})


def aim(bench: Bench, server: SentryServer, *more: str) -> None:
    bench.target("sentry", server.url, *PLACE, bench.token(Sentry().token), "patience = 1", *more)


def whole_files(server: SentryServer) -> set[str]:
    return {blob.sha256 for key, blob in server.kept.items() if "/" in key}


@pytest.mark.parametrize(("more", "pieces"), [(0, 1), (1, 2), (-1, 1)])
def test_a_file_of_about_one_piece(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: int, pieces: int
) -> None:
    bench = Bench(tmp_path, 1)
    size = bench.symbol_file().stat().st_size - more
    with SentryServer(Sentry(chunk_size=size, request_size=4 * size)) as server:
        aim(bench, server)
        code, document, _ = upload(bench, capsys, "--verify")
        assert code == 0
        assert states(document) == ["sent"]
        assert len(server.organisation.chunks) == pieces
        assert whole_files(server) == bench.wanted
        assert max(blob.size for blob in server.organisation.chunks.values()) <= size
        code, document, _ = upload(bench, capsys)
        assert states(document) == ["present"]
        assert not server.account.duplicates


def test_the_same_piece_of_two_files_is_sent_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = Bench(tmp_path, 2, 200)
    manifest = (tmp_path / "manifest.json").read_text()
    for number in range(2):
        file = bench.symbol_file(number)
        before = file.read_bytes()
        after = before.ljust(1024, b"\n") + b"PUBLIC 1 0 same\n" * 64
        file.write_bytes(after)
        old, new = (hashlib.sha256(data).hexdigest() for data in (before, after))
        manifest = manifest.replace(old, new)
    (tmp_path / "manifest.json").write_text(manifest)
    with SentryServer(Sentry(chunk_size=1024, request_size=4096)) as server:
        aim(bench, server)
        code, _, _ = upload(bench, capsys)
        assert code == 0
        assert len(server.organisation.chunks) == 3
        assert sum(server.account.content.values()) == 3 * 1024
        assert not server.account.duplicates


def test_the_outcome_is_waited_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bench = Bench(tmp_path, 2)
    with SentryServer(Sentry(polls=5)) as server:
        aim(bench, server)
        code, document, _ = upload(bench, capsys)
        assert (code, states(document)) == (0, ["sent", "sent"])
        assert len(server.account.statuses("assemble")) >= 6
        assert len(server.account.statuses("chunks")) == 1


@pytest.mark.parametrize(("wait", "most"), [("wait = 0.3", 0), ("wait = 60", 1)])
def test_the_wait_has_an_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], wait: str, most: int
) -> None:
    bench = Bench(tmp_path, 1)
    options = {**GOOD, "url": "organizations/acme/chunk-upload/", "maxWait": most}
    with SentryServer(Sentry(polls=1_000_000), [Order("options", told(200, options))]) as server:
        aim(bench, server, wait)
        code, document, said = upload(bench, capsys)
    assert (code, states(document)) == (3, ["failed"])
    assert "the server has not assembled it in" in said


def test_the_time_to_send_is_no_time_to_wait(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(tmp_path, 1)
    real = module.SentryUploader._post

    def slow(*args: Any) -> Any:
        time.sleep(0.6)
        return real(*args)

    monkeypatch.setattr(module.SentryUploader, "_post", slow)
    with SentryServer(Sentry(polls=3)) as server:
        aim(bench, server, "wait = 0.5")
        code, _, said = upload(bench, capsys)
        assert code == 0, said


def test_the_reason_of_the_server_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = Bench(tmp_path, 2)
    victim = bench.symbol_file(0)
    content = b"MODULE nonsense\x1b[31m\n" + b"x" * 100
    known = hashlib.sha256(victim.read_bytes()).hexdigest()
    manifest = tmp_path / "manifest.json"
    digest = hashlib.sha256(content).hexdigest()
    manifest.write_text(manifest.read_text().replace(known, digest))
    victim.write_bytes(content)
    with SentryServer() as server:
        aim(bench, server)
        code, document, said = upload(bench, capsys)
        assert len(whole_files(server)) == 1
    assert code == 3
    assert sorted(states(document)) == ["refused", "sent"]
    assert "refused: 'lib0.so.sym' (/usr/lib/lib0.so): server: assemble: Invalid debug" in said


def test_what_a_server_says_cannot_play_with_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = Bench(tmp_path, 1)
    detail = "\x1b[2J\n\r\u202e" + "x" * 5000
    with SentryServer(None, [Order("options", told(400, {"detail": detail}))]) as server:
        aim(bench, server)
        assert bench.run() == 3
    said = capsys.readouterr().err
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert max(map(len, said.splitlines())) < 1000


class Forgetful(SentryServer):
    """Acknowledges parts and keeps none of one file."""

    lost = ""

    def _take_chunks(self, request: Request, chunks: Any) -> Response:
        answer = super()._take_chunks(request, chunks)
        self.organisation.chunks.pop(self.lost, None)
        return answer


def test_a_server_that_loses_parts_gets_them_three_times(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = Bench(tmp_path, 3)
    with Forgetful(Sentry(polls=2)) as server:
        server.lost = hashlib.sha1(bench.symbol_file(1).read_bytes()).hexdigest()  # noqa: S324
        aim(bench, server)
        code, document, said = upload(bench, capsys)
        assert server.account.duplicates[server.lost] == 2
        assert len(whole_files(server)) == 2
    assert (code, sorted(states(document))) == (3, ["failed", "sent", "sent"])
    assert (
        "'lib1.so.sym' (/usr/lib/lib1.so): server: assemble: the server still lacks parts" in said
    )


def test_a_file_that_is_too_large_costs_no_other_anything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = Bench(tmp_path, 3)
    with bench.symbol_file(1).open("ab") as stream:
        stream.write(b"#" * 10_000)
    manifest = tmp_path / "manifest.json"
    data = bench.symbol_file(1).read_bytes()
    old = hashlib.sha256(data[:-10_000]).hexdigest()
    manifest.write_text(manifest.read_text().replace(old, hashlib.sha256(data).hexdigest()))
    with SentryServer(Sentry(file_size=8000)) as server:
        aim(bench, server)
        code, document, said = upload(bench, capsys)
        assert len(whole_files(server)) == 2
    assert (code, sorted(states(document))) == (3, ["refused", "sent", "sent"])
    assert f"it has {len(data)} bytes, the server takes 8000" in said


def test_a_request_that_is_refused_costs_other_requests_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = Bench(tmp_path, 4)
    sentry = Sentry(chunk_size=8192, chunks_per_request=1, concurrency=1)
    with SentryServer(sentry, [Order("chunks", told(413, {"detail": "no"}), 2)]) as server:
        aim(bench, server)
        code, document, _ = upload(bench, capsys)
        assert len(whole_files(server)) == 3
    assert (code, sorted(states(document))) == (3, ["refused", "sent", "sent", "sent"])


def test_a_file_that_shrinks_costs_no_other_anything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(tmp_path, 4)
    real = module.SentryUploader._send

    def send(*args: Any) -> Any:
        os.truncate(bench.symbol_file(2), 100)
        return real(*args)

    monkeypatch.setattr(module.SentryUploader, "_send", send)
    with SentryServer() as server:
        aim(bench, server)
        code, document, said = upload(bench, capsys)
        assert len(whole_files(server)) == 3
    assert (code, sorted(states(document))) == (3, ["failed", "sent", "sent", "sent"])
    assert "failed: 'lib2.so.sym'" in said


def test_an_address_below_the_api(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bench = Bench(tmp_path, 1)
    with SentryServer(Sentry(relative_url=True)) as server:
        aim(bench, server)
        code, _, said = upload(bench, capsys)
        assert code == 0, said
        assert whole_files(server) == bench.wanted


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("organizations/acme/chunk-upload/", "https://s.example/api/0/organizations/acme/"),
        ("/organizations/acme/chunk-upload/", "https://s.example/api/0/organizations/acme/"),
        ("/api/0/organizations/acme/chunk-upload/", "https://s.example/api/0/organizations/acme/"),
        ("https://us.s.example/api/0/organizations/acme/", "https://us.s.example/api/0/org"),
    ],
)
def test_addresses_as_sentry_cli_takes_them(url: str, meant: str) -> None:
    # getsentry/sentry-cli 3.6, src/config.rs (get_api_endpoint).
    document: dict[str, object] = {"url": url, "chunkSize": 1, "maxRequestSize": 1}
    found = Limits.of({**document, "chunksPerRequest": 1}, "https://s.example/api/0")
    assert found.url.startswith(meant)


GOOD: dict[str, object] = {
    "url": "https://s.example/",
    "chunkSize": 8192,
    "chunksPerRequest": 64,
    "maxRequestSize": 32768,
    "hashAlgorithm": "sha1",
}


@pytest.mark.parametrize(
    "change",
    [
        {"url": None},
        {"url": 1},
        {"chunkSize": 0},
        {"chunkSize": -1},
        {"chunkSize": "8"},
        {"chunkSize": True},
        {"chunksPerRequest": None},
        {"maxRequestSize": 1.5},
        {"hashAlgorithm": "sha256"},
        {"hashAlgorithm": ["sha1"]},
        {"accept": ["release_files"]},
        {"accept": "debug_files"},
        {"compression": "gzip"},
    ],
)
def test_options_that_make_no_sense(change: dict[str, object]) -> None:
    with pytest.raises(RejectedError):
        Limits.of({**GOOD, **change}, "https://s.example/api/0")


@pytest.mark.parametrize("odd", [0, None, -1, "x", 10**30])
def test_options_that_may_be_odd(odd: object) -> None:
    document = {**GOOD, "concurrency": odd, "maxFileSize": odd, "maxWait": odd}
    found = Limits.of(document, "https://s.example/api/0")
    assert 1 <= found.concurrency <= 8
    assert found.file >= 2 << 30


# -- the older upload


def test_a_server_without_chunks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bench = Bench(tmp_path, 2)
    with SentryServer(Sentry(chunk_upload=False)) as server:
        aim(bench, server)
        code, document, said = upload(bench, capsys)
    assert (code, states(document)) == (3, ["refused", "refused"])
    assert "chunk-upload: HTTP 404" in said
    assert 'need protocol = "zip" in the target' in said


def test_archives(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sentryzip, "_BYTES", 10_000)
    monkeypatch.setattr(sentryzip, "_QUESTION", 3)
    bench = Bench(tmp_path, 5)
    with SentryServer(Sentry(chunk_upload=False)) as server:
        aim(bench, server, 'protocol = "zip"')
        code, document, said = upload(bench, capsys, "--verify")
        assert code == 0, said
        assert states(document) == ["sent"] * 5
        assert states(document, 1) == ["present"] * 5
        assert all(file["id"] for file in document["targets"][0]["files"])
        assert kept(server) == bench.wanted
        assert len(server.account.statuses("zip")) == 3
        (tmp_path / "store" / ".crashsym-uploads").rename(tmp_path / "forgotten")
        code, document, _ = upload(bench, capsys)
        assert (code, states(document)) == (0, ["present"] * 5)
        assert not server.account.duplicates


def test_a_file_that_the_server_does_not_take_out_of_the_archive(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = Bench(tmp_path, 2)
    victim = bench.symbol_file(0)
    content = b"MODULE nonsense\n"
    manifest = tmp_path / "manifest.json"
    old, new = (hashlib.sha256(d).hexdigest() for d in (victim.read_bytes(), content))
    manifest.write_text(manifest.read_text().replace(old, new))
    victim.write_bytes(content)
    with SentryServer(Sentry(chunk_upload=False)) as server:
        aim(bench, server, 'protocol = "zip"')
        code, document, said = upload(bench, capsys)
    assert (code, sorted(states(document))) == (3, ["refused", "sent"])
    assert "dsyms: the server has not taken it out of the archive" in said


@pytest.mark.parametrize("answer", [{}, {"missing": None}, [], {"missing": "all"}])
def test_an_answer_of_another_protocol(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], answer: object
) -> None:
    bench = Bench(tmp_path, 1)
    faults = [Order("unknown-checksums", told(200, answer))]
    with SentryServer(Sentry(chunk_upload=False), faults) as server:
        aim(bench, server, 'protocol = "zip"')
        code, _, said = upload(bench, capsys)
    assert code == 3
    assert "unknown: the answer is not one of this protocol" in said
