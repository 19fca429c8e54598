# SPDX-License-Identifier: MIT
"""The bytes of a symbol file → lines, in bounded memory, and what is wrong with the text itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from crashsym.breakpad.lint.report import Report

_CHUNK = 1 << 19
# Far longer than any record: names of 64 KiB occur, and INLINEs with a thousand ranges.
LONGEST_LINE = _CHUNK


def blocks(stream: BinaryIO, report: Report) -> Iterator[tuple[int, list[bytes]]]:
    """Yield (number of the first line, lines without their ends) in order.

    Numbers count from 1; lines longer than `LONGEST_LINE` are reported and left out.
    """
    number, rest, skipping = 1, b"", False
    while chunk := stream.read(_CHUNK):
        head, newline, tail = chunk.rpartition(b"\n")
        if not newline:
            rest = b"" if skipping else rest + chunk
            skipping = skipping or len(rest) > LONGEST_LINE
            continue
        data = rest + head
        lines = data.split(b"\n")
        if skipping or len(lines[0]) > LONGEST_LINE:
            report.add("line-too-long", number, f"more than {LONGEST_LINE} bytes")
            del lines[0]
            data, number, skipping = b"\n".join(lines), number + 1, False
        if lines:
            yield number, _checked(data, lines, number, report)
        number += len(lines)
        rest = tail
    if skipping:
        report.add("line-too-long", number, f"more than {LONGEST_LINE} bytes")
    elif rest:
        report.add("no-final-newline", number, rest)
        yield number, _checked(rest, [rest], number, report)


def _checked(data: bytes, lines: list[bytes], number: int, report: Report) -> list[bytes]:
    """Return the lines without CR at their end; ``data`` is all of them, for quick checks."""
    if not data.isascii():
        for index, line in enumerate(lines):
            if not line.isascii() and not _is_utf8(line):
                report.add("encoding", number + index, line)
    if b"\0" in data:
        for index, line in enumerate(lines):
            if b"\0" in line:
                report.add("nul", number + index, line)
    return _without_returns(lines, number, report) if b"\r" in data else lines


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _without_returns(lines: list[bytes], number: int, report: Report) -> list[bytes]:
    result = []
    for index, line in enumerate(lines):
        plain = line.rstrip(b"\r")
        if b"\r" in plain:
            report.add("stray-carriage-return", number + index, plain)
        elif plain != line:
            report.add("carriage-return", number + index, plain)
        result.append(plain)
    return result
