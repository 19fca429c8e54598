# SPDX-License-Identifier: MIT
"""Other people's upload clients and 'crashsym upload' leave the same on a server, file by file."""

from __future__ import annotations

import json
import subprocess
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

import pytest
from builders.uploading import NotedForm, noted_forms
from corpus.build import run
from crashsym.upload.bugsplat import module_name
from oracles.peers import old_sentry_cli
from oracles.uploaders import (
    bare_run,
    bugsplat_names,
    bugsplat_upload,
    curl,
    sentry_upload,
    sym_upload,
)
from servers.backtrace import Backtrace, BacktraceServer
from servers.base import Server
from servers.bugsnag import BugsnagServer
from servers.bugsplat import BugSplatServer
from servers.messages import Request
from servers.sentry import Sentry, SentryServer
from servers.symupload_v1 import SymUploadV1Server
from servers.symupload_v2 import SymUploadV2, SymUploadV2Server
from support import crashsym, require_tool

pytestmark = pytest.mark.oracle
NAMES = ("liba.so", "libb.so.1", "gateway")


@dataclass(frozen=True)
class Built:
    """A tree as a build leaves it, its store, and its manifest."""

    folder: Path

    @property
    def symbols(self) -> list[Path]:
        return sorted((self.folder / "store").rglob("*.sym"))

    @property
    def halves(self) -> list[Path]:
        return sorted((self.folder / "root").rglob(".debug/*"))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("built")
    for number, name in enumerate(NAMES):
        compile_file(folder / "root/usr/lib", name, functions=10 + 400 * number)
    made = extracted(folder)
    assert [file.name for file in made.symbols] == sorted(f"{name}.sym" for name in NAMES)
    assert len(made.halves) == len(NAMES)
    return made


def extracted(folder: Path) -> Built:
    places = ("--store", folder / "store", "--manifest", folder / "manifest.json")
    done = crashsym("extract", folder / "root", *places)
    assert done.returncode == 0, done.stderr
    return Built(folder)


def compile_file(folder: Path, name: str, functions: int) -> None:
    """Make a stripped file and its debug half, as OE has them."""
    gcc, objcopy = require_tool("gcc"), require_tool("objcopy")
    (folder / ".debug").mkdir(parents=True, exist_ok=True)
    file, half = folder / name, folder / ".debug" / name
    code = "".join(
        f"int f{number}(int a) {{ return a + {number}; }}\n" for number in range(functions)
    )
    (folder / "a.c").write_text(f"{code}int main(void) {{ return f0(1); }}\n")
    shared = ["-shared", "-fPIC", f"-Wl,-soname,{name}"] if ".so" in name else []
    run([gcc, "-g", "-O1", "-Wl,--build-id", *shared, "-o", str(file), str(folder / "a.c")])
    (folder / "a.c").unlink()
    run([objcopy, "--only-keep-debug", str(file), str(half)])
    run([objcopy, "--strip-all", f"--add-gnu-debuglink={half}", str(file)])


def our_upload(built: Built, scratch: Path, *target: str, token: str = "any") -> None:  # noqa: S107
    """Run 'crashsym upload' to a target, from a store of which nothing has been sent."""
    scratch.mkdir(parents=True, exist_ok=True)
    (scratch / "token").touch(0o600)
    (scratch / "token").write_text(token)
    lines = ["[target.server]", *target, f'token = {{ file = "{scratch}/token" }}', ""]
    (scratch / "crashsym.toml").write_text("\n".join(lines))
    run(["cp", "-rp", str(built.folder / "store"), str(scratch / "store")])
    done = crashsym(
        *("upload", "--manifest", built.folder / "manifest.json", "--store", scratch / "store"),
        *("--config", scratch / "crashsym.toml", "--to", "server"),
        *("--debug-root", built.folder / "root"),
    )
    assert done.returncode == 0, done.stderr.decode()


