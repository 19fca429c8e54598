# SPDX-License-Identifier: MIT
"""D's mangling: ``_D``, a qualified name, and the type of what it names.

Functions are shown with the types of their parameters, not with what they return. Every production
and every character written is counted, so that back references cannot explode.

Source: D Language Specification, "Application Binary Interface", Name Mangling. The form of what is
written is that of binutils' libiberty.
"""

from __future__ import annotations

from contextlib import suppress

from crashsym.demangle.dlang_values import ValueDecoder
from crashsym.demangle.dlang_words import (
    ATTRIBUTES,
    BASIC_TYPES,
    BEFORE_PARAMETERS,
    CONVENTIONS,
    MODIFIERS,
    NAMED,
    SPECIAL_DATA,
    SPECIAL_FUNCTIONS,
    STORAGE,
    WRAPPED,
)
from crashsym.demangle.limits import NotMangledError, allowance


def decode(mangled: str) -> str | None:
    """Return what a name of D stands for.

    ``mangled`` begins with ``_D`` and has no suffix. None when it is no such name, or when its
    readable form would cost more than `allowance` or is nested deeper than `DEEPEST`.
    """
    if mangled == "_Dmain":
        return "D main"
    # lengths are in bytes
    letters = mangled[2:].encode("utf-8", "surrogateescape").decode("latin-1")
    decoder = _Decoder(letters, allowance(mangled))
    try:
        return decoder.symbol().encode("latin-1").decode("utf-8", "replace")
    except NotMangledError:
        return None


