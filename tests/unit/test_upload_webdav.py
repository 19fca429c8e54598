# SPDX-License-Identifier: MIT
"""Servers that want folders to be made first, and what else says 409."""

from __future__ import annotations

from pathlib import Path

import pytest
from builders.uploading import Bench, kept
from crashsym.upload import transport
from servers.faults import Answer, Order
from servers.put import Put, PutServer

FILES = 12


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(transport, "_FIRST", 0.01)
    return Bench(tmp_path, FILES)


@pytest.mark.parametrize("jobs", [1, 8])
def test_folders_are_made_where_they_are_wanted(bench: Bench, jobs: int) -> None:
    with PutServer(Put(collections=True)) as server:
        bench.target("http", server.url, f"jobs = {jobs}")
        assert bench.run("upload", "--verify") == 0
        assert kept(server) == bench.wanted
        assert not server.account.duplicates
        # One file for each request that was under way before it was known, and no other.
        assert 1 <= server.account.statuses("put").count(409) <= jobs
        assert server.account.statuses("put").count(201) == FILES
        assert server.account.statuses("mkcol").count(201) == 2 * FILES


def test_no_folder_is_made_where_none_is_wanted(bench: Bench) -> None:
    with PutServer() as server:
        bench.target("http", server.url)
        assert bench.run() == 0
        assert not server.account.statuses("mkcol")


def test_another_conflict_is_an_error_in_its_own_words(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    conflict = Answer(409, b"no room in this bucket")
    with PutServer(None, [Order("put", conflict, onwards=True)]) as server:
        bench.target("http", server.url)
        assert bench.run() == 3
        assert not server.kept
    said = capsys.readouterr().err
    assert said.count("PUT: HTTP 409: no room in this bucket") == FILES


@pytest.mark.parametrize("status", [403, 404, 503])
def test_a_folder_that_cannot_be_made_is_an_error(
    bench: Bench, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    bad = Order("mkcol", Answer(status, b"its words"), onwards=True)
    with PutServer(Put(collections=True), [bad]) as server:
        bench.target("http", server.url, "patience = 0.1")
        assert bench.run() == 3
        assert not server.kept
    assert f"MKCOL: HTTP {status}: its words" in capsys.readouterr().err
