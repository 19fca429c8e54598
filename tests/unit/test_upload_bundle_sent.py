# SPDX-License-Identifier: MIT
"""Bundles are sent: to any server, after any damage of the way, and resumed where it ended."""

from __future__ import annotations

import hashlib
import io
import json
import lzma
import os
import random
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from builders.uploading import LIB, Bench, kept, shown, states
from crashsym.cli.main import main
from crashsym.errors import CrashsymError, MalformedError
from crashsym.manifest import read
from crashsym.upload.bundle import Bundle
from crashsym.upload.items import symbol_items
from crashsym.upload.ledger import FOLDER
from crashsym.upload.targets import KEYS
from servers.backtrace import Backtrace, BacktraceServer
from servers.base import Server
from servers.bugsnag import BugsnagServer
from servers.bugsplat import BugSplat, BugSplatServer
from servers.faults import Answer, Order, Slow
from servers.put import PutServer
from servers.s3 import S3, S3Server
from servers.sentry import Sentry, SentryServer
from servers.symupload_v1 import SymUploadV1Server
from servers.symupload_v2 import SymUploadV2, SymUploadV2Server
from servers.tecken import Tecken, TeckenServer
from support import require_tool

PLACE = ('organization = "acme"', 'project = "firmware"')
# Root without the rights that let it pass by the modes of files.
USER = ("--bounding-set", "-dac_override,-dac_read_search")

