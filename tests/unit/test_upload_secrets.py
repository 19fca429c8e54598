# SPDX-License-Identifier: MIT
"""Tokens: from where they may come, and that they go nowhere but to the server."""

from __future__ import annotations

import copy
import json
import logging
import os
import pickle
import re
import sys
from base64 import b64encode
from collections.abc import Callable
from html import escape
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from builders.uploading import CANARY, Bench
from crashsym.errors import ConfigError
from crashsym.upload import secret, transport
from crashsym.upload.secret import Secret
from servers.backtrace import Backtrace, BacktraceServer
from servers.base import Server, Step
from servers.bugsnag import BugsnagServer
from servers.bugsplat import BugSplat, BugSplatServer
from servers.faults import Answer, Fault, Order
from servers.messages import Request, Response
from servers.put import Put, PutServer
from servers.s3 import S3, S3Server
from servers.sentry import Sentry, SentryServer
from servers.symupload_v1 import SymUploadV1Server
from servers.symupload_v2 import SymUploadV2, SymUploadV2Server
from servers.tecken import Tecken, TeckenServer


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_FIRST", 0.01)


def mistake(read: Callable[[], object]) -> str:
    with pytest.raises(ConfigError) as caught:
        read()
    assert "hunter2" not in str(caught.value)
    return str(caught.value)


# -- files


def token_file(folder: Path, content: bytes, mode: int = 0o600) -> str:
    file = folder / "token"
    file.write_bytes(content)
    file.chmod(mode)
    return str(file)


@pytest.mark.parametrize("content", [b"hunter2", b"hunter2\n", b"  hunter2\r\n\n"])
@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_file_that_nobody_else_can_read(tmp_path: Path, content: bytes, mode: int) -> None:
    assert secret.from_file(token_file(tmp_path, content, mode)).reveal() == "hunter2"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620, 0o610, 0o777, 0o601])
def test_a_file_that_others_can_use(tmp_path: Path, mode: int) -> None:
    file = token_file(tmp_path, b"hunter2", mode)
    said = mistake(lambda: secret.from_file(file))
    assert said == (
        f"no token: '{file}': others can use it (mode {mode:04o})."
        f" Let nobody else: chmod 600 '{file}'."
    )


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "it is empty"),
        (b" \n", "it is empty"),
        (b"hunter2 hunter3", "it is more than one word"),
        (b"hunter2\nhunter3\n", "it is more than one word"),
        (b"hunter2\x00", "it is more than one word"),
        (b"hunter2\xff", "it has other characters than ASCII"),
        (b"h" * 70000, "it has more than 65536 bytes"),
    ],
)
def test_a_file_with_something_else(tmp_path: Path, content: bytes, says: str) -> None:
    file = token_file(tmp_path, content)
    assert says in mistake(lambda: secret.from_file(file))


def test_what_is_no_file(tmp_path: Path) -> None:
    assert "No such file" in mistake(lambda: secret.from_file(f"{tmp_path}/none"))
    assert "No such file" in mistake(lambda: secret.from_file("~no-such-user/token"))
    assert "null byte" in mistake(lambda: secret.from_file("a\0b"))
    assert "regular" in mistake(lambda: secret.from_file("/dev/null"))
    assert mistake(lambda: secret.from_file(str(tmp_path))).startswith("no token: ")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert "it is no regular file" in mistake(lambda: secret.from_file(f"{tmp_path}/pipe"))


def test_a_home_is_a_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token_file(tmp_path, b"hunter2")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert secret.from_file("~/token").reveal() == "hunter2"


# -- environment, commands, netrc


def test_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "hunter2\n")
    assert secret.from_environment("TOKEN").reveal() == "hunter2"
    monkeypatch.setenv("TOKEN", "")
    assert "'$TOKEN': it is empty, or not set" in mistake(lambda: secret.from_environment("TOKEN"))
    monkeypatch.delenv("TOKEN")
    assert "not set" in mistake(lambda: secret.from_environment("TOKEN"))
    monkeypatch.setenv("TOKEN", "hunter2\udcff")
    assert "ASCII" in mistake(lambda: secret.from_environment("TOKEN"))


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code, "hunter2"]


def test_a_command() -> None:
    assert secret.from_command(python("import sys; print(sys.argv[1])")).reveal() == "hunter2"


def test_commands_that_fail(tmp_path: Path) -> None:
    code = "import sys; print(sys.argv[1]); sys.exit(3)"
    said = mistake(lambda: secret.from_command(python(code)))
    assert said == f"no token: '{sys.executable}': it ended with exit code 3"
    assert "No such file" in mistake(lambda: secret.from_command([f"{tmp_path}/x", "hunter2"]))
    assert "it is empty" in mistake(lambda: secret.from_command(python("pass")))
    assert "null byte" in mistake(lambda: secret.from_command(["echo", "hunter2\0"]))


