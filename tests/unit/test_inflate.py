"""Compressed sections: every codec, both classes and byte orders, and what they claim."""

from __future__ import annotations

import ctypes
import lzma
import random
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import zstandard
from builders import elf
from builders.elf import Section
from builders.encode import Format
from crashsym.elf import ElfFile
from crashsym.errors import MalformedError
from crashsym.inflate import inflate_xz
from support import missing, require_tool

FORMATS = [Format(bits, little) for bits in (32, 64) for little in (True, False)]
# Larger than the pieces that are handled at once, and compressible about 3:1.
CONTENTS = bytes(random.Random(1).choices(range(7), k=3_000_000))  # noqa: S311 - no secret


def _own_module(patch: pytest.MonkeyPatch) -> None:
    """Python 3.14's compression.zstd, or the package that brings it to older ones."""
    if sys.version_info < (3, 14):
        try:
            from backports import zstd
        except ImportError:
            missing("backports.zstd", "Install it with 'pip install backports.zstd'.")
            raise
        package = ModuleType("compression")
        package.zstd = zstd  # type: ignore[attr-defined]  # what the import looks for
        patch.setitem(sys.modules, "compression", package)
        patch.setitem(sys.modules, "compression.zstd", zstd)


def _package(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(sys.modules, "compression.zstd", None)
    patch.setitem(sys.modules, "backports.zstd", None)


def _library(patch: pytest.MonkeyPatch) -> None:
    _package(patch)
    patch.setitem(sys.modules, "zstandard", None)


def _backport(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(sys.modules, "compression.zstd", None)


ZSTD_WAYS = {"Python 3.14": _own_module, "package": _package, "library": _library}
if sys.version_info < (3, 14):
    ZSTD_WAYS["backport"] = _backport


@pytest.fixture(params=[*ZSTD_WAYS.values()], ids=[*ZSTD_WAYS])
def zstd_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let only one way to undo zstd be there."""
    way: Callable[[pytest.MonkeyPatch], None] = request.param
    way(monkeypatch)


def read(folder: Path, section: Section, name: str = "", fmt: Format | None = None) -> bytes:
    """Return what `ElfFile` makes of a section."""
    file = folder / "subject.so"
    file.write_bytes(elf.module(section, fmt=fmt))
    with ElfFile(file) as elf_file:
        view = elf_file.section_view(name or section.name)
        assert view.readonly
        assert elf_file.section_bytes(name or section.name) == view
    return bytes(view)  # the file is closed by now


@pytest.mark.parametrize("fmt", FORMATS, ids=str)
def test_zlib(tmp_path: Path, fmt: Format) -> None:
    section = elf.compressed(fmt, ".debug_info", CONTENTS)
    assert read(tmp_path, section, fmt=fmt) == CONTENTS


def _zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=1).compress(data)


@pytest.mark.usefixtures("zstd_way")
@pytest.mark.parametrize("fmt", FORMATS, ids=str)
def test_zstd(tmp_path: Path, fmt: Format) -> None:
    section = elf.compressed(fmt, ".debug_info", CONTENTS, kind=2, stream=_zstd(CONTENTS))
    assert read(tmp_path, section, fmt=fmt) == CONTENTS


@pytest.mark.parametrize("fmt", FORMATS, ids=str)
def test_zdebug_is_found_by_the_usual_name(tmp_path: Path, fmt: Format) -> None:
    section = elf.legacy_compressed(".zdebug_info", CONTENTS)
    assert read(tmp_path, section, ".debug_info", fmt) == CONTENTS


def test_streams_that_follow_each_other_are_one_section(tmp_path: Path) -> None:
    stream = zlib.compress(CONTENTS[:1_000_000]) + zlib.compress(CONTENTS[1_000_000:])
    section = elf.compressed(Format(), ".debug_info", CONTENTS, stream=stream)
    assert read(tmp_path, section) == CONTENTS


@pytest.mark.usefixtures("zstd_way")
def test_zstd_frames_that_follow_each_other_are_one_section(tmp_path: Path) -> None:
    stream = _zstd(CONTENTS[:1_000_000]) + _zstd(CONTENTS[1_000_000:])
    section = elf.compressed(Format(), ".debug_info", CONTENTS, kind=2, stream=stream)
    assert read(tmp_path, section) == CONTENTS


def _lies(kind: int, pack: Callable[[bytes], bytes]) -> dict[str, Section]:
    fmt, name, data = Format(), ".debug_info", b"contents" * 1000
    stream = pack(data)
    broken = stream[:20] + b"\xff" * 20 + stream[40:]

    def section(**fields: Any) -> Section:
        return elf.compressed(fmt, name, data, **{"kind": kind, "stream": stream, **fields})

    return {
        "less": section(size=len(data) - 1),
        "more": section(size=len(data) + 1),
        "nothing": section(size=0),
        "2^60 bytes": section(size=1 << 60),
        "201 times its size": section(size=201 * 50_000, stream=stream.ljust(50_000, b"\0")),
        "no stream": section(stream=b""),
        "half a stream": section(stream=stream[: len(stream) // 2]),
        "all but the last byte": section(stream=stream[:-1]),
        "damage": section(stream=broken),
        "a bomb": section(stream=pack(bytes(50_000_000)), size=1 << 20),
    }


@pytest.mark.parametrize("case", _lies(1, zlib.compress))
def test_zlib_that_lies_is_refused(tmp_path: Path, case: str) -> None:
    with pytest.raises(MalformedError, match=r"subject.so' \.debug_info: "):
        read(tmp_path, _lies(1, zlib.compress)[case])


@pytest.mark.usefixtures("zstd_way")
@pytest.mark.parametrize("case", _lies(2, _zstd))
def test_zstd_that_lies_is_refused(tmp_path: Path, case: str) -> None:
    with pytest.raises(MalformedError, match=r"subject.so' \.debug_info: "):
        read(tmp_path, _lies(2, _zstd)[case])


@pytest.mark.parametrize(
    "data", [b"", b"ZLIB", b"ZLIB" + bytes(7), b"zlib" + bytes(8), b"ZLIB\xff" + bytes(20)]
)
def test_zdebug_without_its_header_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(MalformedError, match=r"\.zdebug_info: "):
        read(tmp_path, Section(".zdebug_info", data or b"\0"), ".debug_info")


def test_without_any_zstd_the_remedy_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _library(monkeypatch)

    def no_library(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", no_library)
    with pytest.raises(MalformedError, match="'zstandard' or the library libzstd"):
        read(tmp_path, elf.compressed(Format(), ".debug_info", b"x", kind=2, stream=_zstd(b"x")))


@pytest.mark.parametrize(
    "damage", [lambda x: x[:-1], lambda x: x[:40], lambda x: b"", lambda x: b"xz"]
)
def test_damaged_xz_is_refused(damage: Callable[[bytes], bytes]) -> None:
    with pytest.raises(MalformedError, match="here"):
        inflate_xz(memoryview(damage(lzma.compress(CONTENTS[:5000]))), "here")


def test_an_xz_bomb_is_refused() -> None:
    with pytest.raises(MalformedError, match="beyond proportion"):
        inflate_xz(memoryview(lzma.compress(bytes(50_000_000))), "here")


def test_xz_without_the_module_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lzma", None)
    with pytest.raises(MalformedError, match="module lzma"):
        inflate_xz(memoryview(b""), "here")


@pytest.mark.parametrize("style", ["zlib-gabi", "zlib-gnu", "zstd"])
def test_objcopy_compresses_and_we_give_back_what_was_there(tmp_path: Path, style: str) -> None:
    objcopy = require_tool("objcopy", "binutils")
    plain, packed = tmp_path / "plain", tmp_path / "packed"
    source = "struct s { int a; char b[9]; }; int f(struct s *p) { return p->a + p->b[3]; }\n"
    flags = ["-g", "-O2", "-shared", "-nostdlib", "-x", "c", "-", "-o", str(plain)]
    subprocess.run([require_tool("gcc"), *flags], input=source.encode(), check=True)
    subprocess.run([objcopy, f"--compress-debug-sections={style}", plain, packed], check=True)
    with ElfFile(plain) as before, ElfFile(packed) as after:
        names = [s.name for s in before.sections if s.name.startswith(".debug_")]
        small = [s for s in after.sections if s.compressed or s.name.startswith(".zdebug_")]
        assert small, "objcopy has compressed nothing"
        for name in names:
            assert after.section_view(name) == before.section_view(name), name