class _Decoder(ValueDecoder):
    """Each method is a production of the grammar: it reads it and writes its readable form."""

    __slots__ = ()

    def symbol(self) -> str:
        self._mangled_name(outermost=True)
        if self._at != self._end:
            raise NotMangledError
        return "".join(self._out)

    def _mangled_name(self, *, outermost: bool = False) -> None:
        has_type = self._qualified_name(outermost=outermost)
        if not has_type and not self._eat("Z"):  # Z: no type, it is data of the compiler's own
            mark = len(self._out)
            self._type()
            del self._out[mark:]

    # names

    def _qualified_name(self, *, outermost: bool = False) -> bool:
        """Write names and, behind functions, parameters; return whether the type is read, too.

        The outermost name has the modifiers of ``this``.
        """
        self._enter()
        has_type = False
        start = len(self._out)
        if not self._at_symbol_name():
            raise NotMangledError
        while self._at_symbol_name():
            mark = len(self._out)
            if mark > start:
                self._write(".")
            wrote = len(self._out)
            self._symbol_name(start)
            if len(self._out) == wrote:  # a nameless scope
                del self._out[mark:]
            elif self._peek() in BEFORE_PARAMETERS:
                has_type = self._try_parameters(outermost=outermost)
        self._depth -= 1
        return has_type

    def _at_symbol_name(self) -> bool:
        c = self._peek()
        if c == "Q":
            return self._text[self._target(self._at)].isdigit()
        return c.isdigit() or self._text.startswith(("__T", "__U"), self._at)

    def _symbol_name(self, start: int) -> None:
        """Write one part of a qualified name that begins at ``start`` in what is written."""
        self._enter()
        if self._peek() == "Q":
            back = self._refer_back()
            self._identifier(start)
            self._at = back
        elif self._text.startswith(("__T", "__U"), self._at):
            self._template()
        else:
            self._identifier(start)
        self._depth -= 1

    def _identifier(self, start: int) -> None:
        """LName; of a template instance in the form with a length, too."""
        length = self._number()
        stop = self._at + length
        if stop > self._end:
            raise NotMangledError
        if self._text.startswith(("__T", "__U"), self._at):
            self._template()
            if self._at != stop:
                raise NotMangledError
            return
        name = self._text[self._at : stop]
        self._at = stop
        if name in SPECIAL_DATA and self._text[stop:] == "Z\0":
            self._out.insert(start, SPECIAL_DATA[name])
            if self._out[-1] == ".":
                self._out[-1] = ""
        elif not name or (name.startswith("__S") and name[3:].isdigit()):
            return  # a scope without a name
        elif name == "__postblit" and self._eat("MFZ"):
            self._write("this(this)")
        else:
            self._write(SPECIAL_FUNCTIONS.get(name, name))

    def _template(self) -> None:
        self._at += 3
        self._symbol_name(len(self._out))
        self._write("!(")
        first = True
        while not self._eat("Z"):
            if not first:
                self._write(", ")
            first = False
            self._template_argument()
        self._write(")")

    def _template_argument(self) -> None:
        self._enter()
        self._eat("H")  # a specialized parameter
        if self._eat("T"):
            self._type()
        elif self._eat("V"):
            self._typed_value()
        elif self._eat("S"):
            self._symbol_argument()
        elif self._eat("X"):
            length = self._number()
            if self._at + length > self._end:
                raise NotMangledError
            self._write(self._text[self._at : self._at + length])
            self._at += length
        else:
            raise NotMangledError
        self._depth -= 1

    def _symbol_argument(self) -> None:
        """Write the name of a symbol; before D 2.077 its length stands before it.

        Where that ends, and the name's own first length begins, shows only when all of it fits.
        """
        at, mark, depth = self._at, len(self._out), self._depth
        try:
            self._mangled_or_qualified()
            if self._peek() in "ZTVSXH":
                return
        except NotMangledError:
            if self._left < 0:
                raise
        self._depth = depth
        self._at = at
        del self._out[mark:]
        digits = self._digits("0123456789")[:6]
        for width in range(len(digits), 0, -1):
            stop = at + width + int(digits[:width])
            if stop <= self._end and self._fits(at + width, stop):
                return
        raise NotMangledError

    def _fits(self, start: int, stop: int) -> bool:
        """Write the name from ``start`` to ``stop``, if it is one."""
        mark, depth = len(self._out), self._depth
        self._at = start
        with suppress(NotMangledError):
            self._mangled_or_qualified()
            if self._at == stop:
                return True
        if self._left < 0:
            raise NotMangledError
        self._depth = depth
        del self._out[mark:]
        return False

    def _mangled_or_qualified(self) -> None:
        if self._eat("_D"):
            self._mangled_name()
        else:
            self._qualified_name()

    def _typed_value(self) -> None:
        """Write a value, of whose type only a structure's name is shown."""
        kind = self._text[self._target(self._at)] if self._peek() == "Q" else self._peek()
        mark = len(self._out)
        self._type()
        name = "".join(self._out[mark:])
        del self._out[mark:]
        self._value(kind, name)

    # functions

    def _try_parameters(self, *, outermost: bool) -> bool:
        """Write the parameters of a function, unless these letters are the type of a variable.

        They are parameters if something follows: the type returned, or a name inside the function.
        Return whether they were a reference to the whole type of another function.
        """
        at, mark, depth = self._at, len(self._out), self._depth
        try:
            back = self._parameters_of_name(outermost=outermost)
        except NotMangledError:
            if self._left < 0:
                raise
        else:
            if back:
                self._at = back
                return True
            if self._at < self._end:
                return False
        self._at, self._depth = at, depth
        del self._out[mark:]
        return False

    def _parameters_of_name(self, *, outermost: bool) -> int:
        """Write parameters; return where to come back to when they stand elsewhere, else 0."""
        modifiers = self._modifiers() if self._eat("M") else ""
        back = self._refer_back() if self._peek() == "Q" else 0
        if self._peek() not in CONVENTIONS:
            raise NotMangledError
        self._at += 1
        self._attributes()
        self._parameters()
        self._write(modifiers if outermost else "")
        return back

    def _modifiers(self) -> str:
        found = ""
        while (word := self._one_of(MODIFIERS)) is not None:
            found += " " + word
        return found

    def _attributes(self) -> str:
        found = ""
        while (word := self._one_of(ATTRIBUTES)) is not None:
            found += " " + word
        return found

    def _parameters(self) -> None:
        self._write("(")
        first = True
        while self._peek() not in "XYZ":
            if not first:
                self._write(", ")
            first = False
            while (word := self._one_of(STORAGE)) is not None:
                self._write(word)
            self._type()
        if self._eat("X"):
            self._write("...")
        elif self._eat("Y"):
            self._write("..." if first else ", ...")
        else:
            self._at += 1
        self._write(")")

    def _function_type(self, kind: str) -> None:
        """Write ``int(char) pure function``: what is returned stands last in the mangled name."""
        self._enter()
        if self._peek() == "Q":
            back = self._refer_back()
            self._function_type(kind)
            self._at = back
        elif self._peek() in CONVENTIONS:
            self._write(CONVENTIONS[self._peek()])
            self._at += 1
            attributes = self._attributes()
            mark = len(self._out)
            self._parameters()
            parameters = self._take(mark)
            self._type()
            self._write(parameters + attributes + kind)
        else:
            raise NotMangledError
        self._depth -= 1

    # types

    def _type(self) -> None:
        self._enter()
        basic = self._one_of(BASIC_TYPES)
        if basic is not None:
            self._write(basic)
        else:
            wrapper = self._one_of(WRAPPED)
            if wrapper is not None:
                self._write(wrapper + "(")
                self._type()
                self._write(")")
            elif self._peek() in CONVENTIONS:
                self._function_type(" function")
            else:
                self._compound_type()
        self._depth -= 1

    def _compound_type(self) -> None:
        tag = self._peek()
        if tag == "Q":
            back = self._refer_back()
            self._type()
            self._at = back
            return
        self._at += 1
        if tag in NAMED:
            self._qualified_name()
        elif tag in "AGHP":
            self._derived_type(tag)
        elif tag == "D":
            modifiers = self._modifiers()
            self._function_type(" delegate" + modifiers)
        elif tag == "B":
            self._tuple()
        else:
            raise NotMangledError

    def _derived_type(self, tag: str) -> None:
        """Write an array, an associative array or a pointer."""
        if tag == "P" and self._peek() in CONVENTIONS:
            self._function_type(" function")
            return
        suffix = {"A": "[]", "P": "*"}.get(tag, "")
        if tag == "G":
            suffix = f"[{self._number()}]"
        elif tag == "H":
            mark = len(self._out)
            self._type()
            suffix = f"[{self._take(mark)}]"
        self._type()
        self._write(suffix)

    def _tuple(self) -> None:
        """Write a sequence of types; compilers before 2.077 put their number before them."""
        counted = self._peek().isdigit()
        left = self._number() if counted else 0
        self._write("Tuple!(")
        first = True
        while left > 0 if counted else not self._eat("Z"):
            if not first:
                self._write(", ")
            first = False
            left -= 1
            self._type()
        self._write(")")
