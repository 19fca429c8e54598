# SPDX-License-Identifier: MIT
"""What the productions of Rust's v0 names are made of: letters, numbers, identifiers, literals."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

from crashsym.demangle import punycode
from crashsym.demangle.limits import DEEPEST, NotMangledError

_DIGITS_62 = {
    digit: value
    for value, digit in enumerate("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
}
_LARGEST = (1 << 64) - 1
_ESCAPES = {"\0": "\\0", "\t": "\\t", "\r": "\\r", "\n": "\\n", "\\": "\\\\"}


class RustReader:
    """Reads ``_text`` from ``_at`` on, and gathers what is written.

    ``_left`` is what is left of the name's allowance. ``_silent`` counts what is read without
    being written, where back references are not followed. ``_bound`` is the number of lifetimes
    that the binders around have brought in. All methods raise `NotMangledError`.
    """

    __slots__ = ("_at", "_bound", "_depth", "_end", "_left", "_out", "_silent", "_text")

    def __init__(self, text: str, left: int) -> None:
        self._text = text + "\0"  # so that one may look at what follows the last character
        self._end = len(text)
        self._at = 0
        self._left = left
        self._depth = 0
        self._silent = 0
        self._bound = 0
        self._out: list[str] = []

    def _write(self, text: str) -> None:
        if not self._silent:
            self._left -= len(text)
            self._out.append(text)

    def _enter(self) -> str:
        """Begin a production; return its tag."""
        self._depth += 1
        self._left -= 1
        if self._depth > DEEPEST or self._left < 0:
            raise NotMangledError
        tag = self._text[self._at]
        self._at += 1
        return tag

    def _eat(self, letter: str) -> bool:
        if self._text[self._at] != letter:
            return False
        self._at += 1
        return True

    def _number(self) -> int:
        """base-62-number: digits and "_"; none means 0, and "0" means 1."""
        stop = self._text.find("_", self._at)
        digits = self._text[self._at : stop]
        if stop < 0 or len(digits.lstrip("0")) > 11:  # 62^11 is more than 2^64
            raise NotMangledError
        self._at = stop + 1
        if not digits:
            return 0
        value = 0
        for digit in digits:
            if digit not in _DIGITS_62:
                raise NotMangledError
            value = value * 62 + _DIGITS_62[digit]
        if value >= _LARGEST:
            raise NotMangledError
        return value + 1

    def _optional_number(self, tag: str) -> int:
        """Disambiguator and binder: 0 when absent."""
        return self._number() + 1 if self._eat(tag) else 0

    def _refer_back(self) -> int:
        """Go to where the "B" before says, unless silent; return where to come back to."""
        tag_at = self._at - 1
        target = self._number()
        if target >= tag_at:
            raise NotMangledError
        back = self._at
        self._at = target
        return back

    def _identifier(self) -> str:
        """undisambiguated-identifier: ["u"] length ["_"] bytes."""
        encoded = self._eat("u")
        start = stop = self._at
        while "0" <= self._text[stop] <= "9":
            stop += 1
            if self._text[start] == "0":
                break
        if not 0 < stop - start <= 7:  # no name is longer
            raise NotMangledError
        length = int(self._text[start:stop])
        start = stop + 1 if self._text[stop] == "_" else stop
        self._at = start + length
        if self._at > self._end:
            raise NotMangledError
        letters = self._text[start : self._at]
        return _unicode(letters) if encoded else letters

    def _hexadecimal(self) -> str:
        """const-data: lower-case hexadecimal digits and "_"."""
        stop = self._text.find("_", self._at)
        digits = self._text[self._at : stop]
        if stop < 0 or digits.strip("0123456789abcdef"):
            raise NotMangledError
        self._at = stop + 1
        return digits

    def _list(
        self, opening: str, item: Callable[[], None], closing: str, alone: str | None = None
    ) -> None:
        """Write items up to "E"; ``alone`` closes a list of one."""
        self._write(opening)
        count = 0
        while not self._eat("E"):
            if count:
                self._write(", ")
            count += 1
            item()
        self._write(alone if alone and count == 1 else closing)


def _unicode(identifier: str) -> str:
    """Return an identifier marked with "u": its ASCII letters, "_", and Punycode for the others.

    One that cannot be decoded is shown as rustc-demangle shows it.
    """
    letters, _, code = identifier.rpartition("_")
    if not code:
        raise NotMangledError
    hyphen = "-" if letters else ""
    return punycode.decode(letters, code) or f"punycode{{{letters}{hyphen}{code}}}"


def character(digits: str) -> str:
    """Return the character whose code the hexadecimal digits are.

    Raises:
        NotMangledError: it is no code of a character.
    """
    significant = digits.lstrip("0")
    code = int(significant or "0", 16) if len(significant) <= 6 else -1
    if not 0 <= code <= 0x10FFFF or 0xD800 <= code < 0xE000:
        raise NotMangledError
    return chr(code)


def text_of(digits: str) -> str:
    """Return the text whose UTF-8 bytes the hexadecimal digits are.

    Raises:
        NotMangledError: they are no UTF-8.
    """
    try:
        return bytes.fromhex(digits).decode("utf-8")
    except ValueError as error:
        raise NotMangledError from error


def quoted(text: str, quote: str) -> str:
    """Return a literal of Rust, escaped as its ``escape_debug`` does."""
    return quote + "".join(_escaped(c, quote) for c in text) + quote


def _escaped(c: str, quote: str) -> str:
    if c in _ESCAPES:
        return _ESCAPES[c]
    if c == quote:
        return "\\" + c
    if c.isprintable() and unicodedata.category(c) not in ("Mn", "Me"):
        return c
    return f"\\u{{{ord(c):x}}}"
