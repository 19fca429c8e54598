# SPDX-License-Identifier: MIT
"""One FUNC with its line and INLINE records."""

from __future__ import annotations

from itertools import islice, repeat
from operator import add, le

from crashsym.breakpad.lint.inlines import MOST_KEPT, InlineCheck
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

# Line records of one function, in no order, that are compared with each other.
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
        self._inlines = InlineCheck(start, end, report, references)

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
            self._report.add("hex-case", number, record)
        self._references.use_file(file, number)
        if not size:
            self._report.add("line-zero-size", number, record)
        elif start + size > MAX_ADDRESS:
            self._report.add("range-overflow", number, record)
        elif not self._start <= start < start + size <= self._end:
            where = f"FUNC from 0x{self._start:x} to 0x{self._end:x}"
            self._report.add("line-outside", number, f"{quoted(record)} in the {where}")
        else:
            if self.lines and start < self.lines.starts[-1]:
                self._report.add("line-order", number, record)
            self._lines_end = max(self._lines_end, start + size)
            self.lines.add(start, start + size, number)

    def _bad(self, number: int, record: bytes, why: str) -> None:
        self._report.add("grammar", number, record, why)

    def add_inline(self, number: int, record: bytes) -> None:
        """Take an INLINE record."""
        self._inlines.add(number, record)

    def close(self) -> None:
        """Compare all records of the function with each other."""
        if len(self.lines) > _MOST_COMPARED and not self.lines.separate():
            self._not_compared("line-overlap", self.lines, _MOST_COMPARED)
        else:
            report_overlaps(self._report, "line-overlap", self.lines)
        for spans in self._inlines.depths.values():
            if len(spans) > MOST_KEPT:
                self._not_compared("inline-overlap", spans, MOST_KEPT)
            else:
                report_overlaps(self._report, "inline-overlap", spans)

    def _not_compared(self, code: str, spans: Spans, most: int) -> None:
        fact = f"more than {most} ranges of one function: {code}"
        self._report.add("not-checked", spans.numbers[0], fact)


def report_overlaps(report: Report, code: str, spans: Spans) -> None:
    """Report each range that overlaps one before it in order of (start, end)."""
    for index, other in spans.overlaps():
        report.add(code, spans.numbers[index], overlap_fact(spans, index, other))


def overlap_fact(spans: Spans, index: int, other: int) -> str:
    """Return the fact of one overlap."""
    start, end = spans.starts[index], spans.ends[index]
    return (
        f"0x{start:x} to 0x{end:x}, and in line {spans.numbers[other]} "
        f"0x{spans.starts[other]:x} to 0x{spans.ends[other]:x}"
    )
