# SPDX-License-Identifier: MIT
"""gzip and zstd: other tools read it, equal bytes give equal files, hostile files cost little."""

from __future__ import annotations

import gzip
import io
import os
import random
import sys
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import zstandard
from builders.uploading import Bench, kept
from crashsym.errors import ConfigError
from crashsym.upload.compression import Compression, compression
from crashsym.upload.directory import DirectoryUploader
from crashsym.upload.items import symbol_items
from crashsym.upload.targets import find
from servers.put import PutServer

# Longer than what is read and packed at once, and as compressible as symbol files are.
CONTENT = bytes(random.Random(1).choices(range(7), k=300_000))  # noqa: S311 - no secret
MIB = 1 << 20


def own_module(patch: pytest.MonkeyPatch) -> None:
    """Let the package zstandard not be there."""
    patch.setitem(sys.modules, "zstandard", None)


def package(patch: pytest.MonkeyPatch) -> None:
    """Let Python's own module not be there, nor its backport."""
    patch.setitem(sys.modules, "compression.zstd", None)
    patch.setitem(sys.modules, "backports.zstd", None)


def neither(patch: pytest.MonkeyPatch) -> None:
    own_module(patch)
    package(patch)


def nothing(_: pytest.MonkeyPatch) -> None:
    pass


Way = Callable[[pytest.MonkeyPatch], None]
WAYS: dict[str, tuple[str, Way]] = {
    "gzip": ("gzip", nothing),
    "zstd by its module": ("zstd", own_module),
    "zstd by the package": ("zstd", package),
}


@pytest.fixture(params=[*WAYS.values()], ids=[*WAYS])
def found(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Compression:
    name, way = request.param
    way(monkeypatch)
    return compression(name)


def pack(way: Compression, data: bytes, size: int = 1 << 16) -> bytes:
    return b"".join(way.packed(data[i : i + size] for i in range(0, len(data), size)))


def unpack(way: Compression, data: bytes) -> bytes:
    return b"".join(way.unpacked(io.BytesIO(data)))


def others(data: bytes) -> bytes:
    """Return what other readers find, which know a file by its first bytes."""
    if data[:2] == b"\x1f\x8b":
        return gzip.decompress(data)
    decoder = zstandard.ZstdDecompressor().decompressobj()
    found = decoder.decompress(data)
    assert decoder.eof
    return found


@pytest.mark.parametrize("data", [b"", b"x", CONTENT], ids=["empty", "short", "long"])
def test_others_read_it_and_so_do_we(found: Compression, data: bytes) -> None:
    packed = pack(found, data)
    assert others(packed) == data
    assert unpack(found, packed) == data


def test_a_compressed_file_is_smaller(found: Compression) -> None:
    assert len(pack(found, CONTENT)) < len(CONTENT) / 2


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_equal_bytes_give_equal_files_in_whatever_pieces_and_by_whatever_module(name: str) -> None:
    made = set()
    for way in (own_module, package):
        with pytest.MonkeyPatch.context() as patch:
            way(patch)
            made |= {pack(compression(name), CONTENT, size) for size in (1 << 16, 999, 1 << 20)}
    assert len(made) == 1
    assert made.pop()[3] in (0, 0xFD)  # gzip: no name


def test_files_that_follow_each_other_are_one(found: Compression) -> None:
    assert unpack(found, pack(found, b"one") + pack(found, b"two")) == b"onetwo"


def test_each_shorter_file_breaks_off(found: Compression) -> None:
    packed = pack(found, b"some text, and some text")
    for size in range(len(packed)):
        with pytest.raises(ValueError, match="breaks off"):
            unpack(found, packed[:size])
        if size:
            with pytest.raises(ValueError, match="breaks off"):
                unpack(found, packed + packed[:size])


def test_no_damage_gives_other_content(found: Compression) -> None:
    text = b"some text, and some text"
    packed = pack(found, text)
    for at in range(len(packed)):
        for bit in range(8):
            damaged = packed[:at] + bytes([packed[at] ^ 1 << bit]) + packed[at + 1 :]
            with suppress(ValueError):  # or it was a flag that says nothing of the content
                assert unpack(found, damaged) == text


def test_without_zstd_the_remedy_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    neither(monkeypatch)
    with pytest.raises(ConfigError, match=r"no module for it\. Install its package"):
        compression("zstd")
    bench = Bench(tmp_path, 1)
    bench.target("http", "http://127.0.0.1:9", 'compress = "zstd"')
    assert bench.run() == 2
    said = capsys.readouterr().err
    assert "cannot compress: zstd: this Python has no module for it." in said
    folder = folder_of(bench, "zstd")
    assert bench.run() == 2
    assert said == capsys.readouterr().err
    assert not folder.exists()


# -- what others have made, and what is none of ours


def bomb(name: str, size: int) -> bytes:
    """Return zeros, compressed as well as can be."""
    if name == "gzip":
        return gzip.compress(bytes(size), 9, mtime=0)
    return zstandard.ZstdCompressor(level=19).compress(bytes(size))


@pytest.mark.parametrize(("name", "way"), WAYS.values(), ids=[*WAYS])
def test_a_bomb_is_read_in_pieces(monkeypatch: pytest.MonkeyPatch, name: str, way: Way) -> None:
    way(monkeypatch)
    data = bomb(name, 100 * MIB)
    assert len(data) < MIB
    assert max(map(len, compression(name).unpacked(io.BytesIO(data)))) <= 8 * MIB


@pytest.mark.parametrize("way", [own_module, package])
def test_what_needs_much_memory_is_refused(monkeypatch: pytest.MonkeyPatch, way: Way) -> None:
    way(monkeypatch)
    size = 16 * MIB
    parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=24)
    coder = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    data = coder.compress(os.urandom(1000) + bytes(size)) + coder.flush()
    with pytest.raises(ValueError, match=r"memory|parameter"):
        unpack(compression("zstd"), data)


