"""Other people's upload clients get on with the test servers, and report their errors as usual."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from corpus.matrix import PROGRAMS
from oracles.cases import compiled
from oracles.peers import old_sentry_cli
from oracles.uploaders import bugsplat_upload, curl, sentry_upload, sym_upload
from servers.bugsplat import BugSplatServer
from servers.certificates import make_certificate
from servers.client import DEBUG_ID, SYMBOLS, send, sha1, zipped
from servers.faults import (
    Answer,
    CutAnswer,
    CutRequest,
    Damage,
    ExpiredToken,
    Order,
    login_page,
    redirect,
    unavailable,
)
from servers.proxy import ProxyServer
from servers.put import Put, PutServer
from servers.samples import SENTRY
from servers.sentry import Sentry, SentryServer
from servers.symupload_v1 import SymUploadV1Server
from servers.symupload_v2 import SymUploadV2Server
from servers.tecken import TeckenServer
from support import crashsym

pytestmark = pytest.mark.oracle
NAME = "symbols.example.test"
KEY = f"app/{DEBUG_ID}"
V2 = ("-p", "sym-upload-v2")
CHUNK_SIZE = 4096


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A client's folder, with a symbol file in it."""
    (tmp_path / "app.sym").write_bytes(SYMBOLS)
    return tmp_path


@pytest.fixture
def elf() -> Path:
    """A program that was compiled for this machine, of several chunks of the smaller size."""
    program = next(p for p in PROGRAMS if p.cpu.name == "x86_64" and not p.split and not p.shared)
    whole = compiled(program).whole
    assert whole.stat().st_size > 4 * CHUNK_SIZE
    return whole


def good(done: subprocess.CompletedProcess[str]) -> str:
    """What a successful client has said."""
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def bad(done: subprocess.CompletedProcess[str]) -> str:
    """What a client has said that failed."""
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout + done.stderr


# -- sentry-cli


def test_sentry_cli_uploads_symbol_files_and_elf_files(home: Path, elf: Path) -> None:
    own = home / "own.sym"
    own.write_bytes(crashsym("dump", elf).stdout)
    files = {"app.sym": SYMBOLS, "own.sym": own.read_bytes(), elf.name: elf.read_bytes()}
    with SentryServer() as server:
        said = good(sentry_upload(server, home, "--wait", home, elf))
        assert "Found 3 debug information files" in said
        assert said.count(" OK ") == 3
        for content in files.values():
            assert server.kept[f"firmware/{sha1(content)}"].read() == content
            assert server.bytes_of(sha1(content)) == len(content)
        # Files of one debug id stand side by side as long as each can do something of its own.
        names = {dif.name for dif in server.project().difs}
        assert {"app"} < names <= {"app", "own", elf.name}
        assert server.account.duplicates == {}


def test_sentry_cli_sends_nothing_again(home: Path, elf: Path) -> None:
    with SentryServer() as server:
        good(sentry_upload(server, home, "--wait", home / "app.sym", elf))
        sent = server.account.statuses("chunks")
        for _ in range(2):
            said = good(sentry_upload(server, home, "--wait", home / "app.sym", elf))
            assert "Nothing to upload, all files are on the server" in said
            server.forget_states()
        assert server.account.statuses("chunks") == sent
        # Chunks belong to the organisation: another project needs none of them.
        good(sentry_upload(server, home, elf, SENTRY_PROJECT="gateway"))
        assert server.account.statuses("chunks") == sent
        assert [dif.checksum for dif in server.project("gateway").difs] == [sha1(elf.read_bytes())]


@pytest.mark.parametrize("compression", [("gzip",), ()])
def test_sentry_cli_splits_files(home: Path, elf: Path, compression: tuple[str, ...]) -> None:
    limits = Sentry(
        chunk_size=CHUNK_SIZE,
        request_size=3 * CHUNK_SIZE,
        chunks_per_request=2,
        compression=compression,
    )
    content = elf.read_bytes()
    with SentryServer(limits) as server:
        good(sentry_upload(server, home, "--wait", elf))
        assert server.kept[f"firmware/{sha1(content)}"].read() == content
        chunks = {content[at : at + CHUNK_SIZE] for at in range(0, len(content), CHUNK_SIZE)}
        requests = server.account.statuses("chunks")
        assert requests == [200] * len(requests)
        assert len(requests) >= len(chunks) / 2
        assert server.bytes_of(sha1(content)) == sum(map(len, chunks))