def good(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


# -- sentry-cli

FILES: dict[str, Callable[[Built], list[Path]]] = {
    "symbols": lambda built: built.symbols,
    "debug-files": lambda built: built.halves,
}
SENDS = (("symbols",), ("debug-files",), ("symbols", "debug-files"))


def sentry_target(server: SentryServer, sends: Sequence[str], *more: str) -> list[str]:
    place = ['organization = "acme"', 'project = "firmware"', f"send = {json.dumps(sends)}"]
    return ['kind = "sentry"', f'url = "{server.url}"', *place, *more]


def sentry_state(server: SentryServer) -> dict[str, object]:
    """What a Sentry server has: files of the project, and parts of the organization."""
    difs = server.project().difs
    return {
        "files": {
            (dif.name, dif.checksum, dif.debug_id, repr(dif.facts), dif.blob.sha256) for dif in difs
        },
        "count": len(difs),
        "parts": {sha1: blob.sha256 for sha1, blob in server.organisation.chunks.items()},
        "stored": {key: blob.sha256 for key, blob in server.kept.items()},
    }


@pytest.mark.parametrize(
    ("chunk", "compression"),
    [(1000, ()), (1000, ("gzip",)), (1 << 14, ()), (1 << 23, ("gzip",))],
    ids=["1000", "1000-gzip", "16384", "8388608-gzip"],
)
@pytest.mark.parametrize("sends", SENDS, ids="+".join)
def test_sentry_cli_and_ours_leave_the_same(
    tmp_path: Path, built: Built, sends: Sequence[str], chunk: int, compression: tuple[str, ...]
) -> None:
    limits = Sentry(
        chunk_size=chunk,
        request_size=4 * chunk,
        chunks_per_request=7,
        compression=compression,
    )
    with SentryServer(limits) as theirs, SentryServer(limits) as ours:
        # One after the other: of a debug id the server keeps what newer files cannot do.
        for number, send in enumerate(sends):
            files, target = FILES[send](built), sentry_target(ours, [send])
            good(sentry_upload(theirs, tmp_path, "--wait", *files))
            our_upload(built, tmp_path / str(number), *target, token=ours.sentry.token)
        state = sentry_state(ours)
        assert state == sentry_state(theirs)
        assert state["count"] == len(NAMES) * len(sends)
        assert not ours.account.duplicates
        # Each finds all of it there, whoever sent it; their client sends a part twice that a file
        # has twice.
        before = dict(theirs.account.duplicates)
        our_upload(built, tmp_path / "x", *sentry_target(theirs, sends), token=ours.sentry.token)
        good(sentry_upload(ours, tmp_path, "--wait", *(f for s in sends for f in FILES[s](built))))
        for server in (ours, theirs):
            assert sentry_state(server) == state
        assert not ours.account.duplicates
        assert theirs.account.duplicates == before


def test_sentry_cli_and_ours_send_the_same_of_both_kinds_together(
    tmp_path: Path, built: Built
) -> None:
    """What the server keeps of a debug id is a matter of the order then, for both."""
    with SentryServer() as theirs, SentryServer() as ours:
        good(sentry_upload(theirs, tmp_path, "--wait", *built.symbols, *built.halves))
        target = sentry_target(ours, ["symbols", "debug-files"])
        our_upload(built, tmp_path / "ours", *target, token=ours.sentry.token)
        for what in ("parts", "stored"):
            assert sentry_state(ours)[what] == sentry_state(theirs)[what]


@pytest.mark.parametrize("sends", SENDS, ids="+".join)
def test_an_old_sentry_cli_and_ours_leave_the_same(
    tmp_path: Path, built: Built, sends: Sequence[str]
) -> None:
    limits = Sentry(chunk_upload=False)
    with SentryServer(limits) as theirs, SentryServer(limits) as ours:
        for number, send in enumerate(sends):
            good(sentry_upload(theirs, tmp_path, *FILES[send](built), client=old_sentry_cli()))
            target = sentry_target(ours, [send], 'protocol = "zip"')
            our_upload(built, tmp_path / str(number), *target, token=ours.sentry.token)
        state = sentry_state(ours)
        assert state == sentry_state(theirs)
        assert state["count"] == len(NAMES) * len(sends)


def test_a_file_of_another_name_than_its_soname(tmp_path: Path) -> None:
    """sentry-cli calls an ELF file by its name, ours by its SONAME, as minidumps do."""
    compile_file(tmp_path / "root/usr/lib", "libc.so.1", functions=3)
    built = extracted(tmp_path)
    (half,) = built.halves
    with SentryServer() as theirs, SentryServer() as ours:
        renamed = half.rename(half.with_name("libc.so.1.2.3"))
        good(sentry_upload(theirs, tmp_path, "--wait", renamed))
        target = sentry_target(ours, ["debug-files"])
        our_upload(built, tmp_path / "ours", *target, token=ours.sentry.token)
        names = [[dif.name for dif in server.project().difs] for server in (theirs, ours)]
        assert names == [["libc.so.1.2.3"], ["libc.so.1"]]
        assert sentry_state(ours)["stored"] == sentry_state(theirs)["stored"]


# -- Breakpad's sym_upload


def send_symbols(built: Built, folder: Path, url: str, *words: str) -> None:
    for file in built.symbols:
        good(bare_run([sym_upload(), *words, file, url], folder))


def kept(server: Server) -> dict[str, str]:
    return {key: blob.sha256 for key, blob in server.kept.items()}


def in_order(forms: Iterable[NotedForm]) -> list[NotedForm]:
    return sorted(forms, key=lambda form: (form.target, sorted(form.fields.items())))


def test_sym_upload_and_ours_send_the_same_with_version_1(tmp_path: Path, built: Built) -> None:
    with SymUploadV1Server() as theirs, SymUploadV1Server() as ours:
        wanted, got = noted_forms(theirs), noted_forms(ours)
        send_symbols(built, tmp_path, f"{theirs.url}/symbols", "-v", "1.2")
        target = ['kind = "symupload-v1"', f'url = "{ours.url}/symbols"', 'version = "1.2"']
        our_upload(built, tmp_path / "ours", *target)
        assert kept(ours) == kept(theirs)
        assert len(got) == len(NAMES)
        assert in_order(got) == in_order(wanted)


def steps(server: Server) -> list[tuple[str, str]]:
    """Let a server note method and address of what comes, with a word for a name of its own."""
    seen: list[tuple[str, str]] = []
    real = server.respond

    def respond(found: object, request: Request, fault: object) -> object:
        upload = request.words.get("upload")
        seen.append(
            (request.method, request.target.replace(upload, "KEY") if upload else request.target)
        )
        return real(found, request, fault)  # type: ignore[arg-type]

    server.respond = respond  # type: ignore[method-assign, assignment]
    return seen


@pytest.mark.parametrize(("send", "word"), [("symbols", "breakpad"), ("debug-files", "elf")])
def test_sym_upload_and_ours_leave_the_same_with_version_2(
    tmp_path: Path, built: Built, send: str, word: str
) -> None:
    settings = SymUploadV2(key="a/b+1")
    with SymUploadV2Server(settings) as theirs, SymUploadV2Server(settings) as ours:
        wanted, got = steps(theirs), steps(ours)
        key = quote(settings.key, safe="")
        v2 = ["-p", "sym-upload-v2", "-k", key, "-t", word]
        for symbols in built.symbols:
            file, more = symbols, list[str]()
            if word == "elf":
                # Of an ELF file the client has to be told what it is called.
                file = built.folder / "root/usr/lib/.debug" / symbols.stem
                more = ["-c", symbols.stem, "-i", symbols.parent.name]
            good(bare_run([sym_upload(), *v2, *more, file, theirs.url], tmp_path))
        target = ['kind = "symupload-v2"', f'url = "{ours.url}"', f'send = ["{send}"]', "jobs = 1"]
        our_upload(built, tmp_path / "ours", *target, token=settings.key)
        assert kept(ours) == kept(theirs)
        assert len(kept(ours)) == len(NAMES)
        assert ours.types == theirs.types
        assert sorted(got) == sorted(wanted)


# -- BugSplat's symbol-upload


def bugsplat_target(server: BugSplatServer) -> list[str]:
    place = ['database = "acme"', 'application = "app"', 'version = "1.0"', 'client = "client"']
    return ['kind = "bugsplat"', f'url = "{server.url}"', *place]


def without_date(form: NotedForm) -> NotedForm:
    """When it is complete, the client has the date as JavaScript prints it; the server has it."""
    if form.target != "/symsrv/uploadComplete":
        return form
    fields = {name: value for name, value in form.fields.items() if name != "lastModified"}
    return replace(form, fields=fields)


def test_symbol_upload_and_ours_leave_the_same(tmp_path: Path, built: Built) -> None:
    with BugSplatServer() as theirs, BugSplatServer() as ours:
        wanted, got = noted_forms(theirs), noted_forms(ours)
        run(["cp", "-rp", str(built.folder / "store"), str(tmp_path / "symbols")])
        good(bugsplat_upload(theirs, tmp_path, "symbols/**/*.sym"))
        secret = ours.settings.client_secret
        our_upload(built, tmp_path / "ours", *bugsplat_target(ours), token=secret)
        assert kept(ours) == kept(theirs)
        assert len(got) == 1 + 2 * len(NAMES)
        assert in_order(map(without_date, got)) == in_order(map(without_date, wanted))


def test_bugsplats_names_are_those_of_its_client(tmp_path: Path) -> None:
    names = [
        *("app", "libc.so", "libc.so.6", "libstdc++.so.6.0.30", "ld-linux-x86-64.so.2", "a.b.c"),
        *("python3.11", "imx.ko", "foo.debug", "foo.DEBUG", "foo.so.1.debug", "foo.debug.dSYM"),
        *("foo.socket", "foo.SO", "x.dylib", "x.dylib.1", ".hidden", "two words.bin", "a.so.debug"),
    ]
    wanted = bugsplat_names(names, tmp_path)
    assert [(module_name(name), f"{module_name(name)}.sym") for name in names] == wanted


# -- Bugsnag, by Breakpad's client, as its documentation has it


def test_sym_upload_and_ours_send_the_same_to_bugsnag(tmp_path: Path, built: Built) -> None:
    with BugsnagServer() as theirs, BugsnagServer() as ours:
        wanted, got = noted_forms(theirs), noted_forms(ours)
        query = f"api_key={theirs.api_key}&overwrite=false"
        send_symbols(built, tmp_path, f"{theirs.url}/breakpad-symbol?{query}", "-v", "1.2")
        target = ['kind = "bugsnag"', f'url = "{ours.url}"', 'version = "1.2"']
        our_upload(built, tmp_path / "ours", *target, token=ours.api_key)
        assert kept(ours) == kept(theirs)
        assert len(got) == len(NAMES)
        assert in_order(got) == in_order(wanted)


# -- Backtrace, by curl, as its documentation has it


def test_curl_and_ours_leave_the_same_on_backtrace(tmp_path: Path, built: Built) -> None:
    with zipfile.ZipFile(tmp_path / "symbols.zip", "w") as archive:
        for file in built.symbols:
            archive.write(file, file.relative_to(built.folder / "store"))
    with BacktraceServer() as theirs, BacktraceServer() as ours:
        url = f"{theirs.url}/acme/{Backtrace().token}/symbols?tag=v1"
        words = ["--data-binary", "@symbols.zip", "-X", "POST", "-H", "Expect: gzip", url]
        assert good(curl(tmp_path, *words)).endswith("200\n")
        target = ['kind = "backtrace"', f'url = "{ours.url}"', 'subdomain = "acme"', 'tag = "v1"']
        our_upload(built, tmp_path / "ours", *target, token=Backtrace().token)
        assert kept(ours) == kept(theirs)
        assert len(kept(ours)) == len(NAMES)
        assert ours.tags == theirs.tags
