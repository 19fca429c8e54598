# SPDX-License-Identifier: MIT
"""A limit on work, so that a small hostile file cannot ask for a large amount of it."""

from __future__ import annotations

from crashsym.errors import MalformedError

_FREE = 200_000
_PER_BYTE = 8


class Budget:
    """Counts steps of work against the size of the input that asks for them.

    Debug information is read about once from front to back; the measured need of compilers'
    output is below one step a byte. Input that refers to the same long list from everywhere
    would need steps in proportion to its size squared.
    """

    __slots__ = ("_left", "_size")

    def __init__(self, size: int) -> None:
        self._size = size
        self._left = _FREE + _PER_BYTE * size

    def spend(self, steps: int, where: str) -> None:
        """Take ``steps`` off.

        Raises:
            MalformedError: more was asked than input of this size has a right to.
        """
        self._left -= steps
        if self._left < 0:
            raise MalformedError(
                "cannot decode",
                where=where,
                why=f"its references ask for work out of proportion to its {self._size} bytes",
            )

    def grow(self, size: int) -> None:
        """Count another file of ``size`` bytes as input."""
        self._size += size
        self._left += _PER_BYTE * size
