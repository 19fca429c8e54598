# SPDX-License-Identifier: MIT
"""Where code can lie, and which claim owns which piece of it when claims overlap."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import pairwise

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Piece:
    """Code from ``start`` up to ``end`` that belongs to the function number ``owner``."""

    start: int
    end: int
    owner: int


class CodeMap:
    """The addresses that can hold code; ``isa_bit``: bit 0 is a mode of the CPU, not a part."""

    def __init__(self, executable: tuple[Range, ...], *, isa_bit: bool = False) -> None:
        self._mask = ~1 if isa_bit else ~0
        self._starts = [start for start, _ in executable]
        self._ends = [end for _, end in executable]

    def inside(self, ranges: list[Range]) -> list[Range]:
        """Return the ranges that begin where code can lie, cut off at the end of it.

        GNU ld and lld leave the functions that they discard (COMDAT, ``--gc-sections``) at
        address 0, 1 or near the largest one: outside of every executable section.
        """
        found = []
        for marked, marked_end in ranges:
            start = self.address(marked)
            end = marked_end - (marked - start)
            if self.contains(start):
                limit = self._ends[bisect_right(self._starts, start) - 1]
                found.append((start, min(end, limit)))
        return found

    def address(self, value: int) -> int:
        """Return the address that a value from a symbol or from debug information stands for."""
        return value & self._mask

    def contains(self, address: int) -> bool:
        """Whether code can lie at ``address``."""
        index = bisect_right(self._starts, address) - 1
        return index >= 0 and address < self._ends[index]

    def divide(self, owners: list[list[Range]]) -> list[Piece]:
        """Return the code of all functions as pieces in ascending order without overlap.

        Where several functions claim the same byte, the one that begins last has it: an entry point
        inside of a larger routine, or the next function where the end of one is wrong (GNU as for
        RISC-V does not correct it when the linker shortens code). Of those that begin together it
        is the shorter, of equal ones the first (identical code folded into one).
        """
        claims = [
            Piece(start, end, owner) for owner, ranges in enumerate(owners) for start, end in ranges
        ]
        claims.sort(key=lambda claim: (claim.start, claim.end))
        if all(a.end <= b.start for a, b in pairwise(claims)):
            return claims
        taken = Taken()
        pieces: list[Piece] = []
        for claim in sorted(claims, key=lambda c: (-c.start, c.end, c.owner)):
            pieces.extend(
                Piece(start, end, claim.owner) for start, end in taken.take(claim.start, claim.end)
            )
        return sorted(pieces, key=lambda piece: piece.start)


class Taken:
    """A set of addresses as sorted, separate ranges."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def take(self, start: int, end: int) -> list[Range]:
        """Add a range; return the parts of it that were free."""
        first = bisect_left(self._ends, start)
        last = bisect_right(self._starts, end)
        free, cursor = [], start
        for index in range(first, last):
            if cursor < self._starts[index]:
                free.append((cursor, self._starts[index]))
            cursor = max(cursor, self._ends[index])
        if cursor < end:
            free.append((cursor, end))
        if first < last:
            start, end = min(start, self._starts[first]), max(end, self._ends[last - 1])
        self._starts[first:last] = [start]
        self._ends[first:last] = [end]
        return free
