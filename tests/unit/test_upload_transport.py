# SPDX-License-Identifier: MIT
"""One request: repeated where that helps, bounded in time and memory, and to one host alone."""

from __future__ import annotations

import gzip
import socket
import threading
import time
import tracemalloc
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path

import pytest
from builders.asking import ask, forget_environment, get, put
from builders.rawserver import RawServer, answer
from crashsym.errors import (
    AuthenticationError,
    RejectedError,
    UnavailableError,
    UploadError,
)
from crashsym.upload import transport as module
from crashsym.upload.transport import Answer, Patience, Request, Transport
from hypothesis import given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict
from servers.faults import Answer as Told
from servers.faults import CloseBeforeReading, CutAnswer, CutRequest, Order
from servers.put import Put, PutServer

REPEATED = (408, 425, 429, 500, 502, 503, 504, 507, 524)
NOT_REPEATED = (
    *(300, 301, 302, 307, 308, 400, 401, 402, 403, 404, 405, 409, 410, 411, 412, 413),
    *(415, 422, 431, 451, 501, 505, 508, 511, 599),
)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    forget_environment(monkeypatch)


# -- what is repeated


@pytest.mark.parametrize("status", REPEATED)
def test_a_status_that_passes_is_asked_again(status: int) -> None:
    faults = [Order("put", Told(status), 1), Order("put", Told(status), 2)]
    with PutServer(None, faults) as server:
        assert ask(put(server.url)).status == 201
        assert server.account.statuses("put") == [status, status, 201]
        assert server.kept["file"].read() == b"content"


@pytest.mark.parametrize("status", NOT_REPEATED)
def test_another_status_is_not_asked_again(status: int) -> None:
    with PutServer(None, [Order("put", Told(status, b"its words"))]) as server:
        with pytest.raises(UploadError) as caught:
            ask(put(server.url))
        assert server.account.statuses("put") == [status]
    kind = AuthenticationError if status in (401, 403) else RejectedError
    assert type(caught.value) is kind
    assert f"HTTP {status}: its words" in str(caught.value)


@pytest.mark.parametrize("fault", [CloseBeforeReading(), CutRequest(), CutAnswer()])
def test_a_connection_that_breaks_is_made_again(
    fault: CloseBeforeReading | CutRequest | CutAnswer,
) -> None:
    with PutServer(Put(knows_if_none_match=False), [Order("put", fault)]) as server:
        request = put(server.url)
        accepted = Request("PUT", "PUT", request.url, {}, request.body, frozenset({201, 204}))
        assert ask(accepted).status in (201, 204)
        assert len(server.account.statuses("put")) == 2


def test_a_connection_that_is_reset_is_made_again() -> None:
    times: list[float] = []

    def speak(connection: socket.socket, _: threading.Event) -> None:
        times.append(time.monotonic())
        linger = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    with RawServer(speak) as server, pytest.raises(UnavailableError, match=r"\d+ attempts"):
        ask(get(server.url), patience=0.3)
    assert len(times) > 2


def test_a_port_where_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(UnavailableError, match=r"^ask: 'server': [^(]*Connection refused \(\d"):
        ask(get(f"http://127.0.0.1:{port}"), patience=0.1)


def test_a_name_that_nobody_knows() -> None:
    with pytest.raises(UnavailableError) as caught:
        ask(get("http://no-such-host.invalid"), patience=0.1)
    assert "0x" not in str(caught.value)
    assert "resolve" in str(caught.value) or "not known" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("X-Sentry-Rate-Limit-Reset", "{:.0f}", 60),
        ("RateLimit-Reset", "42", 42),
        ("X-RateLimit-Reset", "{:.0f}", 60),
        ("x-ratelimit-reset", "7", 7),
        ("RateLimit-Reset", "soon", None),
        ("RateLimit-Reset", "9" * 500, None),
        ("X-RateLimit-Limit", "42", None),
    ],
)
def test_a_rate_limit_says_when_it_ends(name: str, text: str, expected: float | None) -> None:
    headers = CaseInsensitiveDict({name: text.format(time.time() + 60)})
    found = module._wanted_pause(Answer(429, headers, b""))
    assert found == (None if expected is None else pytest.approx(expected, abs=5))
    assert module._wanted_pause(Answer(503, headers, b"")) is None
    asked = CaseInsensitiveDict({**headers, "Retry-After": "3"})
    assert module._wanted_pause(Answer(429, asked, b"")) == 3


