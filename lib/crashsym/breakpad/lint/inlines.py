# SPDX-License-Identifier: MIT
"""The INLINE records of one FUNC."""

from __future__ import annotations

from bisect import bisect_right
from itertools import islice, repeat
from operator import add, lt

from crashsym.breakpad.lint.numbers import (
    ADDRESS_DIGITS,
    MAX_ADDRESS,
    SIZE_DIGITS,
    Spans,
    decimal,
    hexadecimal,
)
from crashsym.breakpad.lint.references import References
from crashsym.breakpad.lint.report import Report

# Breakpad splits an INLINE into 512 words: four numbers, then 254 pairs.
_MOST_RANGES = 254
_DEEPEST = 1 << 12  # far beyond what compilers do
# Ranges of one function and depth that are kept, to be compared with each other.
MOST_KEPT = 1 << 18
_LINE_BYTES = b"0123456789abcdef "
_Ranges = tuple[list[int], list[int]]  # starts and ends


class InlineCheck:
    """Checks INLINE records against each other and against their FUNC."""

    def __init__(self, start: int, end: int, report: Report, references: References) -> None:
        self._start = start
        self._end = end
        self._report = report
        self._references = references
        self._chain: list[_Ranges] = []  # of the last INLINE of each depth, sorted and joined
        self.depths: dict[int, Spans] = {}

    def add(self, number: int, record: bytes) -> None:
        """Take an INLINE record."""
        if not self._good(number, record):
            self._slow(number, record)

    def _good(self, number: int, record: bytes) -> bool:
        """Take a record of the usual form with nothing wrong in its fields."""
        text = record[7:]
        words = text.split(b" ")
        if (
            text.translate(None, _LINE_BYTES)
            or len(words) % 2
            or not 6 <= len(words) <= 4 + 2 * _MOST_RANGES
            or b"" in words
            or max(map(len, words)) > SIZE_DIGITS
            or not (words[0] + words[1] + words[2] + words[3]).isdigit()
        ):
            return False
        values = list(map(int, words[4:], repeat(16)))
        starts, sizes = values[::2], values[1::2]
        ends = list(map(add, starts, sizes))
        if 0 in sizes or min(starts) < self._start or max(ends) > self._end:
            return False
        self._references.use_origin(int(words[3]), number)
        self._references.use_file(int(words[2]), number)
        self._nest(number, int(words[0]), starts, ends)
        return True

    def _slow(self, number: int, record: bytes) -> None:
        words = record.split(b" ")
        if len(words) % 2 == 0 or len(words) < 7:
            self._bad(number, record, "an INLINE has four numbers, then pairs of address and size")
            return
        artificial = words[3] == b"-1"
        depth, line, origin = (decimal(words[index]) for index in (1, 2, 4))
        file = 0 if artificial else decimal(words[3])
        ranges = self._ranges(words[5:])
        if depth is None or line is None or origin is None or file is None or ranges is None:
            self._bad(number, record, "a field is no number, or too large a one")
            return
        self._references.use_origin(origin, number)
        if artificial:
            self._report.add("inline-call-file", number, record)
        else:
            self._references.use_file(file, number)
        if len(ranges) > _MOST_RANGES:
            self._report.add("inline-ranges", number, f"{len(ranges)} ranges")
        digits = b"".join(words[5:])
        if digits != digits.lower():
            self._report.add("hex-case", number, record)
        self._nest(number, depth, *self._inside(number, ranges))

    def _bad(self, number: int, record: bytes, why: str) -> None:
        self._report.add("grammar", number, record, why)

    @staticmethod
    def _ranges(words: list[bytes]) -> list[tuple[int, int]] | None:
        """Return (address, size) pairs, or None where a word is no such number."""
        starts = [hexadecimal(word, ADDRESS_DIGITS) for word in words[::2]]
        sizes = [hexadecimal(word, SIZE_DIGITS) for word in words[1::2]]
        pairs = zip(starts, sizes, strict=True)
        found = [(start, size) for start, size in pairs if start is not None and size is not None]
        return found if len(found) == len(starts) else None

    def _inside(self, number: int, ranges: list[tuple[int, int]]) -> _Ranges:
        """Return those ranges that can be looked up."""
        starts, ends = [], []
        for start, size in ranges:
            end = start + size
            fact = f"0x{start:x}, size 0x{size:x}"
            if not size:
                self._report.add("inline-zero-size", number, fact)
            elif end > MAX_ADDRESS:
                self._report.add("range-overflow", number, fact)
            elif not self._start <= start < end <= self._end:
                where = f"FUNC from 0x{self._start:x} to 0x{self._end:x}"
                self._report.add("inline-outside", number, f"{fact}, in the {where}")
            else:
                starts.append(start)
                ends.append(end)
        return starts, ends

    def _nest(self, number: int, depth: int, starts: list[int], ends: list[int]) -> None:
        if depth >= _DEEPEST:
            self._report.add("not-checked", number, f"INLINE of depth {depth}")
            return
        chain = self._chain
        if depth > len(chain):
            fact = f"depth {depth} where {len(chain)} is the most"
            self._report.add("inline-no-parent", number, fact)
            return
        del chain[depth:]
        if depth:
            parents, parent_ends = chain[-1]
            for start, end in zip(starts, ends, strict=True):
                index = bisect_right(parents, start) - 1
                if index < 0 or end > parent_ends[index]:
                    fact = f"0x{start:x}, size 0x{end - start:x}, at depth {depth}"
                    self._report.add("inline-outside-parent", number, fact)
        level = self.depths.get(depth)
        if level is None:
            level = self.depths[depth] = Spans()
        if len(level) <= MOST_KEPT:
            level.starts.extend(starts)
            level.ends.extend(ends)
            level.numbers.extend(repeat(number, len(starts)))
        chain.append(_joined(starts, ends))


def _joined(starts: list[int], ends: list[int]) -> _Ranges:
    if len(starts) == 1 or all(map(lt, ends, islice(starts, 1, None))):
        return starts, ends
    spans = Spans()
    for start, end in zip(starts, ends, strict=True):
        spans.add(start, end)
    merged = spans.merged()
    return merged.starts.tolist(), merged.ends.tolist()