def test_sentry_cli_waits_when_it_is_told_to(home: Path) -> None:
    for words, word, requests in ((["--wait"], "OK", 5), ([], "UPLOADED", 2)):
        with SentryServer(Sentry(polls=2)) as server:
            said = good(sentry_upload(server, home, *words, "app.sym"))
            assert re.search(rf"^ +{word} {server.project().difs[0].debug_id}", said, re.MULTILINE)
            assert len(server.account.statuses("assemble")) == requests


@pytest.mark.parametrize(
    ("order", "message"),
    [
        (Order("options", ExpiredToken()), "Token expired (http status: 401)"),
        (Order("options", Answer(404)), "organization not found"),
        (Order("assemble", redirect()), "Project not found"),
        (Order("assemble", login_page()), "error: not a JSON response"),
        (Order("chunks", unavailable(429, "1")), "(http status: 429)"),
        (Order("chunks", unavailable(500)), "(http status: 500)"),
        (Order("chunks", login_page()), "Some uploaded files are now missing on the server"),
        (Order("chunks", Damage()), "Reported checksum mismatch"),
        (Order("chunks", CutRequest()), "Server returned nothing"),
        (Order("assemble", CutAnswer()), "error: API request failed"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.step,
)
def test_sentry_cli_reports_a_fault(home: Path, order: Order, message: str) -> None:
    with SentryServer(faults=[order]) as server:
        assert message in bad(sentry_upload(server, home, "--wait", "app.sym"))


def test_sentry_cli_reports_what_the_server_says(home: Path) -> None:
    with SentryServer() as server:
        said = bad(sentry_upload(server, home, "app.sym", SENTRY_AUTH_TOKEN="wrong"))  # noqa: S106
        assert "sentry reported an error: Invalid token (http status: 401)" in said
        said = bad(sentry_upload(server, home, "app.sym", SENTRY_PROJECT="other"))
        assert "Project not found" in said
    with SentryServer(Sentry(scopes=frozenset({"project:read"}))) as server:
        said = bad(sentry_upload(server, home, "app.sym"))
        assert "You do not have permission to perform this action. (http status: 403)" in said
    with SentryServer(Sentry(file_size=len(SYMBOLS) - 1)) as server:
        assert "exceeds the maximum allowed size" in bad(sentry_upload(server, home, "app.sym"))


@pytest.mark.parametrize(
    ("held", "message"),
    [
        (Sentry(chunk_size=len(SYMBOLS) - 1), "Chunk size too large"),
        (Sentry(request_size=len(SYMBOLS) - 1), "Request too large"),
        (Sentry(chunks_per_request=0), "Too many chunks"),
    ],
)
def test_sentry_cli_reports_the_rule_that_a_chunk_breaks(
    home: Path, held: Sentry, message: str
) -> None:
    # The options name other limits than those that hold, so that the client keeps to them.
    with SentryServer(Sentry(relative_url=True)) as usual:
        options = send(usual, SENTRY["options"](usual)).body
    stated = Answer(200, options, {"Content-Type": "application/json"})
    with SentryServer(held, [Order("options", stated)]) as server:
        said = bad(sentry_upload(server, home, "app.sym"))
        assert f"sentry reported an error: {message} (http status: 400)" in said


def test_sentry_cli_tries_again(home: Path) -> None:
    for status in (502, 503, 504, 507):
        with SentryServer(faults=[Order("chunks", unavailable(status))]) as server:
            assert " OK " in good(sentry_upload(server, home, "--wait", "app.sym"))
            assert server.account.statuses("chunks") == [status, 200]


def test_an_old_sentry_cli_uploads_a_zip_to_an_old_server(home: Path, elf: Path) -> None:
    client = old_sentry_cli()
    with SentryServer(Sentry(chunk_upload=False)) as server:
        for said in ("File upload complete", "Nothing to upload, all files are on the server"):
            files = [home / "app.sym", elf]
            assert said in good(sentry_upload(server, home, *files, client=client))
        assert server.account.statuses("zip") == [201]
        assert {dif.blob.read() for dif in server.project().difs} == {SYMBOLS, elf.read_bytes()}
    with SentryServer(Sentry(relative_url=True)) as server:
        good(sentry_upload(server, home, "--wait", elf, client=client))
        assert server.account.statuses("chunks") == [200]


def test_sentry_cli_gets_through_tls_and_a_proxy(home: Path) -> None:
    certificate = make_certificate(home)
    with SentryServer(certificate=certificate) as server:
        assert "certificate" in bad(sentry_upload(server, home, "app.sym"))
        known = {"SSL_CERT_FILE": str(certificate.authority)}
        good(sentry_upload(server, home, "app.sym", **known))
    with SentryServer() as server, ProxyServer({NAME: server.port}) as proxy:
        way = {"SENTRY_URL": f"http://{NAME}", "http_proxy": proxy.url}
        good(sentry_upload(server, home, "app.sym", **way))
        assert len(proxy.seen) == len(server.account.requests)
        assert all(target.startswith(f"http://{NAME}/") for _, target in proxy.seen)


# -- Breakpad's sym_upload


def send_symbols(home: Path, url: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sym_upload(), *words, home / "app.sym", url]
    return subprocess.run(
        [str(word) for word in command], check=False, capture_output=True, text=True, cwd=home
    )


def test_sym_upload_speaks_v1(home: Path) -> None:
    with SymUploadV1Server() as server:
        said = good(send_symbols(home, f"{server.url}/symbols", "-v", "1.2"))
        assert "Successfully sent the symbol file." in said
        assert server.kept[KEY].read() == SYMBOLS
    with SymUploadV1Server(faults=[Order("upload", unavailable(503))]) as server:
        assert "Failed to send symbol file" in bad(send_symbols(home, server.url))


def test_sym_upload_speaks_v1_through_a_proxy(home: Path) -> None:
    with SymUploadV1Server() as server, ProxyServer({NAME: server.port}, "user:secret") as proxy:
        host = proxy.url.removeprefix("http://")
        good(send_symbols(home, f"http://{NAME}/", "-x", host, "-u", "user:secret"))
        assert server.kept[KEY].read() == SYMBOLS


def test_sym_upload_speaks_v2(home: Path) -> None:
    with SymUploadV2Server() as server:
        words = (*V2, "-k", server.settings.key)
        assert "Successfully sent" in good(send_symbols(home, server.url, *words))
        assert server.kept[KEY].read() == SYMBOLS
        assert "already exists" in good(send_symbols(home, server.url, *words))
        assert len(server.account.statuses("put")) == 1
        said = good(send_symbols(home, server.url, *words, "-f"))
        assert "checksum matched existing file checksum" in said
        assert server.account.duplicates == {KEY: 1}
        elf = ("-t", "elf", "-c", "app", "-i", "1F")
        assert "Successfully sent" in good(send_symbols(home, server.url, *words, *elf))
        assert server.types == {KEY: "BREAKPAD", "app/1F": "ELF"}


@pytest.mark.parametrize(
    ("order", "message"),
    [
        (Order("status", login_page()), "Failed to check for existing symbol."),
        (Order("create", ExpiredToken()), "Failed to create upload URL."),
        (Order("put", unavailable(503)), "Failed to send symbol file: Response code 503"),
        # libcurl itself tries a second time when a connection that it had kept ends.
        (Order("put", CutRequest(), onwards=True), "Failed to send symbol file."),
        (Order("complete", login_page()), "Failed to complete upload."),
    ],
    ids=lambda value: value if isinstance(value, str) else value.step,
)
def test_sym_upload_reports_a_fault(home: Path, order: Order, message: str) -> None:
    with SymUploadV2Server(faults=[order]) as server:
        words = (*V2, "-k", server.settings.key)
        assert message in bad(send_symbols(home, server.url, *words))
        assert server.kept.get(KEY) is None


# -- BugSplat's symbol-upload


def test_symbol_upload_gets_on_with_bugsplat(home: Path) -> None:
    with BugSplatServer() as server:
        assert "Uploaded 1 symbols" in good(bugsplat_upload(server, home, "*.sym"))
        assert server.kept[f"{KEY}/app.sym"].read() == SYMBOLS
        steps = [request.step for request in server.account.requests]
        assert steps == ["login", "upload-url", "put", "complete"]
        said = bad(bugsplat_upload(server, home, "*.sym", secret="wrong"))  # noqa: S106
        assert "Could not authenticate" in said
    with BugSplatServer(faults=[Order("put", unavailable(503))]) as server:
        good(bugsplat_upload(server, home, "*.sym"))
        assert server.account.statuses("put") == [503, 200]


# -- curl


def test_curl_uploads_a_zip_to_tecken(home: Path) -> None:
    key = f"{KEY}/app.sym"
    (home / "myfile.zip").write_bytes(zipped([(key, SYMBOLS)]))
    with TeckenServer() as server:
        # As docs/upload.rst of Tecken has it.
        words = ["-X", "POST", "-H", f"auth-token: {server.tecken.token}"]
        words += ["--form", "myfile.zip=@myfile.zip", f"{server.url}/upload/"]
        assert good(curl(home, *words)).endswith("}201\n")
        assert server.kept[key].read() == SYMBOLS
        good(curl(home, "--location", "--compressed", "-o", "back", f"{server.url}/{key}"))
        assert (home / "back").read_bytes() == SYMBOLS
        assert good(curl(home, "--head", "-o", "-", f"{server.url}/{key}")).endswith("200\n")


def test_curl_puts_files(home: Path) -> None:
    with PutServer(Put(bearer="secret", public=True)) as server:
        target = f"{server.url}/{KEY}/app.sym"
        put = ["--upload-file", "app.sym", "-H", "If-None-Match: *"]
        assert good(curl(home, *put, target)) == "401\n"
        put += ["--oauth2-bearer", "secret"]
        assert [good(curl(home, *put, target)) for _ in range(2)] == ["201\n", "412\n"]
        good(curl(home, "-o", "back", target))
        assert (home / "back").read_bytes() == SYMBOLS
        # From a pipe: in chunks, without a length.
        piped = replace_word(put, "app.sym", "-")
        done = subprocess.run(
            ["curl", "-sS", "-w", "%{http_code}", *piped, f"{server.url}/piped"],
            input=SYMBOLS * 1000,
            check=True,
            capture_output=True,
        )
        assert done.stdout == b"201"
        assert server.kept["piped"].read() == SYMBOLS * 1000


def replace_word(words: list[str], old: str, new: str) -> list[str]:
    return [new if word == old else word for word in words]


def test_curl_makes_folders_first(home: Path) -> None:
    with PutServer(Put(basic="user:secret", collections=True)) as server:
        user = ["--user", "user:secret"]
        put = [*user, "--upload-file", "app.sym", f"{server.url}/app/app.sym"]
        assert good(curl(home, *put)).endswith("409\n")
        assert good(curl(home, *user, "-X", "MKCOL", f"{server.url}/app/")) == "201\n"
        assert good(curl(home, *put)) == "201\n"


def test_curl_gets_through_tls_and_a_tunnel(home: Path) -> None:
    certificate = make_certificate(home)
    with PutServer(certificate=certificate) as server, ProxyServer({NAME: server.port}) as proxy:
        put = ["--upload-file", "app.sym", f"{server.url}/a"]
        assert curl(home, *put).returncode == 60
        put += ["--cacert", str(certificate.authority)]
        assert good(curl(home, *put)) == "201\n"
        assert good(curl(home, *put, "--proxy", proxy.url)) == "204\n"
        assert proxy.seen == [("CONNECT", f"127.0.0.1:{server.port}")]