def test_the_end_of_a_rate_limit_is_waited_for() -> None:
    told = Told(429, b"", {"RateLimit-Reset": "1"})
    with PutServer(None, [Order("put", told)]) as server:
        begun = time.monotonic()
        assert ask(put(server.url)).status == 201
        assert time.monotonic() - begun >= 1


@pytest.mark.parametrize("seconds", ["1", " 1 "])
def test_the_server_says_when_in_seconds(seconds: str) -> None:
    with PutServer(None, [Order("put", Told(503, b"", {"Retry-After": seconds}))]) as server:
        begun = time.monotonic()
        assert ask(put(server.url)).status == 201
        assert time.monotonic() - begun >= 1


def test_the_server_says_when_as_a_date() -> None:
    # Dates have whole seconds: between one and two from now.
    then = datetime.now(timezone.utc) + timedelta(seconds=2)
    headers = {"Retry-After": format_datetime(then, usegmt=True)}
    with PutServer(None, [Order("put", Told(429, b"", headers))]) as server:
        begun = time.monotonic()
        assert ask(put(server.url)).status == 201
        assert time.monotonic() - begun >= 0.9


@pytest.mark.parametrize("when", ["3600", "99999999999999999999", "Fri, 01 Jan 2100 00:00:00 GMT"])
def test_a_time_behind_the_end_is_not_waited_for(when: str) -> None:
    with PutServer(None, [Order("put", Told(503, b"", {"Retry-After": when}))]) as server:
        with pytest.raises(UnavailableError, match="HTTP 503"):
            ask(put(server.url))
        assert server.account.statuses("put") == [503]


