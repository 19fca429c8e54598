# SPDX-License-Identifier: MIT
"""What DWARF says about code, as plain values.

Addresses are those of the file (not relative to the load base); sizes are in bytes and never 0;
``(start, end)`` ranges exclude their end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from crashsym.codemap import Range


class Line(NamedTuple):
    """The code bytes that one source line made. ``line`` 0: the compiler made them up."""

    address: int
    size: int
    line: int
    file: str


@dataclass(frozen=True, slots=True)
class Inline:
    """A function inlined at one call site.

    ``depth`` 0 is inlined right into the function. ``call_file`` and ``call_line`` say where the
    call stands, in the function one level out; "" and 0 when the compiler did not tell.
    """

    depth: int
    name: str
    call_file: str
    call_line: int
    ranges: tuple[Range, ...]


@dataclass(frozen=True, slots=True)
class Function:
    """One contiguous piece of code of one function.

    A function in several pieces (hot and cold) is several values of the same name. ``lines`` are
    in ascending order without overlap; ``inlines`` in pre-order, callers before callees.
    """

    address: int
    size: int
    name: str
    inlines: tuple[Inline, ...]
    lines: tuple[Line, ...]
    multiple: bool = False


@dataclass(frozen=True, slots=True)
class Damage:
    """A place where the debug information could not be decoded, and why."""

    where: str
    why: str


@dataclass(frozen=True, slots=True)
class FunctionTable:
    """All functions of a module in ascending order without overlap, and what was damaged."""

    functions: tuple[Function, ...]
    damage: tuple[Damage, ...]
