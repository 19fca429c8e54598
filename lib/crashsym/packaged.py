# SPDX-License-Identifier: MIT
"""Files as they were packaged, while they are collected from one source."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from crashsym.errors import InputError, counted
from crashsym.findings import MALFORMED, UNREADABLE, Finding, Owner
from crashsym.targetroot import TargetRoot
from crashsym.texts import target_path

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]*")
_MAX_PATH = 4096  # PATH_MAX
_EACH = 100  # problems of a kind that are findings of their own


class Packaged(NamedTuple):
    """A file as it was packaged; ``size`` in bytes and ``md5`` in hex, None if nobody noted it.

    ``version`` is the recipe's where it is known, else the package's. (There is one for each file
    of a root: a dataclass that is frozen takes several times as long to make.)
    """

    package: str
    recipe: str
    version: str | None
    size: int | None = None
    md5: str | None = None


@dataclass(slots=True)
class Collection:
    """What one source has said so far.

    ``source`` is the folder that is read, ``target`` the root that the paths in it are of.
    """

    source: TargetRoot
    target: TargetRoot
    files: dict[str, list[Packaged]] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    _problems: list[Finding] = field(default_factory=list)
    _noted: Counter[str] = field(default_factory=Counter)
    _first_beyond: dict[str, Finding] = field(default_factory=dict)

    def add(self, listed: Iterable[tuple[str, Packaged]]) -> int:
        """Note files where they are on the target; return how many there cannot be, by their path.

        This runs for each file of a root file system, so it is one loop.
        """
        place, files, odd = self.target.place, self.files, 0
        for path, packaged in listed:
            if path[:1] != "/" or len(path) >= _MAX_PATH or "\0" in path:
                odd += 1
                continue
            placed = place(path)
            if not placed.isascii() or "\\" in placed:
                placed = target_path(placed)
            if placed in files:
                files[placed].append(packaged)
            else:
                files[placed] = [packaged]
        return odd

    def text(self, path: str) -> str | None:
        """Return a file of the source as text; None if there is none.

        Raises:
            UnreadableError: it cannot be read.
        """
        data = self.source.read(path)
        return None if data is None else data.decode("utf-8", "surrogateescape")

    def text_of(self, path: str, package: str) -> str | None:
        """Return what `text` does; a file that is not there, or cannot be read, is a problem."""
        try:
            found = self.text(path)
        except InputError as error:
            self._note(UNREADABLE, path, (error.what, error.why, error.remedy), package)
            return None
        if found is None:
            self.damaged(path, "it is missing", package)
        return found

    def damaged(self, path: str, why: str, package: str | None = None) -> None:
        """Note that something in a file of the source, or of one package in it, is of no use."""
        remedy = "Make the root file system or the package data anew."
        self._note(MALFORMED, path, ("cannot tell whose files are", why, remedy), package)

    def _note(self, code: str, path: str, text: tuple[str, str, str], package: str | None) -> None:
        """Keep the first problems of a kind, and count the rest: there may be millions."""
        self._noted[code] += 1
        if self._noted[code] <= _EACH:
            self._problems.append(Finding(code, path, *text, owner=Owner(package, None)))
        elif self._noted[code] == _EACH + 1:
            self._first_beyond[code] = Finding(code, path, *text)

    @property
    def problems(self) -> list[Finding]:
        """What is of no use; very many of a kind are one finding that has their number."""
        found = list(self._problems)
        for code, finding in self._first_beyond.items():
            if more := self._noted[code] - _EACH - 1:
                why = f"{finding.why}; {counted(more, 'more problem')} of this kind"
                finding = finding._replace(why=why)
            found.append(finding)
        return found


def is_name(text: str) -> bool:
    """Whether a package may have this name; then it is a file name as well.

    Source: Debian Policy 5.6.7; OE's names may have capitals and underscores, too.
    """
    return _NAME.fullmatch(text) is not None
