# SPDX-License-Identifier: MIT
"""Bundles: what is in them, that equal files give equal ones, and that nothing else is left."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import resource
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from builders.symbolstore import add
from builders.uploading import CANARY, LIB, Bench, kept, shown, states
from crashsym.cli.main import main
from crashsym.manifest import Manifest, read
from crashsym.upload import bundle as bundles
from crashsym.upload.bodies import FileBody
from crashsym.upload.bundle import Bundle
from jsonschema import Draft202012Validator
from servers.put import PutServer
from support import REPOSITORY, require_tool

UPLOAD = json.loads((REPOSITORY / "docs/reference/crashsym-upload-1.schema.json").read_bytes())
INDEX = json.loads((REPOSITORY / "docs/reference/crashsym-bundle-1.schema.json").read_bytes())

Printed = pytest.CaptureFixture[str]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, 3)


def content(file: Path) -> dict[str, bytes]:
    """Return the files of an archive in their order, as Python's own reader has them."""
    with tarfile.open(file) as archive:
        members = archive.getmembers()
        assert all(member.isreg() for member in members)
        found = [(member.name, archive.extractfile(member)) for member in members]
        return {name: stream.read() for name, stream in found if stream is not None}


def left(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


# -- what is in it


def test_what_is_in_a_bundle(bench: Bench, capsys: Printed) -> None:
    assert main(bench.bundle_line("--json")) == 0
    printed = capsys.readouterr()
    document = shown(printed.out)
    Draft202012Validator(UPLOAD).validate(document)
    assert document == {
        "schema": "crashsym-upload/1",
        "complete": True,
        "targets": [],
        "unusable": [],
    }
    found = content(bench.bundle)
    index = json.loads(found["bundle.json"])
    Draft202012Validator(INDEX).validate(index)
    assert [one["name"] for one in index["files"]] == list(found)[1:]
    assert list(found)[1:] == ["manifest.json", *sorted(list(found)[2:])]
    assert found.pop("manifest.json") == (bench.folder / "manifest.json").read_bytes()
    del found["bundle.json"]
    sizes = sum(map(len, found.values()))
    assert printed.err == f"crashsym: '{bench.bundle}': 3 files, {sizes} bytes\n"
    store = {f"symbols/{file.relative_to(bench.store)}": file.read_bytes() for file in files(bench)}
    assert found == store


def files(bench: Bench) -> list[Path]:
    return sorted(file for file in bench.store.rglob("*") if file.is_file())


def test_tar_unpacks_a_store(bench: Bench) -> None:
    """A bundle is of use without crashsym: GNU tar makes a store and its manifest of it."""
    assert main(bench.bundle_line()) == 0
    place = bench.folder / "unpacked"
    place.mkdir()
    subprocess.run([require_tool("tar"), "-xf", bench.bundle, "-C", place], check=True)
    line = ["--manifest", f"{place}/manifest.json", "--store", f"{place}/symbols"]
    with PutServer() as server:
        assert main(["upload", *line, "--to", server.url]) == 0
        assert kept(server) == bench.wanted


@pytest.mark.parametrize(
    "name", ["n" * 248 + ".so", "größe-名.so", "a b\n\t'\".so", "-x", "~", "a\\x41"]
)
def test_any_name(tmp_path: Path, name: str) -> None:
    bench = Bench(tmp_path, 1)
    (module,) = bench.manifest.modules
    assert module.symbols is not None
    place = f"{name}/{module.debug_id}/{name}.sym"
    (bench.store / place).parent.mkdir(parents=True)
    bench.symbol_file().rename(bench.store / place)
    symbols = replace(module.symbols, path=place)
    Manifest.of([replace(module, debug_file=name, symbols=symbols)]).write(
        tmp_path / "manifest.json"
    )
    assert main(bench.bundle_line()) == 0
    listed = subprocess.run(
        [require_tool("tar"), "-tf", bench.bundle, "--quoting-style=literal", "--null"],
        capture_output=True,
        check=True,
    )
    assert f"symbols/{place}\n".encode() in listed.stdout
    assert main(["upload", "--bundle", str(bench.bundle), "--to", f"store:{tmp_path}/out"]) == 0
    (copy,) = (tmp_path / "out").rglob("*.sym")
    assert {hashlib.sha256(copy.read_bytes()).hexdigest()} == bench.wanted


def test_files_of_more_than_8_gib(bench: Bench) -> None:
    """What the field of a header has no room for; the zeros take no place on the disk."""
    size = (8 << 30) + 5
    document, large, last = (bench.folder / "manifest.json").read_bytes(), "symbols/a", "symbols/b"
    index = [("manifest.json", len(document)), (large, size), (last, 4)]
    entries = [{"name": name, "size": length, "sha256": "0" * 64} for name, length in index]
    entries[0]["sha256"] = hashlib.sha256(document).hexdigest()
    with tarfile.open(bench.bundle, "w", format=tarfile.PAX_FORMAT) as archive:
        bundles._add(
            archive,
            "bundle.json",
            json.dumps({"schema": bundles.SCHEMA, "files": entries}).encode(),
        )
        bundles._add(archive, "manifest.json", document)
    with bench.bundle.open("r+b") as stream:
        stream.seek(end_of(bench.bundle))
        stream.write(bundles._header(large, size).tobuf(tarfile.PAX_FORMAT))
        stream.seek(-size % 512 + size, os.SEEK_CUR)
        stream.write(bundles._header(last, 4).tobuf(tarfile.PAX_FORMAT) + b"last")
        stream.truncate(stream.tell() + 508 + 1024)
    listed = subprocess.run(
        [require_tool("tar"), "-tvf", bench.bundle], capture_output=True, text=True, check=True
    )
    assert f" {size} " in listed.stdout
    found = Bundle.open(bench.bundle)
    assert found.find("a").size == size
    where = found.find("b")
    with closing(FileBody(where.file, where.start, where.size)) as body:
        assert body.read() == b"last"


def end_of(file: Path) -> int:
    """Return where the next file of an archive would be."""
    with tarfile.open(file) as archive:
        archive.getmembers()
        return archive.offset


# -- equal bytes


def test_equal_files_give_an_equal_bundle(tmp_path: Path) -> None:
    found = []
    for number, (name, mask) in enumerate((("one", 0o022), ("other/place", 0o077))):
        (tmp_path / name).mkdir(parents=True)
        before = os.umask(mask)
        bench = Bench(tmp_path / name, 0)
        for module in (range(5), range(4, -1, -1))[number]:  # folders have another order
            add(bench.store, module)
        Bench(tmp_path / name, 5)
        for file in files(bench):
            os.utime(file, (number, number))
            file.chmod((0o644, 0o600)[number])
        assert main(bench.bundle_line()) == 0
        os.umask(before)
        found.append(bench.bundle.read_bytes())
    assert found[0] == found[1]


def test_nothing_of_the_machine_is_in_it(bench: Bench) -> None:
    assert main(bench.bundle_line()) == 0
    with tarfile.open(bench.bundle) as archive:
        facts = {(m.mtime, m.uid, m.gid, m.uname, m.gname, m.mode) for m in archive.getmembers()}
    assert facts == {(0, 0, 0, "", "", 0o644)}
    assert str(bench.folder).encode() not in bench.bundle.read_bytes()


# -- nothing is sent


def test_no_server_is_asked_and_no_token_read(bench: Bench, capsys: Printed) -> None:
    with PutServer() as server:
        bench.target("http", server.url, 'token = { file = "/none" }')
        bench.target("http", server.url, bench.token(CANARY), name="other")
        config = ("--config", f"{bench.folder}/crashsym.toml")
        more = (*config, "--to", "server", "--to", "other", "--token-file", "/none")
        assert main(bench.bundle_line(*more)) == 0
        assert not server.account.connections
    assert CANARY.encode() not in bench.bundle.read_bytes()
    assert not (bench.store / ".crashsym-uploads").exists()


def test_a_broken_configuration_does_not_matter_without_targets(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(bench.folder)
    Path("crashsym.toml").write_text("nonsense")
    assert main(bench.bundle_line()) == 0
    assert main(bench.bundle_line("--to", "server")) == 2


# -- what is missing


def scribble(bench: Bench) -> None:
    bench.symbol_file(1).write_text("other")


def remove(bench: Bench) -> None:
    bench.symbol_file(1).unlink()


def without(bench: Bench) -> None:
    modules = list(bench.manifest.modules)
    modules[1] = replace(modules[1], symbols=None, status="no-debug-info", reason="none")
    Manifest.of(modules).write(bench.folder / "manifest.json")


@pytest.mark.parametrize(
    ("harm", "why", "then"),
    [
        (scribble, "its SHA-256 is", "the bundle does not have it"),
        (remove, "No such file", "the bundle does not have it"),
        (without, "it has no symbols: no-debug-info", "it has no symbols: no-debug-info"),
    ],
)
def test_a_bundle_that_lacks_something_is_good_for_the_rest(
    bench: Bench, capsys: Printed, harm: Callable[[Bench], None], why: str, then: str
) -> None:
    harm(bench)
    assert main(bench.bundle_line("--json")) == 3
    printed = capsys.readouterr()
    document = shown(printed.out)
    assert not document["complete"]
    assert [one["paths"] for one in document["unusable"]] == [["/usr/lib/lib1.so"]]
    assert why in printed.err
    with PutServer() as server:
        line = ["upload", "--bundle", str(bench.bundle), "--to", server.url, "--json"]
        assert main(line) == 3
        assert len(server.kept) == 2
        printed = capsys.readouterr()
        assert states(shown(printed.out)) == ["sent"] * 2
        assert f"(/usr/lib/lib1.so): {then}" in printed.err


# -- what makes no bundle


def refused(bench: Bench, capsys: Printed, *more: str) -> str:
    """Return why no bundle was made; everything is as it was."""
    before = left(bench.folder)
    assert main(bench.bundle_line(*more)) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert left(bench.folder) == before
    return printed.err


def test_an_empty_manifest(bench: Bench, capsys: Printed) -> None:
    Manifest.of([]).write(bench.folder / "manifest.json")
    assert "nothing to upload: " in refused(bench, capsys)


def test_a_place_of_another_file(bench: Bench, capsys: Printed) -> None:
    bench.bundle = bench.folder / "store/../manifest.json"
    assert "it is also the place of another file" in refused(bench, capsys)
    bench.bundle = bench.store
    assert "Is a directory" in refused(bench, capsys)
    bench.bundle = bench.folder / "app"
    bench.bundle.write_bytes(b"\x7fELF")
    assert "cannot write the bundle" in refused(bench, capsys)


def test_an_unknown_target(bench: Bench, capsys: Printed) -> None:
    assert "unknown target 'none'" in refused(bench, capsys, "--to", "none")


def test_a_file_that_changes_meanwhile(
    bench: Bench, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = bundles._add

    def change(*more: Any) -> None:
        bench.symbol_file(1).write_text("other")
        real(*more)

    monkeypatch.setattr(bundles, "_add", change)
    assert "it has changed since the command began" in refused(bench, capsys)


def test_a_full_disk(bench: Bench) -> None:
    limits = (9000, resource.RLIM_INFINITY)  # bytes: the second of three files
    before = left(bench.folder)
    done = subprocess.run(
        [sys.executable, "-m", "crashsym", *bench.bundle_line()],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limits),
    )
    assert done.returncode == 2
    reason = os.strerror(errno.EFBIG)
    assert done.stderr == (
        f"crashsym: cannot write: '{bench.bundle}': {reason}. Make room there, or name another"
        " place.\n"
    )
    assert left(bench.folder) == before


def test_killed_it_leaves_no_half_bundle(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 400, 20_000)
    line = [sys.executable, "-m", "crashsym", *bench.bundle_line()]
    killed = 0
    for part in range(1, 9):
        child = subprocess.Popen(line, stderr=subprocess.DEVNULL, env=environment())
        while child.poll() is None and staged(tmp_path) < part * 700_000:
            time.sleep(0.0005)
        child.kill()
        killed += child.wait() != 0
        if child.returncode != 0:
            assert not bench.bundle.exists()
        bench.bundle.unlink(missing_ok=True)
    assert killed >= 4
    assert main(bench.bundle_line()) == 0
    assert left(tmp_path) == ["bundle.tar", "manifest.json", "store"], "leftovers are removed"
    Bundle.open(bench.bundle)


def staged(folder: Path) -> int:
    """Return the bytes of a bundle that is being written."""
    return max((_size(file) for file in folder.glob(".crashsym-*/bundle")), default=0)


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:  # it was finished
        return 0


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": LIB}


def test_what_is_there_is_replaced(bench: Bench) -> None:
    bench.bundle.write_text("old")
    assert main(bench.bundle_line()) == 0
    first = bench.bundle.read_bytes()
    assert main(bench.bundle_line()) == 0
    assert bench.bundle.read_bytes() == first


# -- lines that make no sense


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("upload", "required: --manifest, --store, --to"),
        ("upload --manifest m --store s", "required: --to"),
        ("upload --bundle b", "required: --to"),
        ("upload --bundle b --manifest m", "required: --store"),
        ("upload --bundle b --store s", "required: --manifest"),
        ("upload --bundle b --to t --debug-root d", "required: --manifest, --store"),
        ("upload --bundle b --manifest m --store s --verify", "--verify: not allowed with"),
        ("upload --bundle b --manifest m --store s -o n", "--output: not allowed with"),
        ("upload --bundle b --to t -o n", "no receipts without --verify"),
        ("upload --bundle - --to t", "argument --bundle: '-' is no file"),
        ("verify --bundle b --to t --manifest m", "--manifest: not allowed with"),
        ("verify --bundle b --to t --debug-root d", "--debug-root: not allowed with"),
        ("verify --bundle b", "required: --to"),
    ],
)
def test_a_line_that_makes_no_sense(line: str, why: str, capsys: Printed) -> None:
    with pytest.raises(SystemExit) as caught:
        main(line.split())
    assert caught.value.code == 2
    assert why in capsys.readouterr().err


def test_the_manifest_in_it_is_that_of_the_command(bench: Bench) -> None:
    assert main(bench.bundle_line()) == 0
    assert Bundle.open(bench.bundle).manifest == read(bench.folder / "manifest.json")