def folder_of(bench: Bench, compress: str) -> Path:
    folder = bench.folder / "out"
    lines = ["[target.server]", 'kind = "store"', f'path = "{folder}"', f'compress = "{compress}"']
    (bench.folder / "crashsym.toml").write_text("\n".join([*lines, ""]))
    return folder


@pytest.mark.parametrize("compress", ["gzip", "zstd"])
def test_a_bomb_in_a_folder_costs_neither_memory_nor_time(tmp_path: Path, compress: str) -> None:
    bench = Bench(tmp_path, 2)
    folder = folder_of(bench, compress)
    assert bench.run() == 0
    victim = folder / bench.symbol_file(0).relative_to(bench.store)
    victim.write_bytes(bomb(compress, 300 * MIB) * 100)  # 30 GB
    (target,) = find(["server"], tmp_path / "crashsym.toml")
    items, _ = symbol_items(bench.manifest.modules, bench.source)
    tracemalloc.start()
    try:
        outcomes = list(DirectoryUploader(target).verify(items))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [one.why for one in outcomes] == ["the folder has other bytes", ""]
    assert peak < 32 * MIB


def test_a_pipe_in_a_folder_is_not_waited_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = Bench(tmp_path, 2)
    folder = folder_of(bench, "none")
    assert bench.run() == 0
    victim = folder / bench.symbol_file(0).relative_to(bench.store)
    victim.unlink()
    os.mkfifo(victim)
    assert bench.run("verify") == 3
    assert "is no regular file" in capsys.readouterr().err


@pytest.mark.parametrize(("compress", "way"), WAYS.values(), ids=[*WAYS])
def test_files_that_are_sent_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compress: str, way: Way
) -> None:
    way(monkeypatch)
    bench = Bench(tmp_path, 24, 200_000)
    with PutServer() as server:
        bench.target("http", server.url, f'compress = "{compress}"', "jobs = 8")
        assert bench.run("upload", "--verify") == 0
        assert not kept(server) & bench.wanted
        for module in bench.manifest.modules:
            assert module.symbols is not None
            whole = (bench.store / module.symbols.path).read_bytes()
            assert others(server.kept[module.symbols.path].read()) == whole
