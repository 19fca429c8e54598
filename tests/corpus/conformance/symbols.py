# SPDX-License-Identifier: MIT
"""A reader of Breakpad symbol files that serves look-ups by address.

Written from google/breakpad, docs/symbol_files.md, and src/processor for what a processor makes of
records that overlap: the first one stays. Lines that are no record are counted, not refused, since
the files to be scored come from any dumper.
"""

from __future__ import annotations

import bisect
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from corpus.conformance.names import normal_path

T = TypeVar("T")


@dataclass(frozen=True)
class Inline:
    """``origin`` is inlined in the given ranges; the call is at ``file`` and ``line``."""

    nest: int
    line: int
    file: int
    origin: int
    ranges: tuple[tuple[int, int], ...]


@dataclass
class Function:
    """A FUNC record with what belongs to it."""

    address: int
    size: int
    name: str
    lines: list[tuple[int, int, int, int]] = field(default_factory=list)
    inlines: list[Inline] = field(default_factory=list)


@dataclass
class FrameBlock:
    """A STACK CFI INIT record; ``changes`` are those of its STACK CFI records, by address."""

    address: int
    size: int
    rules: dict[str, str]
    changes: list[tuple[int, dict[str, str]]] = field(default_factory=list)


@dataclass(frozen=True)
class Place:
    """What a symbol file says of an address; None and the line 0 where it says nothing.

    ``calls`` are function, file and line of each inlined call, the innermost first.
    """

    function: str | None
    file: str | None = None
    line: int = 0
    calls: tuple[tuple[str, str, int], ...] = ()


class Ranges(Generic[T]):
    """Values by address; a range that overlaps an earlier one is dropped."""

    def __init__(self, items: Iterable[tuple[int, int, T]]) -> None:
        self._begins: list[int] = []
        self._items: list[tuple[int, T]] = []
        for begin, size, value in items:
            at = bisect.bisect_right(self._begins, begin)
            free_before = at == 0 or self._items[at - 1][0] <= begin
            free_behind = at == len(self._begins) or begin + size <= self._begins[at]
            if size > 0 and free_before and free_behind:
                self._begins.insert(at, begin)
                self._items.insert(at, (begin + size, value))

    def at(self, address: int) -> T | None:
        number = bisect.bisect_right(self._begins, address) - 1
        if number < 0 or address >= self._items[number][0]:
            return None
        return self._items[number][1]


