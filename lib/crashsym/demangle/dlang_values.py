# SPDX-License-Identifier: MIT
"""What the names of D are made of: numbers, back references, values of templates."""

from __future__ import annotations

from collections.abc import Mapping

from crashsym.demangle.limits import DEEPEST, NotMangledError

_HEXADECIMAL = "0123456789abcdefABCDEF"
_SUFFIXES = {"h": "u", "t": "u", "k": "u", "l": "L", "m": "uL"}
_CHARACTERS = {"a": ("x", 2), "u": ("u", 4), "w": ("U", 8)}
_STRINGS = {"a": "", "w": "w", "d": "d"}
_ESCAPES = {"\t": "\\t", "\n": "\\n", "\r": "\\r", "\f": "\\f", "\v": "\\v"}
_LONGEST_NUMBER = 20


class ValueDecoder:
    """Reads ``_text`` from ``_at`` on, and gathers what is written.

    ``_left`` is what is left of the name's allowance. All methods raise `NotMangledError`.
    """

    __slots__ = ("_at", "_depth", "_end", "_left", "_out", "_text")

    def __init__(self, text: str, left: int) -> None:
        self._text = text + "\0"  # so that one may look at what follows the last character
        self._end = len(text)
        self._at = 0
        self._left = left
        self._depth = 0
        self._out: list[str] = []

    def _mangled_name(self) -> None:
        raise NotImplementedError

    # what all productions need

    def _enter(self) -> None:
        self._depth += 1
        self._left -= 1
        if self._depth > DEEPEST or self._left < 0:
            raise NotMangledError

    def _write(self, text: str) -> None:
        self._left -= len(text)
        if self._left < 0:
            raise NotMangledError
        self._out.append(text)

    def _take(self, mark: int) -> str:
        """Take back what has been written since ``mark``."""
        taken = "".join(self._out[mark:])
        del self._out[mark:]
        return taken

    def _peek(self) -> str:
        return self._text[self._at]

    def _eat(self, word: str) -> bool:
        if not self._text.startswith(word, self._at):
            return False
        self._at += len(word)
        return True

    def _one_of(self, words: Mapping[str, str]) -> str | None:
        """Read a code of one letter, or of two that begin with "N" or "z"; return its word."""
        width = 2 if self._text[self._at] in "Nz" else 1
        word = words.get(self._text[self._at : self._at + width])
        if word is not None:
            self._at += width
        return word

    def _digits(self, allowed: str) -> str:
        stop = self._at
        while self._text[stop] in allowed:
            stop += 1
        digits = self._text[self._at : stop]
        if not digits:
            raise NotMangledError
        self._at = stop
        return digits

    def _number(self) -> int:
        digits = self._digits("0123456789")
        if len(digits) > _LONGEST_NUMBER:
            raise NotMangledError
        return int(digits)

    def _target(self, at: int) -> int:
        """Return where the back reference ("Q") at ``at`` refers to; `_reference` reads it."""
        return at - self._distance(at)[0]

    def _distance(self, at: int) -> tuple[int, int]:
        """NumberBackRef: base 26, upper-case letters, the last digit a lower-case one."""
        stop, distance = at + 1, 0
        while "A" <= self._text[stop] <= "Z" and distance <= at:
            distance = distance * 26 + ord(self._text[stop]) - ord("A")
            stop += 1
        if not "a" <= self._text[stop] <= "z":
            raise NotMangledError
        distance = distance * 26 + ord(self._text[stop]) - ord("a")
        if not 0 < distance <= at:
            raise NotMangledError
        return distance, stop + 1

    def _refer_back(self) -> int:
        """Go to where the "Q" here refers to; return where to come back to."""
        distance, back = self._distance(self._at)
        self._at -= distance
        return back

    # values of template arguments

    def _value(self, kind: str, type_name: str) -> None:
        """Write a value whose type begins with the letter ``kind``."""
        self._enter()
        tag = self._peek()
        if tag.isdigit():
            self._integer(kind)
        else:
            self._at += 1
            self._tagged_value(tag, kind, type_name)
        self._depth -= 1

    def _tagged_value(self, tag: str, kind: str, type_name: str) -> None:
        if tag == "n":
            self._write("null")
        elif tag == "i":
            self._integer(kind)
        elif tag == "N":
            self._write("-")
            self._integer(kind)
        elif tag == "e":
            self._real()
        elif tag == "c":
            self._complex()
        elif tag in _STRINGS:
            self._string(_STRINGS[tag])
        elif tag == "A":
            self._values("[", "]", pairs=kind == "H")
        elif tag == "S":
            self._values(type_name + "(", ")", pairs=False)
        elif tag == "f" and self._eat("_D"):
            self._mangled_name()
        else:
            raise NotMangledError

    def _integer(self, kind: str) -> None:
        number = self._number()
        if kind == "b":
            self._write("true" if number else "false")
        elif kind in _CHARACTERS:
            letter, width = _CHARACTERS[kind]
            shown = chr(number) if 0x20 <= number < 0x7F else f"\\{letter}{number:0{width}x}"
            self._write(f"'{shown}'")
        else:
            self._write(f"{number}{_SUFFIXES.get(kind, '')}")

    def _real(self) -> None:
        for word, shown in (("NAN", "NaN"), ("INF", "Inf"), ("NINF", "-Inf")):
            if self._eat(word):
                self._write(shown)
                return
        sign = "-" if self._eat("N") else ""
        digits = self._digits(_HEXADECIMAL)
        if not self._eat("P"):
            raise NotMangledError
        exponent = "-" if self._eat("N") else ""
        self._write(f"{sign}0x{digits[0]}.{digits[1:]}p{exponent}{self._digits('0123456789')}")

    def _complex(self) -> None:
        self._real()
        self._write("+")
        if not self._eat("c"):
            raise NotMangledError
        self._real()
        self._write("i")

    def _string(self, suffix: str) -> None:
        """Write a string of so many bytes; those that are no ASCII are escaped."""
        length = self._number()
        stop = self._at + 1 + 2 * length
        if not self._eat("_") or stop > self._end:
            raise NotMangledError
        digits = self._text[self._at : stop]
        if digits.strip(_HEXADECIMAL):
            raise NotMangledError
        self._at = stop
        text = bytes.fromhex(digits).decode("latin-1")
        self._write('"' + "".join(map(_escaped, text)) + '"' + suffix)

    def _values(self, opening: str, closing: str, *, pairs: bool) -> None:
        self._write(opening)
        for index in range(self._number()):
            if index:
                self._write(", ")
            self._value("", "")
            if pairs:
                self._write(":")
                self._value("", "")
        self._write(closing)


def _escaped(c: str) -> str:
    return _ESCAPES.get(c) or (c if " " <= c <= "~" else f"\\x{ord(c):02x}")
