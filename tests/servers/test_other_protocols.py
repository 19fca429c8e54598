"""The rules of Tecken, sym-upload 1 and 2, BugSplat, Backtrace and Bugsnag, one by one."""

from __future__ import annotations

import gzip
import io
import tarfile
from dataclasses import replace
from urllib.parse import quote

import pytest

from servers.backtrace import BacktraceServer
from servers.bugsnag import BugsnagServer
from servers.bugsplat import BugSplatServer
from servers.client import DEBUG_ID, FORM, SYMBOLS, Got, Sent, form, gzipped, send, zipped
from servers.samples import (
    BACKTRACE,
    BUGSNAG,
    BUGSPLAT,
    KEY,
    TECKEN,
    V1_FIELDS,
    V2,
    bugsplat_fields,
    v1_upload,
    v2,
    v2_create,
    v2_put,
    without_token,
)
from servers.symupload_v1 import SymUploadV1Server
from servers.symupload_v2 import SymUploadV2Server
from servers.tecken import Tecken, TeckenServer

# -- Tecken


def tecken_zip(server: TeckenServer, *files: tuple[str, bytes], field: str = "s.zip") -> Got:
    body = form(files=[(field, "s.zip", zipped(files))])
    return send(server, Sent("POST", "/upload/", body, {**FORM, "Auth-Token": server.tecken.token}))


def test_tecken_takes_a_zip_and_gives_its_files() -> None:
    with TeckenServer() as server:
        answer = tecken_zip(server, (KEY, SYMBOLS), ("app-1.0-symbols.txt", b"a list"))
        assert answer.status == 201
        assert answer.json["upload"]["skipped_keys"] == []
        assert list(server.kept) == [KEY]
        found = send(server, Sent("GET", f"/{KEY}"))
        assert (found.status, found.headers["Location"]) == (302, f"{server.url}/storage/v1/{KEY}")
        stored = send(server, TECKEN["storage"](server))
        assert stored.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(stored.body) == SYMBOLS
        # A HEAD request is answered as if there were no redirect.
        assert send(server, Sent("HEAD", f"/{KEY}")).status == 200
        assert send(server, Sent("HEAD", f"/app/{'0' * 33}/app.sym")).status == 404


def test_tecken_skips_what_it_has() -> None:
    with TeckenServer() as server:
        tecken_zip(server, (KEY, SYMBOLS))
        assert tecken_zip(server, (KEY, SYMBOLS)).json["upload"]["skipped_keys"] == [KEY]
        changed = SYMBOLS.replace(b"main", b"niam")
        assert tecken_zip(server, (KEY, changed)).json["upload"]["skipped_keys"] == []
        assert server.kept[KEY].read() == changed
        assert server.account.files[KEY].times == 2
        assert server.account.duplicates[KEY] == 1


@pytest.mark.parametrize(
    "name",
    [
        "app.sym",
        "app/x/app.sym",
        f"a/b/{DEBUG_ID}/c",
        f"a[b/{DEBUG_ID}/c",
        f"/{DEBUG_ID}/c",
    ],
)
def test_tecken_refuses_other_names(name: str) -> None:
    with TeckenServer() as server:
        answer = tecken_zip(server, (KEY, SYMBOLS), (name, b"x"))
        assert answer.status == 400
        assert "Unrecognized file pattern" in answer.json["error"]
        assert server.kept == {}


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_tecken_refuses_two_files_of_one_name_with_other_sizes() -> None:
    with TeckenServer() as server:
        assert tecken_zip(server, (KEY, SYMBOLS), (KEY, SYMBOLS)).status == 201
        answer = tecken_zip(server, (KEY, SYMBOLS), (KEY, b"other"))
        assert "difference sizes" in answer.json["error"]


def test_tecken_refuses_what_is_no_zip() -> None:
    with TeckenServer() as server:
        assert "Unrecognized archive" in tecken_zip(server, field="s.tar").json["error"]
        request = replace(TECKEN["upload"](server), body=form({"try": "1"}))
        assert "at least one file" in send(server, request).json["error"]
        request = replace(request, body=form(files=[("s.zip", "s.zip", b"no zip")]))
        assert send(server, request).status == 400


