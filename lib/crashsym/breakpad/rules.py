# SPDX-License-Identifier: MIT
"""Unwind rules → STACK CFI records.

Source: Breakpad docs/symbol_files.md "STACK CFI records"; what the processors make of the text was
read from Breakpad src/processor/cfi_frame_info.cc and rust-minidump breakpad-symbols walker.rs.
"""

from __future__ import annotations

from itertools import pairwise

from crashsym.breakpad.postfix import LARGEST, translate
from crashsym.breakpad.unwinding import CfiRecord
from crashsym.cfi.model import Rule, RuleKind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from crashsym.cfi.model import CfiEntry, CfiRow

_CFA, _RA = ".cfa", ".ra"
_SAME = Rule(RuleKind.SAME_VALUE)


class RuleWriter:
    """Writes the rules of one module."""

    def __init__(self, registers: dict[int, str], load_base: int, *, little_endian: bool) -> None:
        self._registers = registers
        self._load_base = load_base
        self._little_endian = little_endian
        self._texts: dict[str, str] = {}

    def records(self, entry: CfiEntry) -> list[CfiRecord]:
        """Return the records of one entry.

        Rows whose CFA or return address has no Breakpad form (registers that have no name there,
        comparisons of what may be anything) are left out: one record ends before them and another
        begins behind them.
        """
        records: list[CfiRecord] = []
        run: list[tuple[int, dict[str, str]]] = []
        for row in entry.rows:
            rules = self._rules(row, entry.return_column)
            if rules is None:
                records += self._close(run, row.address)
                run = []
            else:
                run.append((row.address, rules))
        return records + self._close(run, entry.address + entry.size)

    def _close(self, run: list[tuple[int, dict[str, str]]], end: int) -> list[CfiRecord]:
        if not run:
            return []
        start, rules = run[0]
        deltas = []
        for (_, before), (address, now) in pairwise(run):
            changes = [f"{name}: {text}" for name, text in now.items() if before.get(name) != text]
            # A register that has lost its rule holds the caller's value again.
            changes += [f"{name}: {name}" for name in before if name not in now]
            if changes:
                deltas.append((address - self._load_base, " ".join(changes)))
        text = " ".join(f"{name}: {rule}" for name, rule in rules.items())
        text = self._texts.setdefault(text, text)  # a few dozen texts serve most functions
        return [CfiRecord(start - self._load_base, end - start, text, tuple(deltas))]

    def _rules(self, row: CfiRow, return_column: int) -> dict[str, str] | None:
        """Return name → expression, ``.cfa`` and ``.ra`` first; None where one of the two fails."""
        cfa = self._expression(row.cfa, None)
        back = self._return_address(row, return_column)
        if cfa is None or back is None:
            return None
        rules = {_CFA: cfa, _RA: back}
        for number, rule in sorted(row.registers.items()):
            name = self._registers.get(number)
            if name is None or number == return_column:
                continue
            text = self._expression(rule, name)
            rules[name] = text if text is not None else ".undef"
        return {name: text for name, text in rules.items() if text != name}

    def _return_address(self, row: CfiRow, column: int) -> str | None:
        """Return the rule of ``.ra``, which is never left out; None where it has no form.

        No rule: it is still in its register. An undefined one marks the outermost frame (GNU as
        documentation, ``.cfi_undefined``); 0 ends the walk in both processors, while without a
        rule they go on to guess by scanning the stack.
        """
        rule = row.registers.get(column, _SAME)
        if rule.kind is RuleKind.UNDEFINED:
            return "0"
        return self._expression(rule, self._registers.get(column))

    def _expression(self, rule: Rule, same: str | None) -> str | None:
        """Return the postfix form of one rule; None when Breakpad has none.

        ``same`` is the name of the register that the rule is for, None for the CFA.
        """
        kind = rule.kind
        if not -LARGEST <= rule.number <= LARGEST:
            return None
        if kind is RuleKind.REGISTER_OFFSET:
            name = self._registers.get(rule.register)
            return f"{name} {rule.number} +" if name else None
        if kind is RuleKind.OFFSET:
            return f".cfa {rule.number} + ^"
        if kind is RuleKind.VAL_OFFSET:
            return f".cfa {rule.number} +"
        if kind is RuleKind.SAME_VALUE:
            return same
        if kind is RuleKind.REGISTER:
            return self._registers.get(rule.number)
        if kind is RuleKind.UNDEFINED:
            return None
        on_stack = [] if same is None else [_CFA]
        text = translate(
            rule.expression, self._registers, on_stack, little_endian=self._little_endian
        )
        return f"{text} ^" if text and kind is RuleKind.EXPRESSION else text
