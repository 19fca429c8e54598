# SPDX-License-Identifier: MIT
"""Numbers of a symbol file: their text, sets of them, and ranges of addresses."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator
from itertools import islice
from operator import le

MAX_ADDRESS = (1 << 64) - 1
MAX_DECIMAL = (1 << 32) - 1  # rust-minidump reads 32 bits
ADDRESS_DIGITS, SIZE_DIGITS, DECIMAL_DIGITS = 16, 8, 10
_HEX = b"0123456789abcdefABCDEF"
_PAGE_BITS = 15
_MOST_PAGES = 4096


def hexadecimal(word: bytes, digits: int) -> int | None:
    """Return the value of up to ``digits`` hexadecimal digits; None if it is anything else."""
    if not word or len(word) > digits or word.translate(None, _HEX):
        return None
    return int(word, 16)


def decimal(word: bytes) -> int | None:
    """Return the value of a decimal number of 32 bits; None if it is anything else."""
    if len(word) > DECIMAL_DIGITS or not word.isdigit():
        return None
    value = int(word)
    return value if value <= MAX_DECIMAL else None


class NumberSet:
    """A set of numbers of 32 bits in at most 16 MiB; ``full`` says that it takes no more pages."""

    def __init__(self) -> None:
        self._pages: dict[int, bytearray] = {}
        self.full = False

    def add(self, number: int) -> bool:
        """Add a number; return whether it was new."""
        page = self._pages.get(number >> _PAGE_BITS)
        if page is None:
            if len(self._pages) == _MOST_PAGES:
                self.full = True
                return True
            page = self._pages[number >> _PAGE_BITS] = bytearray(1 << (_PAGE_BITS - 3))
        index, bit = number >> 3 & (1 << (_PAGE_BITS - 3)) - 1, 1 << (number & 7)
        new = not page[index] & bit
        page[index] |= bit
        return new

    def __contains__(self, number: int) -> bool:
        page = self._pages.get(number >> _PAGE_BITS)
        return page is not None and bool(
            page[number >> 3 & (1 << (_PAGE_BITS - 3)) - 1] & 1 << (number & 7)
        )

    def without(self, other: NumberSet) -> Iterator[int]:
        """Yield what is in this set and not in ``other``, ascending."""
        for key, page in sorted(self._pages.items()):
            theirs = other._pages.get(key, bytes(len(page)))
            if page == theirs:
                continue
            for index, (ours, taken) in enumerate(zip(page, theirs, strict=True)):
                left = ours & ~taken
                while left:
                    bit = left & -left
                    yield (key << _PAGE_BITS) + index * 8 + bit.bit_length() - 1
                    left -= bit


class Spans:
    """Ranges of addresses with the lines that they came from; ends are exclusive."""

    __slots__ = ("ends", "numbers", "starts")

    def __init__(self) -> None:
        self.starts = array("Q")
        self.ends = array("Q")
        self.numbers = array("Q")

    def __len__(self) -> int:
        return len(self.starts)

    def add(self, start: int, end: int, number: int = 0) -> None:
        """Append a range; ``end`` is at most `MAX_ADDRESS`."""
        self.starts.append(start)
        self.ends.append(end)
        self.numbers.append(number)

    def separate(self) -> bool:
        """Whether the ranges ascend without an overlap."""
        return all(map(le, self.ends, islice(self.starts, 1, None)))

    def ordered(self) -> list[int] | range:
        """Return the indexes in ascending order of (start, end), ties in order of appearance."""
        if self.separate():
            return range(len(self.starts))
        return sorted(range(len(self.starts)), key=lambda i: (self.starts[i], self.ends[i]))

    def overlaps(self) -> Iterator[tuple[int, int]]:
        """Yield (index, index of one before it in order of address that reaches into it)."""
        if self.separate():
            return
        farthest = -1
        for index in self.ordered():
            if farthest >= 0 and self.starts[index] < self.ends[farthest]:
                yield index, farthest
            if farthest < 0 or self.ends[index] > self.ends[farthest]:
                farthest = index

    def merged(self) -> Spans:
        """Return the same addresses as sorted ranges that do not touch."""
        result = Spans()
        for index in self.ordered():
            start, end = self.starts[index], self.ends[index]
            if result.ends and start <= result.ends[-1]:
                result.ends[-1] = max(end, result.ends[-1])
            elif start < end:
                result.add(start, end)
        return result

    def contain(self, start: int, end: int) -> bool:
        """Whether one range holds all of the given one; the ranges must be `merged`."""
        index = bisect_right(self.starts, start) - 1
        return index >= 0 and end <= self.ends[index]
