# SPDX-License-Identifier: MIT
"""Records → the bytes of a symbol file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crashsym.breakpad.records import CfiRecord, FuncRecord, SymbolFile

_LONGEST_NAME = 255 - len(".sym")  # NAME_MAX of Linux


def write(symbols: SymbolFile) -> bytes:
    """Return the symbol file as bytes: UTF-8, LF, in the order that Breakpad writes.

    Source: Breakpad src/common/module.cc, Module::Write.
    """
    return ("\n".join(_records(symbols)) + "\n").encode("utf-8", "replace")


def _records(symbols: SymbolFile) -> Iterator[str]:
    module = symbols.module
    yield f"MODULE {module.os} {module.arch} {module.debug_id} {one_line(module.debug_file)}"
    yield f"INFO CODE_ID {module.code_id}"
    for number, path in enumerate(symbols.files):
        yield f"FILE {number} {one_line(path)}"
    for number, name in enumerate(symbols.origins):
        yield f"INLINE_ORIGIN {number} {one_line(name)}"
    for function in symbols.functions:
        yield from _function(function)
    for public in symbols.publics:
        yield f"PUBLIC {public.address:x} 0 {one_line(public.name)}"
    for entry in symbols.cfi:
        yield from _cfi(entry)


def _function(function: FuncRecord) -> Iterator[str]:
    yield f"FUNC {function.address:x} {function.size:x} 0 {one_line(function.name)}"
    for call in function.inlines:
        ranges = " ".join(f"{address:x} {size:x}" for address, size in call.ranges)
        yield f"INLINE {call.depth} {call.call_line} {call.call_file} {call.origin} {ranges}"
    for address, size, line, file in function.lines:
        yield f"{address:x} {size:x} {line} {file}"


def _cfi(entry: CfiRecord) -> Iterator[str]:
    yield f"STACK CFI INIT {entry.address:x} {entry.size:x} {entry.rules}"
    for address, rules in entry.deltas:
        yield f"STACK CFI {address:x} {rules}"


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