def test_tecken_has_a_limit() -> None:
    with TeckenServer(Tecken(request_size=1000)) as server:
        assert tecken_zip(server, (KEY, SYMBOLS)).status == 201
        request = TECKEN["upload"](server)
        assert send(server, replace(request, body=b"x" * 1001)).status == 413


def test_tecken_wants_a_token_with_the_permission() -> None:
    with TeckenServer() as server:
        request = TECKEN["upload"](server)
        assert send(server, without_token(request)).status == 403
        wrong = replace(request, headers={**FORM, "Auth-Token": "wrong"})
        assert send(server, wrong).status == 403
        labelled = {**FORM, "Auth-Token": f"{server.tecken.token}-label"}
        assert send(server, replace(request, headers=labelled)).status == 201
    with TeckenServer(Tecken(may_upload=False)) as server:
        assert send(server, TECKEN["upload"](server)).status == 403


def test_tecken_finds_no_file_that_was_uploaded_with_a_lower_case_id() -> None:
    with TeckenServer() as server:
        key = f"app/{DEBUG_ID.lower()}/app.sym"
        assert tecken_zip(server, (key, SYMBOLS)).status == 201
        assert send(server, Sent("GET", f"/{key}")).status == 404


# -- sym-upload-v1


def test_v1_takes_the_form() -> None:
    with SymUploadV1Server() as server:
        assert send(server, v1_upload(server)).status == 200
        assert server.kept[f"app/{DEBUG_ID}"].read() == SYMBOLS


@pytest.mark.parametrize("field", V1_FIELDS)
def test_v1_wants_every_field_as_it_is_in_the_file(field: str) -> None:
    with SymUploadV1Server() as server:
        for fields in (
            {key: value for key, value in V1_FIELDS.items() if key != field},
            {**V1_FIELDS, field: "other"},
        ):
            body = form(fields, [("symbol_file", "app.sym", SYMBOLS)])
            assert send(server, Sent("POST", "/", body, FORM)).status == 400
        assert server.kept == {}


@pytest.mark.parametrize(
    "content", [b"", b"no symbols\n", SYMBOLS.replace(b" app\n", b" a b\n", 1), SYMBOLS[:20]]
)
def test_v1_wants_a_module_line_of_five_words(content: bytes) -> None:
    with SymUploadV1Server() as server:
        body = form(V1_FIELDS, [("symbol_file", "app.sym", content)])
        assert send(server, Sent("POST", "/", body, FORM)).status == 400
        assert send(server, Sent("POST", "/", form(V1_FIELDS), FORM)).status == 400


# -- sym-upload-v2


def test_v2_has_the_exact_text_that_the_client_looks_for() -> None:
    with SymUploadV2Server() as server:
        answer = send(server, V2["create"](server))
        key = answer.json["uploadKey"]
        assert f'"uploadUrl": "{server.url}/signed/{key}"'.encode() in answer.body
        assert f'"uploadKey": "{key}"'.encode() in answer.body
        assert b'"status": "MISSING"' in send(server, V2["status"](server)).body
        assert b'"result": "OK"' in send(server, V2["complete"](server)).body
        assert b'"status": "FOUND"' in send(server, V2["status"](server)).body
        assert server.types == {f"app/{DEBUG_ID}": "BREAKPAD"}


@pytest.mark.parametrize(
    "body",
    [
        '{{"symbol_id": {{"debug_file": "a", "debug_id": "1F"}}, "symbol_upload_type": "{}"}}',
        '{{ symbol_id: {{debug_file: "a", debug_id: "1F" }}, symbol_upload_type: "{}" }}',
    ],
)
def test_v2_reads_the_last_body_with_and_without_quotes(body: str) -> None:
    with SymUploadV2Server() as server:
        request = replace(V2["complete"](server), body=body.format("ELF").encode())
        assert send(server, request).json == {"result": "OK"}
        assert server.types == {"a/1F": "ELF"}
        request = replace(V2["complete"](server), body=body.format("OTHER").encode())
        assert send(server, request).status == 400
        request = replace(request, body=b"{}")
        assert send(server, request).status == 400