Printed = pytest.CaptureFixture[str]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A bench with a bundle, the store of which is gone."""
    bench = Bench(tmp_path, 3)
    assert main(bench.bundle_line()) == 0
    bench.store.rename(tmp_path / "gone")
    return bench


def line(bench: Bench, *more: str, to: str = "server", command: str = "upload") -> list[str]:
    config = bench.folder / "crashsym.toml"
    chosen = ["--config", str(config)] if config.exists() else []
    return [command, "--bundle", str(bench.bundle), *chosen, "--to", to, *more]


def start(bench: Bench, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "crashsym", *line(bench, *more)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": LIB},
    )


# -- to any server


BUCKET = (f'bucket = "{S3().bucket}"', f'access_key = "{S3().access_key}"')
SERVERS: dict[str, tuple[Callable[[], Server], tuple[str, ...], str]] = {
    "sentry": (lambda: SentryServer(Sentry(chunk_size=2048)), PLACE, Sentry().token),
    "sentry-zip": (
        lambda: SentryServer(Sentry(chunk_upload=False)),
        (*PLACE, 'protocol = "zip"'),
        Sentry().token,
    ),
    "tecken": (TeckenServer, (), Tecken().token),
    "symupload-v1": (SymUploadV1Server, (), "any"),
    "symupload-v2": (SymUploadV2Server, (), SymUploadV2().key),
    "bugsplat": (
        BugSplatServer,
        ('database = "acme"', 'application = "a"', 'version = "1"', 'client = "client"'),
        BugSplat().client_secret,
    ),
    "bugsnag": (BugsnagServer, (), "0123456789abcdef0123456789abcdef"),
    "backtrace": (BacktraceServer, ('subdomain = "acme"',), Backtrace().token),
    "s3": (S3Server, BUCKET, S3().secret_key),
    "s3-gzip": (S3Server, (*BUCKET, 'compress = "gzip"'), S3().secret_key),
    "http": (PutServer, (), "any"),
    "http-gzip": (PutServer, ('compress = "gzip"',), "any"),
}


def test_all_kinds_are_tested() -> None:
    assert {kind.partition("-zip")[0].removesuffix("-gzip") for kind in SERVERS} == {*KEYS} - {
        "store"
    }


@pytest.mark.parametrize("kind", SERVERS)
def test_a_server_has_what_it_has_after_a_direct_upload(tmp_path: Path, kind: str) -> None:
    cls, more, token = SERVERS[kind]
    found = []
    for way in ("direct", "bundle"):
        (tmp_path / way).mkdir()
        bench = Bench(tmp_path / way, 4)
        with cls() as server:
            name = kind.removesuffix("-zip").removesuffix("-gzip")
            bench.target(name, server.url, *more, bench.token(token))
            if way == "bundle":
                assert main(bench.bundle_line()) == 0
                bench.store.rename(tmp_path / "gone")
            assert (bench.run() if way == "direct" else main(line(bench))) == 0
            assert not server.account.duplicates
            found.append({key: blob.sha256 for key, blob in server.kept.items()})
    assert found[0]
    assert found[0] == found[1]


def test_a_folder(bench: Bench) -> None:
    assert main(line(bench, to=f"store:{bench.folder}/out")) == 0
    copies = {file.read_bytes() for file in (bench.folder / "out").rglob("*.sym")}
    assert copies == {file.read_bytes() for file in (bench.folder / "gone").rglob("*.sym")}


# -- the ledger, receipts


def test_a_second_run_sends_nothing(bench: Bench, capsys: Printed) -> None:
    with PutServer() as server:
        bench.target("http", server.url)
        assert main(line(bench)) == 0
        requests = len(server.account.requests)
        assert main(line(bench, "--json")) == 0
        assert len(server.account.requests) == requests
    assert states(shown(capsys.readouterr().out)) == ["present"] * 3
    assert list((bench.folder / FOLDER).glob("*.jsonl"))


def test_a_folder_in_which_nothing_can_be_noted(bench: Bench) -> None:
    bench.folder.chmod(0o555)
    command = [sys.executable, "-m", "crashsym", *line(bench, to="store:/none")]
    if os.geteuid() == 0:
        command = [require_tool("setpriv", "util-linux"), *USER, *command]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    bench.folder.chmod(0o755)
    assert done.returncode == 2
    assert done.stderr == (
        f"crashsym: cannot write: '{bench.folder}': Permission denied. Copy the bundle to a folder"
        " in which you can write.\n"
    )


@pytest.mark.parametrize("command", ["upload", "verify"])
def test_a_verification_reports_and_writes_receipts_where_it_is_told(
    bench: Bench, capsys: Printed, command: str
) -> None:
    bundle, copy = bench.bundle.read_bytes(), bench.folder / "receipts.json"
    verify = ("--verify",) if command == "upload" else ()
    with SentryServer() as server:
        bench.target("sentry", server.url, *PLACE, bench.token(Sentry().token))
        assert main(line(bench)) == 0
        manifest = (bench.folder / "manifest.json").read_bytes()
        assert main(line(bench, *verify, "--json", command=command)) == 0
        document = shown(capsys.readouterr().out)
        assert [target["verified"] for target in document["targets"]][-1]
        assert main(line(bench, *verify, "-o", str(copy), command=command)) == 0
        server.project().difs.pop(1)
        server.forget_states()
        assert main(line(bench, command="verify")) == 3
        server.organisation.chunks.clear()
        assert main(line(bench, "--json", *verify)) == 0
    assert sorted(states(shown(capsys.readouterr().out))[:3]) == ["present", "present", "sent"]
    assert bench.bundle.read_bytes() == bundle
    assert (bench.folder / "manifest.json").read_bytes() == manifest
    found = read(copy)
    assert [replace(module, receipts=()) for module in found.modules] == list(
        bench.manifest.modules
    )
    for module in found.modules:
        (receipt,) = module.receipts
        assert module.symbols is not None
        assert (receipt.server, receipt.sha256) == ("server", module.symbols.sha256)


def test_a_manifest_of_the_command_may_be_left_as_it_is(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 3)
    file, copy = tmp_path / "manifest.json", tmp_path / "new" / "m.json"
    before = file.read_bytes()
    with PutServer() as server:
        bench.target("http", server.url)
        assert bench.run("upload", "--verify", "-o", str(copy)) == 0
        assert bench.run("verify", "-o", str(tmp_path / "other.json")) == 0
    assert file.read_bytes() == before
    assert all(module.receipts for module in read(copy).modules)
    assert (tmp_path / "other.json").read_bytes() == copy.read_bytes()


def test_receipts_do_not_go_over_the_bundle(bench: Bench, capsys: Printed) -> None:
    before = bench.bundle.read_bytes()
    assert main(line(bench, "--verify", "-o", str(bench.bundle), to="store:/none")) == 2
    assert "it is also the place of another file" in capsys.readouterr().err
    assert bench.bundle.read_bytes() == before


def test_debug_files_that_are_not_in_it(bench: Bench, capsys: Printed) -> None:
    more = ('layout = "unified"', 'send = ["debug-files"]')
    bench.target("http", "http://127.0.0.1:1", *more)
    assert main(line(bench)) == 2
    assert capsys.readouterr().err == (
        f"crashsym: no debug files to upload: '{bench.bundle}': a target wants them, and the bundle"
        " has none. Make it with --debug-root, or take 'debug-files' out of 'send'.\n"
    )


# -- killed


@pytest.mark.parametrize("kind", ["sentry", "http"])
def test_killed_at_random_moments(tmp_path: Path, kind: str) -> None:
    bench = Bench(tmp_path, 200, 300)
    assert main(bench.bundle_line()) == 0
    moment = random.Random(kind)  # noqa: S311 - no secret
    slow = [Order("*", Slow(0.005), onwards=True)]
    settings = Sentry(chunks_per_request=2, concurrency=4, polls=1)
    with SentryServer(settings, slow) if kind == "sentry" else PutServer(None, slow) as server:
        more = PLACE if kind == "sentry" else ()
        bench.target(kind, server.url, *more, bench.token(Sentry().token))
        killed = 0
        for _ in range(6):
            enough = len(server.account.requests) + moment.randint(1, 18)
            child = start(bench)
            while len(server.account.requests) < enough and child.poll() is None:
                time.sleep(0.001)
            child.kill()
            child.communicate()
            killed += child.returncode == -signal.SIGKILL
        assert killed > 3
        assert server.account.content, "all were killed before the first file"
        assert main(line(bench)) == 0
        assert not server.account.duplicates
        whole = {key: blob for key, blob in server.kept.items() if kind == "http" or "/" in key}
        assert {blob.sha256 for blob in whole.values()} == bench.wanted


# -- damage that costs one file


def test_a_file_that_is_damaged_fails_alone(bench: Bench, capsys: Printed) -> None:
    damage(bench.bundle, b"function_1_9", b"function_1_8")
    with PutServer() as server:
        bench.target("http", server.url)
        assert main(line(bench, "--json")) == 3
        assert len(server.kept) == 2
        assert kept(server) < bench.wanted
    printed = capsys.readouterr()
    (unusable,) = shown(printed.out)["unusable"]
    assert unusable["paths"] == ["/usr/lib/lib1.so"]
    assert unusable["file"].startswith(f"{bench.bundle}/symbols/lib1.so/")
    assert "its SHA-256 is " in printed.err


def damage(file: Path, old: bytes, new: bytes) -> None:
    data = file.read_bytes()
    assert data.count(old) > 0
    file.write_bytes(data.replace(old, new, 1))


def test_a_bundle_that_changes_while_it_is_sent(bench: Bench, capsys: Printed) -> None:
    with PutServer(None, [Order("head", Slow(0.5), onwards=True)]) as server:
        bench.target("http", server.url, "jobs = 1")
        child = start(bench, "--json")
        while not server.account.requests and child.poll() is None:
            time.sleep(0.01)
        with bench.bundle.open("r+b") as stream:
            stream.truncate(4096)
        out, said = child.communicate(timeout=60)
        assert child.returncode == 3, said
        assert kept(server) <= bench.wanted
    assert "failed" in states(shown(out))
    assert "it became shorter while it was read" in said


# -- damage that costs all


def unusable(bench: Bench, capsys: Printed) -> str:
    """Return why a bundle is of no use, which is said before any server is asked."""
    with PutServer() as server:
        assert main(line(bench, to=server.url)) == 2
        assert not server.account.connections
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert not (bench.folder / FOLDER).exists()
    return printed.err


def headers(file: Path) -> list[int]:
    """Return where the blocks of an archive are that are no content of files."""
    with tarfile.open(file) as archive:
        members = archive.getmembers()
        inside = {
            block
            for member in members
            for block in range(member.offset_data, member.offset_data + member.size, 512)
        }
        return [block for block in range(0, archive.offset, 512) if block not in inside]


def test_wherever_it_is_cut(bench: Bench, capsys: Printed) -> None:
    data = bench.bundle.read_bytes()
    last = headers(bench.bundle)[-1] + 512
    with tarfile.open(bench.bundle) as archive:
        ends = archive.getmembers()[-1].size + last
    for end in sorted({*range(0, ends, 512), *range(7, ends, 512), ends - 1}):
        bench.bundle.write_bytes(data[:end])
        said = unusable(bench, capsys) if end % 4096 == 0 else why_not(bench.bundle)
        assert "cannot use the bundle: " in said
        assert "Copy it again" in said


def why_not(file: Path) -> str:
    with pytest.raises(MalformedError) as caught:
        Bundle.open(file)
    return str(caught.value)


def test_any_byte_of_a_header_that_is_another_one(tmp_path: Path) -> None:
    """Either the bundle is refused, or each file is what the manifest says, or not usable."""
    bench = Bench(tmp_path, 2, 100)
    bundle = main(bench.bundle_line()) == 0 and bench.bundle
    assert bundle
    data = bundle.read_bytes()
    copy = tmp_path / "copy.tar"
    chance = random.Random(4)  # noqa: S311 - no secret
    refused = 0
    places = [block + byte for block in headers(bundle) for byte in range(512)]
    for place in places:
        for value in {0, 0x80, 0xFF, ord("7"), chance.randrange(256)} - {data[place]}:
            copy.write_bytes(data[:place] + bytes([value]) + data[place + 1 :])
            refused += not is_sound(copy, bench)
    assert refused > len(places)


def is_sound(file: Path, bench: Bench) -> bool:
    try:
        bundle = Bundle.open(file)
    except CrashsymError:
        return False
    items, _ = symbol_items(bundle.manifest.modules, bundle)
    assert {item.at_hand.digest() for item in items} <= bench.wanted
    return True


@pytest.mark.parametrize("seed", range(8))
def test_bytes_anywhere_that_are_others(tmp_path: Path, seed: int) -> None:
    bench = Bench(tmp_path, 2, 100)
    assert main(bench.bundle_line()) == 0
    data = bench.bundle.read_bytes()
    chance = random.Random(seed)  # noqa: S311 - no secret
    sound = 0
    for _ in range(300):
        other = bytearray(data)
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(data))
            size = chance.choice((1, 1, 2, 12, 512))
            other[place : place + size] = chance.choice(
                (b"", chance.randbytes(size), b"\xff" * size, b"9" * size, data[:size])
            )
        bench.bundle.write_bytes(other)
        sound += is_sound(bench.bundle, bench)
    assert sound < 300


# -- what is no bundle of ours, or a hostile one


def compressed(bench: Bench) -> bytes:
    return lzma.compress(bench.bundle.read_bytes())


def zipped(bench: Bench) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("bundle.json", "{}")
    return data.getvalue()


def foreign(bench: Bench) -> bytes:
    tar = require_tool("tar")
    done = subprocess.run(
        [tar, "-cf", "-", "gone"], cwd=bench.folder, capture_output=True, check=True
    )
    return done.stdout


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda _: b"", "it is no uncompressed tar archive"),
        (lambda _: b"{}", "it is no uncompressed tar archive"),
        (lambda _: bytes(10240), "its first file is not 'bundle.json'"),
        (compressed, "it is no uncompressed tar archive"),
        (zipped, "it is no uncompressed tar archive"),
        (foreign, "'gone' in it is no plain file"),
    ],
)
def test_what_is_no_bundle(
    bench: Bench, capsys: Printed, make: Callable[[Bench], bytes], why: str
) -> None:
    bench.bundle.write_bytes(make(bench))
    assert f"cannot use the bundle: '{bench.bundle}': {why}" in unusable(bench, capsys)


def test_what_is_no_file(bench: Bench, capsys: Printed) -> None:
    bench.bundle.unlink()
    assert "No such file or directory" in unusable(bench, capsys)
    bench.bundle.mkdir()
    assert "regular file" in unusable(bench, capsys) or "directory" in unusable(bench, capsys)
    bench.bundle.rmdir()
    os.mkfifo(bench.bundle)
    assert "is no regular file" in unusable(bench, capsys)


Member = tuple[tarfile.TarInfo, bytes]


def members(file: Path) -> list[Member]:
    with tarfile.open(file) as archive:
        return [(m, archive.extractfile(m).read()) for m in archive.getmembers()]  # type: ignore[union-attr]


def write(file: Path, found: list[Member], form: int = tarfile.PAX_FORMAT) -> None:
    with tarfile.open(file, "w", format=form) as archive:
        for header, data in found:
            archive.addfile(header, io.BytesIO(data))


def plain(name: str, data: bytes) -> Member:
    header = tarfile.TarInfo(name)
    header.size = len(data)
    return header, data


def linked(kind: bytes, name: str = "symbols/x", target: str = "/etc/passwd") -> Member:
    header = tarfile.TarInfo(name)
    header.type, header.linkname = kind, target
    return header, b""


def sparse(found: bytes) -> Callable[[Member], Member]:
    """The same file as one with holes, of which that is the map (the manual of GNU tar)."""

    def change(member: Member) -> Member:
        header, data = member
        other = tarfile.TarInfo(f"./GNUSparseFile.0/{header.name}")
        other.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}
        other.pax_headers |= {"GNU.sparse.name": header.name}
        other.pax_headers |= {"GNU.sparse.realsize": str(len(data))}
        holed = found.ljust(512, b"\0") + data if found else data
        other.size = len(holed)
        return other, holed

    return change


def twice(found: list[Member]) -> list[Member]:
    return [*found, found[2]]


def swapped(found: list[Member]) -> list[Member]:
    return [*found[:2], found[3], found[2], *found[4:]]


def index_of(found: list[Member], change: Callable[[Any], object]) -> list[Member]:
    document = json.loads(found[0][1])
    change(document)
    return [plain("bundle.json", json.dumps(document).encode()), *found[1:]]


def outside(name: str) -> Callable[[list[Member]], list[Member]]:
    """A bundle that is consistent, but has a file that unpacked would lie elsewhere."""

    def change(found: list[Member]) -> list[Member]:
        entry = {"name": name, "size": 1, "sha256": "0" * 64}
        return [
            *index_of(found, lambda document: document["files"].append(entry)),
            plain(name, b"x"),
        ]

    return change


HOSTILE: dict[str, tuple[Callable[[list[Member]], list[Member]], str]] = {
    "symbolic link": (lambda found: [*found[:2], linked(tarfile.SYMTYPE)], "is no plain file"),
    "hard link": (lambda found: [*found[:2], linked(tarfile.LNKTYPE)], "is no plain file"),
    "device": (lambda found: [*found[:2], linked(tarfile.CHRTYPE)], "is no plain file"),
    "pipe": (lambda found: [*found[:2], linked(tarfile.FIFOTYPE)], "is no plain file"),
    "folder": (lambda found: [*found, linked(tarfile.DIRTYPE)], "is no plain file"),
    "index that is a link": (
        lambda found: [linked(tarfile.SYMTYPE, "bundle.json"), *found[1:]],
        "'bundle.json' in it is no plain file",
    ),
    "unknown kind": (lambda found: [*found, linked(b"Q")], "is no plain file"),
    "sparse": (lambda found: [*found[:2], linked(tarfile.GNUTYPE_SPARSE)], ""),
    "sparse, as GNU tar has it": (
        lambda found: [*found[:2], *map(sparse(b"1\n0\n5\n"), found[2:])],
        "is no plain file",
    ),
    "sparse without a map": (
        lambda found: [*found[:2], *map(sparse(b""), found[2:])],
        "or a damaged one",
    ),
    "twice": (twice, "it has more files than"),
    "one more": (lambda found: [*found, plain("symbols/x", b"")], "it has more files than"),
    "one less": (lambda found: found[:-1], "it ends after 3 of 4 files"),
    "other order": (swapped, "is not what 'bundle.json' says"),
    "no index": (lambda found: found[1:], "its first file is not 'bundle.json'"),
    "no manifest": (lambda found: [found[0], *found[2:]], "is not what 'bundle.json' says"),
    "another name": (
        lambda found: [*found[:-1], plain("symbols/../../x", found[-1][1])],
        "is not what 'bundle.json' says",
    ),
    "index of another version": (
        lambda found: index_of(found, lambda it: it.update(schema="crashsym-bundle/2")),
        "its schema is 'crashsym-bundle/2', this crashsym reads 'crashsym-bundle/1'",
    ),
    "index without files": (
        lambda found: index_of(found, lambda it: it.update(files=[])),
        "does not begin with 'manifest.json'",
    ),
    "index with numbers": (
        lambda found: index_of(found, lambda it: it["files"].append(1)),
        "'bundle.json' in it is damaged",
    ),
    "index with another size": (
        lambda found: index_of(found, lambda it: it["files"][1].update(size=-1)),
        "is not what 'bundle.json' says",
    ),
    "index with a text for a size": (
        lambda found: index_of(found, lambda it: it["files"][0].update(size="1")),
        "'bundle.json' in it is damaged",
    ),
    "index with nothing for a digest": (
        lambda found: index_of(found, lambda it: it["files"][1].update(sha256=None)),
        "'bundle.json' in it is damaged",
    ),
    "index with a name twice": (
        lambda found: twice(index_of(found, lambda it: it["files"].append(it["files"][1]))),
        "is not what 'bundle.json' says",
    ),
    "index that is deep": (
        lambda found: [plain("bundle.json", b"[" * 100_000), *found[1:]],
        "'bundle.json' in it is damaged",
    ),
    "manifest with other bytes": (
        lambda found: [
            found[0],
            plain("manifest.json", found[1][1].replace(b"x86_64", b"x86_65")),
            *found[2:],
        ],
        "'manifest.json' in it is damaged",
    ),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_bundle(bench: Bench, capsys: Printed, kind: str) -> None:
    change, why = HOSTILE[kind]
    write(bench.bundle, change(members(bench.bundle)))
    said = unusable(bench, capsys)
    assert "cannot use the bundle: " in said
    assert why in said


@pytest.mark.parametrize("name", ["../x", "/etc/x", "symbols/../../x", "symbols/\x1b[2J", "x"])
def test_a_file_that_no_module_needs_goes_nowhere(bench: Bench, capsys: Printed, name: str) -> None:
    """Nothing is unpacked: a name that leads elsewhere is the name of nothing."""
    write(bench.bundle, outside(name)(members(bench.bundle)))
    before = sorted(bench.folder.parent.rglob("*"))
    with PutServer() as server:
        assert main(line(bench, to=server.url)) == 0
        assert kept(server) == bench.wanted
    new = {*bench.folder.parent.rglob("*")} - {*before}
    assert {file.parts[len(bench.folder.parts)] for file in new} == {FOLDER}


def raw(name: str, kind: bytes, size: int) -> bytes:
    """Return a header that `tarfile` would not write."""
    header = tarfile.TarInfo(name)
    header.type = kind
    block = bytearray(header.tobuf(tarfile.GNU_FORMAT))
    signed = (b"\x80" if size >= 0 else b"\xff") + size.to_bytes(11, "big", signed=True)
    block[124:136] = b"%011o\0" % size if 0 <= size < 8 << 30 else signed
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def behind(bench: Bench, *blocks: bytes) -> None:
    """Put blocks behind the first file of a bundle."""
    data = bench.bundle.read_bytes()
    second = headers(bench.bundle)[1]
    bench.bundle.write_bytes(data[:second] + b"".join(blocks) + data[second:])


LARGE = 1 << 30
EXTENSIONS = [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK]


@pytest.mark.parametrize("kind", EXTENSIONS)
@pytest.mark.parametrize("size", [LARGE, 1 << 70, -512, -(1 << 40), 1 << 17])
def test_a_header_of_any_size(bench: Bench, capsys: Printed, kind: bytes, size: int) -> None:
    behind(bench, raw("x", kind, size), bytes(1 << 17))
    said = unusable(bench, capsys)
    assert "a header in it is too large" in said


@pytest.mark.parametrize("size", [LARGE, 1 << 70, -1, -512, -(1 << 40)])
def test_a_file_of_any_size(bench: Bench, capsys: Printed, size: int) -> None:
    behind(bench, raw("manifest.json", tarfile.REGTYPE, size))
    assert "it is cut short" in unusable(bench, capsys).lower()


def test_a_sparse_file_whose_map_goes_on_behind_the_end(bench: Bench, capsys: Printed) -> None:
    block = bytearray(raw("x", tarfile.GNUTYPE_SPARSE, 0))
    block[482] = 1  # there is more of the map
    block[148:156] = b"%06o\0 " % (sum(block[:148]) + 8 * 32 + sum(block[156:]))
    second = headers(bench.bundle)[1]
    bench.bundle.write_bytes(bench.bundle.read_bytes()[:second] + block)
    assert "or a damaged one" in unusable(bench, capsys)


@pytest.mark.parametrize("kind", EXTENSIONS)
def test_headers_of_headers(bench: Bench, capsys: Printed, kind: bytes) -> None:
    behind(bench, *([raw("x", kind, 0)] * 5000))
    assert "cannot use the bundle" in unusable(bench, capsys)


def test_a_bundle_that_others_packed_again(bench: Bench) -> None:
    """GNU's format, other times and users: it is what is in it that counts."""
    found = members(bench.bundle)
    for header, _ in found:
        header.mtime, header.uid, header.uname, header.mode = 7, 1000, "me", 0o600
    write(bench.bundle, found, tarfile.GNU_FORMAT)
    with PutServer() as server:
        assert main(line(bench, to=server.url)) == 0
        assert kept(server) == bench.wanted


