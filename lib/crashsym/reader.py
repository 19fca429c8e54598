# SPDX-License-Identifier: MIT
"""A cursor over bytes in which every read is bounded."""

from __future__ import annotations

from crashsym.errors import MalformedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

_MAX_LEB_BYTES = 16  # 64 bits need 10; producers may pad, nobody pads that far


class Reader:
    """Reads numbers and strings from ``data`` between ``offset`` and ``end`` (byte offsets).

    Every method raises `MalformedError` instead of reading past ``end``.
    """

    __slots__ = ("byte_order", "data", "end", "offset", "where")

    def __init__(
        self,
        data: bytes,
        *,
        little_endian: bool,
        offset: int = 0,
        end: int | None = None,
        where: str = "",
    ) -> None:
        self.data = data
        self.offset = offset
        self.end = len(data) if end is None else min(end, len(data))
        self.byte_order: Literal["little", "big"] = "little" if little_endian else "big"
        self.where = where
        if not 0 <= offset <= self.end:
            raise self.damage(f"offset 0x{offset:x} is outside the 0x{self.end:x} bytes there")

    def damage(self, why: str) -> MalformedError:
        """Return the error that describes damage at the present place."""
        where = f"{self.where}+0x{self.offset:x}" if self.where else f"+0x{self.offset:x}"
        return MalformedError("cannot decode", where=where, why=why)

    @property
    def left(self) -> int:
        """How many bytes are left."""
        return self.end - self.offset

    def take(self, size: int) -> bytes:
        """Return the next ``size`` bytes."""
        start = self.offset
        if size < 0 or size > self.end - start:
            raise self.damage(f"{size} bytes wanted, {self.end - start} left")
        self.offset = start + size
        return self.data[start : self.offset]

    def sub(self, size: int) -> Reader:
        """Return a cursor over the next ``size`` bytes, and step over them."""
        if size < 0 or size > self.left:
            raise self.damage(f"{size} bytes wanted, {self.left} left")
        part = Reader(
            self.data,
            little_endian=self.byte_order == "little",
            offset=self.offset,
            end=self.offset + size,
            where=self.where,
        )
        self.offset += size
        return part

    def unsigned(self, size: int) -> int:
        """Read an unsigned number of ``size`` bytes."""
        return int.from_bytes(self.take(size), self.byte_order)

    def signed(self, size: int) -> int:
        """Read a number of ``size`` bytes in two's complement."""
        value = self.unsigned(size)
        return value - (1 << (8 * size)) if value >> (8 * size - 1) else value

    def uleb(self) -> int:
        """Read an unsigned LEB128 number (DWARF 5 section 7.6)."""
        value, _ = self._leb()
        return value

    def sleb(self) -> int:
        """Read a signed LEB128 number (DWARF 5 section 7.6)."""
        value, bits = self._leb()
        return value - (1 << bits) if value >> (bits - 1) else value

    def _leb(self) -> tuple[int, int]:
        value = bits = 0
        for _ in range(_MAX_LEB_BYTES):
            if self.offset >= self.end:
                raise self.damage("the bytes end inside a LEB128 number")
            byte = self.data[self.offset]
            self.offset += 1
            value |= (byte & 0x7F) << bits
            bits += 7
            if byte < 0x80:
                return value, bits
        raise self.damage(f"a LEB128 number is longer than {_MAX_LEB_BYTES} bytes")

    def cstring(self) -> bytes:
        """Read up to the next zero byte, and step over it."""
        stop = self.data.find(b"\0", self.offset, self.end)
        if stop < 0:
            raise self.damage("a string has no end")
        text = self.data[self.offset : stop]
        self.offset = stop + 1
        return text

    def initial_length(self) -> tuple[int, int]:
        """Read a unit length: the length in bytes and the offset size, 4 or 8.

        Source: DWARF 5 section 7.4.
        """
        length = self.unsigned(4)
        if length == 0xFFFFFFFF:
            return self.unsigned(8), 8
        if length >= 0xFFFFFFF0:
            raise self.damage(f"unit length 0x{length:x} is reserved")
        return length, 4


def string_at(data: bytes, offset: int) -> bytes:
    """Return the zero-ended string at ``offset`` of a string section; empty when outside."""
    if not 0 <= offset < len(data):
        return b""
    stop = data.find(b"\0", offset)
    return data[offset:] if stop < 0 else data[offset:stop]
