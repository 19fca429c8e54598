# SPDX-License-Identifier: MIT
"""Rust's second mangling ("v0"): ``_R``, then a path in prefix form.

A decoder that goes from left to right and writes as it reads. It stops with `NotMangledError` at
the first byte that the grammar does not allow, and when the name's allowance is used up: every
production and every character written is counted, so that back references cannot explode.

Source: RFC 2603; "The rustc book", Symbol Mangling, v0 Symbol Format. The form of what is written
is that of rustc-demangle's ``{:#}``: no hashes of crates, no types behind constants.
"""

from __future__ import annotations

from crashsym.demangle.limits import NotMangledError, allowance
from crashsym.demangle.rust_reader import RustReader, character, quoted, text_of

_BASIC_TYPES = {
    "a": "i8",
    "b": "bool",
    "c": "char",
    "d": "f64",
    "e": "str",
    "f": "f32",
    "h": "u8",
    "i": "isize",
    "j": "usize",
    "l": "i32",
    "m": "u32",
    "n": "i128",
    "o": "u128",
    "p": "_",
    "s": "i16",
    "t": "u16",
    "u": "()",
    "v": "...",
    "x": "i64",
    "y": "u64",
    "z": "!",
}
_MUTABILITY = {"R": "", "Q": "mut ", "P": "const ", "O": "mut "}
_ALPHABET = 26
_SIGNED = "aislnx"
_LEAVES = "pbc" + "htmyoj" + _SIGNED


def decode(mangled: str) -> str | None:
    """Return the path that a v0 name stands for, without the crate that instantiated it.

    ``mangled`` begins with ``_R`` and has no suffix. None when it is no such name, or when the
    path would cost more than `allowance` or is nested deeper than `DEEPEST`.
    """
    # a digit here would be the version of another encoding than the only one there is
    if not mangled[2:3].isupper() or not mangled.isascii():
        return None
    decoder = _Decoder(mangled[2:], allowance(mangled))
    try:
        return decoder.symbol()
    except NotMangledError:
        return None


