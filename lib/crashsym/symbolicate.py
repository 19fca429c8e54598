# SPDX-License-Identifier: MIT
"""Text in, text out: ``module+0xoffset`` becomes function, file and line.

Recognised, one frame a line:

========================  =====================================================
AddressSanitizer          ``#1 0x5581 in f (/usr/bin/app+0x1234) (BuildId: ab…)``
backtrace_symbols(_fd)    ``./app(+0x1234) [0x5581]``, ``app(func+0x12)[0x5581]``
systemd-coredump          ``#1  0x00005581 n/a (app + 0x1234)``
crashdump-example, all    ``#1 app+0x1234``, ``app+0x1234``
========================  =====================================================

A frame that called another shows its return address, which may be the first byte of the next line;
one byte less is looked up for it. AddressSanitizer has done that already, frame #0 and a bare
``module+0xoffset`` need it not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from crashsym.breakpad.lookup import Frame, Lookup
from crashsym.breakpad.reader import read
from crashsym.demangle import readable
from crashsym.errors import InputError
from crashsym.ids import BuildId
from crashsym.store import symbol_path
from crashsym.texts import target_path

if TYPE_CHECKING:
    from crashsym.manifest import Manifest
    from crashsym.store import Store

_FRAME = re.compile(
    r"""
    (?<![^\s()\[\]+]) (?P<module>[^\s()\[\]+]+)
    (?: \((?P<function>[^\s()+]*)\+0x(?P<distance>[0-9a-f]+)\)\s?\[0x(?P<loaded>[0-9a-f]+)\]
      | \s?\+\s?0x(?P<offset>[0-9a-f]+) )
    """,
    re.VERBOSE | re.IGNORECASE,
)
_PAGE = 4096  # bytes; pages of other systems are larger, and begin where these do
_NUMBER = re.compile(r"\s*#\s?(?P<number>\d+)\s")
_ASAN_START = re.compile(r"\s*#\d+\s+0x[0-9a-f]+\s", re.IGNORECASE)
_ASAN_BUILD_ID = re.compile(r"\(BuildId: ((?:[0-9a-f]{2})+)\)", re.IGNORECASE)
_SYSTEMD_MARK = " with build-id"
_SYSTEMD_BUILD_ID = re.compile(r":? ((?:[0-9a-f]{2})+)\b")


@dataclass(slots=True)
class Outcome:
    """How it went: frames seen, frames that got a name, modules without symbols and why."""

    frames: int = 0
    named: int = 0
    missing: dict[str, str] = field(default_factory=dict)


class Symbolicator:
    """Adds names to text from one or more stores.

    Manifests, where given, translate file names to modules and choose between builds.
    """

    def __init__(self, stores: list[Store], manifests: Iterable[Manifest] = ()) -> None:
        self._stores = stores
        self._known = [module for manifest in manifests for module in manifest.modules]
        self._build_ids: dict[str, str] = {}
        self._lookups: dict[tuple[str, str | None], Lookup | None] = {}
        self.outcome = Outcome()

    def lines(self, lines: Iterable[str]) -> Iterator[str]:
        """Yield each line (without its line end), the ones with frames completed.

        The innermost function goes behind the frame, the functions that it was inlined into on
        lines of their own, as addr2line writes them.
        """
        for line in lines:
            self._note_build_id(line)
            match = _FRAME.search(line)
            frames = self._frames(line, match) if match else []
            if not frames:
                yield line
                continue
            yield f"{line} {_describe(frames[0])}"
            indent = " " * (len(line) - len(line.lstrip()) + 4)
            for frame in frames[1:]:
                yield f"{indent}(inlined by) {_describe(frame)}"

    def _note_build_id(self, line: str) -> None:
        """Remember systemd-coredump's ``Found module /usr/bin/app with build-id: ab…``."""
        before, mark, after = line.partition(_SYSTEMD_MARK)
        build_id = _SYSTEMD_BUILD_ID.match(after) if mark else None
        name = before.rpartition("odule ")[2].partition(" ")[0]
        if build_id and name:
            self._build_ids[_base_name(name)] = build_id[1]

    def _frames(self, line: str, match: re.Match[str]) -> list[Frame]:
        self.outcome.frames += 1
        name = _base_name(match["module"])
        build_id = _ASAN_BUILD_ID.search(line)
        wanted = build_id[1].lower() if build_id else self._build_ids.get(name)
        lookup = self._lookup(match["module"], wanted)
        if lookup is None:
            return []
        address = _address(match, lookup)
        if address is None:
            return []
        frames = lookup.frames(address - _step_back(line, match))
        self.outcome.named += bool(frames)
        if not frames:
            self.outcome.missing.setdefault(name, f"no symbol at {_shown(address)}")
        return frames

    def _lookup(self, module: str, build_id: str | None) -> Lookup | None:
        key = (module, build_id)
        if key not in self._lookups:
            self._lookups[key] = self._open(module, build_id)
        return self._lookups[key]

    def _open(self, module: str, build_id: str | None) -> Lookup | None:
        name = _base_name(module)
        candidates = self._candidates(module, name)
        if build_id is not None:
            debug_id = BuildId.from_hex(build_id).debug_id
            candidates = {c for c in candidates if c[1] == debug_id}
        if len(candidates) != 1:
            self.outcome.missing[name] = _why_not(len(candidates), build_id)
            return None
        path = symbol_path(*candidates.pop())
        try:
            for store in self._stores:
                symbols = store.read(path)
                if symbols is not None:
                    return Lookup(read(symbols, str(path)))
            self.outcome.missing[name] = "in the manifest, but not in the store"
        except InputError as error:
            self.outcome.missing[name] = str(error)
        return None

    def _candidates(self, module: str, name: str) -> set[tuple[str, str]]:
        """Return the (debug file, debug id) that a module name may stand for.

        A manifest that has the very path decides; else one that has the file name; else all
        builds in the stores.
        """
        path = target_path(module)
        for fits in (
            [m for m in self._known if m.path == path],
            [m for m in self._known if _base_name(path) == _base_name(m.path)]
            + [m for m in self._known if m.debug_file == name],
        ):
            if fits:
                return {(m.debug_file, m.debug_id) for m in fits if m.debug_file and m.debug_id}
        return {(name, found) for store in self._stores for found in store.debug_ids(name)}


