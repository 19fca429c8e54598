# SPDX-License-Identifier: MIT
"""What call frame information says, as plain values.

Addresses are those of the file, sizes are in bytes and never 0, registers are DWARF numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto


class RuleKind(Enum):
    """How a value of the caller is found. Source: DWARF 5 section 6.4.1."""

    UNDEFINED = auto()  # it is lost
    SAME_VALUE = auto()  # it is still in the register
    OFFSET = auto()  # saved at CFA + number
    VAL_OFFSET = auto()  # it is CFA + number
    REGISTER = auto()  # it is in register `number`
    EXPRESSION = auto()  # saved where the expression says
    VAL_EXPRESSION = auto()  # it is the value of the expression
    REGISTER_OFFSET = auto()  # for the CFA alone: register `register` + number


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; what ``number`` means depends on the kind."""

    kind: RuleKind
    number: int = 0
    register: int = 0
    expression: bytes = b""


@dataclass(frozen=True, slots=True)
class CfiRow:
    """The rules from ``address`` up to the next row; registers without a rule are not there."""

    address: int
    cfa: Rule
    registers: Mapping[int, Rule]


@dataclass(frozen=True, slots=True)
class CfiEntry:
    """The rows of one contiguous piece of code, ascending, the first at ``address``."""

    address: int
    size: int
    return_column: int
    rows: tuple[CfiRow, ...]

    def clipped(self, start: int, end: int) -> CfiEntry:
        """Return the part of this entry from ``start`` up to ``end``, both inside of it."""
        if (start, end) == (self.address, self.address + self.size):
            return self
        first = max(i for i, row in enumerate(self.rows) if row.address <= start)
        rows = [row for row in self.rows[first:] if row.address < end]
        rows[0] = replace(rows[0], address=start)
        return CfiEntry(start, end - start, self.return_column, tuple(rows))


@dataclass(frozen=True, slots=True)
class CfiDamage:
    """A place where the unwind information could not be decoded, and why."""

    where: str
    why: str


@dataclass(frozen=True, slots=True)
class CfiTable:
    """All entries of a module in ascending order without overlap, and what was damaged."""

    entries: tuple[CfiEntry, ...]
    damage: tuple[CfiDamage, ...]
