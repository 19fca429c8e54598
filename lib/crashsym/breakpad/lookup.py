# SPDX-License-Identifier: MIT
"""Address → function, file and line, with the calls that were inlined there."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crashsym.breakpad.records import FuncRecord, InlineRecord, SymbolFile


_PAGE = 4096  # bytes


@dataclass(frozen=True, slots=True)
class Frame:
    """One level of a stack: ``file`` is "" and ``line`` 0 when they are not known."""

    function: str
    file: str = ""
    line: int = 0


class Lookup:
    """Answers questions about one symbol file."""

    def __init__(self, symbols: SymbolFile) -> None:
        self._symbols = symbols
        self._functions = [function.address for function in symbols.functions]
        self._publics = [public.address for public in symbols.publics]
        self._end = _end_of_code(symbols)

    def frames(self, address: int) -> list[Frame]:
        """Return the frames at a module-relative address, the innermost first.

        A FUNC that covers the address wins over a PUBLIC below it; no symbol, or an address behind
        all code that is known: an empty list.
        """
        if address >= self._end:
            return []
        index = bisect_right(self._functions, address) - 1
        if index >= 0:
            function = self._symbols.functions[index]
            if address < function.address + function.size:
                return self._function_frames(function, address)
        nearest = bisect_right(self._publics, address) - 1
        if nearest < 0 or (index >= 0 and self._functions[index] > self._publics[nearest]):
            return []
        return [Frame(self._symbols.publics[nearest].name)]

    def _function_frames(self, function: FuncRecord, address: int) -> list[Frame]:
        file, line = "", 0
        for record in function.lines:
            if record.address <= address < record.address + record.size:
                file, line = self._file(record.file), record.line
        frames: list[Frame] = []
        for call in reversed(_calls_at(function, address)):
            frames.append(Frame(self._origin(call.origin), file, line))
            file, line = self._file(call.call_file), call.call_line
        return [*frames, Frame(function.name, file, line)]

    def _file(self, number: int) -> str:
        files = self._symbols.files
        return files[number] if 0 <= number < len(files) else ""

    def _origin(self, number: int) -> str:
        origins = self._symbols.origins
        return origins[number] if 0 <= number < len(origins) else ""

    def named(self, name: str) -> dict[int, int | None]:
        """Return address → size of all code of that name; the size of a PUBLIC is not known.

        A function that the compiler has divided has several records of its name.
        """
        found: dict[int, int | None] = {
            p.address: None for p in self._symbols.publics if p.name == name
        }
        found.update({f.address: f.size for f in self._symbols.functions if f.name == name})
        return found


def _end_of_code(symbols: SymbolFile) -> int:
    """Return the first address that no symbol can be for.

    How long a PUBLIC is, nothing says: what is behind the last one counts as its code up to the end
    of the page, as long as no FUNC or unwind rule shows that there is more code.
    """
    ends = [function.address + function.size for function in symbols.functions]
    ends += [record.address + record.size for record in symbols.cfi]
    ends += [(public.address | (_PAGE - 1)) + 1 for public in symbols.publics[-1:]]
    return min(max(ends, default=0), 1 << 64)


def _calls_at(function: FuncRecord, address: int) -> list[InlineRecord]:
    """Return the inlined calls around an address, the outermost first, without a gap."""
    by_depth: dict[int, InlineRecord] = {}
    for call in function.inlines:
        if any(start <= address < start + size for start, size in call.ranges):
            by_depth.setdefault(call.depth, call)
    calls: list[InlineRecord] = []
    while len(calls) in by_depth:
        calls.append(by_depth[len(calls)])
    return calls
