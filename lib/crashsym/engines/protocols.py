# SPDX-License-Identifier: MIT
"""What an engine is, and what it makes; for type checkers only, no run needs this module."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, BinaryIO, Protocol

if TYPE_CHECKING:
    from crashsym.breakpad.cpus import Cpu
    from crashsym.dwarf.inputs import DebugInputs
    from crashsym.splitpair import SplitPair

Damage = tuple[str, str]  # where, why


class Part(Protocol):
    """Some records of a symbol file: how many, and what was damaged on the way to them."""

    @property
    def count(self) -> int:
        """How many records there are: PUBLIC, or STACK CFI INIT."""

    @property
    def damage(self) -> Sequence[Damage]:
        """Where the input could not be decoded, and why."""

    def write(self, stream: BinaryIO) -> None:
        """Write the records."""


class CfiPart(Part, Protocol):
    """The STACK CFI records."""

    @property
    def code_bytes(self) -> int:
        """How many bytes of code they cover."""


class FunctionPart(Protocol):
    """The FILE, INLINE_ORIGIN and FUNC records with all that belongs to them."""

    @property
    def functions(self) -> int:
        """How many FUNC records there are."""

    @property
    def lines(self) -> int:
        """How many line records there are; before they are written it may take long to tell."""

    @property
    def has_lines(self) -> bool:
        """Whether there is a line record."""

    @property
    def inlines(self) -> int:
        """How many INLINE records there are."""

    @property
    def function_bytes(self) -> int:
        """How many bytes of code the functions have."""

    @property
    def line_bytes(self) -> int:
        """How many of them have lines; to be asked for when the records have been written."""

    @property
    def damage(self) -> Sequence[Damage]:
        """Where the debug information could not be decoded, and why."""

    def covers(self, address: int) -> bool:
        """Whether a function covers an address of the file."""

    def mark(self, address: int) -> None:
        """Say that symbols of several names are where a function begins, if one begins there."""

    def write(self, stream: BinaryIO) -> None:
        """Write the records."""


class Engine(Protocol):
    """Makes the parts of a symbol file; ``name`` is ``kernel`` or ``reference``."""

    name: str

    def functions(
        self, inputs: DebugInputs, load_base: int, *, inlines: bool, keep_suffixes: bool
    ) -> FunctionPart:
        """Read the debug information; ``load_base`` is where addresses begin to count.

        Raises:
            MalformedError: a section is truncated or cannot be inflated.
        """

    def publics(
        self, pair: SplitPair, cpu: Cpu, functions: FunctionPart, *, keep_suffixes: bool
    ) -> Part:
        """Read the symbols that no function covers, and `mark` functions that have several.

        Raises:
            MalformedError: a symbol table is damaged.
        """

    def cfi(self, pair: SplitPair, cpu: Cpu) -> CfiPart:
        """Read the unwind rules."""
