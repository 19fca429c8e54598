# SPDX-License-Identifier: MIT
"""Address → function, file and line, with the calls that were inlined there."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from crashsym.breakpad.records import FuncRecord, InlineRecord, SymbolFile

_Record = TypeVar("_Record")
# Far beyond what compilers do. Each frame of a log has as many lines, so a hostile symbol file
# could make them endless.
_DEEPEST = 256
_TOO_DEEP = f"(calls inlined more than {_DEEPEST} deep)"
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
        self._known_functions: dict[int, _Function] = {}
        self._names: dict[str, dict[int, int | None]] = {}
        self._end = _end_of_code(symbols)

    def frames(self, address: int) -> list[Frame]:
        """Return the frames at a module-relative address, the innermost first.

        A FUNC that covers the address wins over a PUBLIC below it; no symbol, or an address behind
        all code that is known: an empty list. Calls that are inlined too deep are one frame, which
        says so.
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
        known = self._known(function)
        record = known.lines.at(address)
        file, line = (self._file(record.file), record.line) if record else ("", 0)
        frames: list[Frame] = []
        for call in reversed(known.calls_at(address)):
            name = self._origin(call.origin) if call.depth < _DEEPEST else _TOO_DEEP
            frames.append(Frame(name, file, line))
            file, line = self._file(call.call_file), call.call_line
        return [*frames, Frame(function.name, file, line)]

    def _known(self, function: FuncRecord) -> _Function:
        """Return the records of a function in order; many lines of a log may ask for them."""
        if function.address not in self._known_functions:
            self._known_functions[function.address] = _Function(function)
        return self._known_functions[function.address]

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
        if not self._names:
            for public in self._symbols.publics:
                self._names.setdefault(public.name, {})[public.address] = None
            for function in self._symbols.functions:
                self._names.setdefault(function.name, {})[function.address] = function.size
        return self._names.get(name, {})


class _Spans(Generic[_Record]):
    """Records by the code that they are about; of those that overlap the one that begins last."""

    def __init__(self, spans: list[tuple[int, int, _Record]]) -> None:
        self._spans = sorted((span for span in spans if span[1]), key=itemgetter(0))
        self._starts = [start for start, _, _ in self._spans]

    def at(self, address: int) -> _Record | None:
        """Return the record of an address."""
        index = bisect_right(self._starts, address) - 1
        if index < 0:
            return None
        start, size, record = self._spans[index]
        return record if address < start + size else None


class _Function:
    """The lines of a function, and its inlined calls by their depth."""

    def __init__(self, function: FuncRecord) -> None:
        self.lines = _Spans([(line.address, line.size, line) for line in function.lines])
        by_depth: dict[int, list[tuple[int, int, InlineRecord]]] = {}
        for call in function.inlines:
            if call.depth <= _DEEPEST:
                spans = by_depth.setdefault(call.depth, [])
                spans += [(start, size, call) for start, size in call.ranges]
        self._calls = {depth: _Spans(spans) for depth, spans in by_depth.items()}

    def calls_at(self, address: int) -> list[InlineRecord]:
        """Return the inlined calls around an address, the outermost first, without a gap."""
        calls: list[InlineRecord] = []
        while len(calls) in self._calls and (call := self._calls[len(calls)].at(address)):
            calls.append(call)
        return calls


def _end_of_code(symbols: SymbolFile) -> int:
    """Return the first address that no symbol can be for.

    How long a PUBLIC is, nothing says: what is behind the last one counts as its code up to the end
    of the page, as long as no FUNC or unwind rule shows that there is more code.
    """
    ends = [function.address + function.size for function in symbols.functions]
    ends += [record.address + record.size for record in symbols.cfi]
    ends += [(public.address | (_PAGE - 1)) + 1 for public in symbols.publics[-1:]]
    return min(max(ends, default=0), 1 << 64)
