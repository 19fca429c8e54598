# SPDX-License-Identifier: MIT
"""Bounded reads."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from crashsym.errors import MalformedError
from crashsym.reader import Reader, string_at


def reader(data: bytes, **options: int) -> Reader:
    return Reader(data, little_endian=True, where="here", **options)


@pytest.mark.parametrize(
    ("data", "value"), [(b"\x02", 2), (b"\x7f", 127), (b"\x80\x01", 128), (b"\xb9\x64", 12857)]
)
def test_uleb_of_the_standard(data: bytes, value: int) -> None:
    assert reader(data).uleb() == value


@pytest.mark.parametrize(
    ("data", "value"),
    [(b"\x02", 2), (b"\x7e", -2), (b"\xff\x00", 127), (b"\x81\x7f", -127), (b"\x80\x7f", -128)],
)
def test_sleb_of_the_standard(data: bytes, value: int) -> None:
    assert reader(data).sleb() == value


def test_numbers_of_either_byte_order() -> None:
    assert Reader(b"\x01\x02", little_endian=False).unsigned(2) == 0x102
    assert reader(b"\xfe\xff").signed(2) == -2


@pytest.mark.parametrize(
    "read",
    [
        lambda r: r.unsigned(4),
        lambda r: r.take(4),
        lambda r: r.sub(4),
        lambda r: r.cstring(),
        lambda r: (r.take(2), r.uleb()),
        lambda r: r.take(-1),
    ],
)
def test_nothing_is_read_past_the_end(read: Callable[[Reader], object]) -> None:
    with pytest.raises(MalformedError, match=r"here\+0x[123]: "):
        read(reader(b"\x80\x80\x80\x80", offset=1, end=3))


def test_endless_leb128_is_refused() -> None:
    with pytest.raises(MalformedError, match="longer than 16 bytes"):
        reader(b"\x80" * 100).uleb()


def test_initial_length_knows_both_formats() -> None:
    assert reader(b"\x10\0\0\0").initial_length() == (16, 4)
    assert reader(b"\xff" * 4 + b"\x10" + b"\0" * 7).initial_length() == (16, 8)
    with pytest.raises(MalformedError, match="reserved"):
        reader(b"\xf0\xff\xff\xff").initial_length()


def test_string_outside_of_its_section_is_empty() -> None:
    assert string_at(b"ab\0cd", 3) == b"cd"
    assert string_at(b"ab\0", 3) == b""
    assert string_at(b"ab\0", -1) == b""
