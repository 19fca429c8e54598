# SPDX-License-Identifier: MIT
"""Conversions between build id, debug id and code id."""

from __future__ import annotations

import pytest
from crashsym.errors import ConfigError
from crashsym.ids import BuildId, text_hash

BUILD_ID = BuildId.from_hex("0102030405060708090a0b0c0d0e0f1011121314")


def test_debug_id_swaps_the_three_numbers_of_the_guid() -> None:
    assert BUILD_ID.debug_id == "0403020106050807090A0B0C0D0E0F100"


def test_code_id_is_the_whole_build_id() -> None:
    assert BUILD_ID.code_id == "0102030405060708090A0B0C0D0E0F1011121314"


def test_debug_id_pads_short_build_ids() -> None:
    assert BuildId.from_hex("0102030405060708").debug_id == "040302010605080700000000000000000"


def test_the_unswapped_id_is_the_bytes_in_their_order() -> None:
    assert BUILD_ID.unswapped_debug_id == "0102030405060708090A0B0C0D0E0F100"
    short = BuildId.from_hex("0102030405060708")
    assert short.unswapped_debug_id == "010203040506070800000000000000000"


def test_the_pair_of_the_glossary() -> None:
    build_id = BuildId.from_hex("b060ad20c6b47781552708aa192e7739fac7c84a")
    assert build_id.debug_id == "20AD60B0B4C68177552708AA192E77390"


@pytest.mark.parametrize(
    ("text", "debug_id"),
    [
        (bytes(range(32)), "101010101010101010101010101010100"),
        (bytes(range(16)), "030201000504070608090A0B0C0D0E0F0"),
        (bytes(range(16)) + b"\xff", "030201FF0504070608090A0B0C0D0E0F0"),
    ],
)
def test_text_hash_xors_strides_of_16_bytes(text: bytes, debug_id: str) -> None:
    assert text_hash(text).debug_id == debug_id


def test_text_hash_stops_after_4096_bytes() -> None:
    assert text_hash(bytes(4096) + b"\xff" * 16) == text_hash(bytes(16))


@pytest.mark.parametrize("text", ["", "0", "xy", "0102z"])
def test_what_is_no_build_id_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="not pairs of hexadecimal digits"):
        BuildId.from_hex(text)
