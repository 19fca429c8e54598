"""The servers take many files, and large ones, without holding them in memory."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import run

import pytest

from servers.client import BOUNDARY, FORM, Sent, connect, exchange, send
from servers.put import PutServer
from servers.tecken import TeckenServer

MIB = 1 << 20
# All that a process with a server may need.
MOST_MEMORY = 100 * MIB
PROGRAM = (
    "import sys, servers.test_capacity as own; print(own.peak_of(sys.argv[1], int(sys.argv[2])))"
)


def blocks(size: int) -> Iterator[bytes]:
    block = bytes(range(256)) * 4096
    for _ in range(size // len(block)):
        yield block


def put_large(size: int) -> None:
    with PutServer() as server:
        connection = connect(server)
        connection.request("PUT", "/large", blocks(size), {"Content-Length": str(size)})
        assert connection.getresponse().status == 201
        connection.close()
        assert server.account.files["large"].size == size


def post_large_form(size: int) -> None:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="a.zip"; filename="a"\r\n\r\n'
    tail = f"\r\n--{BOUNDARY}--\r\n"
    length = len(head) + size + len(tail)

    def body() -> Iterator[bytes]:
        yield head.encode()
        yield from blocks(size)
        yield tail.encode()

    with TeckenServer() as server:
        headers = {**FORM, "Auth-Token": server.tecken.token, "Content-Length": str(length)}
        connection = connect(server)
        connection.request("POST", "/upload/", body(), headers)
        # It is no zip; but it was read to its end.
        assert connection.getresponse().status == 400
        connection.close()
        assert server.account.requests[0].received == length


def peak_of(kind: str, size: int) -> int:
    """Do it, and return the most memory that the process has needed, in bytes."""
    {"put": put_large, "form": post_large_form}[kind](size)
    # Not getrusage: what that says begins with what the process needed that started this one.
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    assert found is not None
    return int(found[1]) * 1024


@pytest.mark.parametrize(
    "size", [256 * MIB, pytest.param(1024 * MIB, marks=pytest.mark.slow)], ids=["quarter", "whole"]
)
@pytest.mark.parametrize("kind", ["put", "form"])
def test_a_body_of_a_gibibyte_goes_to_the_disk(kind: str, size: int) -> None:
    tests = str(Path(__file__).parents[1])
    command = [sys.executable, "-c", PROGRAM, kind, str(size)]
    done = run(command, check=True, capture_output=True, text=True, cwd=tests)
    assert int(done.stdout) < MOST_MEMORY


def test_a_server_keeps_what_many_requests_bring() -> None:
    content = bytes(100_000)
    with PutServer() as server:
        connection = connect(server)
        for number in range(500):
            assert exchange(connection, Sent("PUT", f"/{number}", content)).status == 201
        connection.close()
        assert len(server.kept) == 500
        assert server.account.connections == 1
        assert send(server, Sent("GET", "/499")).body == content
