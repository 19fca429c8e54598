# SPDX-License-Identifier: MIT
"""Each protocol, each of its steps, each fault: nothing is lost, nothing doubled, nothing claimed.

What a server has, and what reached it twice, is counted by the server. A fault comes once, and then
from the first request on to the last; after it is over, a second run has to complete the work.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from botocore.loaders import JSONFileLoader
from builders.symbolstore import add_debug_file, fill
from crashsym.cli.main import main
from crashsym.upload import s3, sentry, transport
from servers.backtrace import Backtrace, BacktraceServer
from servers.base import Server
from servers.bugsnag import BugsnagServer
from servers.bugsplat import BugSplat, BugSplatServer
from servers.faults import FAULTS, Damage, Order
from servers.put import Put, PutServer
from servers.s3 import S3, S3Server
from servers.sentry import Sentry, SentryServer
from servers.symupload_v1 import SymUploadV1Server
from servers.symupload_v2 import SymUploadV2, SymUploadV2Server
from servers.tecken import Tecken, TeckenServer

FILES = 4
CHUNK = 2048
OTHER_TOKEN = "canary-of-a-token"  # noqa: S105 - a word that messages do not have


@dataclass(frozen=True)
class Protocol:
    """A server, the steps that an upload with ``--verify`` takes, and what a target says."""

    kind: str
    server: type[Server]
    steps: tuple[str, ...]
    more: str = ""
    place: str = ""
    debug_files: bool = False
    # A verification needs a question for what the server has.
    answers: bool = True
    # Content that is stored wrongly is found out where the server tells checksums.
    sees_damage: bool = False
    # The bytes of a part, where files are sent in parts.
    part: int = 0

    def start(self, faults: list[Order]) -> Server:
        if self.server is SentryServer:
            settings = Sentry(chunk_size=CHUNK, request_size=3 * CHUNK, polls=1)
            return SentryServer(settings, faults)
        if self.server is PutServer:
            return PutServer(Put(bearer=OTHER_TOKEN), faults)
        if self.server is S3Server:
            return S3Server(S3(smallest_part=1), faults)
        if self.server is SymUploadV1Server:
            return SymUploadV1Server(faults)
        if self.server is BugsnagServer:
            return BugsnagServer(OTHER_TOKEN, faults)
        return self.server(None, faults)  # type: ignore[arg-type]

    @property
    def name(self) -> str:
        return f"{self.kind}-parts" if self.part else self.kind

    @property
    def token(self) -> str:
        tokens = {
            SentryServer: Sentry().token,
            TeckenServer: Tecken().token,
            SymUploadV2Server: SymUploadV2().key,
            BugSplatServer: BugSplat().client_secret,
            BacktraceServer: Backtrace().token,
            S3Server: S3().secret_key,
        }
        return tokens.get(self.server, OTHER_TOKEN)


BUCKET = f'bucket = "{S3().bucket}"\naccess_key = "{S3().access_key}"\n'
PROTOCOLS = (
    Protocol(
        "sentry",
        SentryServer,
        ("options", "chunks", "assemble", "files"),
        'organization = "acme"\nproject = "firmware"\nwait = 5\n',
        sees_damage=True,
    ),
    Protocol("tecken", TeckenServer, ("download", "upload")),
    Protocol("symupload-v1", SymUploadV1Server, ("upload",), answers=False),
    Protocol("symupload-v2", SymUploadV2Server, ("status", "create", "put", "complete")),
    Protocol("http", PutServer, ("head", "put")),
    Protocol(
        "bugsplat",
        BugSplatServer,
        ("login", "upload-url", "put", "complete"),
        'database = "acme"\napplication = "app"\nversion = "1"\nclient = "client"\n',
        answers=False,
    ),
    Protocol("bugsnag", BugsnagServer, ("breakpad-symbol",), answers=False),
    Protocol(
        "bugsnag",
        BugsnagServer,
        ("linux",),
        'send = ["debug-files"]\n',
        debug_files=True,
        answers=False,
    ),
    Protocol("backtrace", BacktraceServer, ("upload",), 'subdomain = "acme"\n', answers=False),
    Protocol("backtrace", BacktraceServer, ("post",), place="/api/post", answers=False),
    Protocol("s3", S3Server, ("head", "put"), BUCKET, sees_damage=True),
    # Of parts the server tells no digest of all.
    Protocol("s3", S3Server, ("head", "create", "part", "complete"), BUCKET, part=CHUNK),
)


class Bench:
    """A store with a manifest, and a target that is a server of a protocol."""

    def __init__(self, folder: Path, protocol: Protocol) -> None:
        self.folder = folder
        self.protocol = protocol
        manifest = fill(folder, FILES)
        self.wanted = {m.symbols.sha256 for m in manifest.modules if m.symbols is not None}
        if protocol.debug_files:
            self.wanted = {add_debug_file(folder / "root", m) for m in manifest.modules}
        (folder / "token").write_text(protocol.token)
        (folder / "token").chmod(0o600)

    def run(self, server: Server, *options: str, patience: float = 30) -> int:
        protocol = self.protocol
        config = (
            f'[target.server]\nkind = "{protocol.kind}"\nurl = "{server.url}{protocol.place}"\n'
            f'token = {{ file = "{self.folder}/token" }}\npatience = {patience}\n'
            f"{protocol.more}"
        )
        (self.folder / "crashsym.toml").write_text(config)
        places = ["--manifest", f"{self.folder}/manifest.json", "--store", f"{self.folder}/store"]
        config_option = ["--config", f"{self.folder}/crashsym.toml"]
        if self.protocol.debug_files:
            config_option += ["--debug-root", f"{self.folder}/root"]
        return main(["upload", *places, *config_option, "--to", "server", *options])

    def kept(self, server: Server) -> set[str]:
        """Return the SHA-256 of all files that the server keeps; those of Sentry have projects."""
        chunks = self.protocol.server is SentryServer
        kept = {key: blob for key, blob in server.kept.items() if "/" in key or not chunks}
        return {blob.sha256 for blob in kept.values()}


_MODELS, _load_model = JSONFileLoader(), JSONFileLoader.load_file


@functools.cache
def _read_once(path: str) -> object:
    return _load_model(_MODELS, path)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_FIRST", 0.01)
    monkeypatch.setattr(sentry, "_PAUSE", 0.02)
    # A client of boto3 reads megabytes of JSON, which takes half of the time of a case.
    monkeypatch.setattr(JSONFileLoader, "load_file", lambda _, path: _read_once(path))


# What no client can tell: these protocols say no more where all is well.
UNDETECTABLE = {("tecken", "download", "empty-200"), ("symupload-v1", "upload", "empty-200")}


LASTING = ("403", "503", "login-page", "cut-answer", "close-before-reading", "damage")


def cases() -> Iterator[object]:
    for protocol in PROTOCOLS:
        for step in protocol.steps:
            for name, fault in FAULTS.items():
                known = {s.name: s for s in protocol.server.STEPS}[step]
                if isinstance(fault, Damage) and not (known.stores and protocol.sees_damage):
                    continue
                if (protocol.kind, step, name) in UNDETECTABLE:
                    continue
                if name == "expired-token" and not protocol.server.CHECKS_TOKENS:
                    continue
                for onwards in (False, True):
                    when = "onwards" if onwards else "once"
                    # of those that a client tells apart one each; make test-slow has all
                    slow = onwards and name not in LASTING
                    yield pytest.param(
                        protocol,
                        Order(step, fault, 1, onwards),
                        id=f"{protocol.name}-{step}-{name}-{when}",
                        marks=[pytest.mark.slow] if slow else [],
                    )


@pytest.mark.parametrize(("protocol", "order"), cases())
def test_fault(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    protocol: Protocol,
    order: Order,
) -> None:
    bench = Bench(tmp_path, protocol)
    monkeypatch.setattr(s3, "PART", protocol.part or s3.PART)
    with protocol.start([order]) as server:
        verify = ("--verify",) if protocol.answers else ()
        # what lasts is not waited for
        code = bench.run(server, *verify, patience=0.5 if order.onwards else 30)
        said = capsys.readouterr().err
        assert "Traceback" not in said
        assert protocol.token not in said.replace(f"{tmp_path}", "")
        assert any(exchange.fault for exchange in server.account.requests), "it did not happen"
        if code == 0:
            assert bench.kept(server) == bench.wanted, "it claims what is not there"
        else:
            assert code == 3
            assert any(word in said for word in ("failed: ", "refused: "))
        # a state of error is told for minutes, whatever is sent meanwhile
        if not order.onwards and not isinstance(order.fault, Damage):
            assert bench.run(server, *verify) == 0, capsys.readouterr().err
            assert bench.kept(server) == bench.wanted
        assert not server.account.duplicates
        uploads = server.uploads if isinstance(server, S3Server) else {}
        # An upload whose id got lost has none.
        assert not any(upload.parts for upload in uploads.values()), "parts are left"


def test_the_bytes_of_the_store_are_what_the_manifest_says(tmp_path: Path) -> None:
    bench = Bench(tmp_path, PROTOCOLS[0])
    files = (tmp_path / "store").rglob("*.sym")
    assert {hashlib.sha256(file.read_bytes()).hexdigest() for file in files} == bench.wanted
