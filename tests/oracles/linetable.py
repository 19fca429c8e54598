"""The rows of the line table as ``readelf --debug-dump=decodedline`` prints them."""

from __future__ import annotations

import bisect
import re
from functools import lru_cache
from pathlib import Path

from corpus.build import run
from oracles.frames import NO_LINKS
from oracles.symfile import SymFile

# "plain.c   12   0x1193   1   x"; the line of the row that ends a sequence is "-".
_ROW = re.compile(r"\S.*\s(?:\d+|-)\s+(?:0x)?([0-9a-f]+)\b")


@lru_cache(maxsize=4)
def row_addresses(path: Path) -> tuple[int, ...]:
    """The addresses of all rows, ascending, as the file was linked."""
    text = run(["readelf", "--wide", NO_LINKS, "--debug-dump=decodedline", str(path)])
    found = {int(match[1], 16) for match in map(_ROW.match, text.splitlines()) if match}
    return tuple(sorted(found))


def carried_over(path: Path, base: int, symbols: SymFile) -> frozenset[int]:
    """The addresses at the beginning of functions that belong to a row from before the function.

    An assembler writes no row for the next function when file and line stay the same. The row goes
    on (DWARF 5, section 6.2), but symbolic 13.9 drops a row that begins before the function
    (symbolic-debuginfo/src/function_builder.rs, add_leaf_line).
    """
    rows = row_addresses(path)
    found: set[int] = set()
    for func in symbols.functions:
        start, end = func.address + base, func.address + func.size + base
        next_row = bisect.bisect_left(rows, start)
        if next_row and next_row < len(rows):
            found |= set(range(start, min(rows[next_row], end)))
    return frozenset(address - base for address in found)
