# SPDX-License-Identifier: MIT
"""Rust's first mangling: an Itanium name of nothing but parts, the last of which is a hash."""

from __future__ import annotations

import re

_HASH = re.compile(r"17h([0-9a-f]{16})E")
_HASH_LENGTH = 20
# A hash of 16 digits has fewer different ones in 1 of 10^7 cases; a C++ name like h0000… has.
_DIFFERENT_DIGITS = 5
_ESCAPE = re.compile(r"\$(?:(SP|BP|RF|LT|GT|LP|RP|C)|u([0-9a-f]{1,6}))\$|\.\.")
_LITERAL = {
    "SP": "@",
    "BP": "*",
    "RF": "&",
    "LT": "<",
    "GT": ">",
    "LP": "(",
    "RP": ")",
    "C": ",",
}


def hash_end(name: str) -> int:
    """Return where the mangled name ends when it is legacy Rust, else 0.

    It is when it begins with ``_ZN``, and the last ``17h`` in it starts a hash: 16 lower-case
    hexadecimal digits of at least 5 kinds, then ``E``, then the end or a ".".

    Source: binutils: libiberty/rust-demangle.c (is_legacy_prefixed_hash).
    """
    if not name.startswith("_ZN"):
        return 0
    found = _HASH.match(name, max(name.rfind("17h"), 0))
    if found is None or len(set(found[1])) < _DIFFERENT_DIGITS:
        return 0
    end = found.end()
    return end if end == len(name) or name[end] == "." else 0


def decode(mangled: str) -> str | None:
    """Return the path of a name for which `hash_end` is its length, without the hash.

    Source: rustc: compiler/rustc_symbol_mangling/src/legacy.rs; rustc-demangle: src/legacy.rs.
    """
    if not mangled.isascii():
        return None
    parts = []
    at, end = 3, len(mangled) - _HASH_LENGTH
    while at < end:
        digits = at
        while "0" <= mangled[digits] <= "9":
            digits += 1
        if not 0 < digits - at <= 7:  # no name is longer
            return None
        stop = digits + int(mangled[at:digits])
        parts.append(mangled[digits:stop])
        at = stop
    if at != end or not parts:
        return None
    return "::".join(map(_plain, parts))


def _plain(part: str) -> str:
    """Undo the escapes of a part, of which rustc made an identifier; ``_`` may stand before one."""
    if "$" not in part and "." not in part:
        return part
    if part.startswith("_$"):
        part = part[1:]
    pieces: list[str] = []
    at = 0
    while (found := _ESCAPE.search(part, at)) is not None:
        text = _unescaped(found)
        if text is None or "$" in part[at : found.start()]:
            break
        pieces += (part[at : found.start()], text)
        at = found.end()
    pieces.append(part[at:])
    return "".join(pieces)


def _unescaped(found: re.Match[str]) -> str | None:
    if found[1]:
        return _LITERAL[found[1]]
    if not found[2]:
        return "::"
    code = int(found[2], 16)
    is_control = code < 0x20 or 0x7F <= code < 0xA0
    is_surrogate = 0xD800 <= code < 0xE000
    return None if is_control or is_surrogate or code > 0x10FFFF else chr(code)
