# SPDX-License-Identifier: MIT
"""An upload that is killed at any moment is completed by the next, and nothing is sent twice."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from builders.uploading import Bench
from servers.base import Server
from servers.faults import Answer, Order, Plan, Slow
from servers.put import PutServer
from servers.s3 import S3, S3Server
from servers.sentry import Sentry, SentryServer
from servers.symupload_v2 import SymUploadV2, SymUploadV2Server

FILES = 500
SIZE = 300
MOMENTS, MANY = 10, 50


def sentry() -> Server:
    # Requests of two files each, so that there is something to be killed between.
    settings = Sentry(chunks_per_request=2, concurrency=4, polls=1)
    return SentryServer(settings, [Order("chunks", Slow(0.005), onwards=True)])


SERVERS: dict[str, Callable[[], Server]] = {
    "sentry": sentry,
    "http": PutServer,
    "symupload-v2": lambda: SymUploadV2Server(SymUploadV2()),
    "s3": S3Server,
}
MORE = {
    "sentry": ('organization = "acme"', 'project = "firmware"'),
    "s3": (f'bucket = "{S3().bucket}"', f'access_key = "{S3().access_key}"'),
}
REQUESTS = {"sentry": 250, "http": 1000, "symupload-v2": 2000, "s3": 1000}
TOKENS = {
    "sentry": Sentry().token,
    "http": "any",
    "symupload-v2": SymUploadV2().key,
    "s3": S3().secret_key,
}


def stored(kind: str, server: Server) -> set[str]:
    files = {key: blob for key, blob in server.kept.items() if kind != "sentry" or "/" in key}
    return {blob.sha256 for blob in files.values()}


def kill_after(bench: Bench, server: Server, requests: int, seconds: float) -> bool:
    """Begin an upload and kill it after so many requests; return whether it was still at work."""
    enough = len(server.account.requests) + requests
    child = bench.start()
    while len(server.account.requests) < enough and child.poll() is None:
        time.sleep(0.001)
    time.sleep(seconds)
    child.kill()
    child.communicate()
    return child.returncode == -signal.SIGKILL


@pytest.mark.parametrize("kind", SERVERS)
@pytest.mark.parametrize(
    "moments", [MOMENTS, pytest.param(MANY, marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_killed_at_random_moments(tmp_path: Path, kind: str, moments: int) -> None:
    bench = Bench(tmp_path, FILES, SIZE)
    moment = random.Random(f"{kind} {moments}")  # noqa: S311 - no secret
    # All together about as many as an upload takes that nobody kills.
    most = max(2 * REQUESTS[kind] // moments, 3)
    with SERVERS[kind]() as server:
        bench.target(kind, server.url, *MORE.get(kind, ()), bench.token(TOKENS[kind]))
        killed = [
            kill_after(bench, server, moment.randint(1, most), moment.uniform(0, 0.02))
            for _ in range(moments)
        ]
        assert sum(killed) > moments // 2, "too few were at work"
        assert server.account.content, "all were killed before the first file"
        last = bench.start("--json")
        said = last.communicate(timeout=120)[1]
        assert last.returncode == 0, said
        assert stored(kind, server) == bench.wanted
        assert not server.account.duplicates
        assert bench.ledger().count("\n") >= FILES
        requests = len(server.account.requests)
        assert bench.run() == 0
        assert len(server.account.requests) == requests, "a complete upload asks nothing"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("kind", SERVERS)
def test_an_interruption_does_not_wait_for_repetitions(
    tmp_path: Path, kind: str, number: signal.Signals
) -> None:
    bench = Bench(tmp_path, 20)
    with SERVERS[kind]() as server:
        server.plan = Plan([Order("*", Answer(503), onwards=True)])
        more = [*MORE.get(kind, ()), bench.token(TOKENS[kind])]
        bench.target(kind, server.url, *more, "patience = 300")
        child = bench.start()
        while len(server.account.requests) < 4 and child.poll() is None:
            time.sleep(0.02)
        time.sleep(0.5)
        child.send_signal(number)
        said = child.communicate(timeout=60)[1]
    assert child.returncode in (130, -number)
    assert "Traceback" not in said


# -- as many at once as may be


@pytest.mark.parametrize("jobs", [1, 3, 9])
@pytest.mark.parametrize("kind", ["http", "symupload-v2", "s3"])
def test_no_more_requests_at_once_than_jobs(tmp_path: Path, kind: str, jobs: int) -> None:
    bench = Bench(tmp_path, 40)
    with SERVERS[kind]() as server:
        server.plan = Plan([Order("put", Slow(0.05), onwards=True)])
        more = [*MORE.get(kind, ()), bench.token(TOKENS[kind])]
        bench.target(kind, server.url, *more, f"jobs = {jobs}")
        assert bench.run() == 0
        assert server.account.peak == jobs
        assert server.account.connections == jobs


def test_sentry_says_how_many_at_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 40)
    settings = Sentry(chunk_size=8192, chunks_per_request=1, concurrency=3)
    with SentryServer(settings, [Order("chunks", Slow(0.05), onwards=True)]) as server:
        more = [*MORE["sentry"], bench.token(TOKENS["sentry"])]
        bench.target("sentry", server.url, *more)
        assert bench.run() == 0
        # One connection more asks what is missing.
        assert 3 <= server.account.peak <= 4
        assert len(server.account.statuses("chunks")) == 40
