# SPDX-License-Identifier: MIT
"""Who does the heavy work: the compiled kernel where it was built, the reference everywhere else.

Both give the same bytes. ``CRASHSYM_ENGINE=reference`` or ``=kernel`` in the environment asks for
one of them, for tests and for comparisons.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, BinaryIO, Protocol

from crashsym.errors import ConfigError

if TYPE_CHECKING:
    from crashsym.breakpad.cpus import Cpu
    from crashsym.dwarf.inputs import DebugInputs
    from crashsym.splitpair import SplitPair

VARIABLE = "CRASHSYM_ENGINE"
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


class FunctionPart(Protocol):
    """The FILE, INLINE_ORIGIN and FUNC records with all that belongs to them."""

    @property
    def functions(self) -> int:
        """How many FUNC records there are."""

    @property
    def lines(self) -> int:
        """How many line records there are."""

    @property
    def inlines(self) -> int:
        """How many INLINE records there are."""

    @property
    def damage(self) -> Sequence[Damage]:
        """Where the debug information could not be decoded, and why."""

    def covers(self, address: int) -> bool:
        """Whether a function covers an address of the file."""

    def mark(self, address: int) -> None:
        """Say that symbols of several names are where a function begins, if one begins there."""

    def write(self, stream: BinaryIO) -> None:
        """Write the records."""


class NoFunctions:
    """The functions of a module without debug information; see `FunctionPart`."""

    functions = lines = inlines = 0
    damage: Sequence[Damage] = ()

    def covers(self, address: int) -> bool:
        """Whether a function covers an address of the file."""
        del address
        return False

    def mark(self, address: int) -> None:
        """There is none to mark."""

    def write(self, stream: BinaryIO) -> None:
        """Write no record."""


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

    def cfi(self, pair: SplitPair, cpu: Cpu) -> Part:
        """Read the unwind rules."""


@lru_cache(maxsize=1)
def engine() -> Engine:
    """Return the engine of this process.

    Raises:
        ConfigError: the environment asks for an engine that there is not.
    """
    wanted = os.environ.get(VARIABLE, "")
    if wanted not in ("", "kernel", "reference"):
        raise ConfigError(
            "cannot choose an engine",
            where=VARIABLE,
            why=f"'{wanted}' is none",
            remedy="Use 'kernel' or 'reference', or unset it.",
        )
    why = "" if wanted == "reference" else _why_no_kernel()
    if wanted == "kernel" and why:
        raise ConfigError(
            "cannot use the kernel",
            where=VARIABLE,
            why=why,
            remedy="Install crashsym where there is a C compiler, which builds it.",
        )
    if wanted == "reference" or why:
        from crashsym.engines.reference import ReferenceEngine

        return ReferenceEngine()
    from crashsym.engines.compiled import CompiledEngine

    return CompiledEngine()


def is_fallback() -> bool:
    """Whether the reference stands in for a kernel that was not built, unasked for."""
    return engine().name == "reference" and not os.environ.get(VARIABLE)


def _why_no_kernel() -> str:
    try:
        importlib.import_module("crashsym.kernel.functions")
    except ImportError as error:
        return str(error)
    return ""
