# SPDX-License-Identifier: MIT
"""Where a file lies in a store that a symbol server, a debugger or a stack walker reads.

Sources: google/breakpad src/processor/simple_symbol_supplier.cc; getsentry/symbolicator
crates/symbolicator-sources/src/paths.rs; elfutils doc/debuginfod.8; the GDB manual, "Separate Debug
Files".
"""

from __future__ import annotations

import re
from collections.abc import Callable

from crashsym.upload.items import DEBUG, SYMBOLS, Item, debug_place


def _breakpad(item: Item) -> str | None:
    if item.kind != SYMBOLS:
        return None
    return f"{item.debug_file}/{item.debug_id}/{item.debug_file}.sym"


def _unified(item: Item) -> str | None:
    if item.build_id is None or len(item.build_id) < 4:
        return None
    kind = "breakpad" if item.kind == SYMBOLS else "debuginfo"
    return f"{item.build_id[:2]}/{item.build_id[2:]}/{kind}"


def _debuginfod(item: Item) -> str | None:
    if item.kind != DEBUG or item.build_id is None:
        return None
    return f"buildid/{item.build_id}/debuginfo"


def _build_id(item: Item) -> str | None:
    if item.kind != DEBUG or item.build_id is None or len(item.build_id) < 4:
        return None
    return debug_place(item.build_id)


def _symstore(item: Item) -> str | None:
    if item.kind != DEBUG or item.build_id is None:
        return None
    return f"_.debug/elf-buildid-sym-{item.build_id}/_.debug"


DEPTH = 3  # parts of each of these places

# Each returns the path below the root, or None for a file that such a store does not have.
LAYOUTS: dict[str, Callable[[Item], str | None]] = {
    "breakpad": _breakpad,
    "unified": _unified,
    "debuginfod": _debuginfod,
    "build-id": _build_id,
    "symstore": _symstore,
    "ssqp": _symstore,  # the same in lower case, which this is
}

DEFAULT_LAYOUT = "breakpad"

# What they have a place for.
TAKES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(LAYOUTS, (DEBUG,)),
    "breakpad": (SYMBOLS,),
    "unified": (SYMBOLS, DEBUG),
}

_BYTES = "(?:[0-9a-f]{2})+"
_SYMSTORE = re.compile(rf"_\.debug/elf-buildid-sym-{_BYTES}/_\.debug")
# What all places of a layout look like, and nothing else does.
SHAPES: dict[str, re.Pattern[str]] = {
    "breakpad": re.compile(r"([^/]+)/[0-9A-F]{33,40}/\1\.sym"),
    "unified": re.compile(rf"[0-9a-f]{{2}}/{_BYTES}/(?:breakpad|debuginfo)"),
    "debuginfod": re.compile(rf"buildid/{_BYTES}/debuginfo"),
    "build-id": re.compile(rf"\.build-id/[0-9a-f]{{2}}/{_BYTES}\.debug"),
    "symstore": _SYMSTORE,
    "ssqp": _SYMSTORE,
}
