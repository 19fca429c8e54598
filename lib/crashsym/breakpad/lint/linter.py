# SPDX-License-Identifier: MIT
"""The checker: one pass over the records of a symbol file, in memory that its size bounds."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from crashsym.breakpad.lint.function import FunctionCheck, overlap_fact
from crashsym.breakpad.lint.module import ModuleWords, check_code_id, check_module, parse_module
from crashsym.breakpad.lint.numbers import (
    ADDRESS_DIGITS,
    MAX_ADDRESS,
    SIZE_DIGITS,
    Spans,
    decimal,
    hexadecimal,
)
from crashsym.breakpad.lint.references import References
from crashsym.breakpad.lint.report import LintFinding, Report, quoted
from crashsym.breakpad.lint.text import blocks
from crashsym.breakpad.lint.unwind import UnwindCheck

_MOST_LINES = 1 << 15  # line records taken at once
_SEVERAL_BLANKS = re.compile(rb" {2,}")
_OLD_ORIGIN = re.compile(rb"-?[0-9]+( |$)")
# The order of symbolic-debuginfo src/breakpad.rs, whose iterators stop at what comes later.
_RANKS = {b"INFO": 1, b"FILE": 2, b"FUNC": 3, b"PUBLIC": 3, b"STACK": 4}
_KINDS = ("FILE", "INLINE_ORIGIN", "FUNC", "INLINE", "line", "PUBLIC", "STACK CFI INIT")


@dataclass(frozen=True, slots=True)
class LintResult:
    """What is in a symbol file and what is wrong with it.

    ``functions`` and ``cfi`` are the ranges of the records; ``lines`` those of line records that
    lie in their function, joined; ``rows`` the addresses of STACK CFI records. The last two are
    empty unless asked for.
    """

    module: ModuleWords | None
    code_id: str
    counts: dict[str, int]
    findings: tuple[LintFinding, ...]
    functions: Spans
    lines: Spans
    cfi: Spans
    rows: array[int]
    publics: array[int]


def lint(stream: BinaryIO, path: Path | None = None, *, coverage: bool = False) -> LintResult:
    """Check a symbol file; any bytes are accepted.

    With ``path`` its place in a store is checked, if it looks like one; with ``coverage`` the
    result says which code has lines and unwind rows. Time is linear in the size, memory is below
    64 MiB and three times the size.

    Raises:
        OSError: the stream cannot be read.

    Source: Breakpad docs/symbol_files.md; see `codes` for what the processors make of faults.
    """
    report = Report()
    linter = _Linter(report, path, coverage=coverage)
    for number, lines in blocks(stream, report):
        linter.feed(number, lines)
    return linter.result()


class _Linter:
    def __init__(self, report: Report, path: Path | None, *, coverage: bool) -> None:
        self._report = report
        self._path = path
        self._coverage = coverage
        self._references = References(report)
        self._unwind = UnwindCheck(report, keep_rows=coverage)
        self._module: ModuleWords | None = None
        self._code_id: tuple[str, int] | None = None
        self._records = 0
        self._rank = 0
        self._counts = dict.fromkeys(_KINDS, 0)
        self._function: FunctionCheck | None = None
        self._batch: list[bytes] = []
        self._batch_line = 0
        self._blank = 0  # number of the empty line right before
        self._functions, self._lines = Spans(), Spans()
        self._publics, self._public_lines = array("Q"), array("Q")
        self._parsers: dict[bytes, Callable[[int, bytes], None]] = {
            b"MODULE": self._module_record,
            b"INFO": self._info,
            b"FILE": self._file,
            b"INLINE_ORIGIN": self._origin,
            b"FUNC": self._func,
            b"INLINE": self._inline,
            b"PUBLIC": self._public,
            b"STACK": self._stack,
        }

    def feed(self, number: int, lines: list[bytes]) -> None:
        """Take lines; ``number`` is that of the first one."""
        batch = self._batch
        for line in lines:
            # Line records begin with a digit or a lower-case letter, most others do not.
            if line and not 57 < line[0] < 97 and not self._blank:
                if not batch:
                    self._batch_line = number
                batch.append(line)
            else:
                if batch:
                    self._flush()
                self._record(number, line)
            number += 1
            if len(batch) >= _MOST_LINES:
                self._flush()
        # The next block need not begin with the next line: one too long may have been left out.
        self._flush()

    def _flush(self) -> None:
        batch, first = self._batch, self._batch_line
        if not batch:
            return
        self._records += len(batch)
        if self._function is None:
            for index, line in enumerate(batch):
                self._stray(first + index, line)
        else:
            if any(b"  " in line for line in batch):
                batch[:] = [self._single(first + i, line) for i, line in enumerate(batch)]
            self._counts["line"] += len(batch)
            self._function.add_lines(first, batch)
        batch.clear()

    def _stray(self, number: int, line: bytes) -> None:
        """A line outside of functions that begins with no word of a record."""
        words = line.split(b" ")
        if len(words) == 4 and all(hexadecimal(word, 16) is not None for word in words):
            self._report.add("orphan", number, f"{quoted(line)} does not follow a FUNC")
        else:
            self._bad(number, line, "it begins with no word that is known")

    def _single(self, number: int, line: bytes) -> bytes:
        if b"  " not in line:
            return line
        self._report.add("separator", number, line)
        return _SEVERAL_BLANKS.sub(b" ", line)

    def _record(self, number: int, line: bytes) -> None:
        if not line:
            if self._blank:
                self._report.add("blank-line", self._blank, "it is empty")
            self._blank = number
            return
        word = line.partition(b" ")[0]
        parse = self._parsers.get(word)
        belongs = parse is None or word == b"INLINE" or (word == b"STACK" and self._is_delta(line))
        if self._blank:
            code = "blank-line-inside" if belongs else "blank-line"
            self._report.add(code, self._blank, f"before {quoted(line)}")
            self._blank = 0
            if word == b"INLINE_ORIGIN":
                self._end_function(b"")
        self._records += 1
        if parse is None:
            self._unknown(number, line)
            return
        if not belongs:
            self._end_function(word)
            self._check_order(number, word, line)
        parse(number, line)

    @staticmethod
    def _is_delta(line: bytes) -> bool:
        return line.startswith(b"STACK CFI ") and not line.startswith(b"STACK CFI INIT ")

    def _unknown(self, number: int, line: bytes) -> None:
        if self._function is not None and (hexadecimal(line.partition(b" ")[0], 16) is not None):
            self._counts["line"] += 1
            self._function.add_lines(number, [self._single(number, line)])
        else:
            self._stray(number, line)

    def _end_function(self, word: bytes) -> None:
        """Close the FUNC before; INLINE_ORIGIN may stand in the middle of one."""
        if word != b"STACK":
            self._unwind.end()
        if word == b"INLINE_ORIGIN" or self._function is None:
            return
        self._function.close()
        if self._coverage:
            lines = self._function.lines.merged()
            self._lines.starts.extend(lines.starts)
            self._lines.ends.extend(lines.ends)
            self._lines.numbers.extend(lines.numbers)
        self._function = None

    def _check_order(self, number: int, word: bytes, line: bytes) -> None:
        rank = _RANKS.get(word, 0)
        if rank < self._rank and rank:
            self._report.add("record-order", number, f"{quoted(line)} comes too late")
        self._rank = max(rank, self._rank, 2 if word == b"INLINE_ORIGIN" else 0)

    def _bad(self, number: int, line: bytes, why: str) -> None:
        self._report.add("grammar", number, line, why)

    def _module_record(self, number: int, line: bytes) -> None:
        if self._records > 1:
            self._report.add("module-order", number, line)
        module = parse_module(line, number)
        if module is None:
            self._bad(number, line, "it has system, CPU, id and name")
            return
        if self._module is None:
            self._module = module
            self._unwind.set_arch(module.arch)
            check_module(module, self._path, self._report)

    def _info(self, number: int, line: bytes) -> None:
        words = line.split(b" ", 3)
        if len(words) < 2 or not words[1]:
            self._bad(number, line, "it has a key")
            return
        if words[1] == b"CODE_ID":
            value = words[2].decode("utf-8", "replace") if len(words) > 2 else ""
            if self._code_id is not None:
                self._report.add("code-id", number, "a second one")
            self._code_id = self._code_id or (value, number)

    def _numbered(self, number: int, line: bytes) -> tuple[int, bytes] | None:
        words = line.split(b" ", 2)
        value = decimal(words[1]) if len(words) == 3 else None
        if value is None or not words[2]:
            self._bad(number, line, "it has a number and a name")
            return None
        self._check_name(number, words[2])
        return value, words[2]

    def _check_name(self, number: int, name: bytes) -> None:
        if name.endswith(b" "):
            self._report.add("trailing-blank", number, name[-60:])

    def _file(self, number: int, line: bytes) -> None:
        found = self._numbered(number, line)
        if found is not None:
            self._counts["FILE"] += 1
            self._references.define_file(found[0], number)

    def _origin(self, number: int, line: bytes) -> None:
        found = self._numbered(number, line)
        if found is not None:
            self._counts["INLINE_ORIGIN"] += 1
            self._references.define_origin(found[0], number)
            if _OLD_ORIGIN.match(found[1]):
                self._report.add("origin-digits", number, line)

    def _symbol(self, number: int, line: bytes, fields: int) -> list[int] | None:
        """Return the numbers before the name of a FUNC (3) or PUBLIC (2)."""
        line = self._single_before_name(number, line, fields)
        words = line.split(b" ", fields + 1)
        if words[1:2] == [b"m"]:
            words = [words[0], *line.split(b" ", fields + 2)[2:]]
        if len(words) < fields + 2 or not words[-1]:
            self._bad(number, line, f"it has {fields} numbers and a name")
            return None
        values = [hexadecimal(words[1], ADDRESS_DIGITS)]
        values += [hexadecimal(word, SIZE_DIGITS) for word in words[2:-1]]
        found = [value for value in values if value is not None]
        if len(found) != fields:
            self._bad(number, line, "a field is no hexadecimal number, or too large a one")
            return None
        digits = b"".join(words[1:-1])
        if digits != digits.lower():
            self._report.add("hex-case", number, line)
        if self._unwind.thumb and found[0] & 1:
            self._report.add("thumb-bit", number, line)
        self._check_name(number, words[-1])
        return found

    def _single_before_name(self, number: int, line: bytes, fields: int) -> bytes:
        if b"" not in line.split(b" ", fields + 2)[: fields + 1]:
            return line
        self._report.add("separator", number, line)
        return _SEVERAL_BLANKS.sub(b" ", line)

    def _func(self, number: int, line: bytes) -> None:
        found = self._symbol(number, line, 3)
        start, size = (found[0], found[1]) if found is not None else (0, MAX_ADDRESS)
        # After a malformed FUNC its lines are still checked for themselves.
        end = min(start + size, MAX_ADDRESS)
        self._function = FunctionCheck(start, end, self._report, self._references)
        if found is None:
            return
        self._counts["FUNC"] += 1
        if not size:
            self._report.add("func-zero-size", number, line)
        elif start + size > MAX_ADDRESS:
            self._report.add("range-overflow", number, line)
        else:
            if self._functions and start < self._functions.starts[-1]:
                self._report.add("func-order", number, line)
            self._functions.add(start, end, number)

    def _inline(self, number: int, line: bytes) -> None:
        if self._function is None:
            self._report.add("orphan", number, f"{quoted(line)} does not follow a FUNC")
            return
        self._counts["INLINE"] += 1
        self._function.add_inline(number, self._single(number, line))

    def _public(self, number: int, line: bytes) -> None:
        found = self._symbol(number, line, 2)
        if found is None:
            return
        self._counts["PUBLIC"] += 1
        address = found[0]
        if not address:
            self._report.add("public-at-zero", number, line)
        elif self._publics and address < self._publics[-1]:
            self._report.add("public-order", number, line)
        self._publics.append(address)
        self._public_lines.append(number)

    def _stack(self, number: int, line: bytes) -> None:
        self._counts["STACK CFI INIT"] += line.startswith(b"STACK CFI INIT ")
        self._unwind.add(number, line)

    def result(self) -> LintResult:
        """Compare records with each other, and return everything."""
        if self._blank:
            self._report.add("blank-line", self._blank, "it is the last")
        self._end_function(b"")
        self._unwind.close()
        self._references.close()
        self._close_functions()
        self._close_publics()
        self._close_module()
        return LintResult(
            self._module,
            self._code_id[0] if self._code_id else "",
            self._counts,
            self._report.findings(),
            self._functions,
            self._lines,
            self._unwind.spans,
            self._unwind.rows,
            self._publics,
        )

    def _close_functions(self) -> None:
        spans = self._functions
        for index, other in spans.overlaps():
            same = spans.starts[index] == spans.starts[other]
            fact = overlap_fact(spans, index, other)
            code = "func-duplicate" if same else "func-overlap"
            self._report.add(code, spans.numbers[index], fact)

    def _close_publics(self) -> None:
        addresses, lines = self._publics, self._public_lines
        order = sorted(range(len(addresses)), key=addresses.__getitem__)
        functions = self._functions.merged()
        last = -1
        for index in order:
            address = addresses[index]
            if address == last and address:
                self._report.add("public-duplicate", lines[index], f"0x{address:x}")
            last = address
            found = bisect_right(functions.starts, address) - 1
            if found >= 0 and address < functions.ends[found]:
                self._report.add("public-inside-func", lines[index], f"0x{address:x}")

    def _close_module(self) -> None:
        if self._module is None:
            self._report.add("module-missing", 0, f"{self._records} records")
        check_code_id(self._module, self._code_id, self._report)
        if not self._counts["FUNC"] and not self._counts["PUBLIC"]:
            self._report.add("no-symbols", 0, f"{self._records} records")
        if not self._counts["STACK CFI INIT"]:
            self._report.add("no-cfi", 0, f"{self._records} records")
