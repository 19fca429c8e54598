"""Damage for a file: a few changes of bytes in one or two of its sections, from a number."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from fuzz.seeds import Region, Seed

# Bytes that mean something: LEB128 ends, opcodes, forms, tags, attributes.
_BYTES = (
    *(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 0x11, 0x13, 0x14, 0x16, 0x17),
    *(0x18, 0x19, 0x1A, 0x1B, 0x1C, 0x1D, 0x1E, 0x1F, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x2C),
    *(0x2E, 0x31, 0x39, 0x3C, 0x3D, 0x41, 0x47, 0x4A, 0x55, 0x58, 0x59, 0x69, 0x6E, 0x72, 0x73),
    *(0x74, 0x76, 0x7F, 0x80, 0x81, 0x9B, 0xB0, 0xB1, 0xB2, 0xC0, 0xFE, 0xFF),
)
_LEBS = (
    b"\xff" * 9 + b"\x01",
    b"\xff" * 9 + b"\x7f",
    b"\x80" * 9 + b"\x01",
    b"\x80" * 12 + b"\x00",
    b"\xff" * 20,
    b"\xff\xff\xff\xff\x0f",
    b"\x80\x80\x80\x80\x08",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
    b"\x7f",
    b"\x80\x7f",
    b"\xa0\x3e",  # DW_FORM_GNU_ref_alt
    b"\x81\x3e",  # DW_FORM_GNU_addr_index
)
_NUMBERS = (
    *(0, 1, 2, 3, 7, 8, 15, 16, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x10000),
    *(0x7FFFFFFF, 0x80000000, 0xFFFFFFF0, 0xFFFFFFFE, 0xFFFFFFFF, 1 << 32, 0x1000, 0x1100),
    *(1 << 62, (1 << 63) - 1, 1 << 63, (1 << 64) - 16, (1 << 64) - 2, (1 << 64) - 1),
)


class Subject:
    """A file under change; lengths stay, so that the rest of it does."""

    def __init__(self, seed: Seed, random: Random) -> None:
        self.data = bytearray(seed.data)
        self.random = random
        self.order: str = "little" if seed.little_endian else "big"

    def place(self, region: Region, size: int = 1) -> int:
        """Return where ``size`` bytes of a region begin."""
        last = max(region.size - size, 0)
        return region.start + self.random.randint(0, last)

    def put(self, at: int, new: bytes, region: Region) -> None:
        """Replace bytes, up to the end of the region."""
        end = min(at + len(new), region.start + region.size)
        self.data[at:end] = new[: end - at]


def mutated(seed: Seed, number: int) -> bytes:
    """Return the seed with the changes of this number; the same for the same number."""
    random = Random(number)  # noqa: S311 - repeatable is what is wanted
    subject = Subject(seed, random)
    weights = [region.weight for region in seed.regions]
    for region in random.choices(seed.regions, weights, k=1 + (random.random() < 0.3)):
        for _ in range(random.choice((1, 1, 1, 2, 3, 6))):
            random.choice(_CHANGES)(subject, region)
    return bytes(subject.data)


def _flip(subject: Subject, region: Region) -> None:
    subject.data[subject.place(region)] ^= 1 << subject.random.randrange(8)


def _byte(subject: Subject, region: Region) -> None:
    subject.data[subject.place(region)] = subject.random.choice(_BYTES)


def _add(subject: Subject, region: Region) -> None:
    at = subject.place(region)
    subject.data[at] = (subject.data[at] + subject.random.randint(-16, 16)) & 0xFF


def _leb(subject: Subject, region: Region) -> None:
    subject.put(subject.place(region), subject.random.choice(_LEBS), region)


def _number(subject: Subject, region: Region) -> None:
    size = subject.random.choice((1, 2, 4, 4, 8, 8))
    near = (region.size, region.size - 1, region.size + 1, len(subject.data))
    value = subject.random.choice((*_NUMBERS, *near)) & ((1 << 8 * size) - 1)
    at = subject.place(region, size)
    new = value.to_bytes(size, "little" if subject.order == "little" else "big")
    subject.put(at, new, region)


def _insert(subject: Subject, region: Region) -> None:
    """Move the rest of the region up; what falls off its end is lost."""
    at, end = subject.place(region), region.start + region.size
    size = subject.random.choice((1, 1, 2, 4, 8))
    new = subject.random.randbytes(size) if subject.random.random() < 0.5 else bytes(size)
    subject.put(at, new + bytes(subject.data[at:end]), region)


def _delete(subject: Subject, region: Region) -> None:
    at, end = subject.place(region), region.start + region.size
    size = min(subject.random.choice((1, 1, 2, 4, 8)), end - at)
    subject.put(at, bytes(subject.data[at + size : end]) + bytes(size), region)


def _copy(subject: Subject, region: Region) -> None:
    size = min(subject.random.choice((2, 4, 8, 16, 40)), region.size)
    start = subject.place(region, size)
    subject.put(subject.place(region, size), bytes(subject.data[start : start + size]), region)


def _swap(subject: Subject, region: Region) -> None:
    size = min(subject.random.choice((1, 4, 8, 16)), region.size)
    one, other = subject.place(region, size), subject.place(region, size)
    first, second = bytes(subject.data[one : one + size]), bytes(subject.data[other : other + size])
    subject.put(one, second, region)
    subject.put(other, first, region)


def _fill(subject: Subject, region: Region) -> None:
    size = subject.random.choice((3, 8, 20))
    value = subject.random.choice((b"\0", b"\xff", b"\x80", b"\x7f", b"\1"))
    subject.put(subject.place(region, size), value * size, region)


Change = Callable[[Subject, Region], None]
_CHANGES: tuple[Change, ...] = (
    *(_flip, _byte, _byte, _add, _add, _leb, _number, _number, _insert, _delete),
    *(_copy, _swap, _fill),
)