@pytest.mark.parametrize("when", ["0", "-1", "Sat, 01 Jan 2000 00:00:00 GMT", "soon", ""])
def test_no_time_to_wait_for_is_no_reason_to_hammer(
    when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_FIRST", 0.1)
    fault = Told(503, b"", {"Retry-After": when})
    with PutServer(None, [Order("put", fault, onwards=True)]) as server:
        with pytest.raises(UnavailableError):
            ask(put(server.url), patience=0.5)
        assert 1 <= len(server.account.statuses("put")) <= 10


@given(st.text() | st.from_regex(r"[A-Z][a-z]{2}, \d+ [A-Z][a-z]{2} \d+ \d+:\d+:\d+ [-+A-Z0-9]+"))
def test_any_text_as_a_time_is_a_pause_or_none(text: str) -> None:
    pause = module._retry_after(text)
    assert pause is None or pause >= 0


# -- what is said of it meanwhile


def waits(faults: list[Order]) -> list[str]:
    """Return what is said while two files are sent, one after the other."""
    said: list[str] = []
    with PutServer(None, faults) as server:
        transport = Transport("'server'", None, Patience(whole=50))
        transport.waits = said.append
        for name in ("a", "b"):
            transport.send(put(f"{server.url}/{name}"))
    return said


def test_that_a_server_is_waited_for_is_said_until_it_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_SILENCE", 0)
    said = waits([Order("put", Told(503, b"busy"), number) for number in (1, 2, 4, 5)])
    line = "PUT: 'server': HTTP 503: busy. It is tried again, for {} seconds at most."
    assert len(said) == 2
    assert set(said) <= {line.format(seconds) for seconds in (49, 50)}


def test_that_a_server_is_waited_for_is_said_once_by_all_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_SILENCE", 0)
    said: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    transport = Transport("'server'", None, Patience(whole=0.5))
    transport.waits = said.append
    failed = []

    def one() -> None:
        with pytest.raises(UnavailableError):
            transport.send(get(f"http://127.0.0.1:{port}"))
        failed.append(1)

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(failed) == 4
    assert len(said) == 1
    assert "Connection refused. It is tried again" in said[0]


def test_of_a_moment_nothing_is_said() -> None:
    assert waits([Order("put", Told(503), 1)]) == []


def test_a_long_time_that_a_server_asks_for_is_said_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_SILENCE", 0.9)
    (said,) = waits([Order("put", Told(429, b"slow down", {"Retry-After": "1"}))])
    assert "HTTP 429: slow down. It is tried again" in said


# -- bounded


@pytest.mark.parametrize("fault", [Told(503), CloseBeforeReading()])
def test_the_time_of_all_attempts_is_bounded(fault: Told | CloseBeforeReading) -> None:
    with (
        PutServer(None, [Order("put", fault, onwards=True)]) as server,
        pytest.raises(UnavailableError, match=r"attempts?\)\. Repeat the command later"),
    ):
        ask(put(server.url), patience=0.5)


def test_a_server_that_never_answers() -> None:
    def speak(_: socket.socket, over: threading.Event) -> None:
        over.wait(20)

    with RawServer(speak) as server, pytest.raises(UnavailableError, match="timed out"):
        ask(get(server.url), patience=0.5)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(HEAD + b"Content-Length: 100000\r\n\r\n", id="length"),
        pytest.param(HEAD + b"Connection: close\r\n\r\n", id="until-the-end"),
        pytest.param(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", id="chunked"),
    ],
)
def test_an_answer_that_comes_in_drops_and_never_ends(head: bytes) -> None:
    drop = b"1\r\n \r\n" if b"chunked" in head else b" "

    def speak(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(head)
        while not over.wait(0.15):
            connection.sendall(drop)

    with (
        RawServer(speak) as server,
        pytest.raises(UnavailableError, match="the answer does not end"),
    ):
        ask(get(server.url), patience=1)


@pytest.mark.parametrize(
    "head", [b"Connection: close\r\n\r\n", b"Content-Length: 9999999999\r\n\r\n"]
)
def test_an_answer_of_gigabytes(head: bytes) -> None:
    sent = 0

    def speak(connection: socket.socket, over: threading.Event) -> None:
        nonlocal sent
        connection.sendall(HEAD + head)
        while not over.is_set() and sent < 10 << 30:
            sent += connection.send(b"x" * (1 << 20))

    with RawServer(speak) as server:
        tracemalloc.start()
        found = ask(get(server.url))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert len(found.data) <= 1 << 20
    assert peak < 64 << 20
    assert sent < 64 << 20


def test_an_answer_that_is_a_bomb() -> None:
    bomb = gzip.compress(b"\0" * (200 << 20), 1)
    with RawServer(answer(bomb, "Content-Encoding: gzip")) as server:
        tracemalloc.start()
        found = ask(get(server.url))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert len(found.data) <= 1 << 20
    assert peak < 80 << 20


def test_an_answer_that_is_compressed_unasked() -> None:
    with RawServer(answer(gzip.compress(b'{"a": 1}'), "Content-Encoding: gzip")) as server:
        assert ask(get(server.url)).data == b'{"a": 1}'
        assert "Accept-Encoding: identity" in server.heads[0]


# -- one host alone


def test_a_redirect_is_not_followed_and_its_host_gets_no_token() -> None:
    with PutServer() as other:
        away = Told(302, b"", {"Location": f"{other.url}/elsewhere"})
        with PutServer(None, [Order("get", away)]) as server:
            request = Request("ask", "GET", f"{server.url}/x", {"Authorization": "Bearer canary"})
            with pytest.raises(RejectedError) as caught:
                ask(request, secret="canary")  # noqa: S106 - there is no secret here
        assert other.account.connections == 0
    assert f"If that is right, give '{other.url}/elsewhere' as the URL" in str(caught.value)


def test_a_password_in_netrc_goes_nowhere_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "netrc"
    file.write_text("machine 127.0.0.1 login me password hunter2\n")
    file.chmod(0o600)
    monkeypatch.setenv("NETRC", str(file))
    with RawServer(answer(b"{}")) as server:
        ask(get(server.url))
    assert "authorization" not in server.heads[0].lower()


# -- what is no request


@pytest.mark.parametrize(
    "url",
    ["http://a..b/", f"http://{'a' * 70}.invalid", "http://*.x y/", "http://[::1", "nothing"],
)
def test_a_url_that_leads_nowhere(url: str) -> None:
    with pytest.raises((RejectedError, UnavailableError)):
        ask(Request("ask", "GET", url), patience=0.1)


@pytest.mark.parametrize(
    "head",
    [b"", b"SSH-2.0-OpenSSH_9\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\0" * 70000],
)
def test_a_server_that_speaks_no_http(head: bytes) -> None:
    with (
        RawServer(lambda connection, _: connection.sendall(head)) as server,
        pytest.raises((UnavailableError, RejectedError)) as caught,
    ):
        ask(get(server.url), patience=0.2)
    assert len(str(caught.value)) < 800
