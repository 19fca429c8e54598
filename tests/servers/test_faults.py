"""Every fault at every step of every server, as a client sees it; and what the account says."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator

import pytest

from servers.base import Server, Step
from servers.client import SYMBOLS, Got, Sent, connect, exchange, send, sha256
from servers.faults import (
    FAULTS,
    Answer,
    CloseBeforeReading,
    CutAnswer,
    CutRequest,
    Damage,
    ExpiredToken,
    Fault,
    Order,
    Slow,
    matrix,
    redirect,
    unavailable,
)
from servers.put import Put, PutServer
from servers.samples import PUT, SAMPLES

BROKEN = (CloseBeforeReading, CutRequest, CutAnswer)


def cases() -> Iterator[object]:
    for server in SAMPLES:
        for step, name, fault in matrix(server):
            yield pytest.param(server, step, fault, id=f"{server.__name__}-{step.name}-{name}")


def each_step() -> Iterator[object]:
    for server in SAMPLES:
        for step in server.STEPS:
            yield pytest.param(server, step, id=f"{server.__name__}-{step.name}")


def attempt(server: Server, request: Sent) -> Got | None:
    """Send a request; None is a connection that ended before the whole answer was there."""
    try:
        return send(server, request)
    except (OSError, http.client.HTTPException):
        return None


def sample(server: Server, step: Step) -> Sent:
    return SAMPLES[type(server)][step.name](server)


@pytest.mark.parametrize(("kind", "step"), each_step())
def test_every_step_has_a_request_that_reaches_it(kind: type[Server], step: Step) -> None:
    with kind() as server:
        assert send(server, sample(server, step)).status < 500
        assert server.account.requests[-1].step == step.name
        if step.stores:
            assert len(server.account.files) == 1
            assert sum(server.account.content.values()) > 0


@pytest.mark.parametrize(("kind", "step", "fault"), cases())
def test_a_fault_comes_once_and_then_no_more(kind: type[Server], step: Step, fault: Fault) -> None:
    with kind(faults=[Order(step.name, fault)]) as server:
        request = sample(server, step)
        answer = attempt(server, request)
        check(server, step, fault, answer)
        # Ordered for the first request alone: the second is served as ever.
        assert attempt(server, request) is not None
        assert server.account.requests[-1].fault == ""


def check(server: Server, step: Step, fault: Fault, answer: Got | None) -> None:
    seen = server.account.requests[-1]
    assert (seen.step, seen.fault) == (step.name, type(fault).__name__)
    if isinstance(fault, BROKEN):
        assert (answer, seen.status) == (None, None)
    else:
        assert answer is not None
        assert seen.status == answer.status
    if isinstance(fault, Answer):
        assert answer is not None
        assert answer.status == fault.status
        assert answer.body == (b"" if seen.method == "HEAD" else fault.body)
        assert {key: answer.headers[key] for key in fault.headers} == fault.headers
    if isinstance(fault, (Answer, CloseBeforeReading, CutRequest)) and step.stores:
        assert server.account.files == {}
        assert sum(server.account.content.values()) == 0
    if isinstance(fault, Damage):
        assert SYMBOLS not in [blob.read() for blob in server.kept.values()]
        assert all(file.sha256 != sha256(SYMBOLS) for file in server.account.files.values())
    if isinstance(fault, ExpiredToken):
        assert seen.status in (400, 401, 403)


def test_half_of_the_body_is_read_before_the_cut() -> None:
    with PutServer(faults=[Order("put", CutRequest())]) as server:
        assert attempt(server, Sent("PUT", "/a", b"x" * 3_000_000)) is None
        assert server.account.requests[-1].received == 1_500_000
        assert server.account.dropped == 1


def test_what_was_done_before_the_answer_was_cut_stays_done() -> None:
    with PutServer(faults=[Order("put", CutAnswer())]) as server:
        request = PUT["put"](server)
        assert attempt(server, request) is None
        assert send(server, request).status == 204
        (file,) = server.account.files.values()
        assert file.times == 2
        # The first was not acknowledged, so that the second is no waste; the third is.
        assert not server.account.duplicates
        send(server, request)
        assert list(server.account.duplicates.values()) == [1]


def test_a_redirect_leads_to_a_page_for_people() -> None:
    with PutServer(Put(bearer="secret"), [Order("put", redirect(status=307))]) as server:
        answer = send(server, PUT["put"](server))
        assert answer.status == 307
        page = send(server, Sent("GET", answer.headers["Location"]))
        assert (page.status, page.headers["Content-Type"]) == (200, "text/html")
        assert page.body.startswith(b"<!DOCTYPE html>")


def test_an_answer_can_be_slow() -> None:
    with PutServer(faults=[Order("get", Slow(30))]) as server:
        connection = connect(server)
        connection.timeout = 0.2
        with pytest.raises(TimeoutError):
            exchange(connection, Sent("GET", "/a"))
        connection.close()
        # The test does not wait for it, either.


def test_content_that_comes_again_before_its_answer_is_no_duplicate() -> None:
    with PutServer(faults=[Order("put", Slow(30))]) as server:
        request = PUT["put"](server)
        connection = connect(server)
        connection.timeout = 0.2
        with pytest.raises(TimeoutError):
            exchange(connection, request)
        connection.close()
        assert send(server, request).status == 204
    # To the first answer nobody listened any more.
    assert server.account.statuses("put") == [204, None]
    assert server.account.duplicates == {}


def test_orders_count_the_requests_of_their_step() -> None:
    faults = [Order("put", unavailable(503), nth=2), Order("get", unavailable(500))]
    with PutServer(faults=faults) as server:
        for number in range(3):
            send(server, Sent("PUT", f"/{number}", b"x"))
            send(server, Sent("GET", f"/{number}"))
        assert server.account.statuses("put") == [201, 503, 201]
        assert server.account.statuses("get") == [500, 404, 200]


def test_an_order_can_hold_from_a_request_on() -> None:
    orders = [Order("*", ExpiredToken(), nth=3, onwards=True)]
    with PutServer(Put(bearer="secret"), orders) as server:
        token = {"Authorization": "Bearer secret"}
        answers = [send(server, Sent("PUT", f"/{n}", b"x", token)).status for n in range(4)]
        assert answers == [201, 201, 401, 401]


def test_an_order_for_a_step_that_there_is_not_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="no such step"):
        PutServer(faults=[Order("chunks", FAULTS["500"])])


def test_an_error_of_the_server_itself_fails_the_test() -> None:
    class Broken(PutServer):
        def refuse(self, request: object) -> None:
            raise KeyError("a bug")

    with pytest.raises(KeyError, match="a bug"), Broken() as server:
        assert attempt(server, Sent("GET", "/a")) is None


def test_the_peak_of_connections_is_known() -> None:
    with PutServer() as server:
        for _ in range(3):
            send(server, Sent("GET", "/a"))
        together = [connect(server) for _ in range(4)]
        for connection in together:
            exchange(connection, Sent("GET", "/a"))
        assert server.account.peak >= 4
        assert server.account.connections == 7
        for connection in together:
            connection.close()


def test_many_clients_at_once_are_counted_right() -> None:
    with PutServer() as server:

        def client(number: int) -> None:
            connection = connect(server)
            for at in range(20):
                exchange(connection, Sent("PUT", f"/{number}/{at}", b"x" * at))
            connection.close()

        threads = [threading.Thread(target=client, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(server.account.requests) == len(server.account.files) == 160
        assert sum(server.account.content.values()) == 8 * sum(range(20))
