# SPDX-License-Identifier: MIT
"""DWARF expressions → postfix: the text, and that it means the same for every value."""

from __future__ import annotations

import pytest
from builders.encode import sleb, uleb
from crashsym.breakpad.postfix import translate
from hypothesis import given
from hypothesis import strategies as st
from oracles.rules import compute

DEREF, AND, MINUS, MUL, PLUS, PLUS_UCONST, SHL, XOR = 6, 0x1A, 0x1C, 0x1E, 0x22, 0x23, 0x24, 0x27
GE, GT, LE, LT = 0x2A, 0x2B, 0x2C, 0x2D
LIT0, BREG0, BREGX, CONSTS, CONSTU = 0x30, 0x70, 0x92, 0x11, 0x10
A = bytes((BREG0, 0))


def text(*code: bytes | int, cfa: bool = False) -> str | None:
    whole = b"".join(bytes((part,)) if isinstance(part, int) else part for part in code)
    return translate(whole, {0: "a", 40: "b"}, [".cfa"] if cfa else [], little_endian=True)


def lit(number: int) -> bytes:
    return bytes((CONSTS,)) + sleb(number)


EXPRESSIONS: dict[str, tuple[str | None, str | None]] = {
    "a sum of registers": (text(A, BREGX, uleb(40), sleb(-8), PLUS), "a 0 + b -8 + +"),
    "a difference": (text(A, LIT0 + 7, MINUS), "a 0 + 7 -"),
    "a product": (text(A, LIT0 + 7, MUL), "a 0 + 7 *"),
    "a load": (text(A, DEREF, PLUS_UCONST, uleb(300)), "a 0 + ^ 300 +"),
    "constants": (text(0x08, 255, 0x09, 255, PLUS), "255 -1 +"),
    "constants of 16 bits": (text(0x0A, b"\xff\xff", 0x0B, b"\xff\xff", PLUS), "65535 -1 +"),
    "the CFA is on the stack": (text(PLUS_UCONST, uleb(8), cfa=True), ".cfa 8 +"),
    "only the last value counts": (text(LIT0 + 9, A, cfa=True), "a 0 +"),
    "a remainder": (text(A, LIT0 + 15, AND), "a 0 + 16 %"),
    "a remainder, mask first": (text(LIT0 + 15, A, AND), "a 0 + 16 %"),
    "align down": (text(A, lit(-16), AND), "a 0 + 16 @"),
    "a shift": (text(A, LIT0 + 3, SHL), "a 0 + 8 *"),
    "nothing": (text(), None),
    "nothing on the stack": (text(PLUS), None),
    "a load from nowhere": (text(DEREF), None),
    "an unknown register": (text(BREG0 + 1, 0), None),
    "an unknown operation": (text(A, A, XOR), None),
    "a truncated operand": (text(A, CONSTU, 0x80), None),
    "a number of 64 bits": (text(A, CONSTU, uleb(1 << 63), PLUS), None),
    "a mask with holes": (text(A, LIT0 + 5, AND), None),
    "a mask of nothing": (text(A, LIT0, AND), None),
    "a mask of a register": (text(A, A, AND), None),
    "a comparison without a bound": (text(A, LIT0 + 11, GE), None),
    "a comparison with a register": (text(A, LIT0 + 15, AND, A, GE), None),
    "a comparison beyond the bound": (text(A, LIT0 + 15, AND, LIT0 + 17, GE), None),
    "a shift by a register": (text(A, A, SHL), None),
    "a shift to the left by -1": (text(A, lit(-1), SHL), None),
}


@pytest.mark.parametrize(("found", "expected"), EXPRESSIONS.values(), ids=EXPRESSIONS)
def test_expression_has_this_form(found: str | None, expected: str | None) -> None:
    assert found == expected


COMPARISONS = {
    GE: lambda left, right: left >= right,
    GT: lambda left, right: left > right,
    LE: lambda left, right: left <= right,
    LT: lambda left, right: left < right,
}


def test_an_expression_of_more_than_64_bytes_has_no_form() -> None:
    assert text(b"\x70\x00", b"\x23\x01" * 31) == "a 0 +" + " 1 +" * 31
    assert text(b"\x70\x00", b"\x23\x01" * 30, b"\x23\x81\x00") is None


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("operation", COMPARISONS)
@given(st.integers(0, (1 << 32) - 1), st.integers(1, 5), st.integers(-1, 33))
def test_comparison_means_the_same(
    bits: int, operation: int, value: int, size: int, limit: int
) -> None:
    mask = (1 << size) - 1
    form = text(A, lit(mask), AND, lit(limit), operation, LIT0 + 3, SHL)
    if form is None:
        assert not 1 <= limit <= mask  # never where the answer depends on the value
        return
    expected = 8 * COMPARISONS[operation](value & mask, limit)
    assert compute(form, {"a": value}, bits, lambda address: address) == expected


@given(st.integers(0, (1 << 64) - 1), st.integers(0, 31))
def test_alignment_means_the_same(value: int, bit: int) -> None:
    form = text(A, lit(-(1 << bit)), AND)
    assert form is not None
    aligned = value - value % (1 << bit)
    assert compute(form, {"a": value}, 64, lambda address: address) == aligned