# -- memory


CHILD = """
import resource, sys
from crashsym.cli.main import main
base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
code = main(sys.argv[1:])
print(code, base, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_a_large_file_takes_no_memory(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 1)
    size = 200 << 20
    os.truncate(bench.symbol_file(), size)
    with bench.symbol_file().open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[attr-defined, unused-ignore]
    (known,) = bench.wanted
    manifest = tmp_path / "manifest.json"
    manifest.write_text(manifest.read_text().replace(known, digest))
    with PutServer() as server:
        bench.target("http", server.url)
        for command in (bench.bundle_line(), line(bench)):
            done = subprocess.run(
                [sys.executable, "-c", CHILD, *command],
                capture_output=True,
                text=True,
                check=True,
                env={**os.environ, "PYTHONPATH": LIB},
            )
            code, base, peak = map(int, done.stdout.split())
            assert code == 0, done.stderr
            assert peak - base < 64 << 10
        assert kept(server) == {digest}


def test_a_file_that_is_refused_is_sent_by_the_next_run(bench: Bench) -> None:
    with PutServer(None, [Order("put", Answer(422), 2)]) as server:
        bench.target("http", server.url, "jobs = 1")
        assert main(line(bench)) == 3
        assert len(server.kept) == 2
        assert main(line(bench)) == 0
        assert kept(server) == bench.wanted
        assert not server.account.duplicates
