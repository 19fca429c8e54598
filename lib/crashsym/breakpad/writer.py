# SPDX-License-Identifier: MIT
"""Records → the bytes of a symbol file."""

from __future__ import annotations

import io

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import BinaryIO

    from crashsym.breakpad.records import (
        CfiRecord,
        FuncRecord,
        ModuleRecord,
        PublicRecord,
        SymbolFile,
    )

_LONGEST_NAME = 255 - len(".sym")  # NAME_MAX of Linux


def write(symbols: SymbolFile) -> bytes:
    """Return the symbol file as bytes: UTF-8, LF, in the order that Breakpad writes.

    Source: Breakpad src/common/module.cc, Module::Write.
    """
    stream = io.BytesIO()
    write_module(stream, symbols.module)
    write_functions(stream, symbols.files, symbols.origins, symbols.functions)
    write_publics(stream, symbols.publics)
    write_cfi(stream, symbols.cfi)
    return stream.getvalue()


def write_module(stream: BinaryIO, module: ModuleRecord) -> None:
    """Write the MODULE and INFO records."""
    name = one_line(module.debug_file)
    _put(stream, f"MODULE {module.os} {module.arch} {module.debug_id} {name}")
    _put(stream, f"INFO CODE_ID {module.code_id}")


def write_functions(
    stream: BinaryIO,
    files: Iterable[str],
    origins: Iterable[str],
    functions: Iterable[FuncRecord],
) -> None:
    """Write the FILE, INLINE_ORIGIN, FUNC, INLINE and line records."""
    for number, path in enumerate(files):
        _put(stream, f"FILE {number} {one_line(path)}")
    for number, name in enumerate(origins):
        _put(stream, f"INLINE_ORIGIN {number} {one_line(name)}")
    for function in functions:
        many = "m " if function.multiple else ""
        place = f"{many}{function.address:x} {function.size:x}"
        _put(stream, f"FUNC {place} 0 {one_line(function.name)}")
        for call in function.inlines:
            ranges = " ".join(f"{address:x} {size:x}" for address, size in call.ranges)
            numbers = f"{call.depth} {call.call_line} {call.call_file} {call.origin}"
            _put(stream, f"INLINE {numbers} {ranges}")
        for address, size, line, file in function.lines:
            _put(stream, f"{address:x} {size:x} {line} {file}")


def write_publics(stream: BinaryIO, publics: Iterable[PublicRecord]) -> None:
    """Write the PUBLIC records."""
    for public in publics:
        many = "m " if public.multiple else ""
        _put(stream, f"PUBLIC {many}{public.address:x} 0 {one_line(public.name)}")


def write_cfi(stream: BinaryIO, entries: Iterable[CfiRecord]) -> None:
    """Write the STACK CFI records."""
    for entry in entries:
        _put(stream, f"STACK CFI INIT {entry.address:x} {entry.size:x} {entry.rules}")
        for address, rules in entry.deltas:
            _put(stream, f"STACK CFI {address:x} {rules}")


def _put(stream: BinaryIO, record: str) -> None:
    stream.write(record.encode("utf-8", "replace") + b"\n")


def module_name(soname: str | None, file_name: str) -> str:
    """Return the name of a module, fit for the MODULE record and for a folder of the store.

    The SONAME without folders, else the file name; what cannot stand in a line of text is "_", and
    what ``.sym`` has to fit behind is cut off.

    Source: Breakpad src/common/linux/elfutils.cc and dump_symbols.cc.
    """
    for name in ((soname or "").rpartition("/")[2], file_name):
        clean = "".join(c if c.isprintable() else "_" for c in name)
        if clean not in ("", ".", ".."):
            return clean.encode()[:_LONGEST_NAME].decode("utf-8", "ignore")
    return "_"


def one_line(name: str) -> str:
    """Return a name that fits into a record: no control characters, which would end it."""
    if name.isprintable():
        return name
    return "".join(c if c.isprintable() else "?" for c in name)
