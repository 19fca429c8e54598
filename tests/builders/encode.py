"""Numbers → bytes, for either byte order and word size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Format:
    """How a file encodes numbers."""

    bits: Literal[32, 64] = 64
    little_endian: bool = True

    @property
    def word_size(self) -> int:
        """The size of an address in bytes."""
        return self.bits // 8

    def number(self, value: int, size: int) -> bytes:
        """Encode in ``size`` bytes; values that are too large or negative wrap around."""
        order: Literal["little", "big"] = "little" if self.little_endian else "big"
        return (value & ((1 << (8 * size)) - 1)).to_bytes(size, order)

    def numbers(self, size: int, *values: int) -> bytes:
        """Encode several numbers of the same size."""
        return b"".join(self.number(value, size) for value in values)

    def word(self, *values: int) -> bytes:
        """Encode addresses."""
        return self.numbers(self.word_size, *values)


X64 = Format()


def uleb(value: int, pad_to: int = 0) -> bytes:
    """Encode an unsigned LEB128 number, padded to ``pad_to`` bytes (DWARF 5 section 7.6)."""
    out = bytearray()
    while value > 0x7F or len(out) + 1 < pad_to:
        out.append(0x80 | (value & 0x7F))
        value >>= 7
    return bytes((*out, value))


def sleb(value: int) -> bytes:
    """Encode a signed LEB128 number."""
    out = bytearray()
    while not -0x40 <= value < 0x40:
        out.append(0x80 | (value & 0x7F))
        value >>= 7
    return bytes((*out, value & 0x7F))
