# SPDX-License-Identifier: MIT
"""What call frame information says, as plain values.

Addresses are those of the file, sizes are in bytes and never 0, registers are DWARF numbers.
"""

from __future__ import annotations

from crashsym.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import ClassVar


class RuleKind(str):
    """How a value of the caller is found; one object for each kind.

    It is no `enum`, whose import takes longer than to read the index of most Arm files.

    Source: DWARF 5 section 6.4.1.
    """

    __slots__ = ()
    UNDEFINED: ClassVar[RuleKind]  # it is lost
    SAME_VALUE: ClassVar[RuleKind]  # it is still in the register
    OFFSET: ClassVar[RuleKind]  # saved at CFA + number
    VAL_OFFSET: ClassVar[RuleKind]  # it is CFA + number
    REGISTER: ClassVar[RuleKind]  # it is in register `number`
    EXPRESSION: ClassVar[RuleKind]  # saved where the expression says
    VAL_EXPRESSION: ClassVar[RuleKind]  # it is the value of the expression
    REGISTER_OFFSET: ClassVar[RuleKind]  # for the CFA alone: register `register` + number


for _name in RuleKind.__annotations__:
    setattr(RuleKind, _name, RuleKind(_name))


class Rule(Value):
    """One rule; what ``number`` means depends on the kind."""

    kind: RuleKind
    number: int = 0
    register: int = 0
    expression: bytes = b""


class CfiRow(Value):
    """The rules from ``address`` up to the next row; registers without a rule are not there."""

    address: int
    cfa: Rule
    registers: Mapping[int, Rule]


class CfiEntry(Value):
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
        rows[0] = rows[0]._replace(address=start)
        return CfiEntry(start, end - start, self.return_column, tuple(rows))


class CfiDamage(Value):
    """A place where the unwind information could not be decoded, and why."""

    where: str
    why: str


class CfiTable(Value):
    """All entries of a module in ascending order without overlap, and what was damaged."""

    entries: tuple[CfiEntry, ...]
    damage: tuple[CfiDamage, ...]
