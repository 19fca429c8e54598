"""A reader of Breakpad symbol files that shares nothing with the project's own writer.

Written from Breakpad's docs/symbol_files.md. It is strict: a line that fits no record is an error,
so a comparison can never pass because a record was overlooked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


class SymbolFileError(ValueError):
    """A line that is no record of the format, or not where it may stand."""


@dataclass(frozen=True)
class Line:
    address: int
    size: int
    line: int
    file: str


@dataclass(frozen=True)
class Inline:
    nest: int
    call_line: int
    call_file: str
    origin: str
    ranges: tuple[tuple[int, int], ...]


@dataclass
class Func:
    address: int
    size: int
    name: str
    multiple: bool
    lines: list[Line] = field(default_factory=list)
    inlines: list[Inline] = field(default_factory=list)


@dataclass(frozen=True)
class Public:
    address: int
    name: str
    multiple: bool


@dataclass
class CfiBlock:
    """One STACK CFI INIT record with the STACK CFI records below it."""

    address: int
    size: int
    rules: dict[str, str]
    deltas: list[tuple[int, dict[str, str]]] = field(default_factory=list)


@dataclass
class SymFile:
    os: str = ""
    arch: str = ""
    debug_id: str = ""
    name: str = ""
    info: list[str] = field(default_factory=list)
    files: dict[int, str] = field(default_factory=dict)
    origins: dict[int, str] = field(default_factory=dict)
    functions: list[Func] = field(default_factory=list)
    publics: list[Public] = field(default_factory=list)
    cfi: list[CfiBlock] = field(default_factory=list)


def parse(text: str) -> SymFile:
    """Read a whole symbol file."""
    reader = _Reader()
    for number, line in enumerate(text.split("\n"), start=1):
        if not line:
            continue
        try:
            reader.feed(line)
        except (ValueError, KeyError, IndexError) as error:
            raise SymbolFileError(f"line {number}: {line!r}: {error}") from error
    return reader.file


def parse_rules(words: Iterable[str]) -> dict[str, str]:
    """Split ``.cfa: sp 8 + .ra: lr`` into its rules."""
    rules: dict[str, str] = {}
    current: list[str] | None = None
    name = ""
    for word in words:
        if word.endswith(":"):
            if current is not None:
                rules[name] = " ".join(current)
            name, current = word[:-1], []
        elif current is None:
            raise SymbolFileError(f"an expression without a register: {word!r}")
        else:
            current.append(word)
    if current is not None:
        rules[name] = " ".join(current)
    if "" in rules.values():
        raise SymbolFileError("a register without an expression")
    return rules


class _Reader:
    def __init__(self) -> None:
        self.file = SymFile()
        self._func: Func | None = None

    def feed(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        handler = {
            "MODULE": self._module,
            "INFO": self.file.info.append,
            "FILE": self._file,
            "INLINE_ORIGIN": self._origin,
            "FUNC": self._func_record,
            "INLINE": self._inline,
            "PUBLIC": self._public,
            "STACK": self._stack,
        }.get(word)
        if handler is None:
            self._line(line)
        else:
            handler(rest)

    def _module(self, rest: str) -> None:
        file = self.file
        file.os, file.arch, file.debug_id, file.name = rest.split(" ", 3)

    def _file(self, rest: str) -> None:
        number, name = rest.split(" ", 1)
        self.file.files[int(number)] = name

    def _origin(self, rest: str) -> None:
        number, name = rest.split(" ", 1)
        self.file.origins[int(number)] = name

    def _func_record(self, rest: str) -> None:
        multiple = rest.startswith("m ")
        address, size, _parameters, name = rest.removeprefix("m ").split(" ", 3)
        self._func = Func(int(address, 16), int(size, 16), name, multiple)
        self.file.functions.append(self._func)

    def _inline(self, rest: str) -> None:
        nest, call_line, call_file, origin, *numbers = rest.split(" ")
        pairs = zip(numbers[::2], numbers[1::2], strict=True)
        ranges = tuple((int(address, 16), int(size, 16)) for address, size in pairs)
        # Breakpad's dumper writes -1 where the compiler names no file of the call.
        file = self.file.files[int(call_file)] if int(call_file) >= 0 else ""
        record = Inline(int(nest), int(call_line), file, self.file.origins[int(origin)], ranges)
        self._current().inlines.append(record)

    def _line(self, text: str) -> None:
        address, size, line, file = text.split(" ")
        record = Line(int(address, 16), int(size, 16), int(line), self.file.files[int(file)])
        self._current().lines.append(record)

    def _public(self, rest: str) -> None:
        multiple = rest.startswith("m ")
        address, _parameters, name = rest.removeprefix("m ").split(" ", 2)
        self.file.publics.append(Public(int(address, 16), name, multiple))

    def _stack(self, rest: str) -> None:
        words = rest.split()
        if words[0] != "CFI":
            raise SymbolFileError("only STACK CFI is written for ELF files")
        if words[1] == "INIT":
            block = CfiBlock(int(words[2], 16), int(words[3], 16), parse_rules(words[4:]))
            self.file.cfi.append(block)
        else:
            self.file.cfi[-1].deltas.append((int(words[1], 16), parse_rules(words[2:])))

    def _current(self) -> Func:
        if self._func is None:
            raise SymbolFileError("a record that belongs to a FUNC, before any FUNC")
        return self._func


def covered(func: Func) -> Iterator[int]:
    """Every address of ``func``."""
    return iter(range(func.address, func.address + func.size))
