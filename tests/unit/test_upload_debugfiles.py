# SPDX-License-Identifier: MIT
"""ELF files with debug information, beside symbols: made by gcc and objcopy, as OE has them."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from builders.uploading import shown
from corpus.build import run
from crashsym.cli.main import main
from crashsym.manifest import read
from servers.base import Server
from servers.faults import Order, Plan, Slow
from servers.put import PutServer
from servers.sentry import Sentry, SentryServer
from servers.symupload_v2 import SymUploadV2, SymUploadV2Server
from servers.tecken import Tecken, TeckenServer
from support import require_tool

CODE = "int f(int a) { return a + 1; }\nint g(int a) { return f(a) * 2; }\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("debug"))


def build(folder: Path, *flags: str) -> Path:
    """Make a tree, its store and its manifest in a folder, and return that."""
    gcc, objcopy = require_tool("gcc"), require_tool("objcopy")
    lib = folder / "root/usr/lib"
    (lib / ".debug").mkdir(parents=True)
    (folder / "a.c").write_text(CODE)
    for name in ("liba.so", "libb.so"):
        more = [
            "-shared",
            "-fPIC",
            f"-Wl,-soname,{name}",
            "-Wl,--build-id",
            f"-DX={name[3]}",
            *flags,
        ]
        run([gcc, "-g", "-O1", *more, "-o", str(lib / name), str(folder / "a.c")])
        half = lib / ".debug" / name
        run([objcopy, "--only-keep-debug", str(lib / name), str(half)])
        run([objcopy, "--strip-all", f"--add-gnu-debuglink={half}", str(lib / name)])
    places = ["--store", f"{folder}/store", "--manifest", f"{folder}/manifest.json"]
    assert main(["extract", f"{folder}/root", *places]) == 0
    return folder


def hand_over(folder: Path, token: str) -> None:
    (folder / "token").touch(0o600)
    (folder / "token").write_text(token)


def upload(folder: Path, made: Path, *target: str) -> int:
    config = folder / "crashsym.toml"
    token = folder / "token"
    token.touch(0o600)
    config.write_text(
        "\n".join(["[target.server]", *target, f'token = {{ file = "{token}" }}', ""])
    )
    (folder / "manifest.json").write_bytes((made / "manifest.json").read_bytes())
    places = ["--store", f"{made}/store", "--manifest", f"{folder}/manifest.json"]
    tree = ["--debug-root", f"{made}/root", "--config", str(config)]
    return main(["upload", *places, *tree, "--to", "server", "--verify", "--json"])


def halves(made: Path) -> set[bytes]:
    return {file.read_bytes() for file in (made / "root/usr/lib/.debug").iterdir()}


SERVERS: dict[str, tuple[type[Server], str, tuple[str, ...]]] = {
    "sentry": (
        SentryServer,
        Sentry().token,
        ('organization = "acme"', 'project = "firmware"', "wait = 5"),
    ),
    "symupload-v2": (SymUploadV2Server, SymUploadV2().key, ()),
    "http": (PutServer, "any", ('layout = "debuginfod"',)),
}


@pytest.mark.parametrize("kind", SERVERS)
def test_debug_files(
    tmp_path: Path, made: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    cls, token, more = SERVERS[kind]
    hand_over(tmp_path, token)
    with cls() as server:
        lines = [f'kind = "{kind}"', f'url = "{server.url}"', 'send = ["debug-files"]', *more]
        assert upload(tmp_path, made, *lines) == 0, capsys.readouterr().err
        kept = {blob.read() for key, blob in server.kept.items() if kind != "sentry" or "/" in key}
    assert kept == halves(made)
    document = shown(capsys.readouterr().out)
    assert {file["kind"] for file in document["targets"][0]["files"]} == {"debug-files"}


def test_receipts_are_enough_to_ask_for_them(
    tmp_path: Path, made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hand_over(tmp_path, Sentry().token)
    with SentryServer() as server:
        lines = ['kind = "sentry"', f'url = "{server.url}"', *SERVERS["sentry"][2]]
        assert upload(tmp_path, made, *lines, 'send = ["debug-files"]') == 0
        config = ["--config", f"{tmp_path}/crashsym.toml", "--to", "server"]
        places = ["--manifest", f"{tmp_path}/manifest.json", "--store", f"{made}/store"]
        assert main(["verify", *places, *config]) == 0
        assert "2 of 2 files are there" in capsys.readouterr().err
        assert main(["upload", *places, *config]) == 2
    assert "no debug files to upload" in capsys.readouterr().err


def test_debuginfod_finds_them(tmp_path: Path, made: Path) -> None:
    """The client of elfutils asks for what was put."""
    find = require_tool("debuginfod-find")
    with PutServer() as server:
        hand_over(tmp_path, "any")
        lines = ['kind = "http"', f'url = "{server.url}"', 'layout = "debuginfod"']
        assert upload(tmp_path, made, *lines, 'send = ["debug-files"]') == 0
        for module in read(made / "manifest.json").modules:
            found = subprocess.run(
                [find, "debuginfo", str(module.build_id)],
                capture_output=True,
                text=True,
                check=True,
                env={"DEBUGINFOD_URLS": server.url, "DEBUGINFOD_CACHE_PATH": str(tmp_path / "c")},
            )
            half = made / "root/usr/lib/.debug" / Path(module.path).name
            assert Path(found.stdout.strip()).read_bytes() == half.read_bytes()


def test_a_server_of_symbols_alone_refuses_them(
    tmp_path: Path, made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hand_over(tmp_path, Tecken().token)
    with TeckenServer() as server:
        lines = ['kind = "tecken"', f'url = "{server.url}"', 'send = ["symbols", "debug-files"]']
        assert upload(tmp_path, made, *lines) == 2
        assert not server.account.requests
    said = capsys.readouterr().err
    assert "'tecken' has no place for debug-files. Give send = [\"symbols\"]." in said


def test_symbols_and_debug_files_of_sentry(
    tmp_path: Path, made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cls, token, more = SERVERS["sentry"]
    hand_over(tmp_path, token)
    with cls() as server:
        lines = ['kind = "sentry"', f'url = "{server.url}"', *more]
        send = 'send = ["symbols", "debug-files"]'
        assert upload(tmp_path, made, *lines, send) == 0, capsys.readouterr().err


def test_sentry_removes_what_newer_files_can_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Unwind rules in .debug_frame, as 32-bit Arm has them: then the ELF file replaces the symbols.
    made = build(tmp_path / "made", "-fno-asynchronous-unwind-tables")
    cls, token, more = SERVERS["sentry"]
    hand_over(tmp_path, token)
    with cls() as server:
        lines = ['kind = "sentry"', f'url = "{server.url}"', *more]
        assert upload(tmp_path, made, *lines, 'send = ["symbols", "debug-files"]') == 3
        said = capsys.readouterr().err
        assert "has not this file, but 1 other of this id, which may have replaced it" in said
        assert upload(tmp_path, made, *lines, 'send = ["debug-files"]') == 0


# -- in bundles


def bundled(folder: Path, made: Path, *more: str) -> tuple[int, list[str]]:
    """Write a bundle; return the exit code and the names in it."""
    places = ["--store", f"{made}/store", "--manifest", f"{made}/manifest.json"]
    code = main(["upload", *places, "--bundle", f"{folder}/b.tar", *more])
    if code != 0:
        return code, []
    with tarfile.open(folder / "b.tar") as archive:
        return code, archive.getnames()


def config_of(folder: Path, *target: str) -> list[str]:
    hand_over(folder, Sentry().token)
    token = f'token = {{ file = "{folder}/token" }}'
    (folder / "crashsym.toml").write_text("\n".join(["[target.server]", *target, token, ""]))
    return ["--config", f"{folder}/crashsym.toml", "--to", "server"]


BOTH = 'send = ["symbols", "debug-files"]'


@pytest.mark.parametrize(
    ("send", "root", "debug"),
    [
        (None, False, 0),
        (None, True, 2),
        ('send = ["symbols"]', True, 0),
        (BOTH, True, 2),
        ('send = ["debug-files"]', True, 2),
        (BOTH, False, None),  # an error
    ],
)
def test_whether_debug_files_are_in_a_bundle(
    tmp_path: Path, made: Path, send: str | None, root: bool, debug: int | None
) -> None:
    lines = ['kind = "http"', 'url = "http://127.0.0.1:1"', 'layout = "unified"']
    more = config_of(tmp_path, *lines, send) if send else []
    tree = ["--debug-root", f"{made}/root"] if root else []
    code, names = bundled(tmp_path, made, *more, *tree)
    assert code == (2 if debug is None else 0)
    assert len([n for n in names if n.startswith("debug-files/.build-id/")]) == (debug or 0)
    assert len([n for n in names if n.startswith("symbols/")]) == (2 if code == 0 else 0)


@pytest.mark.parametrize("kind", SERVERS)
def test_debug_files_out_of_a_bundle(tmp_path: Path, made: Path, kind: str) -> None:
    cls, token, more = SERVERS[kind]
    assert bundled(tmp_path, made, "--debug-root", f"{made}/root")[0] == 0
    with cls() as server:
        lines = [f'kind = "{kind}"', f'url = "{server.url}"', 'send = ["debug-files"]', *more]
        target = config_of(tmp_path, *lines)
        (tmp_path / "token").write_text(token)
        assert main(["upload", "--bundle", f"{tmp_path}/b.tar", *target, "--verify"]) == 0
        kept = {blob.read() for key, blob in server.kept.items() if kind != "sentry" or "/" in key}
    assert kept == halves(made)


def test_a_debug_file_of_a_bundle_that_is_damaged(
    tmp_path: Path, made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bundled(tmp_path, made, "--debug-root", f"{made}/root")[0] == 0
    with tarfile.open(tmp_path / "b.tar") as archive:
        (victim, *_) = [one for one in archive.getmembers() if ".build-id" in one.name]
    with (tmp_path / "b.tar").open("r+b") as stream:
        stream.seek(victim.offset_data + victim.size - 1)
        last = stream.read(1)
        stream.seek(-1, 1)
        stream.write(bytes([last[0] ^ 1]))
    with PutServer() as server:
        lines = ['kind = "http"', f'url = "{server.url}"', 'layout = "debuginfod"']
        target = config_of(tmp_path, *lines, 'send = ["debug-files"]')
        assert main(["upload", "--bundle", f"{tmp_path}/b.tar", *target]) == 3
        assert len(server.kept) == 1
    said = capsys.readouterr().err
    assert f"failed: '{tmp_path}/b.tar/{victim.name}'" in said
    assert "its SHA-256 is " in said


def test_gdb_reads_the_debug_files_of_an_unpacked_bundle(tmp_path: Path, made: Path) -> None:
    gdb, tar = require_tool("gdb-multiarch"), require_tool("tar")
    assert bundled(tmp_path, made, "--debug-root", f"{made}/root")[0] == 0
    run([tar, "-xf", f"{tmp_path}/b.tar", "-C", str(tmp_path)])
    library = tmp_path / "liba.so"  # away from its own half
    library.write_bytes((made / "root/usr/lib/liba.so").read_bytes())
    folder = f"set debug-file-directory {tmp_path}/debug-files"
    command = [gdb, "-nx", "-batch", "-ex", folder, "-ex", f"file {library}", "-ex", "info line f"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert 'Line 1 of "' in done.stdout


# -- without a store


def test_debug_files_are_asked_for_by_their_receipts(
    tmp_path: Path, made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cls, token, more = SERVERS["sentry"]
    manifest = f"{tmp_path}/manifest.json"
    with cls() as server:
        hand_over(tmp_path, token)
        lines = ['kind = "sentry"', f'url = "{server.url}"', *more]
        assert upload(tmp_path, made, *lines, 'send = ["debug-files"]') == 0
        capsys.readouterr()
        alone = ["verify", "--manifest", manifest, "--config", f"{tmp_path}/crashsym.toml"]
        assert main([*alone, "--to", "server", "--json"]) == 0
        (target,) = shown(capsys.readouterr().out)["targets"]
        files = {hashlib.sha256(half).hexdigest() for half in halves(made)}
        assert {file["sha256"] for file in target["files"]} == files
        assert {(file["kind"], file["why"]) for file in target["files"]} == {("debug-files", "")}
        # the trees are still there
        assert main([*alone, "--to", "server", "--debug-root", f"{made}/root"]) == 0
        Path(manifest).write_bytes((made / "manifest.json").read_bytes())
        capsys.readouterr()
        assert main([*alone, "--to", "server"]) == 2
    assert "the manifest has no receipts for them. Name their tree" in capsys.readouterr().err


def test_a_debug_file_that_is_not_there_is_missed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = build(tmp_path / "made")
    (made / "root/usr/lib/.debug/libb.so").unlink()
    hand_over(tmp_path, "any")
    with PutServer() as server:
        lines = ['kind = "http"', f'url = "{server.url}"', 'layout = "debuginfod"']
        assert upload(tmp_path, made, *lines, 'send = ["debug-files"]') == 3
        assert {blob.read() for blob in server.kept.values()} == halves(made)
    printed = capsys.readouterr()
    missing = "failed: 'libb.so' (/usr/lib/libb.so): there is no debug file of its build id"
    assert missing in printed.err
    (unusable,) = shown(printed.out)["unusable"]
    assert unusable["paths"] == ["/usr/lib/libb.so"]
    assert not shown(printed.out)["complete"]


@pytest.mark.parametrize("kind", SERVERS)
def test_a_debug_file_of_two_programs_is_sent_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    made = build(tmp_path / "made")
    library, half = made / "root/usr/lib/libb.so", made / "root/usr/lib/.debug/libb.so"
    gcc, objcopy = require_tool("gcc"), require_tool("objcopy")
    words = ["-g", "-shared", "-fPIC", "-Wl,--build-id"]  # it has no name but that of the file
    run([gcc, *words, "-o", str(library), str(made / "a.c")])
    run([objcopy, "--only-keep-debug", str(library), str(half)])
    run([objcopy, "--strip-all", str(library)])
    run(["cp", str(library), str(library.with_name("copy.so"))])
    shutil.rmtree(made / "store")
    places = ["--store", f"{made}/store", "--manifest", f"{made}/manifest.json"]
    assert main(["extract", f"{made}/root", *places]) == 0
    cls, token, more = SERVERS[kind]
    hand_over(tmp_path, token)
    with cls() as server:
        server.plan = Plan([Order("*", Slow(0.1), onwards=True)])  # all are under way at once
        lines = [f'kind = "{kind}"', f'url = "{server.url}"', 'send = ["debug-files"]', *more]
        assert upload(tmp_path, made, *lines) == 0
        assert not server.account.duplicates
        sent = sum(server.account.content.values())
    assert sent == sum(len(half) for half in halves(made))
    receipts = {m.path: len(m.receipts) for m in read(tmp_path / "manifest.json").modules}
    assert set(receipts.values()) == {1}
    assert len(receipts) == 3
    assert "3 of 3 files are there" in capsys.readouterr().err


def test_a_file_without_debug_information_has_no_debug_file(tmp_path: Path) -> None:
    made = build(tmp_path / "made")
    gcc = require_tool("gcc")
    plain = made / "root/usr/lib/libc.so"
    run([gcc, "-g0", "-shared", "-fPIC", "-Wl,--build-id", "-o", str(plain), str(made / "a.c")])
    places = ["--store", f"{made}/store", "--manifest", f"{made}/manifest.json"]
    main(["extract", f"{made}/root", *places])
    assert any(
        m.path == "/usr/lib/libc.so" and m.symbols for m in read(made / "manifest.json").modules
    )
    hand_over(tmp_path, "any")
    with PutServer() as server:
        lines = ['kind = "http"', f'url = "{server.url}"', 'layout = "debuginfod"']
        assert upload(tmp_path, made, *lines, 'send = ["debug-files"]') == 0