class _Decoder(RustReader):
    """Each method is a production of the grammar: it reads it and writes its readable form."""

    __slots__ = ()

    def symbol(self) -> str:
        self._path(in_value=True)
        if self._at < self._end:
            self._silent += 1
            self._path(in_value=False)  # the instantiating crate
        if self._at != self._end:
            raise NotMangledError
        return "".join(self._out)

    # paths

    def _path(self, *, in_value: bool) -> None:
        tag = self._enter()
        if tag == "N":
            self._nested(in_value=in_value)
        elif tag == "C":
            self._optional_number("s")
            self._write(self._identifier())
        elif tag in "MXY":
            self._implementation(tag)
        elif tag == "I":
            self._path(in_value=in_value)
            self._write("::<" if in_value else "<")
            self._generic_arguments()
            self._write(">")
        elif tag == "B":
            back = self._refer_back()
            if not self._silent:
                self._path(in_value=in_value)
            self._at = back
        else:
            raise NotMangledError
        self._depth -= 1

    def _nested(self, *, in_value: bool) -> None:
        """Write a name inside a path; upper-case namespaces are closures, shims and the like."""
        namespace = self._text[self._at]
        self._at += 1
        if not namespace.isalpha():
            raise NotMangledError
        self._path(in_value=in_value)
        disambiguator = self._optional_number("s")
        name = self._identifier()
        if namespace.isupper():
            kind = {"C": "closure", "S": "shim"}.get(namespace, namespace)
            colon = ":" if name else ""
            self._write(f"::{{{kind}{colon}{name}#{disambiguator}}}")
        elif name:
            self._write("::" + name)

    def _implementation(self, tag: str) -> None:
        """Write ``<T>`` for M, ``<T as Trait>`` for X and Y; M and X say first where it is."""
        if tag != "Y":
            self._optional_number("s")
            self._silent += 1
            self._path(in_value=False)
            self._silent -= 1
        self._write("<")
        self._type()
        if tag != "M":
            self._write(" as ")
            self._path(in_value=False)
        self._write(">")

    def _generic_arguments(self) -> None:
        first = True
        while not self._eat("E"):
            if not first:
                self._write(", ")
            first = False
            if self._eat("L"):
                self._lifetime(self._number())
            elif self._eat("K"):
                self._constant(in_value=False)
            else:
                self._type()

    def _lifetime(self, index: int) -> None:
        """Write a lifetime by its de Bruijn index: 1 is the one bound last; 0 is erased."""
        if self._silent:
            return
        depth = self._bound - index
        if depth < 0:
            raise NotMangledError
        if index == 0:
            self._write("'_")
        else:
            self._write("'" + chr(ord("a") + depth) if depth < _ALPHABET else f"'_{depth}")

    def _binder(self) -> int:
        """Write ``for<'a> `` when lifetimes are bound here; return the number bound outside."""
        count = self._optional_number("G")
        outside = self._bound
        if count and not self._silent:
            if count > self._left:
                raise NotMangledError
            self._write("for<")
            for index in range(count):
                if index:
                    self._write(", ")
                self._bound += 1
                self._lifetime(1)
            self._write("> ")
        return outside

    # types

    def _type(self) -> None:
        tag = self._enter()
        if tag in _BASIC_TYPES:
            self._write(_BASIC_TYPES[tag])
        elif tag in "RQPO":
            self._pointer(tag)
        elif tag in "AS":
            self._array(tag)
        elif tag == "T":
            self._list("(", self._type, ")", alone=",)")
        elif tag == "F":
            self._function()
        elif tag == "D":
            self._dyn()
        elif tag == "W":
            self._type()
            self._write(" is ")
            self._pattern()
        elif tag == "B":
            back = self._refer_back()
            if not self._silent:
                self._type()
            self._at = back
        else:
            self._at -= 1
            self._path(in_value=False)
        self._depth -= 1

    def _pointer(self, tag: str) -> None:
        self._write("&" if tag in "RQ" else "*")
        if tag in "RQ" and self._eat("L"):
            index = self._number()
            if index:
                self._lifetime(index)
                self._write(" ")
        self._write(_MUTABILITY[tag])
        self._type()

    def _array(self, tag: str) -> None:
        self._write("[")
        self._type()
        if tag == "A":
            self._write("; ")
            self._constant(in_value=True)
        self._write("]")

    def _function(self) -> None:
        outside = self._binder()
        if self._eat("U"):
            self._write("unsafe ")
        if self._eat("K"):
            abi = "C" if self._eat("C") else self._identifier()
            self._write(f'extern "{abi.replace("_", "-")}" ')
        self._list("fn(", self._type, ")")
        if not self._eat("u"):
            self._write(" -> ")
            self._type()
        self._bound = outside

    def _dyn(self) -> None:
        self._write("dyn ")
        outside = self._binder()
        first = True
        while not self._eat("E"):
            if not first:
                self._write(" + ")
            first = False
            self._dyn_trait()
        self._bound = outside
        if not self._eat("L"):
            raise NotMangledError
        index = self._number()
        if index:
            self._write(" + ")
            self._lifetime(index)

    def _dyn_trait(self) -> None:
        """Write a trait; the types of its associated items stand among its generic arguments."""
        is_open = self._open_path()
        while self._eat("p"):
            self._write(", " if is_open else "<")
            is_open = True
            self._write(self._identifier() + " = ")
            if self._eat("K"):
                self._constant(in_value=False)
            else:
                self._type()
        if is_open:
            self._write(">")

    def _open_path(self) -> bool:
        """Write a path without its last ">"; return whether there was one."""
        tag = self._enter()
        is_open = False
        if tag == "B":
            back = self._refer_back()
            if not self._silent:
                is_open = self._open_path()
            self._at = back
        elif tag == "I":
            self._path(in_value=False)
            self._write("<")
            self._generic_arguments()
            is_open = True
        else:
            self._at -= 1
            self._path(in_value=False)
        self._depth -= 1
        return is_open

    def _pattern(self) -> None:
        tag = self._enter()
        if tag == "R":
            self._constant(in_value=False)
            self._write("..=")
            self._constant(in_value=False)
        elif tag == "O":
            self._pattern()
            while not self._eat("E"):
                self._write(" | ")
                self._pattern()
        elif tag == "N":
            self._write("!null")
        else:
            raise NotMangledError
        self._depth -= 1

    # constants

    def _constant(self, *, in_value: bool) -> None:
        """Write a value; outside of an expression all but literals stand in braces."""
        tag = self._enter()
        if tag in _LEAVES:
            self._write(self._leaf(tag))
        elif tag == "R" and self._eat("e"):
            self._write(quoted(text_of(self._hexadecimal()), '"'))
        elif tag == "B":
            back = self._refer_back()
            if not self._silent:
                self._constant(in_value=in_value)
            self._at = back
        elif tag in "eRQATV":
            self._write("" if in_value else "{")
            self._expression(tag)
            self._write("" if in_value else "}")
        else:
            raise NotMangledError
        self._depth -= 1

    def _leaf(self, tag: str) -> str:
        """Return a placeholder, an integer, a Boolean or a character."""
        if tag == "p":
            return "_"
        sign = "-" if tag in _SIGNED and self._eat("n") else ""
        digits = self._hexadecimal()
        if tag == "c":
            return quoted(character(digits), "'")
        short = digits.lstrip("0")
        if tag == "b":
            if short not in ("", "1"):
                raise NotMangledError
            return "true" if short else "false"
        if len(short) > 16:  # 64 bits
            return f"{sign}0x{digits}"
        return f"{sign}{int(short or '0', 16)}"

    def _expression(self, tag: str) -> None:
        self._depth += 2  # it takes more calls than other productions
        if tag == "e":
            self._write("*" + quoted(text_of(self._hexadecimal()), '"'))
        elif tag in "RQ":
            self._write("&" if tag == "R" else "&mut ")
            self._constant(in_value=True)
        elif tag == "A":
            self._list("[", self._element, "]")
        elif tag == "T":
            self._list("(", self._element, ")", alone=",)")
        else:
            self._path(in_value=True)
            self._fields()
        self._depth -= 2

    def _element(self) -> None:
        self._constant(in_value=True)

    def _fields(self) -> None:
        """Write the fields of a structure or variant: none, numbered or named."""
        kind = self._text[self._at]
        self._at += 1
        if kind == "T":
            self._list("(", self._element, ")")
        elif kind == "S":
            self._list(" { ", self._named_field, " }")
        elif kind != "U":
            raise NotMangledError

    def _named_field(self) -> None:
        self._optional_number("s")
        self._write(self._identifier() + ": ")
        self._element()