class SymbolFile:
    """A symbol file, read whole.

    ``unreadable`` counts the lines that are no record or belong to none.
    """

    def __init__(self, text: str) -> None:
        self.arch = ""
        self.debug_id = ""
        self.unreadable = 0
        self.functions: list[Function] = []
        self.blocks: list[FrameBlock] = []
        self._files: dict[int, str] = {}
        self._origins: dict[int, str] = {}
        self._publics: list[tuple[int, str]] = []
        for line in text.splitlines():
            self.unreadable += not self._understood(line)
        self._index()

    @classmethod
    def read(cls, path: Path) -> SymbolFile:
        """Read the symbol file ``path``."""
        return cls(path.read_text(encoding="utf-8", errors="replace"))

    def is_of(self, build_id: str) -> bool:
        """Whether the id of the MODULE record is that of a build id, given as digits.

        Breakpad swaps the bytes of the GUID whatever the file is, others not for big-endian ones.
        """
        guid = bytes.fromhex(build_id)[:16].ljust(16, b"\0")
        known = (uuid.UUID(bytes=guid).hex, uuid.UUID(bytes_le=guid).hex)
        return self.debug_id[:32].lower() in known

    def _index(self) -> None:
        self._by_address = Ranges((f.address, f.size, f) for f in self.functions)
        self._lines = {
            id(f): Ranges((address, size, (line, file)) for address, size, line, file in f.lines)
            for f in self.functions
        }
        self._publics.sort(key=lambda public: public[0])
        self._public_addresses = [address for address, _ in self._publics]
        self._ends = sorted(f.address + f.size for f in self.functions)
        self._blocks = Ranges((b.address, b.size, b) for b in self.blocks)

    def _understood(self, line: str) -> bool:
        try:
            self._feed(line)
        except (ValueError, IndexError, KeyError):
            return False
        return True

    def _feed(self, text: str) -> None:
        word, _, rest = text.partition(" ")
        if word in ("INFO", ""):
            return
        if word == "MODULE":
            self.arch, self.debug_id = rest.split(" ")[1:3]
        elif word in ("FILE", "INLINE_ORIGIN"):
            number, name = rest.split(" ", 1)
            (self._files if word == "FILE" else self._origins)[int(number)] = name
        elif word in ("FUNC", "PUBLIC"):
            self._named(word, rest.removeprefix("m "))
        elif word == "INLINE":
            self._inline(rest)
        elif word == "STACK":
            self._stack(rest.split())
        else:
            address, size, line, file = text.split(" ")
            numbers = (int(address, 16), int(size, 16), int(line), int(file))
            self.functions[-1].lines.append(numbers)

    def _named(self, word: str, rest: str) -> None:
        if word == "FUNC":
            address, size, _parameters, name = rest.split(" ", 3)
            self.functions.append(Function(int(address, 16), int(size, 16), name))
        else:
            address, _parameters, name = rest.split(" ", 2)
            self._publics.append((int(address, 16), name))

    def _inline(self, rest: str) -> None:
        nest, line, file, origin, *numbers = rest.split(" ")
        pairs = zip(numbers[::2], numbers[1::2], strict=True)
        ranges = tuple((int(address, 16), int(size, 16)) for address, size in pairs)
        record = Inline(int(nest), int(line), int(file), int(origin), ranges)
        self.functions[-1].inlines.append(record)

    def _stack(self, words: list[str]) -> None:
        if words[0] != "CFI":
            raise ValueError(words[0])
        if words[1] == "INIT":
            rules = _split_rules(words[4:])
            self.blocks.append(FrameBlock(int(words[2], 16), int(words[3], 16), rules))
        else:
            self.blocks[-1].changes.append((int(words[1], 16), _split_rules(words[2:])))

    def place(self, address: int) -> Place:
        """What the file says of ``address``: by FUNC, else by the PUBLIC before it."""
        function = self._by_address.at(address)
        if function is None:
            return Place(self._public(address))
        line, file = self._lines[id(function)].at(address) or (0, -1)
        calls = self._calls(function, address)
        return Place(function.name, self._path(file) or None, line, calls)

    def _public(self, address: int) -> str | None:
        """The last PUBLIC up to ``address``, unless a function ends between them."""
        number = bisect.bisect_right(self._public_addresses, address) - 1
        if number < 0:
            return None
        begin, name = self._publics[number]
        end = bisect.bisect_right(self._ends, address) - 1
        return None if end >= 0 and self._ends[end] > begin else name

    def _calls(self, function: Function, address: int) -> tuple[tuple[str, str, int], ...]:
        """The inlined calls at ``address``, from nest 0 on without a gap; innermost first."""
        by_nest: dict[int, Inline] = {}
        for inline in function.inlines:
            if any(begin <= address < begin + size for begin, size in inline.ranges):
                by_nest.setdefault(inline.nest, inline)
        found: list[tuple[str, str, int]] = []
        while len(found) in by_nest:
            inline = by_nest[len(found)]
            name = self._origins.get(inline.origin, "")
            found.append((name, self._path(inline.file), inline.line))
        return tuple(reversed(found))

    def _path(self, number: int) -> str:
        return normal_path(self._files.get(number, ""))

    def unwind_rules(self, address: int) -> dict[str, str]:
        """The rules in effect at ``address``, by register; empty where there are none."""
        block = self._blocks.at(address)
        if block is None:
            return {}
        rules = dict(block.rules)
        for begin, changed in sorted(block.changes, key=lambda change: change[0]):
            if begin <= address:
                rules |= changed
        return rules

    def lines_of(self, function: Function) -> list[tuple[int, int, str, int]]:
        """Address, size, path and line of each line record of ``function``."""
        return [(a, size, self._path(file), line) for a, size, line, file in function.lines]


def _split_rules(words: list[str]) -> dict[str, str]:
    """Split ``.cfa: sp 8 + .ra: lr`` into its rules."""
    rules: dict[str, list[str]] = {}
    name = ""
    for word in words:
        if word.endswith(":"):
            name = word[:-1]
            rules[name] = []
        else:
            rules[name].append(word)
    return {name: " ".join(expression) for name, expression in rules.items()}