def test_v2_knows_what_it_has() -> None:
    with SymUploadV2Server() as server:
        results = [send(server, V2["complete"](server)).json["result"] for _ in range(2)]
        assert results == ["OK", "DUPLICATE_DATA"]
        key = f"app/{DEBUG_ID}"
        assert server.account.duplicates == {key: 1}
        assert server.account.content == {key: 2 * len(SYMBOLS)}
        assert server.account.files[key].times == 1


def test_v2_completes_only_what_was_put() -> None:
    with SymUploadV2Server() as server:
        complete = V2["complete"](server)
        key = v2_create(server)
        early = v2("POST", f"/v1/uploads/{key}:complete", complete.body)(server)
        assert send(server, early).status == 400
        unknown = v2("POST", "/v1/uploads/00:complete", complete.body)(server)
        assert send(server, unknown).status == 404
        assert send(server, Sent("PUT", "/signed/00", SYMBOLS)).status == 403
        assert send(server, complete).status == 200
        assert send(server, complete).status == 404


def test_v2_takes_a_body_without_a_length() -> None:
    with SymUploadV2Server() as server:
        put = v2_put(server)
        chunk = f"{len(SYMBOLS):x}\r\n".encode() + SYMBOLS + b"\r\n0\r\n\r\n"
        headers = {"Transfer-Encoding": "chunked"}
        assert send(server, replace(put, body=chunk, headers=headers)).status == 200
        assert [blob.read() for blob in server.kept.values()] == [SYMBOLS]


@pytest.mark.parametrize("step", ["status", "create", "complete"])
def test_v2_wants_its_key(step: str) -> None:
    with SymUploadV2Server() as server:
        request = V2[step](server)
        assert send(server, without_token(request)).status == 403
        wrong = replace(request, path=request.path.replace("test-api-key", "wrong"))
        assert send(server, wrong).status == 400


# -- BugSplat


def test_bugsplat_takes_a_compressed_file() -> None:
    with BugSplatServer() as server:
        assert send(server, BUGSPLAT["complete"](server)).json == {"Status": "Success"}
        assert server.kept[KEY].read() == SYMBOLS
        assert server.account.content[KEY] == len(gzipped(SYMBOLS))
        assert server.account.duplicates == {}


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"grant_type": "client_credentials", "client_id": "x", "client_secret": "x"}, 400),
        ({"grant_type": "client_credentials", "client_id": "client", "client_secret": "x"}, 400),
        ({"grant_type": "password"}, 400),
    ],
)
def test_bugsplat_wants_the_client_and_its_secret(fields: dict[str, str], status: int) -> None:
    with BugSplatServer() as server:
        answer = send(server, Sent("POST", "/oauth2/authorize", form(fields), FORM))
        assert answer.status == status
        assert "access_token" not in answer.json
        for step in ("upload-url", "complete"):
            assert send(server, without_token(BUGSPLAT[step](server))).status == 401


def test_bugsplat_wants_its_database_and_every_field() -> None:
    with BugSplatServer() as server:
        request = replace(BUGSPLAT["upload-url"](server))
        headers = {**request.headers, **FORM}
        fields = bugsplat_fields(server)
        other = {**fields, "database": "other"}
        assert send(server, replace(request, body=form(other), headers=headers)).status == 403
        for name in fields:
            less = {key: value for key, value in fields.items() if key != name}
            answer = send(server, replace(request, body=form(less), headers=headers))
            assert answer.status == 400


