# SPDX-License-Identifier: MIT
"""Servers that do not want a request to end, or an answer to be read."""

from __future__ import annotations

import gzip
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
from pathlib import Path

import pytest
from builders.rawserver import RawServer, Speak, answer
from builders.uploading import LIB, Bench, shown, states
from crashsym.errors import RejectedError, UnavailableError
from crashsym.upload import transport as module
from crashsym.upload import work
from crashsym.upload.transport import LARGE, Answer, Patience, Request, Transport
from crashsym.upload.work import Hope, at_once
from servers.certificates import make_certificate
from servers.faults import Order, Slow
from servers.proxy import ProxyServer
from servers.put import PutServer
from servers.sentry import Sentry, SentryServer

TOKEN = "canary-of-a-token"  # noqa: S105 - a word that messages do not have


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FIRST", 0.01)
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def ask(url: str, patience: float = 0.6, largest: int = module.SMALL) -> Answer:
    request = Request("ask", "GET", f"{url}/file", largest=largest)
    return Transport("'server'", None, Patience(whole=patience)).send(request)


def flood(head: bytes, piece: bytes, pause: float = 0.0) -> Speak:
    """Return what sends pieces without end."""

    def speak(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(head)
        while not over.wait(pause) if pause else not over.is_set():
            connection.sendall(piece)

    return speak


# -- an answer ends


OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
LONG = OK + b"Content-Length: 10000000\r\n\r\n"
FOUND = b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 10000000\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
ENDLESS = {
    "continue": flood(b"", CONTINUE * 100),
    "continue-in-drops": flood(b"", CONTINUE, 0.1),
    "head-in-drops": flood(OK + b"X: ", b"a", 0.1),
    "status-in-drops": flood(b"HTTP/1.1 200 ", b"a", 0.1),
    "fast-then-in-drops": flood(LONG + b"x" * 70000, b"a", 0.1),
    "chunk-size-in-drops": flood(CHUNKED, b"0", 0.1),
    "trailers": flood(CHUNKED + b"0\r\n", b"X: y\r\n" * 100),
    "trailers-in-drops": flood(CHUNKED + b"0\r\n", b"X: y\r\n", 0.1),
    "redirect-in-drops": flood(FOUND, b"x", 0.1),
    "chunk-of-minus-one": flood(CHUNKED + b"-1\r\n", b"x" * 65536),
}


@pytest.mark.parametrize("speak", ENDLESS.values(), ids=ENDLESS)
def test_an_answer_without_an_end_is_given_up(speak: Speak) -> None:
    with (
        RawServer(speak) as server,
        pytest.raises(UnavailableError, match=r"^ask: 'server': the answer does not end \("),
    ):
        ask(server.url)


def test_a_chunk_of_minus_one_takes_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer(flood(CHUNKED + b"-1\r\n", b"x" * 65536)) as server:
        tracemalloc.start()
        with pytest.raises(UnavailableError):
            ask(server.url)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 100 << 20


def test_a_proxy_that_does_not_let_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer to CONNECT is read by other code than all others."""
    with RawServer(flood(OK + b"X: ", b"a", 0.1)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with pytest.raises(UnavailableError, match="the answer does not end"):
            ask("https://symbols.invalid")
        assert proxy.heads[0].startswith("CONNECT symbols.invalid:443 ")


def test_a_proxy_is_asked_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer(answer(b"{}")) as server, ProxyServer() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        assert ask(server.url).data == b"{}"
        assert proxy.seen


def test_what_is_sent_may_take_longer_than_an_answer() -> None:
    """A slow network: the time of an answer begins when all has been sent."""

    class Slowly:
        left = 5

        def __len__(self) -> int:
            return 5

        def read(self, _: int = -1) -> bytes:
            if not self.left:
                return b""
            time.sleep(0.2)
            self.left -= 1
            return b"x"

        def close(self) -> None:
            pass

    def speak(connection: socket.socket, _: threading.Event) -> None:
        left = 5
        while left:
            left -= len(connection.recv(left))
        answer(b"{}")(connection, _)

    with RawServer(speak) as server:
        request = Request("PUT", "PUT", server.url, {}, Slowly)
        transport = Transport("'server'", None, Patience(whole=0.5))
        assert transport.send(request).data == b"{}"


# -- what is no HTTP, and no request


@pytest.mark.parametrize("size", [b"-5", b"-2", b"\xb2", b"x", b""])
def test_a_chunk_size_that_is_none(size: bytes) -> None:
    with (
        RawServer(lambda connection, _: connection.sendall(CHUNKED + size + b"\r\nabc")) as server,
        pytest.raises(UnavailableError, match=r"'server': the answer (is no HTTP|breaks off) \("),
    ):
        ask(server.url, patience=0.1)


@pytest.mark.parametrize(
    "place", [b"\xff", b"http://[x", b"http://\x1b[31m/\x07", b"http://x:99999999/", b"//[", b""]
)
def test_a_redirect_to_what_is_no_address(place: bytes) -> None:
    head = b"HTTP/1.1 302 Found\r\nLocation: " + place + b"\r\nContent-Length: 0\r\n\r\n"
    with (
        RawServer(lambda connection, _: connection.sendall(head)) as server,
        pytest.raises(RejectedError, match="HTTP 302"),
    ):
        ask(server.url)


@pytest.mark.parametrize("url", ["http://\ud800.x/", f"http://{'a' * 70}\u00e9.x/"])
def test_an_address_with_impossible_characters(url: str) -> None:
    with pytest.raises(RejectedError, match="Check the URL of the target"):
        ask(url)


def test_a_header_with_impossible_characters() -> None:
    request = Request("ask", "GET", "http://127.0.0.1:9/", {"X": "\u20ac"})
    with pytest.raises(RejectedError, match=r"this is no request: .*Check the URL of the target"):
        Transport("'server'", None, Patience(whole=0.1)).send(request)


# -- little is read


def test_a_redirect_is_no_bomb() -> None:
    bomb = gzip.compress(bytes(100 << 20), 9)
    headers = ("Location: /x", "Content-Encoding: gzip")
    with RawServer(answer(bomb, *headers, status="302 Found")) as server:
        tracemalloc.start()
        with pytest.raises(RejectedError, match="HTTP 302"):
            ask(server.url, patience=5)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 20 << 20


@pytest.mark.parametrize("largest", [10, module.SMALL])
def test_no_more_of_an_answer_is_read_than_it_may_have(largest: int) -> None:
    data = b"x" * (largest + 1)
    with RawServer(answer(data)) as server:
        assert len(ask(server.url, 5, largest).data) == largest
    packed = gzip.compress(data)
    with RawServer(answer(packed, "Content-Encoding: gzip")) as server:
        assert len(ask(server.url, 5, max(largest, 2000)).data) <= max(largest, 2000)


def test_only_sentry_may_lack_very_many_parts(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 1)
    seen: dict[str, int] = {}
    real = Transport.send

    def send(self: Transport, request: Request) -> Answer:
        seen[request.step] = request.largest
        return real(self, request)

    with pytest.MonkeyPatch.context() as patch, SentryServer() as server:
        patch.setattr(Transport, "send", send)
        more = ('organization = "acme"', 'project = "firmware"', bench.token(Sentry().token))
        bench.target("sentry", server.url, *more)
        assert bench.run() == 0
    assert {step for step, largest in seen.items() if largest == LARGE} == {"assemble"}
    assert seen["chunks"] == module.SMALL == 1 << 20


def test_cookies_are_not_kept() -> None:
    with RawServer(answer(b"{}", "Set-Cookie: a=" + "b" * 60000)) as server:
        transport = Transport("'server'")
        for _ in range(2):
            transport.send(Request("ask", "GET", server.url))
        assert not [head for head in server.heads if "cookie" in head.lower()]


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"Please log in", ("Content-Type: TEXT/HTML",)),
        (b"\r\n <!DOCTYPE html><title>Log in", ()),
        (b"<HTML>", ("Content-Type: application/json",)),
    ],
)
def test_a_page_is_one_however_it_is_called(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], body: bytes, headers: tuple[str, ...]
) -> None:
    bench = Bench(tmp_path, 1)
    with RawServer(answer(body, *headers)) as server:
        bench.target("symupload-v1", server.url)
        assert bench.run("upload", "--json") == 3
    assert states(shown(capsys.readouterr().out)) == ["refused"]


# -- nothing is logged


@pytest.mark.parametrize("level", [logging.DEBUG, logging.WARNING])
def test_a_key_in_an_address_is_not_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, level: int
) -> None:
    caplog.set_level(level)
    for name in list(logging.root.manager.loggerDict):
        caplog.set_level(level, name)
    bench = Bench(tmp_path, 1)
    said = OK + b"broken header line\r\nContent-Length: 20\r\n\r\n" + b'{"status":"MISSING"}'
    with RawServer(lambda connection, _: connection.sendall(said)) as server:
        bench.target("symupload-v2", server.url, bench.token(TOKEN), "patience = 0.5")
        assert bench.run() == 3
        assert TOKEN in server.heads[0]
    assert TOKEN not in caplog.text


# -- an interruption


def silent(_: socket.socket, over: threading.Event) -> None:
    over.wait(60)


def reads_slowly(connection: socket.socket, over: threading.Event) -> None:
    """Say of a file that it is not there, and take it in drops."""
    connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
    while not over.wait(0.3) and connection.recv(1000):
        pass


def begun(bench: Bench, server: RawServer) -> subprocess.Popen[str]:
    """Return an upload that has asked something."""
    child = bench.start("--json")
    while not server.heads and child.poll() is None:
        time.sleep(0.02)
    return child


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("speak", "size"),
    [(silent, 4000), (flood(OK + b"X: ", b"a", 0.1), 4000), (reads_slowly, 4_000_000)],
    ids=["silent", "drops", "reads-slowly"],
)
def test_an_interruption_waits_for_no_server(
    tmp_path: Path, number: signal.Signals, speak: Speak, size: int
) -> None:
    bench = Bench(tmp_path, 1, size)
    with RawServer(speak) as server:
        bench.target("http", server.url)
        child = begun(bench, server)
        child.send_signal(number)
        said = child.communicate(timeout=20)[1]  # an attempt has a minute
    assert child.returncode == (130 if number == signal.SIGINT else -number)
    assert said.strip() == "crashsym: interrupted"


def test_what_is_acknowledged_after_an_interruption_is_noted(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 3)
    may_answer = threading.Event()

    def speak(connection: socket.socket, over: threading.Event) -> None:
        if may_answer.wait(20):
            answer(b"OK")(connection, over)

    with RawServer(speak) as server:
        bench.target("symupload-v1", server.url, "jobs = 1")
        child = begun(bench, server)
        child.send_signal(signal.SIGTERM)
        while not is_ignored(child.pid, signal.SIGTERM):  # that is how it takes note of one
            time.sleep(0.01)
        may_answer.set()
        child.communicate(timeout=20)
        assert child.returncode == -signal.SIGTERM
        assert bench.ledger().count("\n") == 1
        assert len(server.heads) == 1
        assert bench.run() == 0
        assert len(server.heads) == 3


def is_ignored(pid: int, number: signal.Signals) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    mask = next(line for line in status.splitlines() if line.startswith("SigIgn:"))
    return bool(int(mask.split()[1], 16) >> (number - 1) & 1)


def test_temporary_files_do_not_stay(tmp_path: Path) -> None:
    """Nobody waits for a file that is being compressed; what there is of it is removed."""
    bench = Bench(tmp_path, 1)
    bench.enlarge(1 << 30)
    (tmp_path / "tmp").mkdir()
    with RawServer(answer(b"", status="404 Not Found")) as server:
        bench.target("http", server.url, 'compress = "gzip"')
        child = bench.start(env={"TMPDIR": str(tmp_path / "tmp")})
        while not list(tmp_path.glob("tmp/*/data")) and child.poll() is None:
            time.sleep(0.02)
        child.send_signal(signal.SIGTERM)
        child.communicate(timeout=20)
    assert child.returncode == -signal.SIGTERM
    assert not list((tmp_path / "tmp").iterdir())


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_a_thread_that_waits_for_an_answer_is_broken_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, secure: bool
) -> None:
    certificate = make_certificate(tmp_path) if secure else None
    if certificate:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.authority))
    said: list[str] = []
    with PutServer(None, [Order("head", Slow(30), 1)], certificate) as server:
        transport = Transport("'server'", None, Patience(whole=300))

        def wait() -> None:
            with pytest.raises(UnavailableError) as caught:
                transport.send(Request("ask", "HEAD", f"{server.url}/file"))
            said.append(str(caught.value))

        thread = threading.Thread(target=wait)
        thread.start()
        while not server.account.connections:
            time.sleep(0.02)
        time.sleep(0.3)
        transport.stop()
        transport.cut()
        thread.join(20)
        assert "(1 attempt)" in said[0]


def test_what_tidies_up_after_an_interruption_waits_little() -> None:
    def speak(connection: socket.socket, over: threading.Event) -> None:
        if not over.wait(4):
            answer(b"{}")(connection, over)

    transport = Transport("'server'")
    transport.stop()
    with RawServer(speak) as server, pytest.raises(UnavailableError, match=r"\(1 attempt\)"):
        transport.send(Request("ask", "GET", server.url))


# -- many at once


def hope() -> Hope:
    return Hope(Transport("'server'"))


@pytest.mark.parametrize("room", [0, 1, 2])
def test_where_the_machine_has_no_room_for_threads(
    monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    started: list[threading.Thread] = []
    real = threading.Thread.start

    def start(self: threading.Thread) -> None:
        if len(started) == room:
            raise RuntimeError("can't start new thread")
        started.append(self)
        real(self)

    monkeypatch.setattr(threading.Thread, "start", start)
    assert sorted(at_once(range(9), str, 5, hope())) == list("012345678")
    assert len(started) == room


def test_nobody_waits_for_a_thread_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "_GRACE", 0.05)
    over = threading.Event()

    def one(number: int) -> int:
        if number:
            over.wait(60)
        return number

    results = at_once(range(5), one, 3, hope())
    assert next(results) == 0
    before = threading.active_count()
    results.close()
    assert threading.active_count() == before, "it has waited"
    over.set()


def test_a_thread_that_nobody_waits_for_keeps_no_process() -> None:
    code = (
        "import time\nfrom crashsym.upload import work\nfrom crashsym.upload.transport import *\n"
        "work._GRACE = 0.05\nhope = work.Hope(Transport(''))\n"
        "found = work.at_once((0, 60), time.sleep, 2, hope)\nnext(found)\nfound.close()\n"
    )
    command = [sys.executable, "-c", code]
    subprocess.run(command, check=True, timeout=20, env={**os.environ, "PYTHONPATH": LIB})


def test_an_error_of_a_thread_is_raised() -> None:
    def fail(_: int) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(at_once(range(5), fail, 3, hope()))
