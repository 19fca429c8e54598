# SPDX-License-Identifier: MIT
"""How much of the code of a module its symbol file covers, in bytes."""

from __future__ import annotations

from dataclasses import dataclass

SHARES = {"functions": "functions", "lines": "lines", "cfi": "unwind rules"}
PLT = (".plt", ".plt.got", ".plt.sec", ".plt.bnd", ".iplt", ".MIPS.stubs")

_LITTLE = 4096  # bytes of code


@dataclass(frozen=True, slots=True)
class Coverage:
    """Bytes of code, and how many of them have functions, lines and unwind rules.

    ``code`` is what executable sections hold; ``plt`` the part of it that is the procedure linkage
    table, which the linker makes and which can have unwind rules, but neither functions nor lines.
    """

    code: int
    plt: int
    functions: int
    lines: int
    cfi: int

    @property
    def is_little(self) -> bool:
        """Whether shares say nothing: what compilers put into any program has no functions."""
        return self.code - self.plt < _LITTLE

    def percent(self, what: str) -> float | None:
        """Return the share of ``functions``, ``lines`` or ``cfi``, rounded down to a tenth.

        None where there is no code.
        """
        whole = self.code if what == "cfi" else self.code - self.plt
        covered: int = getattr(self, what)
        return covered * 1000 // whole / 10 if whole else None
