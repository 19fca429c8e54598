# SPDX-License-Identifier: MIT
"""Command lines that need no second thought, read without `argparse`.

To import that takes as long as to make the symbols of a small file, and a build makes those of
thousands. `QuickParser` takes the same declarations, but of the command lines only those where each
option is spelled in full and each value is a word of its own, and not empty. It refuses all others,
wrong ones among them, and leaves them to `argparse`, which also has the messages.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any
else:
    Namespace = type(sys.implementation)

_KNOWN = {"metavar", "type", "action", "default", "help"}
_ACTIONS = ("store", "store_true", "append")


class _Argument:
    """One declaration; ``group`` is the number of options of which one line has one, 0 for none."""

    def __init__(self, names: Sequence[str], settings: dict[str, Any], group: int) -> None:
        longest = next((name for name in names if name.startswith("--")), names[0])
        self.dest = longest.lstrip("-").replace("-", "_")
        self.action: str = settings.get("action", "store")
        self.type: Callable[[str], Any] = settings.get("type", str)
        self.default: Any = settings.get("default")
        self.group = group
        self.is_known = _KNOWN.issuperset(settings) and self.action in _ACTIONS

    def start(self) -> Any:
        """Return the value that it has without being named."""
        if self.action == "store_true":
            return False
        return list(self.default) if self.action == "append" else self.default


class _RefusedError(Exception):
    """The line is one for `argparse`. Never leaves here."""


class QuickParser:
    """Takes declarations like `argparse.ArgumentParser`, as far as ``crashsym dump`` needs it."""

    def __init__(self) -> None:
        self._options: dict[str, _Argument] = {}
        self._positional: list[_Argument] = []
        self._groups = 0

    def add_argument(self, *names: str, **settings: Any) -> None:
        """Declare an argument."""
        self._add(names, settings, 0)

    def add_mutually_exclusive_group(self) -> _Group:
        """Return what takes the declarations of options that exclude each other."""
        self._groups += 1
        return _Group(self, self._groups)

    def _add(self, names: Sequence[str], settings: dict[str, Any], group: int) -> None:
        argument = _Argument(names, settings, group)
        if names[0].startswith("-"):
            self._options.update(dict.fromkeys(names, argument))
        else:
            self._positional.append(argument)

    def parse(self, argv: Sequence[str]) -> Namespace | None:
        """Return what `argparse` would, or None to leave the line to it."""
        arguments = [*self._options.values(), *self._positional]
        values = {argument.dest: argument.start() for argument in arguments}
        try:
            if not all(argument.is_known for argument in arguments):
                return None
            self._take(iter(argv), values)
        except (_RefusedError, TypeError, ValueError):
            return None
        return Namespace(**values)

    def _take(self, words: Iterator[str], values: dict[str, Any]) -> None:
        named: dict[int, str] = {}  # by group
        positional = iter(self._positional)
        for word in words:
            if not word:
                raise _RefusedError
            if word.startswith("-"):
                option = self._options.get(word)
                if option is None or named.get(option.group, option.dest) != option.dest:
                    raise _RefusedError
                if option.group:
                    named[option.group] = option.dest
                _take_option(option, words, values)
            else:
                argument = next(positional, None)
                if argument is None:
                    raise _RefusedError
                values[argument.dest] = argument.type(word)
        if next(positional, None) is not None:
            raise _RefusedError


class _Group:
    def __init__(self, parser: QuickParser, number: int) -> None:
        self._parser = parser
        self._number = number

    def add_argument(self, *names: str, **settings: Any) -> None:
        self._parser._add(names, settings, self._number)


def _take_option(option: _Argument, words: Iterator[str], values: dict[str, Any]) -> None:
    if option.action == "store_true":
        values[option.dest] = True
        return
    word = next(words, "")
    if not word or word.startswith("-"):
        raise _RefusedError
    if option.action == "append":
        values[option.dest].append(option.type(word))
    else:
        values[option.dest] = option.type(word)


if TYPE_CHECKING:
    Parser = ArgumentParser | QuickParser  # what takes declarations
