# SPDX-License-Identifier: MIT
"""How far the work on the files of a tree is."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from crashsym.tree import TreeFile


class Progress:
    """Counts what is done, and calls ``show`` with itself whenever that has changed.

    ``size`` and ``done_size`` are the bytes of the files, without their debug halves.
    """

    def __init__(
        self, files: Mapping[int, TreeFile], show: Callable[[Progress], object] | None = None
    ) -> None:
        """Begin with all ``files``, by their number, in the order in which they are worked on."""
        self._left = dict(files)
        self._show = show
        self.files = len(self._left)
        self.size = sum(file.size for file in self._left.values())
        self.done_files = self.done_size = 0
        self.working = False
        self._tell()

    @property
    def current(self) -> TreeFile | None:
        """The file that was begun first of those that are not done; None before the work."""
        return next(iter(self._left.values()), None) if self.working else None

    def work(self) -> None:
        """Begin the work, after what is known already has been looked up."""
        self.working = True
        self._tell()

    def done(self, number: int) -> None:
        """Count one file as done."""
        self.done_files += 1
        self.done_size += self._left.pop(number).size
        self._tell()

    def _tell(self) -> None:
        if self._show is not None:
            self._show(self)
