# SPDX-License-Identifier: MIT
"""Mangled names that stand for much longer ones."""

from __future__ import annotations


def doubling_cxx(levels: int) -> str:
    """Return a class of which each level has the one below it as two arguments."""
    letters = "abcdefghijklmnopqrstuvwxyzBCDEFGHIJK"[:levels]
    closing = (f"S{_base36(levels + level)}_E" for level in range(levels))
    return "_Z1z" + "".join(f"1{letter}I" for letter in letters) + "1A" + "".join(closing)


def _base36(number: int) -> str:
    """Return what stands between "S" and "_" for the substitution of this number."""
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    if number == 0:
        return ""
    text = digits[(number - 1) % 36]
    while number := (number - 1) // 36:
        text = digits[(number - 1) % 36] + text
    return text
