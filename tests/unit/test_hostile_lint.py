# SPDX-License-Identifier: MIT
"""Symbol files that mean harm: checked in time and in memory, and the checker says so."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from builders.limits import MEBIBYTE, run_limited
from crashsym.breakpad.lint import lint

FREE_MEMORY, MEMORY_FACTOR = 64 * MEBIBYTE, 10
SIZE = 6 * MEBIBYTE
MODULE = b"MODULE Linux x86_64 0403020106050807090A0B0C0D0E0F100 app\n"


def filled(head: bytes, line: Callable[[int], bytes]) -> bytes:
    """Return ``head`` and numbered lines up to `SIZE`."""
    lines = [MODULE + head]
    size, number = 0, 0
    while size < SIZE:
        lines.append(line(number) + b"\n")
        size += len(lines[-1])
        number += 1
    return b"".join(lines)


def scattered(number: int) -> int:
    """Return numbers of 32 bits in no order."""
    return number * 2654435761 % (1 << 32)


HOSTILE: dict[str, Callable[[], bytes]] = {
    "one line": lambda: MODULE + b"FUNC 0 1 0 " + b"x" * SIZE,
    "a million digits": lambda: MODULE + b"FILE " + b"7" * 500_000 + b" x\nFUNC " + b"f" * 500_000,
    "a rule of operators": lambda: MODULE + b"STACK CFI INIT 0 1 .cfa: " + b"1 + " * 120_000,
    "rules that differ": lambda: filled(
        b"STACK CFI INIT 0 ffffff .cfa: $rsp .ra: 0\n", lambda n: b"STACK CFI %x .cfa: %d" % (n, n)
    ),
    "empty lines": lambda: MODULE + b"\n" * SIZE,
    "FILE numbers": lambda: filled(b"", lambda n: b"FILE %d x" % scattered(n)),
    "dangling numbers": lambda: filled(
        b"FUNC 0 ffffffff 0 x\n", lambda n: b"%x 1 1 %d" % (n, scattered(n))
    ),
    "FUNCs downwards": lambda: filled(b"", lambda n: b"FUNC %x 9 0 x" % (0x7FFFFFFF - n)),
    "PUBLICs in one place": lambda: filled(b"", lambda n: b"PUBLIC 1 0 x"),
    "lines in no order": lambda: filled(
        b"FILE 0 x\nFUNC 0 ffffffff 0 x\n", lambda n: b"%x 1 1 0" % (scattered(n) >> 1)
    ),
    "INLINEs in each other": lambda: filled(
        b"FILE 0 x\nINLINE_ORIGIN 0 x\nFUNC 0 fffffff 0 x\n", lambda n: b"INLINE %d 1 0 0 0 1" % n
    ),
    "INLINE ranges": lambda: filled(
        b"FILE 0 x\nINLINE_ORIGIN 0 x\nFUNC 0 fffffff 0 x\n",
        lambda n: b"INLINE 0 1 0 0" + b" 2 1 1 1" * 40_000,
    ),
    "INITs upon each other": lambda: filled(
        b"", lambda n: b"STACK CFI INIT %x ffff .cfa: 1 .ra: 0" % (scattered(n) >> 8)
    ),
    "no record": lambda: filled(b"", lambda n: b"%d" % n),
    "broken text": lambda: MODULE + b"\xff\0\r\n" * (SIZE // 4),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_file_is_checked_in_bounds(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "hostile.sym"
    path.write_bytes(HOSTILE[kind]())
    outcome = run_limited(tmp_path, "lint", path)
    assert not outcome.timed_out, "it does not end"
    assert outcome.code == 3, outcome.stderr[-2000:]
    assert outcome.peak is not None
    assert outcome.peak <= FREE_MEMORY + MEMORY_FACTOR * path.stat().st_size
    lines = outcome.stdout.decode().splitlines()
    assert 0 < len(lines) < 40
    assert all(line.isprintable() and len(line) < 1000 for line in lines)


class Endless(io.RawIOBase):
    """One line of a gibibyte that takes no memory."""

    def __init__(self) -> None:
        self.left = 1 << 30
        self.asked = 0

    def read(self, size: int = -1) -> bytes:
        assert 0 < size <= MEBIBYTE, "the whole is read at once"
        self.asked += size
        piece = b"x" * min(size, self.left)
        self.left -= len(piece)
        return piece


def test_line_of_a_gibibyte_is_not_kept() -> None:
    stream = Endless()
    found = {f.code for f in lint(stream).findings}  # type: ignore[arg-type]  # no BinaryIO
    assert stream.left == 0
    assert "line-too-long" in found
