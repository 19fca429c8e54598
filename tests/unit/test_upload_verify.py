# SPDX-License-Identifier: MIT
"""Years later: the store is gone, and a manifest is enough to ask what servers still have."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from builders.uploading import Bench, shown, states
from crashsym.cli.main import main
from crashsym.manifest import Manifest, Receipt, read
from crashsym.upload.targets import KEYS
from jsonschema import Draft202012Validator
from servers.base import Server
from servers.put import PutServer
from servers.s3 import S3, S3Server
from servers.sentry import Sentry, SentryServer
from servers.symupload_v1 import SymUploadV1Server
from servers.symupload_v2 import SymUploadV2, SymUploadV2Server
from servers.tecken import Tecken, TeckenServer
from support import REPOSITORY

SCHEMA = json.loads((REPOSITORY / "docs/reference/crashsym-upload-1.schema.json").read_bytes())
PLACE = ('organization = "acme"', 'project = "firmware"')

Printed = pytest.CaptureFixture[str]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, 3)


def verify(bench: Bench, *more: str) -> int:
    """Verify by the manifest alone."""
    places = ["--manifest", f"{bench.folder}/manifest.json"]
    config = ["--config", f"{bench.folder}/crashsym.toml"]
    return main(["verify", *places, *config, "--to", "server", "--json", *more])


def document(capsys: Printed) -> tuple[dict[str, Any], str]:
    printed = capsys.readouterr()
    found = shown(printed.out)
    Draft202012Validator(SCHEMA).validate(found)
    return found, printed.err


def receipts(bench: Bench) -> list[Receipt]:
    modules = read(bench.folder / "manifest.json").modules
    return [receipt for module in modules for receipt in module.receipts]


def forget_receipts(bench: Bench) -> None:
    file = bench.folder / "manifest.json"
    Manifest.of(replace(module, receipts=()) for module in read(file).modules).write(file)


BUCKET = (f'bucket = "{S3().bucket}"', f'access_key = "{S3().access_key}"')
SERVERS: dict[str, tuple[Callable[[], Server], tuple[str, ...], str]] = {
    "sentry": (SentryServer, PLACE, Sentry().token),
    "sentry-zip": (
        lambda: SentryServer(Sentry(chunk_upload=False)),
        (*PLACE, 'protocol = "zip"'),
        Sentry().token,
    ),
    "tecken": (TeckenServer, (), Tecken().token),
    "symupload-v2": (SymUploadV2Server, (), SymUploadV2().key),
    "s3": (S3Server, BUCKET, S3().secret_key),
    "s3-gzip": (S3Server, (*BUCKET, 'compress = "gzip"'), S3().secret_key),
    "http": (PutServer, (), "any"),
}
# Whose protocol has no question for what they have.
SILENT = {"symupload-v1", "bugsplat", "bugsnag", "backtrace"}
UNSURE = {"sentry", "sentry-zip", "http"}


def test_all_kinds_are_tested() -> None:
    tested = {kind.removesuffix("-zip").removesuffix("-gzip") for kind in SERVERS}
    assert tested | {"store", *SILENT} == set(KEYS)


def lose(server: Server) -> None:
    if isinstance(server, SentryServer):
        server.project().difs.pop(1)
    else:
        del server.kept[sorted(server.kept)[1]]


@pytest.mark.parametrize("kind", SERVERS)
def test_a_server_is_asked_without_a_store(bench: Bench, capsys: Printed, kind: str) -> None:
    cls, more, token = SERVERS[kind]
    file = bench.folder / "manifest.json"
    with cls() as server:
        bench.target(
            kind.removesuffix("-zip").removesuffix("-gzip"), server.url, *more, bench.token(token)
        )
        assert bench.run("upload", "--verify") == 0
        shutil.rmtree(bench.store)
        before = file.read_bytes()
        capsys.readouterr()
        assert verify(bench) == 0
        found, said = document(capsys)
        assert states(found) == ["present"] * 3
        assert found["targets"][0]["verified"]
        assert "server: verified: 3 of 3 files are there" in said
        assert file.read_bytes() == before, "what was proven once still is"
        lose(server)
        assert verify(bench) == 3
        found, said = document(capsys)
        assert sorted(states(found)) == ["failed", "present", "present"]
        assert "2 of 3 files are there" in said
        assert len(receipts(bench)) == 2
    assert not bench.store.exists(), "there is nothing to note"


@pytest.mark.parametrize("kind", SERVERS)
def test_what_could_not_be_compared_is_said(bench: Bench, capsys: Printed, kind: str) -> None:
    cls, more, token = SERVERS[kind]
    with cls() as server:
        bench.target(
            kind.removesuffix("-zip").removesuffix("-gzip"), server.url, *more, bench.token(token)
        )
        assert bench.run("upload") == 0
        shutil.rmtree(bench.store)
        capsys.readouterr()
        assert verify(bench) == 0
        found, said = document(capsys)
        unsure = kind in UNSURE
        assert said.endswith("3 by name or id alone\n" if unsure else "files are there\n")
        assert all((file["why"] != "") == unsure for file in found["targets"][0]["files"])
        assert len(receipts(bench)) == (0 if unsure else 3)
        lose(server)
        assert verify(bench) == 3


def test_a_protocol_without_the_question(bench: Bench, capsys: Printed) -> None:
    with SymUploadV1Server() as server:
        bench.target("symupload-v1", server.url)
        assert bench.run("upload") == 0
        shutil.rmtree(bench.store)
        assert verify(bench) == 3
    assert "this protocol has no question for that" in capsys.readouterr().err


def test_a_folder_is_compared_byte_by_byte(bench: Bench, capsys: Printed) -> None:
    out = bench.folder / "out"
    with (bench.folder / "crashsym.toml").open("w") as stream:
        stream.write(f'[target.server]\nkind = "store"\npath = "{out}"\n')
    assert bench.run("upload") == 0
    shutil.rmtree(bench.store)
    assert verify(bench) == 0
    capsys.readouterr()
    (file,) = out.glob("lib1.so/*/*")
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    assert verify(bench) == 3
    found, said = document(capsys)
    assert sorted(states(found)) == ["failed", "present", "present"]
    assert "the folder has other bytes" in said


# -- Sentry: what an id proves, and what it does not


@pytest.fixture
def sentry(bench: Bench) -> Any:
    with SentryServer() as server:
        bench.target("sentry", server.url, *PLACE, bench.token(Sentry().token))
        assert bench.run("upload", "--verify") == 0
        shutil.rmtree(bench.store)
        yield server


def test_another_file_of_the_id_is_not_that_of_the_receipt(
    bench: Bench, sentry: SentryServer, capsys: Printed
) -> None:
    difs = sentry.project().difs
    difs[1] = replace(difs[1], number=difs[1].number + 1000)
    capsys.readouterr()
    assert verify(bench) == 3
    found, said = document(capsys)
    assert sorted(states(found)) == ["failed", "present", "present"]
    assert "has not this file, but 1 other of this id" in said


def test_receipts_of_others_prove_nothing(
    bench: Bench, sentry: SentryServer, capsys: Printed
) -> None:
    file = bench.folder / "manifest.json"
    modules = [
        replace(m, receipts=tuple(replace(one, server="other") for one in m.receipts))
        for m in read(file).modules
    ]
    Manifest.of(modules).write(file)
    capsys.readouterr()
    assert verify(bench) == 0
    found, said = document(capsys)
    assert "3 by name or id alone" in said
    assert {one.server for one in receipts(bench)} == {"other"}
    why = {one["why"] for one in found["targets"][0]["files"]}
    assert why == {"dsyms: only its debug id and its kind were compared"}


def test_a_file_of_another_kind_is_no_symbol_file(
    bench: Bench, sentry: SentryServer, capsys: Printed
) -> None:
    forget_receipts(bench)
    difs = sentry.project().difs
    difs[0] = replace(difs[0], facts=replace(difs[0].facts, format="elf"))
    capsys.readouterr()
    assert verify(bench) == 3
    assert sorted(states(document(capsys)[0])) == ["failed", "present", "present"]


# -- http


def test_an_empty_file_is_none(bench: Bench, capsys: Printed) -> None:
    with PutServer() as server:
        bench.target("http", server.url)
        assert bench.run("upload") == 0
        key = sorted(server.kept)[0]
        Path(server.kept[key].path).write_bytes(b"")
        server.kept[key] = replace(server.kept[key], size=0)
        shutil.rmtree(bench.store)
        capsys.readouterr()
        assert verify(bench) == 3
    assert "the file there is empty" in capsys.readouterr().err


# -- manifests that make no sense


def test_a_digest_that_is_none(bench: Bench, capsys: Printed) -> None:
    file = bench.folder / "manifest.json"
    modules = list(read(file).modules)
    symbols = modules[0].symbols
    assert symbols is not None
    modules[0] = replace(modules[0], symbols=replace(symbols, sha256="x"))
    Manifest.of(modules).write(file)
    with PutServer() as server:
        bench.target("http", server.url)
        assert bench.run("upload") == 3
        capsys.readouterr()
        shutil.rmtree(bench.store)
        assert verify(bench) == 3
    found, _ = document(capsys)
    assert [one["why"] for one in found["unusable"]] == ["in the manifest its SHA-256 is 'x'"]


def test_an_upload_needs_a_store(capsys: Printed) -> None:
    with pytest.raises(SystemExit):
        main(["upload", "--manifest", "m", "--to", "t"])
    assert "required: --store" in capsys.readouterr().err