def test_bugsplat_fails_what_is_not_gzipped_or_of_another_size() -> None:
    with BugSplatServer() as server:
        put = BUGSPLAT["put"](server)
        complete = BUGSPLAT["complete"](server)
        for body in (SYMBOLS, gzipped(SYMBOLS + b"more")):
            assert send(server, replace(put, body=body)).status == 200
            assert send(server, complete).json["Status"] == "Failed"
        assert send(server, replace(put, path=put.path.partition("?")[0])).status == 403
        known = {**put.headers, "Authorization": "Bearer x"}
        assert send(server, replace(put, headers=known)).status == 400
        chunked = replace(put, body=b"0\r\n\r\n", headers={"Transfer-Encoding": "chunked"})
        assert send(server, chunked).status == 411


# -- Backtrace


def tarred(*files: tuple[str, bytes]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as archive:
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return target.getvalue()


@pytest.mark.parametrize("step", BACKTRACE)
@pytest.mark.parametrize(
    ("body", "encoding", "query", "key"),
    [
        (SYMBOLS, "", "", f"app/{DEBUG_ID}"),
        (gzipped(SYMBOLS), "gzip", "", f"app/{DEBUG_ID}"),
        (zipped([("a/b.sym", SYMBOLS)]), "", "", "a/b.sym"),
        (tarred(("a/b.sym", SYMBOLS)), "", "", "a/b.sym"),
        (b"\x7fELF", "", "upload_file=app", "app"),
        (b"MZ", "", "upload_file=app.exe", "app.exe"),
    ],
    ids=["sym", "sym-gzip", "zip", "tar", "elf", "exe"],
)
def test_backtrace_takes_files_and_archives(
    step: str, body: bytes, encoding: str, query: str, key: str
) -> None:
    with BacktraceServer() as server:
        request = BACKTRACE[step](server)
        mark = "&" if "?" in request.path else "?"
        path = f"{request.path}{mark}tag=v1&{query}"
        headers = {"Content-Encoding": encoding} if encoding else {}
        answer = send(server, Sent("POST", path, body, headers))
        assert (answer.status, answer.json["response"]) == (200, "ok")
        assert list(server.kept) == [key]
        assert server.tags == {"v1": {key}}


def test_backtrace_refuses_tokens_formats_and_unknown_kinds() -> None:
    with BacktraceServer() as server:
        assert send(server, Sent("POST", "/acme/wrong/symbols", SYMBOLS)).status == 403
        assert send(server, Sent("POST", "/other/0123456789abcdef/symbols", b"")).status == 403
        assert send(server, Sent("POST", "/post?format=symbols", SYMBOLS)).status == 403
        token = server.settings.token
        assert send(server, Sent("POST", f"/post?format=json&token={token}", b"{}")).status == 400
        assert send(server, Sent("POST", f"/acme/{token}/symbols", b"text")).status == 400
        assert server.kept == {}


# -- Bugsnag


def test_bugsnag_says_409_to_what_it_has_unless_told_to_overwrite() -> None:
    with BugsnagServer() as server:
        for step, good in (("breakpad-symbol", 200), ("linux", 202)):
            request = BUGSNAG[step](server)
            assert [send(server, request).status for _ in range(2)] == [good, 409]
        request = BUGSNAG["breakpad-symbol"](server)
        path = request.path.replace("overwrite=false", "overwrite=true")
        assert send(server, replace(request, path=path)).status == 200
        assert server.account.files[f"app/{DEBUG_ID}"].times == 2


def test_bugsnag_wants_its_key_and_its_file() -> None:
    with BugsnagServer() as server:
        path = f"/breakpad-symbol?api_key={quote(server.api_key)}"
        wrong = form({}, [("symbol_file", "a", SYMBOLS)])
        assert send(server, Sent("POST", "/breakpad-symbol", wrong, FORM)).status == 401
        assert send(server, Sent("POST", path, form({"cpu": "arm"}), FORM)).status == 400
        fields = {"apiKey": server.api_key}
        assert send(server, Sent("POST", "/linux", form(fields), FORM)).status == 400
        assert send(server, Sent("POST", "/linux", form({"apiKey": "x"}), FORM)).status == 401
        named, empty = {**fields, "sharedObjectName": "a.so"}, [("soFile", "a.so", b"")]
        assert send(server, Sent("POST", "/linux", form(named, empty), FORM)).status == 422
