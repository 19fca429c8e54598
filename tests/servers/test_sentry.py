"""The rules of Sentry's upload, one by one (getsentry/sentry, src/sentry/api/endpoints/)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from servers.client import (
    CODE_ID,
    DEBUG_ID,
    FORM,
    SYMBOLS,
    Got,
    form,
    gzipped,
    send,
    sha1,
    sha256,
    zipped,
)
from servers.samples import (
    ORGANISATION,
    PROJECT,
    SENTRY,
    assemble_body,
    chunk_form,
    sentry,
    without_token,
)
from servers.sentry import Sentry, SentryServer

SMALL = Sentry(chunk_size=64, request_size=160, chunks_per_request=3, file_size=4096)
DIF_ID = "20ad60b0-b4c6-8177-5527-08aa192e7739"


@pytest.fixture
def server() -> Iterator[SentryServer]:
    with SentryServer() as server:
        yield server


@pytest.fixture
def small() -> Iterator[SentryServer]:
    with SentryServer(SMALL) as server:
        yield server


def post_chunks(server: SentryServer, body: bytes) -> Got:
    return send(server, sentry("POST", f"{ORGANISATION}chunk-upload/", body, **FORM)(server))


def assemble(server: SentryServer, body: object, project: str = "firmware") -> Got:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    path = f"/api/0/projects/acme/{project}/files/difs/assemble/"
    return send(server, sentry("POST", path, content)(server))


def one(answer: Got) -> dict[str, Any]:
    """The answer for the only file of an assemble request."""
    assert answer.status == 200
    (entry,) = answer.json.values()
    return dict(entry)


def upload(server: SentryServer, content: bytes, name: str = "app.sym") -> dict[str, Any]:
    """Upload a file of one chunk and return its final state."""
    assert post_chunks(server, chunk_form(content)).status == 200
    body = assemble_body(content, name=name)
    states = [one(assemble(server, body)) for _ in range(2)]
    assert states[0]["state"] in ("created", states[1]["state"])
    return states[1]


def listed(server: SentryServer, query: str = "") -> Got:
    return send(server, sentry("GET", f"{PROJECT}dsyms/{query}")(server))


def symbols(number: int, extra: bytes = b"") -> bytes:
    """A symbol file with a debug id of its own."""
    identifier = f"{number:032X}0"
    return f"MODULE Linux x86_64 {identifier} lib{number}.so\n".encode() + extra


# -- options, tokens


def test_the_options_are_those_that_the_client_needs(server: SentryServer) -> None:
    options = send(server, SENTRY["options"](server)).json
    assert options["url"] == f"{server.url}{ORGANISATION}chunk-upload/"
    assert (options["chunkSize"], options["maxRequestSize"]) == (8 << 20, 32 << 20)
    assert (options["chunksPerRequest"], options["concurrency"]) == (64, 8)
    assert (options["hashAlgorithm"], options["compression"]) == ("sha1", ["gzip"])
    assert "debug_files" in options["accept"]


def test_the_address_for_chunks_can_be_relative() -> None:
    with SentryServer(Sentry(relative_url=True)) as server:
        options = send(server, SENTRY["options"](server)).json
    assert options["url"] == "organizations/acme/chunk-upload/"


def test_a_server_without_chunk_upload_says_404() -> None:
    with SentryServer(Sentry(chunk_upload=False)) as server:
        assert send(server, SENTRY["options"](server)).status == 404
        assert send(server, SENTRY["chunks"](server)).status == 404


@pytest.mark.parametrize("step", SENTRY)
def test_every_step_wants_the_token(server: SentryServer, step: str) -> None:
    request = SENTRY[step](server)
    answer = send(server, without_token(request))
    assert (answer.status, answer.json) == (
        401,
        {"detail": "Authentication credentials were not provided."},
    )
    wrong = replace(request, headers={**request.headers, "Authorization": "Bearer wrong"})
    answer = send(server, wrong)
    assert (answer.status, answer.json) == (401, {"detail": "Invalid token"})
    assert server.account.files == {}


@pytest.mark.parametrize(
    ("scope", "step", "status"),
    [
        ("project:read", "options", 200),
        ("project:read", "files", 200),
        ("project:read", "chunks", 403),
        ("project:read", "assemble", 403),
        ("org:ci", "chunks", 200),
        ("org:ci", "delete", 403),
        ("project:releases", "delete", 403),
        ("project:write", "zip", 201),
        ("project:releases", "assemble", 200),
        ("event:admin", "options", 403),
    ],
)
def test_a_token_can_do_what_its_scopes_allow(scope: str, step: str, status: int) -> None:
    with SentryServer(Sentry(scopes=frozenset({scope}))) as server:
        assert send(server, SENTRY[step](server)).status == status


def test_another_organisation_or_project_is_not_there(server: SentryServer) -> None:
    for request in (
        sentry("GET", "/api/0/organizations/other/chunk-upload/"),
        sentry("GET", "/api/0/projects/acme/other/files/dsyms/"),
        sentry("GET", "/api/0/"),
    ):
        assert send(server, request(server)).status == 404


# -- chunks


def test_a_request_without_chunks_is_good(server: SentryServer) -> None:
    assert post_chunks(server, b"").status == 200
    assert post_chunks(server, form({})).status == 200


def test_plain_and_compressed_chunks_can_be_mixed(server: SentryServer) -> None:
    plain = ("file", sha1(b"one"), b"one")
    packed = ("file_gzip", sha1(b"two"), gzipped(b"two"))
    assert post_chunks(server, form(files=[plain, packed])).status == 200
    assert server.kept[sha1(b"one")].read() == b"one"
    assert server.kept[sha1(b"two")].read() == b"two"


@pytest.mark.parametrize(
    ("chunks", "error"),
    [
        ([b"x" * 65], "Chunk size too large"),
        ([b"a" * 64, b"b" * 64, b"c" * 33], "Request too large"),
        ([b"a", b"b", b"c", b"d"], "Too many chunks"),
    ],
)
@pytest.mark.parametrize("field", ["file", "file_gzip"])
def test_sizes_count_after_decompression(
    small: SentryServer, field: str, chunks: list[bytes], error: str
) -> None:
    pack = gzipped if field == "file_gzip" else bytes
    files = [(field, sha1(chunk), pack(chunk)) for chunk in chunks]
    answer = post_chunks(small, form(files=files))
    assert (answer.status, answer.json) == (400, {"error": error})
    assert small.kept == {}


def test_the_limits_themselves_are_good(small: SentryServer) -> None:
    assert post_chunks(small, chunk_form(b"a" * 64, b"b" * 64, b"c" * 32)).status == 200
    assert len(small.kept) == 3


def test_a_chunk_must_have_its_checksum_as_its_name(server: SentryServer) -> None:
    for name in (sha1(b"other"), sha1(SYMBOLS).upper(), "", sha1(gzipped(SYMBOLS))):
        answer = post_chunks(server, form(files=[("file_gzip", name, gzipped(SYMBOLS))]))
        assert (answer.status, answer.json) == (400, {"error": "Checksum mismatch"})


def test_what_is_no_gzip_stream_is_refused(server: SentryServer) -> None:
    answer = post_chunks(server, form(files=[("file_gzip", sha1(SYMBOLS), SYMBOLS)]))
    assert answer.status == 400


def test_a_chunk_that_comes_again_is_counted(server: SentryServer) -> None:
    for _ in range(3):
        post_chunks(server, chunk_form(SYMBOLS))
    assert server.account.duplicates[sha1(SYMBOLS)] == 2
    assert server.account.content[sha1(SYMBOLS)] == 3 * len(SYMBOLS)


# -- assembling


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


# -- the listing


def test_the_listing_has_pages_with_links(server: SentryServer) -> None:
    for number in range(45):
        upload(server, symbols(number + 1), f"lib{number + 1}.so.sym")
    path, seen = f"{PROJECT}dsyms/?query=x86", []
    for results in ("true", "true", "false"):
        answer = send(server, sentry("GET", path)(server))
        seen += [dif["objectName"] for dif in answer.json]
        link = answer.headers["Link"].split(", ")[1]
        assert f'; rel="next"; results="{results}"; cursor="20:' in link
        path = link[1:].split(">")[0].removeprefix(server.url)
        assert path.startswith(f"{PROJECT}dsyms/?query=x86&cursor=20:")
        assert path.count("cursor") == 1
    assert seen == [f"lib{number}.so" for number in range(45, 0, -1)]
    assert listed(server, "?cursor=nonsense").status == 400


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", 2),
        (f"?debug_id={DIF_ID}", 1),
        (f"?debug_id={DEBUG_ID}", 0),
        (f"?code_id={CODE_ID.lower()}", 1),
        (f"?code_id={CODE_ID}", 0),
        (f"?debug_id={DIF_ID}&code_id=00", 1),
        (f"?debug_id={DIF_ID[::-1]}&code_id={CODE_ID.lower()}", 1),
        (f"?debug_id={DIF_ID[::-1]}", 0),
        (f"?query={DEBUG_ID}", 1),
        ("?query=LIB1", 1),
        ("?query=x86", 2),
        (f"?query={CODE_ID.lower()[:12]}", 1),
        ("?query=breakpad", 2),
        ("?query=nothing", 0),
        ("?file_formats=elf", 0),
        ("?file_formats=elf&file_formats=breakpad", 2),
        ("?file_formats=unheard-of", 2),
    ],
)
def test_the_listing_can_be_filtered(server: SentryServer, query: str, found: int) -> None:
    upload(server, SYMBOLS)
    upload(server, symbols(1), "lib1.so.sym")
    assert len(listed(server, query).json) == found


def test_a_file_can_be_downloaded_and_deleted() -> None:
    with SentryServer(Sentry(scopes=frozenset({"project:admin"}))) as server:
        upload(server, SYMBOLS)
        answer = listed(server, "?id=1")
        assert answer.body == SYMBOLS
        assert f'"{DIF_ID}.sym"' in answer.headers["Content-Disposition"]
        assert listed(server, "?id=2").status == 404
        assert send(server, SENTRY["delete"](server)).status == 204
        assert send(server, SENTRY["delete"](server)).status == 404
        assert listed(server).json == []


# -- the older upload of a zip


def test_the_server_says_which_checksums_it_lacks(server: SentryServer) -> None:
    upload(server, SYMBOLS)
    path = f"{PROJECT}dsyms/unknown/?checksums={sha1(SYMBOLS).upper()}&checksums={'b' * 40}"
    answer = send(server, sentry("GET", path)(server))
    assert answer.json == {"missing": ["b" * 40]}


def test_a_zip_gives_its_debug_files(server: SentryServer) -> None:
    archive = zipped([("a/app.sym", SYMBOLS), ("readme", b"text"), ("b.sym", symbols(1))])
    request = sentry("POST", f"{PROJECT}dsyms/", form(files=[("file", "", archive)]), **FORM)
    answer = send(server, request(server))
    assert answer.status == 201
    assert [dif["objectName"] for dif in answer.json] == ["app", "b"]
    assert [dif.checksum for dif in server.project().difs] == [sha1(SYMBOLS), sha1(symbols(1))]
    # Nothing is made of what is there.
    assert send(server, request(server)).json == []


@pytest.mark.parametrize("files", [[], [("other", "", b"")], [("file", "", b"no zip")]])
def test_a_form_without_a_zip_is_refused(
    server: SentryServer, files: list[tuple[str, str, bytes]]
) -> None:
    request = sentry("POST", f"{PROJECT}dsyms/", form({}, files), **FORM)
    assert send(server, request(server)).status == 400