def _why_not(candidates: int, build_id: str | None) -> str:
    if candidates:
        return f"{candidates} builds, choose one with --manifest"
    return f"no symbols of build {build_id}" if build_id else "no symbols"


def _shown(address: int) -> str:
    return hex(address) if address >> 64 == 0 else "an address of more than 64 bits"


def _base_name(module: str) -> str:
    return module.rpartition("/")[2]


def _address(match: re.Match[str], lookup: Lookup) -> int | None:
    if match["offset"] is not None:
        return int(match["offset"], 16)
    distance = int(match["distance"], 16)
    if not match["function"]:
        return distance
    symbol = match["function"]
    pieces = lookup.named(readable(symbol, keep_suffixes=True)) or lookup.named(readable(symbol))
    return _in_piece(pieces, distance, int(match["loaded"], 16))


def _in_piece(pieces: dict[int, int | None], distance: int, loaded: int) -> int | None:
    """Return the address ``distance`` behind the start of one of the pieces of a function.

    It is the only one that is long enough, else the only one that lies at the same place of a page
    as ``loaded``, where the address was in memory: modules are loaded in whole pages.
    """
    found = [start + distance for start, size in pieces.items() if size is None or distance <= size]
    if len(found) > 1:
        found = [address for address in found if (address - loaded) % _PAGE == 0]
    return found[0] if len(found) == 1 else None


def _step_back(line: str, match: re.Match[str]) -> int:
    """Return 1 where the line shows a return address, else 0."""
    if match["distance"] is not None:
        return 1
    bracketed = line[match.start() - 1 : match.start()] + line[match.end() : match.end() + 1]
    if bracketed == "()" and " " not in match[0] and _ASAN_START.match(line):
        return 0
    number = _NUMBER.match(line)
    return 1 if number and int(number["number"]) > 0 else 0


def _describe(frame: Frame) -> str:
    if not frame.file:
        return frame.function
    return f"{frame.function} at {frame.file}:{frame.line}"
