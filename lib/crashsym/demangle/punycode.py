# SPDX-License-Identifier: MIT
"""Punycode (RFC 3492), as far as Rust's identifiers need it."""

from __future__ import annotations

_BASE, _T_MIN, _T_MAX, _SKEW, _DAMP = 36, 1, 26, 38, 700
_BIAS, _FIRST = 72, 0x80
_DIGITS = "abcdefghijklmnopqrstuvwxyz0123456789"
_LONGEST = 128
# Past this no code point is left, whatever the length (0x110000 * 129).
_LARGEST_DELTA = 1 << 28


def decode(letters: str, code: str) -> str | None:
    """Return the identifier of which ``letters`` are the ASCII letters and ``code`` the others.

    None when it is malformed or becomes longer than 128 characters, where the decoder of
    rustc-demangle gives up as well.

    Source: RFC 3492 section 6.2.
    """
    decoded = list(letters)
    at, index, point, bias = 0, 0, _FIRST, _BIAS
    while at < len(code):
        delta, at = _delta(code, at, bias)
        length = len(decoded) + 1
        index += delta
        point += index // length
        index %= length
        if length > _LONGEST or delta < 0 or point > 0x10FFFF or 0xD800 <= point < 0xE000:
            return None
        decoded.insert(index, chr(point))
        index += 1
        bias = _adapted(delta, length, first=length == len(letters) + 1)
    return "".join(decoded)


def _delta(code: str, at: int, bias: int) -> tuple[int, int]:
    """Return the variable-length integer at ``at``, negative when malformed, and where it ends."""
    delta, weight, k = 0, 1, _BASE
    while at < len(code) and delta <= _LARGEST_DELTA:
        digit = _DIGITS.find(code[at])
        if digit < 0:
            break
        at += 1
        threshold = min(max(k - bias, _T_MIN), _T_MAX)
        delta += digit * weight
        if digit < threshold:
            return delta, at
        weight *= _BASE - threshold
        k += _BASE
    return -1, at


def _adapted(delta: int, length: int, *, first: bool) -> int:
    """Return the bias for the next integer (RFC 3492 section 6.1)."""
    delta //= _DAMP if first else 2
    delta += delta // length
    k = 0
    while delta > ((_BASE - _T_MIN) * _T_MAX) // 2:
        delta //= _BASE - _T_MIN
        k += _BASE
    return k + (_BASE - _T_MIN + 1) * delta // (delta + _SKEW)
