"""The rules of Sentry for assembling files of chunks, one by one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from servers.client import (
    CODE_ID,
    SYMBOLS,
    sha1,
    sha256,
)
from servers.samples import (
    assemble_body,
    chunk_form,
)
from servers.sentry import Sentry, SentryServer
from servers.sentry_parts import DIF_ID, SMALL, assemble, one, post_chunks, symbols, upload


@pytest.fixture
def server() -> Iterator[SentryServer]:
    with SentryServer() as server:
        yield server


@pytest.fixture
def small() -> Iterator[SentryServer]:
    with SentryServer(SMALL) as server:
        yield server


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"{", "Invalid json body"),
        (b"\xff", "Invalid json body"),
        (b"[" * 100_000, "Invalid json body"),
        ([], "is not of type 'object'"),
        ({"A" * 40: {"name": "a", "chunks": []}}, "does not match any of the regexes"),
        ({"abc": {"name": "a", "chunks": []}}, "does not match any of the regexes"),
        ({"a" * 40: []}, "is not of type 'object'"),
        ({"a" * 40: {"chunks": []}}, "'name' is a required property"),
        ({"a" * 40: {"name": "a"}}, "'chunks' is a required property"),
        ({"a" * 40: {"name": 1, "chunks": []}}, "1 is not of type 'string'"),
        ({"a" * 40: {"name": "a", "chunks": {}}}, "is not of type 'array'"),
        ({"a" * 40: {"name": "a", "chunks": ["B" * 40]}}, "does not match"),
        ({"a" * 40: {"name": "a", "chunks": [], "debug_id": None}}, "is not of type 'string'"),
    ],
)
def test_the_body_of_an_assemble_request_has_a_schema(
    server: SentryServer, body: object, error: str
) -> None:
    answer = assemble(server, body)
    assert answer.status == 400
    assert error in answer.json["error"]


def test_an_unknown_inner_key_is_allowed(server: SentryServer) -> None:
    entry = {"name": "a", "chunks": ["a" * 40], "future": True}
    assert one(assemble(server, {"b" * 40: entry}))["missingChunks"] == ["a" * 40]


def test_a_file_goes_through_its_states() -> None:
    with SentryServer(Sentry(polls=2)) as server:
        body = assemble_body(SYMBOLS)
        before = one(assemble(server, body))
        assert before == {"state": "not_found", "missingChunks": [sha1(SYMBOLS)]}
        post_chunks(server, chunk_form(SYMBOLS))
        states = [one(assemble(server, body)) for _ in range(5)]
    words = [state["state"] for state in states]
    assert words == ["created", "assembling", "assembling", "ok", "ok"]
    assert all(state["missingChunks"] == [] for state in states)
    assert states[-1]["dif"]["debugId"] == DIF_ID


def test_the_dif_has_the_facts_of_the_file(server: SentryServer) -> None:
    dif = upload(server, SYMBOLS)["dif"]
    assert dif == {
        "id": "1",
        "uuid": DIF_ID,
        "debugId": DIF_ID,
        "codeId": CODE_ID.lower(),
        "cpuName": "x86_64",
        "objectName": "app",
        "symbolType": "breakpad",
        "headers": {"Content-Type": "text/x-breakpad"},
        "size": len(SYMBOLS),
        "sha1": sha1(SYMBOLS),
        "dateCreated": dif["dateCreated"],
        "data": {"type": "dbg", "features": ["debug", "symtab", "unwind"]},
    }
    assert server.account.files[f"firmware/{sha1(SYMBOLS)}"].sha256 == sha256(SYMBOLS)
    assert server.bytes_of(sha1(SYMBOLS)) == len(SYMBOLS)


def test_a_file_of_several_chunks_is_joined_in_their_order(small: SentryServer) -> None:
    content = SYMBOLS + b"PUBLIC 3000 0 a\n" * 20
    chunks = [content[at : at + 64] for at in range(0, len(content), 64)]
    body = assemble_body(content, *chunks)
    missing = one(assemble(small, body))["missingChunks"]
    # A chunk that the file has several times is asked for once.
    assert missing == list(dict.fromkeys(map(sha1, chunks)))
    assert len(missing) < len(chunks)
    for chunk in chunks:
        post_chunks(small, chunk_form(chunk))
    assert one(assemble(small, body))["state"] == "created"
    assert one(assemble(small, body))["state"] == "ok"
    assert small.kept[f"firmware/{sha1(content)}"].read() == content


def test_a_chunk_of_two_files_is_missing_in_the_last_of_them_only() -> None:
    first, second = symbols(1, b"PUBLIC 1 0 a\n"), symbols(1, b"PUBLIC 1 0 b\n")
    shared, ends = first[:-4], (first[-4:], second[-4:])
    assert second.startswith(shared)
    body = b"{" + assemble_body(first, shared, ends[0])[1:-1] + b", "
    body += assemble_body(second, shared, ends[1])[1:]
    for in_batches in (True, False):
        with SentryServer(Sentry(in_batches=in_batches)) as server:
            answer = assemble(server, body).json
            one_of_two = [] if in_batches else [sha1(shared)]
            assert answer[sha1(first)]["missingChunks"] == [*one_of_two, sha1(ends[0])]
            assert answer[sha1(second)]["missingChunks"] == [sha1(shared), sha1(ends[1])]
            # With its own chunk there, the first lacks nothing that the server knows of.
            post_chunks(server, chunk_form(ends[0]))
            states = [assemble(server, body).json[sha1(first)] for _ in range(2)]
            if in_batches:
                assert [state["state"] for state in states] == ["created", "error"]
                assert states[1]["detail"] == "Not all chunks available for assembling"
            else:
                assert [state["missingChunks"] for state in states] == [[sha1(shared)]] * 2


def test_an_entry_without_chunks_only_asks(server: SentryServer) -> None:
    poll = {sha1(SYMBOLS): {"name": "app.sym", "chunks": []}}
    assert one(assemble(server, poll)) == {"state": "not_found", "missingChunks": []}
    upload(server, SYMBOLS)
    server.forget_states()
    assert one(assemble(server, poll))["state"] == "ok"
    assert server.account.statuses("chunks") == [200]


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b"plain text\n", "Unsupported debug information file: unsupported object file format"),
        (b"\x7fELF but not for long", "Invalid debug information file: invalid ELF file"),
        (b"MODULE Linux riscv64 " + b"0" * 33 + b" a\n", "Invalid debug information file"),
        (b"MODULE Linux x86_64 nothing a\n", "Invalid debug information file"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error_with_its_reason(
    server: SentryServer, content: bytes, detail: str
) -> None:
    state = upload(server, content)
    assert (state["state"], state["missingChunks"]) == ("error", [])
    assert state["detail"].startswith(detail)
    # It is in the cache: to send everything again at once does not help.
    assert upload(server, content) == state
    server.forget_states()
    assert one(assemble(server, assemble_body(content)))["state"] == "created"


def test_chunks_that_make_another_file_are_an_error(server: SentryServer) -> None:
    post_chunks(server, chunk_form(SYMBOLS))
    body = {"a" * 40: {"name": "app.sym", "chunks": [sha1(SYMBOLS)]}}
    assemble(server, body)
    assert one(assemble(server, body))["detail"] == "Reported checksum mismatch"


def test_a_file_above_the_limit_is_an_error(small: SentryServer) -> None:
    chunks = [bytes([number]) * 64 for number in range(65)]
    for chunk in chunks:
        post_chunks(small, chunk_form(chunk))
    body = assemble_body(b"".join(chunks), *chunks)
    assemble(small, body)
    assert one(assemble(small, body))["detail"] == "File exceeds maximum size"


def test_chunks_belong_to_the_organisation_and_files_to_a_project(server: SentryServer) -> None:
    upload(server, SYMBOLS)
    body = assemble_body(SYMBOLS)
    assert one(assemble(server, body, "gateway"))["state"] == "created"
    assert one(assemble(server, body, "gateway"))["state"] == "ok"
    assert len(server.project("gateway").difs) == 1


def test_only_the_age_of_a_debug_id_can_be_changed(server: SentryServer) -> None:
    post_chunks(server, chunk_form(SYMBOLS))
    entry = {"name": "app.sym", "chunks": [sha1(SYMBOLS)], "debug_id": f"{DIF_ID}-2a"}
    assemble(server, {sha1(SYMBOLS): entry})
    assert server.project().difs[0].debug_id == f"{DIF_ID}-2a"
    entry = {**entry, "debug_id": "0" * 32}
    assemble(server, {sha1(SYMBOLS): entry}, "gateway")
    assert server.project("gateway").difs[0].debug_id == DIF_ID


def test_a_newer_file_with_all_features_replaces_the_older_one(server: SentryServer) -> None:
    first, second = symbols(1, b"PUBLIC 1 0 a\n"), symbols(1, b"PUBLIC 2 0 b\n")
    other = symbols(1, b"STACK CFI INIT 1 1 .cfa: $rsp 8 +\n")
    for content in (first, other):
        upload(server, content)
    assert len(server.project().difs) == 2
    upload(server, second)
    assert [dif.checksum for dif in server.project().difs] == [sha1(other), sha1(second)]
