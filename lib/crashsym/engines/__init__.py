# SPDX-License-Identifier: MIT
"""Who does the heavy work: the compiled kernel where it was built, the reference everywhere else.

Both give the same bytes. ``CRASHSYM_ENGINE=reference`` or ``=kernel`` in the environment asks for
one of them, for tests and for comparisons.
"""

from __future__ import annotations

import os

from crashsym.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

    from crashsym.engines.protocols import Damage, Engine

VARIABLE = "CRASHSYM_ENGINE"


class NoFunctions:
    """The functions of a module without debug information; see `crashsym.engines.protocols`."""

    functions = lines = inlines = function_bytes = line_bytes = 0
    has_lines = False
    damage: Sequence[Damage] = ()

    def covers(self, address: int) -> bool:
        """Whether a function covers an address of the file."""
        del address
        return False

    def mark(self, address: int) -> None:
        """There is none to mark."""

    def write(self, stream: BinaryIO) -> None:
        """Write no record."""


_CHOSEN: list[Engine] = []  # once it is


def engine() -> Engine:
    """Return the engine of this process.

    Raises:
        ConfigError: the environment asks for an engine that there is not.
    """
    if not _CHOSEN:
        _CHOSEN.append(_choose())
    return _CHOSEN[0]


def _choose() -> Engine:
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
        import crashsym.kernel.joined  # noqa: F401 - whether that works
    except ImportError as error:
        return str(error)
    return ""
