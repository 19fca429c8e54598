# SPDX-License-Identifier: MIT
"""ELF notes: the GNU build id."""

from __future__ import annotations

from crashsym.ids import BuildId
from crashsym.reader import Reader

_NT_GNU_BUILD_ID = 3


def find_build_id(notes: bytes, *, little_endian: bool) -> BuildId | None:
    """Return the build id among ELF notes, or None."""
    found = locate_build_id(notes, little_endian=little_endian)
    return None if found is None else found[0]


def locate_build_id(notes: bytes, *, little_endian: bool) -> tuple[BuildId, int, int] | None:
    """Return the build id among ELF notes, and where its note begins and ends; None: no such.

    Source: gABI "Note Section"; name and descriptor are padded to 4 bytes.
    """
    reader = Reader(notes, little_endian=little_endian, where="notes")
    while reader.left >= 12:  # three words: name size, descriptor size, type
        start = len(notes) - reader.left
        name_size, size, kind = (reader.unsigned(4) for _ in range(3))
        if _padded(name_size) + size > reader.left:
            return None
        name = reader.take(_padded(name_size))[:name_size]
        value = reader.take(size)
        end = len(notes) - reader.left
        reader.take(min(_padded(size) - size, reader.left))
        if kind == _NT_GNU_BUILD_ID and name == b"GNU\0" and any(value):
            return BuildId(value), start, end
    return None


def _padded(size: int) -> int:
    return (size + 3) & ~3
