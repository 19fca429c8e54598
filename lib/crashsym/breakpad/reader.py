# SPDX-License-Identifier: MIT
"""The bytes of a symbol file → records, also of files that other tools wrote."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from crashsym.breakpad.records import (
    CfiRecord,
    FuncRecord,
    InlineRecord,
    LineRecord,
    ModuleRecord,
    PublicRecord,
    SymbolFile,
)
from crashsym.errors import MalformedError


@dataclass(slots=True)
class _Builder:
    module: ModuleRecord | None = None
    code_id: str = ""
    files: dict[int, str] = field(default_factory=dict)
    origins: dict[int, str] = field(default_factory=dict)
    functions: list[tuple[int, int, str, list[InlineRecord], list[LineRecord], bool]] = field(
        default_factory=list
    )
    publics: list[PublicRecord] = field(default_factory=list)
    cfi: list[tuple[int, int, str, list[tuple[int, str]]]] = field(default_factory=list)


def read(data: bytes, where: str = "symbol file") -> SymbolFile:
    """Parse a symbol file.

    FILE and INLINE_ORIGIN numbers may have gaps; the names of those are "".

    Raises:
        MalformedError: a line is no record; the message has its number.
    """
    builder = _Builder()
    for number, line in enumerate(data.decode("utf-8", "replace").split("\n"), 1):
        if not line.strip():
            continue
        try:
            _read_line(builder, line.rstrip("\r"))
        except (ValueError, IndexError) as error:
            raise MalformedError(
                "cannot read symbols",
                where=f"{where} line {number}",
                why=f"no record of a symbol file: {line[:60]!r}",
            ) from error
    return _finish(builder, where)


def _read_line(builder: _Builder, line: str) -> None:
    word = line.split(" ", 1)[0]
    parse = _PARSERS.get(word)
    if parse is not None:
        parse(builder, line)
    else:
        address, size, number, file = line.split()
        record = LineRecord(int(address, 16), int(size, 16), int(number), int(file))
        builder.functions[-1][4].append(record)


def _module(builder: _Builder, line: str) -> None:
    _, os, arch, debug_id, debug_file = line.split(" ", 4)
    builder.module = ModuleRecord(os, arch, debug_id, debug_file, "")


def _info(builder: _Builder, line: str) -> None:
    words = line.split(" ")
    if words[1] == "CODE_ID":
        builder.code_id = words[2]


def _file(builder: _Builder, line: str) -> None:
    _, number, path = line.split(" ", 2)
    builder.files[int(number)] = path


def _origin(builder: _Builder, line: str) -> None:
    _, number, name = line.split(" ", 2)
    builder.origins[int(number)] = name


def _func(builder: _Builder, line: str) -> None:
    multiple, line = line.startswith("FUNC m "), line.replace("FUNC m ", "FUNC ", 1)
    _, address, size, _parameters, name = line.split(" ", 4)
    builder.functions.append((int(address, 16), int(size, 16), name, [], [], multiple))


def _inline(builder: _Builder, line: str) -> None:
    _, depth, call_line, call_file, origin, *numbers = line.split()
    values = [int(number, 16) for number in numbers]
    ranges = tuple(zip(values[::2], values[1::2], strict=True))
    record = InlineRecord(int(depth), int(call_line), int(call_file), int(origin), ranges)
    builder.functions[-1][3].append(record)


def _public(builder: _Builder, line: str) -> None:
    multiple, line = line.startswith("PUBLIC m "), line.replace("PUBLIC m ", "PUBLIC ", 1)
    _, address, _parameters, name = line.split(" ", 3)
    builder.publics.append(PublicRecord(int(address, 16), name, multiple))


def _stack(builder: _Builder, line: str) -> None:
    words = line.split(" ", 5)
    if words[1] != "CFI":
        return  # STACK WIN, which no ELF file has
    if words[2] == "INIT":
        builder.cfi.append((int(words[3], 16), int(words[4], 16), words[5], []))
    else:
        _, _, address, rules = line.split(" ", 3)
        builder.cfi[-1][3].append((int(address, 16), rules))


_PARSERS: dict[str, Callable[[_Builder, str], None]] = {
    "MODULE": _module,
    "INFO": _info,
    "FILE": _file,
    "INLINE_ORIGIN": _origin,
    "FUNC": _func,
    "INLINE": _inline,
    "PUBLIC": _public,
    "STACK": _stack,
}


def _finish(builder: _Builder, where: str) -> SymbolFile:
    module = builder.module
    if module is None:
        raise MalformedError("cannot read symbols", where=where, why="it has no MODULE record")
    return SymbolFile(
        module=ModuleRecord(
            module.os, module.arch, module.debug_id, module.debug_file, builder.code_id
        ),
        files=_dense(builder.files, where),
        origins=_dense(builder.origins, where),
        functions=tuple(
            FuncRecord(address, size, name, tuple(inlines), tuple(lines), multiple)
            for address, size, name, inlines, lines, multiple in sorted(
                builder.functions, key=lambda function: function[:2]
            )
        ),
        publics=tuple(sorted(builder.publics)),
        cfi=tuple(
            CfiRecord(address, size, rules, tuple(deltas))
            for address, size, rules, deltas in sorted(builder.cfi, key=lambda record: record[:2])
        ),
    )


def _dense(names: dict[int, str], where: str) -> tuple[str, ...]:
    highest = max(names, default=-1)
    if highest > 16 * (len(names) + 1024):
        raise MalformedError(
            "cannot read symbols",
            where=where,
            why=f"file or origin number {highest} of {len(names)}",
        )
    return tuple(names.get(number, "") for number in range(highest + 1))
