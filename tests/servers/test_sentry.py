"""The rules of Sentry for chunks, files and zips (getsentry/sentry, src/sentry/api/endpoints/)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from servers.client import (
    CODE_ID,
    DEBUG_ID,
    FORM,
    SYMBOLS,
    form,
    gzipped,
    send,
    sha1,
    zipped,
)
from servers.samples import (
    ORGANISATION,
    PROJECT,
    SENTRY,
    chunk_form,
    sentry,
    without_token,
)
from servers.sentry import Sentry, SentryServer
from servers.sentry_parts import DIF_ID, SMALL, listed, post_chunks, symbols, upload


@pytest.fixture
def server() -> Iterator[SentryServer]:
    with SentryServer() as server:
        yield server


@pytest.fixture
def small() -> Iterator[SentryServer]:
    with SentryServer(SMALL) as server:
        yield server


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
