# SPDX-License-Identifier: MIT
"""FILE and INLINE_ORIGIN numbers: defined once, before they are used, and used at all."""

from __future__ import annotations

from itertools import islice

from crashsym.breakpad.lint.numbers import NumberSet, decimal
from crashsym.breakpad.lint.report import MOST_PLACES, Report

_MOST_UNDEFINED = 4096
_MOST_REMEMBERED = 1 << 16


class _Numbers:
    """The numbers of one kind of record."""

    def __init__(self, record: str, kind: str) -> None:
        self.record = record
        self.kind = kind  # how its codes begin
        self.defined = NumberSet()
        self.used = NumberSet()
        self.undefined: dict[int, tuple[int, int]] = {}  # number: first line, times
        self.settled: set[int] = set()  # of those that are defined and used, to be quick
        self.overflow = 0  # line of a use for which there was no more place

    def define(self, number: int, line: int, report: Report) -> None:
        if not self.defined.add(number):
            report.add(f"{self.kind}-duplicate", line, f"{self.record} {number}")

    def use(self, number: int, line: int) -> None:
        self.used.add(number)
        if number in self.defined:
            if len(self.settled) >= _MOST_REMEMBERED:
                self.settled.clear()
            self.settled.add(number)
        else:
            first, times = self.undefined.get(number, (line, 0))
            if times or len(self.undefined) < _MOST_UNDEFINED:
                self.undefined[number] = (first, times + 1)
            else:
                self.overflow = self.overflow or line

    def close(self, report: Report) -> None:
        if self.defined.full or self.used.full or self.overflow:
            report.add("not-checked", self.overflow, f"too many scattered {self.record} numbers")
        if self.defined.full or self.used.full:
            return
        for number, (line, times) in self.undefined.items():
            if number not in self.defined:
                report.add(f"{self.kind}-dangling", line, f"{self.record} {number}", count=times)
            elif self.kind == "origin":  # a late FILE is reported where it stands
                report.add("record-order", line, f"{self.record} {number} comes later", count=times)
        unused = self.defined.without(self.used)
        for number in islice(unused, MOST_PLACES):
            report.add(f"{self.kind}-unused", 0, f"{self.record} {number}")
        rest = sum(1 for _ in unused)
        if rest:
            report.add(f"{self.kind}-unused", 0, "", count=rest)


class References:
    """Both kinds of numbers of one symbol file."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._files = _Numbers("FILE", "file")
        self._origins = _Numbers("INLINE_ORIGIN", "origin")
        self._known_files: set[bytes] = set()

    def define_file(self, number: int, line: int) -> None:
        """Note a FILE record."""
        self._files.define(number, line, self._report)

    def define_origin(self, number: int, line: int) -> None:
        """Note an INLINE_ORIGIN record."""
        self._origins.define(number, line, self._report)

    def use_file(self, number: int, line: int) -> None:
        """Note that a record refers to a FILE."""
        if number not in self._files.settled:
            self._files.use(number, line)

    def use_origin(self, number: int, line: int) -> None:
        """Note that an INLINE refers to an INLINE_ORIGIN."""
        if number not in self._origins.settled:
            self._origins.use(number, line)

    def known_files(self, words: list[bytes], line: int) -> bool:
        """Note the FILE numbers of line records if all of them are defined; else return false."""
        new = set(words) - self._known_files
        for word in new:
            number = decimal(word)
            if number is None or number not in self._files.defined:
                return False
            self._files.use(number, line)
        if len(self._known_files) > _MOST_REMEMBERED:
            self._known_files.clear()
        self._known_files |= new
        return True

    def close(self) -> None:
        """Report what is dangling, late or unused."""
        self._files.close(self._report)
        self._origins.close(self._report)
