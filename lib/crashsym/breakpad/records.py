# SPDX-License-Identifier: MIT
"""The records of a symbol file as plain values.

Addresses are relative to the module's load address, sizes in bytes. FILE and INLINE_ORIGIN records
are tuples of names here; their numbers are the indexes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from crashsym.breakpad.module import ModuleRecord
from crashsym.breakpad.unwinding import CfiRecord

__all__ = [
    "CfiRecord",
    "FuncRecord",
    "InlineRecord",
    "LineRecord",
    "ModuleRecord",
    "PublicRecord",
    "SymbolFile",
]

Range = tuple[int, int]


class LineRecord(NamedTuple):
    """Code made by one source line; ``file`` is a FILE number."""

    address: int
    size: int
    line: int
    file: int


class InlineRecord(NamedTuple):
    """``INLINE``; ``origin`` is an INLINE_ORIGIN number, ``ranges`` are (address, size) pairs."""

    depth: int
    call_line: int
    call_file: int
    origin: int
    ranges: tuple[Range, ...]


@dataclass(frozen=True, slots=True)
class FuncRecord:
    """``FUNC`` with the INLINE and line records that belong to it.

    ``multiple``: functions of other names have the same code, too.
    """

    address: int
    size: int
    name: str
    inlines: tuple[InlineRecord, ...] = ()
    lines: tuple[LineRecord, ...] = ()
    multiple: bool = False


class PublicRecord(NamedTuple):
    """``PUBLIC``: a symbol that covers the code up to the next one.

    ``multiple``: symbols of other names have the same address, too.
    """

    address: int
    name: str
    multiple: bool = False


@dataclass(frozen=True, slots=True)
class SymbolFile:
    """A whole symbol file; functions, publics and cfi in ascending order of address."""

    module: ModuleRecord
    files: tuple[str, ...]
    origins: tuple[str, ...]
    functions: tuple[FuncRecord, ...]
    publics: tuple[PublicRecord, ...]
    cfi: tuple[CfiRecord, ...]
