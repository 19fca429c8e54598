# SPDX-License-Identifier: MIT
"""As much of an ELF file as a symbol server reads: headers, notes, names of sections."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import BinaryIO

# symbolic calls 64-bit MIPS "mips", too, with the flags that GCC sets.
_ARCHES = {3: "x86", 8: "mips", 20: "ppc", 21: "ppc64", 40: "arm", 62: "x86_64", 183: "arm64"}
_KINDS = {0: "none", 1: "rel", 2: "exe", 3: "lib", 4: "dump"}
_EXECUTABLE, _SHARED = 2, 3
_PROGBITS, _NOBITS, _NOTE, _SYMTAB, _DYNSYM = 1, 8, 7, 2, 11
_PT_INTERP, _PT_NOTE = 3, 4
_NT_GNU_BUILD_ID = 3
_MOST_NOTES = 1 << 20
_HASHED = 4096


class TruncatedError(ValueError):
    """The headers lead out of the file."""


@dataclass(frozen=True)
class _Section:
    name: str
    type: int
    offset: int
    size: int
    align: int


@dataclass(frozen=True)
class _Segment:
    type: int
    offset: int
    size: int
    align: int


class ElfFile:
    """An open file; ``little`` is its byte order, ``arch`` and ``kind`` are symbolic's words."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        ident = self._at(0, 16)
        self._is_64, self.little = ident[4] == 2, ident[5] == 1
        if ident[4] not in (1, 2) or ident[5] not in (1, 2):
            raise TruncatedError("unknown class or byte order")
        self._order = "<" if self.little else ">"
        # From e_type to e_shstrndx.
        form = "HHIQQQIHHHHHH" if self._is_64 else "HHIIIIIHHHHHH"
        header = self._unpack(form, 16)
        self._type, machine = header[0], header[1]
        self._phoff, self._shoff = header[4], header[5]
        self._ph, self._sh, self._strings = header[8:10], header[10:12], header[12]
        self.arch = _ARCHES.get(machine, "unknown")

    @cached_property
    def kind(self) -> str:
        kind = _KINDS.get(self._type, "other")
        interpreted = any(segment.type == _PT_INTERP for segment in self._segments)
        has_text = any(s.name == ".text" and s.type == _PROGBITS for s in self._sections)
        if self._type == _EXECUTABLE and not interpreted:
            return "dbg"
        # "objcopy --only-keep-debug" leaves the type, and of .text only its header.
        return "dbg" if self._type == _SHARED and not has_text else kind

    def features(self) -> frozenset[str]:
        there = {s.name.lstrip(".") for s in self._sections if s.type != _NOBITS and s.size}
        tables = {s.type for s in self._sections if s.size}
        found = set()
        if tables & {_SYMTAB, _DYNSYM}:
            found.add("symtab")
        if there & {"debug_info", "zdebug_info"}:
            found.add("debug")
        if there & {"eh_frame", "debug_frame", "zdebug_frame"}:
            found.add("unwind")
        return frozenset(found)

    def build_id(self) -> bytes:
        """Return the build id from the segments, else from the sections, else nothing."""
        areas = [(s.offset, s.size, s.align) for s in self._segments if s.type == _PT_NOTE]
        areas += [(s.offset, s.size, s.align) for s in self._sections if s.type == _NOTE]
        for area in areas:
            for kind, data in self._notes(*area):
                if kind == _NT_GNU_BUILD_ID and data:
                    return data
        return b""

    def text_hash(self) -> bytes:
        """Return the exclusive or of the first page of code, by 16 bytes; without code, nothing."""
        for section in self._sections:
            if section.name == ".text" and section.type == _PROGBITS and section.size:
                digest = bytearray(16)
                for at, value in enumerate(self._at(section.offset, min(section.size, _HASHED))):
                    digest[at % 16] ^= value
                return bytes(digest)
        return b""

    @cached_property
    def _segments(self) -> list[_Segment]:
        size, count = self._ph
        segments = []
        for number in range(count):
            at = self._phoff + number * size
            if self._is_64:
                kind, _, offset, _, _, length, _, align = self._unpack("IIQQQQQQ", at)
            else:
                kind, offset, _, _, length, _, _, align = self._unpack("IIIIIIII", at)
            segments.append(_Segment(kind, offset, length, align))
        return segments

    @cached_property
    def _sections(self) -> list[_Section]:
        if not self._shoff:
            return []
        size, count = self._sh
        raw = [self._section(self._shoff + number * size) for number in range(count)]
        if self._strings >= len(raw):
            return []
        _, _, offset, length, _ = raw[self._strings]
        names = self._at(offset, length)
        return [
            _Section(names[name:].split(b"\0", 1)[0].decode("utf-8", "replace"), *rest)
            for name, *rest in raw
        ]

    def _section(self, at: int) -> tuple[int, int, int, int, int]:
        form = "IIQQQQIIQQ" if self._is_64 else "IIIIIIIIII"
        name, kind, _, _, offset, length, _, _, align, _ = self._unpack(form, at)
        return name, kind, offset, length, align

    def _notes(self, offset: int, size: int, align: int) -> Iterator[tuple[int, bytes]]:
        data, at = self._at(offset, min(size, _MOST_NOTES)), 0
        step = 8 if align == 8 else 4
        while at + 12 <= len(data):
            name_size, size, kind = struct.unpack_from(f"{self._order}III", data, at)
            start = at + 12 + -(-name_size // step) * step
            yield kind, data[start : start + size]
            at = start + -(-size // step) * step

    def _unpack(self, form: str, at: int) -> tuple[int, ...]:
        form = self._order + form
        return struct.unpack(form, self._at(at, struct.calcsize(form)))

    def _at(self, offset: int, size: int) -> bytes:
        self._file.seek(offset)
        data = self._file.read(size)
        if len(data) < size:
            raise TruncatedError(f"it ends within the {size} bytes at {offset:#x}")
        return data