@pytest.mark.parametrize(
    "code", ["import time; time.sleep(60)", "while True: print('hunter2' * 1000)"]
)
def test_a_command_that_does_not_end(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secret, "_SECONDS", 0.5)
    assert "it takes over" in mistake(lambda: secret.from_command(python(code)))


@pytest.fixture
def netrc_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "netrc"
    file.write_text("machine s.example login me password hunter2\n")
    file.chmod(0o600)
    monkeypatch.setenv("NETRC", str(file))
    return file


def from_netrc(url: str = "https://s.example:8443/symbols") -> str | None:
    found = secret.from_netrc(url)
    return None if found is None else found.reveal()


def test_netrc(netrc_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert from_netrc() == "hunter2"
    assert from_netrc("https://t.example") is None
    monkeypatch.delenv("NETRC")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert from_netrc() is None
    netrc_file.rename(tmp_path / ".netrc")
    assert from_netrc() == "hunter2"


def test_a_netrc_that_others_can_read(netrc_file: Path) -> None:
    netrc_file.chmod(0o640)
    assert "others can read it" in mistake(from_netrc)
    assert from_netrc("https://t.example") is None


@pytest.mark.parametrize(
    "content",
    [
        b"machine s.example login me passwort hunter2\n",
        b"machine s.example login me\n hunter2\n",
        b"hunter2\n",
        b"machine s.example login me password hunter2\xff\n",
        b'machine s.example login me password "hunter2 hunter3"\n',
        b"\xff\xfe\x00",
    ],
)
def test_a_netrc_that_is_none(netrc_file: Path, content: bytes) -> None:
    netrc_file.write_bytes(content)
    assert f"no token: '{netrc_file}': " in mistake(from_netrc)


@pytest.mark.parametrize("place", ["x" * 5000, "/dev/null/x", "/none"])
def test_a_netrc_that_is_not_there(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETRC", place)
    assert from_netrc() is None


# -- that it is never shown


def test_no_form_of_an_object_shows_it() -> None:
    token = Secret("hunter2")
    shown = [repr(token), str(token), f"{token}", f"{token!r:>30}", repr([token]), "%s" % token]  # noqa: UP031
    assert all("[token]" in text and "hunter2" not in text for text in shown)
    for write in (pickle.dumps, copy.deepcopy, json.dumps):
        with pytest.raises(TypeError) as caught:
            write(token)
        assert "hunter2" not in str(caught.value)
    assert not hasattr(token, "__dict__")


FORMS: tuple[Callable[[str], str], ...] = (
    str,
    quote,
    lambda text: quote(text, safe=""),
    lambda text: quote(text, safe="").lower(),
    quote_plus,
    json.dumps,
    lambda text: json.dumps(text).replace("/", "\\/"),
    repr,
    escape,
    lambda text: text.upper(),
)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_it_is_hidden_in_texts(form: Callable[[str], str]) -> None:
    said = Secret(CANARY).hidden_in(f"before {form(CANARY)} behind")
    assert said.replace("'", "").replace('"', "") == "before [token] behind"


def leaks(text: str) -> list[str]:
    """Return the parts of the token that are in a text; one of eight characters is too much."""
    plain = re.sub(r"\\(.)", r"\1", text)
    parts = [CANARY[i : i + 8] for i in range(len(CANARY) - 7)]
    forms = {f(part) for part in parts for f in (str, quote, lambda t: quote(t, safe=""))}
    pair = b64encode(f"me:{CANARY}".encode()).decode()
    forms |= {pair[i : i + 12] for i in range(len(pair) - 11)}
    return [form for form in sorted(forms) if form in text or form in plain]


def echo(status: int, text: str) -> Answer:
    return Answer(status, text.encode(), {"Content-Type": "application/json"})


STATUSES = (200, 302, 400, 401, 503)
MORE = {
    "sentry": ('organization = "acme"', 'project = "firmware"', "wait = 1"),
    "http": ('user = "me"',),
    "bugsplat": (
        *('database = "acme"', 'application = "app"', 'version = "1"', 'client = "client"'),
    ),
    "backtrace": ('subdomain = "acme"', 'tag = "a"'),
    "s3": (f'bucket = "{S3().bucket}"', f'access_key = "{S3().access_key}"'),
}
# Of these a verification fails, as their servers cannot be asked.
SILENT = ("symupload-v1", "bugsplat", "bugsnag", "backtrace")
PAIR = b64encode(f"me:{CANARY}".encode()).decode()
ECHOES = {
    "words": CANARY,
    "json": json.dumps({"detail": CANARY, "state": CANARY, "status": CANARY, "id": CANARY}),
    "list": json.dumps([{"id": CANARY, "sha1": CANARY}]),
    "url": f"/v1/x?key={quote(CANARY, safe='')}&a",
    "header": f"Authorization: Basic {PAIR}",
    "at-the-edge": "x" * 190 + CANARY + " and more",
    "behind-blanks": " " * 1990 + CANARY,
}


def server_of(kind: str, faults: list[Order]) -> Server:
    if kind == "sentry":
        return SentryServer(Sentry(token=CANARY), faults)
    if kind == "tecken":
        return TeckenServer(Tecken(token=CANARY), faults)
    if kind == "symupload-v1":
        return SymUploadV1Server(faults)
    if kind == "symupload-v2":
        return SymUploadV2Server(SymUploadV2(key=CANARY), faults)
    if kind == "bugsplat":
        return BugSplatServer(BugSplat(client_secret=CANARY), faults)
    if kind == "bugsnag":
        return BugsnagServer(CANARY, faults)
    if kind == "backtrace":
        return BacktraceServer(Backtrace(token=CANARY), faults)
    if kind == "s3":
        return S3Server(S3(secret_key=CANARY), faults)
    return PutServer(Put(basic=f"me:{CANARY}"), faults)


KINDS = ("sentry", "tecken", "symupload-v2", "http", "s3", *SILENT)
CASES = [(kind, status, form) for kind in KINDS for status in STATUSES for form in ECHOES]


@pytest.mark.parametrize(
    ("kind", "status", "form"),
    [case for case in CASES if case[2] != "header" or case[0] == "http"],
)
def test_at_no_outcome_is_it_anywhere(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    kind: str,
    status: int,
    form: str,
) -> None:
    bench = Bench(tmp_path, 1)
    with server_of(kind, [Order("*", echo(status, ECHOES[form]), 1, onwards=True)]) as server:
        assert upload(bench, kind, server) == (0 if (kind, status) == ("tecken", 200) else 3)
    assert not leaks(everything(bench, capsys))


@pytest.mark.parametrize("kind", KINDS)
def test_at_success_it_is_nowhere_either(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    kind: str,
) -> None:
    bench = Bench(tmp_path, 1)
    for logger in ("", "urllib3", "urllib3.connectionpool"):
        caplog.set_level(logging.DEBUG, logger)
    with server_of(kind, []) as server:
        assert upload(bench, kind, server) == (3 if kind in SILENT else 0)
        assert server.kept
    assert not leaks(everything(bench, capsys) + caplog.text)


def upload(bench: Bench, kind: str, server: Server) -> int:
    more = [*MORE.get(kind, ()), "patience = 0.1", bench.token(CANARY)]
    bench.target(kind, server.url, *more)
    return bench.run("upload", "--json", "--verify")


def everything(bench: Bench, capsys: pytest.CaptureFixture[str]) -> str:
    """Return all that was printed and written."""
    printed = capsys.readouterr()
    manifest = (bench.folder / "manifest.json").read_text()
    return "\n".join([printed.out, printed.err, bench.ledger(), manifest])


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("step", ["upload-url", "put", "complete"])
def test_what_a_server_has_given_is_as_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], step: str, status: int
) -> None:
    """BugSplat's access token, and the signature of an address that it hands out."""
    given: list[str] = []
    bench = Bench(tmp_path, 1)
    with BugSplatServer(BugSplat(client_secret=CANARY)) as server:
        real = server.respond

        def respond(found: Step | None, request: Request, fault: Fault | None) -> Response:
            if found is None or found.name != step:
                return real(found, request, fault)
            secrets = [request.header("Authorization").rpartition(" ")[2]]
            secrets += [request.target.partition("?")[2], request.argument("X-Amz-Signature") or ""]
            given.extend(filter(None, secrets))
            said = json.dumps({"Status": "Failed", "Error": given, "and": given}).encode()
            place = {"Location": f"{server.url}/else?sig=hunter2hunter2"}
            return Response(status, said, {"Content-Type": "text/html", **place})

        server.respond = respond  # type: ignore[method-assign]
        assert upload(bench, "bugsplat", server) == 3
    printed = everything(bench, capsys)
    assert given
    assert not [one for one in (*given, "hunter2") if one in printed]


def test_an_address_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for url in ("https://[::1/?sig=hunter2hunter2", "file:///etc/passwd?sig=hunter2hunter2", "//?"):
        bench = Bench(tmp_path / str(len(url)), 1)
        answer = echo(200, json.dumps({"Status": "Success", "url": url}))
        with server_of("bugsplat", [Order("upload-url", answer)]) as server:
            assert upload(bench, "bugsplat", server) == 3
        printed = everything(bench, capsys)
        assert '"state": "refused"' in printed
        assert "hunter2" not in printed


def test_the_test_would_see_it() -> None:
    assert all(leaks(text) for text in ECHOES.values())


@pytest.mark.parametrize("kind", ["symupload-v2", "bugsplat", "bugsnag", "backtrace"])
def test_in_no_text_of_a_broken_connection(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    bench = Bench(tmp_path, 1)
    with SymUploadV2Server() as server:
        url = server.url
    bench.target(kind, url, "patience = 0.1", *MORE.get(kind, ()), bench.token(CANARY))
    assert bench.run("upload", "--json") == 3
    printed = capsys.readouterr()
    assert "refused" in printed.err
    assert not leaks(printed.out + printed.err)
