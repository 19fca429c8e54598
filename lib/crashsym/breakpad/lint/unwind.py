# SPDX-License-Identifier: MIT
"""STACK records."""

from __future__ import annotations

from array import array

from crashsym.breakpad.lint.function import report_overlaps
from crashsym.breakpad.lint.numbers import (
    ADDRESS_DIGITS,
    MAX_ADDRESS,
    SIZE_DIGITS,
    Spans,
    hexadecimal,
)
from crashsym.breakpad.lint.report import Report, quoted
from crashsym.breakpad.lint.rules import RuleChecker

_WIN_FIELDS = 12  # STACK WIN, nine numbers, and the program or a flag


class UnwindCheck:
    """Checks the STACK records of one symbol file.

    ``rows`` are the addresses of all records, INIT and the others, kept if ``keep_rows``.
    """

    def __init__(self, report: Report, *, keep_rows: bool) -> None:
        self._report = report
        self._rules = RuleChecker("unknown")
        self._keep_rows = keep_rows
        self.spans = Spans()
        self.rows = array("Q")
        self._start = self._end = self._last = 0
        self._open = False  # whether STACK CFI may follow
        self.thumb = False

    def set_arch(self, arch: str) -> None:
        """Take the word of the MODULE record; without one no register is unknown."""
        self._rules = RuleChecker(arch)
        self.thumb = arch == "arm"

    def end(self) -> None:
        """Note a record of another kind: STACK CFI records must follow their INIT."""
        self._open = False

    def add(self, number: int, record: bytes) -> None:
        """Take a STACK record."""
        if record.startswith(b"STACK CFI INIT "):
            self._init(number, record)
            return
        if record.startswith(b"STACK CFI "):
            self._delta(number, record)
            return
        self._open = False
        if record.startswith(b"STACK WIN "):
            self._win(number, record)
            return
        self._bad(number, record, "neither STACK CFI nor STACK WIN")
        return

    def _bad(self, number: int, record: bytes, why: str) -> None:
        self._report.add("grammar", number, record, why)

    def _init(self, number: int, record: bytes) -> None:
        words = record.split(b" ", 5)
        start = hexadecimal(words[3], ADDRESS_DIGITS)
        size = hexadecimal(words[4], SIZE_DIGITS) if len(words) > 5 else None
        self._open = True
        if start is None or size is None:
            self._end = self._last = 0
            self._bad(number, record, "it has an address, a size, and rules")
            return
        self._start, self._last, self._end = start, start, start + size
        self._form(number, record, words[3] + words[4], start)
        if not size:
            self._report.add("cfi-zero-size", number, record)
        elif self._end > MAX_ADDRESS:
            self._report.add("range-overflow", number, record)
        else:
            if self.spans and start < self.spans.starts[-1]:
                self._report.add("cfi-order", number, record)
            self.spans.add(start, self._end, number)
        if self._keep_rows:
            self.rows.append(start)
        names = self._check_rules(number, words[5])
        for name in (".cfa", ".ra"):
            if name not in names:
                self._report.add(f"cfi-no-{name[1:]}", number, quoted(record))

    def _delta(self, number: int, record: bytes) -> None:
        words = record.split(b" ", 3)
        address = hexadecimal(words[2], ADDRESS_DIGITS)
        if address is None or len(words) < 4:
            self._bad(number, record, "it has an address, and rules")
            return
        if not self._open:
            self._report.add("orphan", number, f"{quoted(record)} does not follow its INIT")
            return
        self._form(number, record, words[2], address)
        if not self._start <= address < self._end:
            where = f"INIT from 0x{self._start:x} to 0x{self._end:x}"
            # After a malformed or an empty INIT there is nothing to compare with.
            if self._end > self._start:
                self._report.add("cfi-delta-outside", number, f"{quoted(record)} in the {where}")
        elif address <= self._last:
            fact = f"{quoted(record)} after 0x{self._last:x}"
            self._report.add("cfi-delta-order", number, fact)
        else:
            self._last = address
        if self._keep_rows:
            self.rows.append(address)
        self._check_rules(number, words[3])

    def _form(self, number: int, record: bytes, digits: bytes, address: int) -> None:
        if digits != digits.lower():
            self._report.add("hex-case", number, record)
        if self.thumb and address & 1:
            self._report.add("thumb-bit", number, record)

    def _check_rules(self, number: int, text: bytes) -> frozenset[str]:
        found = self._rules.check(text)
        for code, fact in found.problems:
            self._report.add(code, number, fact)
        return found.names

    def _win(self, number: int, record: bytes) -> None:
        words = record.split(b" ", _WIN_FIELDS - 1)
        if len(words) < _WIN_FIELDS or None in (hexadecimal(w, 16) for w in words[2:11]):
            self._bad(number, record, "STACK WIN has nine numbers and a program or a flag")
            return
        self._report.add("stack-win", number, record)

    def close(self) -> None:
        """Compare all ranges with each other."""
        report_overlaps(self._report, "cfi-overlap", self.spans)
