# SPDX-License-Identifier: MIT
"""One FUNC with its line and INLINE records."""

from __future__ import annotations

from itertools import islice, repeat
from operator import add, le

from crashsym.breakpad.lint.numbers import (
    ADDRESS_DIGITS,
    MAX_ADDRESS,
    SIZE_DIGITS,
    Spans,
    decimal,
    hexadecimal,
)
from crashsym.breakpad.lint.references import References
from crashsym.breakpad.lint.report import Report, quoted

# Breakpad splits an INLINE into 512 words: four numbers, then 254 pairs.
_MOST_RANGES = 254
# Ranges of one function and depth that are compared with each other.
_MOST_COMPARED = 1 << 18
_LINE_BYTES = b"0123456789abcdef "


class FunctionCheck:
    """Checks what follows one FUNC record. Call `close` at the end of it."""

    def __init__(self, start: int, end: int, report: Report, references: References) -> None:
        self._start = start
        self._end = end
        self._report = report
        self._references = references
        self.lines = Spans()
        self._lines_end = 0  # of those that came in order
        self._chain: list[Spans] = []  # the ranges of the last INLINE of each depth
        self._depths: dict[int, Spans] = {}

    def add_lines(self, first: int, records: list[bytes]) -> None:
        """Take line records; ``first`` is the number of the first one."""
        if not self._all_good(first, records):
            for index, record in enumerate(records):
                self._line(first + index, record)

    def _all_good(self, first: int, records: list[bytes]) -> bool:
        """Take all the records at once where nothing is wrong with any, the usual case."""
        text = b" ".join(records)
        words = text.split(b" ")
        addresses, sizes, numbers, files = (words[index::4] for index in range(4))
        if (
            text.translate(None, _LINE_BYTES)
            or set(map(bytes.count, records, repeat(b" "))) != {3}
            or b"" in words
            or max(map(len, addresses)) > ADDRESS_DIGITS
            or max(map(len, sizes)) > SIZE_DIGITS
            or max(map(len, numbers)) > 9
            or not b"".join(numbers).isdigit()
        ):
            return False
        starts = list(map(int, addresses, repeat(16)))
        lengths = list(map(int, sizes, repeat(16)))
        ends = list(map(add, starts, lengths))
        if (
            not all(lengths)
            or starts[0] < max(self._start, self._lines_end)
            or ends[-1] > self._end
            or not all(map(le, ends, islice(starts, 1, None)))
            or not self._references.known_files(files, first)
        ):
            return False
        self._lines_end = ends[-1]
        self.lines.starts.extend(starts)
        self.lines.ends.extend(ends)
        self.lines.numbers.extend(range(first, first + len(starts)))
        return True

    def _line(self, number: int, record: bytes) -> None:
        words = record.split(b" ")
        if len(words) != 4:
            self._bad(number, record, f"{len(words)} fields where a line record has 4")
            return
        start, size = hexadecimal(words[0], ADDRESS_DIGITS), hexadecimal(words[1], SIZE_DIGITS)
        line, file = decimal(words[2]), decimal(words[3])
        if start is None or size is None or line is None or file is None:
            self._bad(number, record, "not an address, a size, a line and a file number")
            return
        if (words[0] + words[1]).lower() != words[0] + words[1]:
            self._report.add("hex-case", number, quoted(record))
        self._references.use_file(file, number)
        if not size:
            self._report.add("line-zero-size", number, quoted(record))
        elif start + size > MAX_ADDRESS:
            self._report.add("range-overflow", number, quoted(record))
        elif not self._start <= start < start + size <= self._end:
            where = f"FUNC from 0x{self._start:x} to 0x{self._end:x}"
            self._report.add("line-outside", number, f"{quoted(record)} in the {where}")
        else:
            if self.lines and start < self.lines.starts[-1]:
                self._report.add("line-order", number, quoted(record))
            self._lines_end = max(self._lines_end, start + size)
            self.lines.add(start, start + size, number)

    def _bad(self, number: int, record: bytes, why: str) -> None:
        self._report.add("grammar", number, f"{quoted(record)}: {why}")

    def add_inline(self, number: int, record: bytes) -> None:
        """Take an INLINE record."""
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
            self._report.add("inline-call-file", number, quoted(record))
        else:
            self._references.use_file(file, number)
        if len(ranges) > _MOST_RANGES:
            self._report.add("inline-ranges", number, f"{len(ranges)} ranges")
        self._nest(number, depth, self._inline_spans(number, ranges))

    @staticmethod
    def _ranges(words: list[bytes]) -> list[tuple[int, int]] | None:
        """Return (address, size) pairs, or None where a word is no such number."""
        starts = [hexadecimal(word, ADDRESS_DIGITS) for word in words[::2]]
        sizes = [hexadecimal(word, SIZE_DIGITS) for word in words[1::2]]
        pairs = zip(starts, sizes, strict=True)
        found = [(start, size) for start, size in pairs if start is not None and size is not None]
        return found if len(found) == len(starts) else None

    def _inline_spans(self, number: int, ranges: list[tuple[int, int]]) -> Spans:
        spans = Spans()
        for start, size in ranges:
            end = start + size
            fact = f"0x{start:x}, size 0x{size:x}"
            if start == end:
                self._report.add("inline-zero-size", number, fact)
            elif end > MAX_ADDRESS:
                self._report.add("range-overflow", number, fact)
            elif not self._start <= start < end <= self._end:
                where = f"FUNC from 0x{self._start:x} to 0x{self._end:x}"
                self._report.add("inline-outside", number, f"{fact}, in the {where}")
            else:
                spans.add(start, end, number)
        return spans

    def _nest(self, number: int, depth: int, spans: Spans) -> None:
        if depth > len(self._chain):
            self._report.add(
                "inline-no-parent", number, f"depth {depth} where {len(self._chain)} is the most"
            )
            return
        del self._chain[depth:]
        if depth:
            parent = self._chain[-1]
            for start, end in zip(spans.starts, spans.ends, strict=True):
                if not parent.contain(start, end):
                    fact = f"0x{start:x}, size 0x{end - start:x}, at depth {depth}"
                    self._report.add("inline-outside-parent", number, fact)
        self._chain.append(spans.merged())
        level = self._depths.setdefault(depth, Spans())
        level.starts.extend(spans.starts)
        level.ends.extend(spans.ends)
        level.numbers.extend(spans.numbers)

    def close(self) -> None:
        """Compare all records of the function with each other."""
        report_overlaps(self._report, "line-overlap", self.lines, _MOST_COMPARED)
        for spans in self._depths.values():
            report_overlaps(self._report, "inline-overlap", spans, _MOST_COMPARED)


def report_overlaps(report: Report, code: str, spans: Spans, most: int | None = None) -> None:
    """Report each range that overlaps one before it in order of (start, end)."""
    if most is not None and len(spans) > most and not spans.separate():
        report.add("not-checked", spans.numbers[0], f"{len(spans)} ranges of one function: {code}")
        return
    for index, other in spans.overlaps():
        report.add(code, spans.numbers[index], overlap_fact(spans, index, other))


def overlap_fact(spans: Spans, index: int, other: int) -> str:
    """Return the fact of one overlap."""
    start, end = spans.starts[index], spans.ends[index]
    return (
        f"0x{start:x} to 0x{end:x}, and in line {spans.numbers[other]} "
        f"0x{spans.starts[other]:x} to 0x{spans.ends[other]:x}"
    )
