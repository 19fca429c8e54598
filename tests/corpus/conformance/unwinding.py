# SPDX-License-Identifier: MIT
"""What three readers of unwind tables and a real run agree on at each address.

The run is a voter of its own: it gives its vote to the rule that yields the true value. Where none
does, the readers may agree on what the table says and the table is wrong, as LLVM's are in most
epilogues of AArch64 and RISC-V: then there is a dispute, whatever the readers say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from corpus.conformance.consensus import Tally, Vote, merged
from corpus.conformance.facts import Sample, Unwind
from corpus.conformance.frametables import CFA, RETURN, Rules, Table
from corpus.conformance.machines import Machine
from corpus.conformance.rules import NoValueError, State, evaluate_rule, recorded_state

EXECUTION = "execution"
_WRONG = "(another value)"
# Spellings that leave open which of several rules it is.
_OPEN = ("u", "expression")


@dataclass(frozen=True)
class _Place:
    """One address: the tools' rules, and the run's sample if there is one."""

    machine: Machine
    rules: Mapping[str, list[Rules]]
    sample: Sample | None

    def said(self, name: str) -> dict[str, str]:
        """Each tool's rule for ``name``; several FDEs that differ are written one by one."""
        found = {}
        for tool, entries in self.rules.items():
            if name != CFA or all(CFA in rules for rules in entries):
                texts = sorted({rules.get(name, "none") for rules in entries})
                found[tool] = " / ".join(texts)
        return found

    @property
    def state(self) -> State:
        assert self.sample
        return recorded_state(self.machine, self.sample.registers, self.sample.memory)


def agree_on_rules(
    tables: Mapping[str, Table],
    samples: Mapping[int, Sample],
    machine: Machine,
    base: int,
    tally: Tally,
) -> tuple[list[Unwind], list[Sample]]:
    """The rules at each address, and the samples that the rules confirm.

    ``tables`` are by address as the file was linked, ``samples`` relative to ``base``, as the
    results are.
    """
    unwinds, confirmed = [], []
    for linked in sorted({address for table in tables.values() for address in table}):
        here = {tool: table[linked] for tool, table in tables.items() if linked in table}
        address = linked - base
        place = _Place(machine, here, samples.get(address))
        unwind = _agree(address, place, tally)
        unwinds.append(unwind)
        if place.sample and unwind.cfa and unwind.return_address and unwind.registers is not None:
            confirmed.append(place.sample)
    return list(merged(unwinds)), confirmed


def _agree(address: int, place: _Place, tally: Tally) -> Unwind:
    cfa_answers = place.said(CFA)
    _add_execution(cfa_answers, place, _gives_cfa)
    cfa = _one(tally.settle(CFA[1:], address, Vote(_same_rule, cfa_answers, EXECUTION)))
    if cfa is None:
        # The other rules count from the CFA.
        return Unwind(address, 1, None, None, None)
    return_answers = place.said(RETURN)
    _add_execution(return_answers, place, _gives_return_address)
    found = _one(
        tally.settle("return_address", address, Vote(_same_rule, return_answers, EXECUTION))
    )
    return_address = _entry_rule(found, place.machine)
    registers = tally.settle("registers", address, _register_vote(place))
    return Unwind(address, 1, cfa, return_address, _saved(registers, place.machine))


def _same_rule(left: str, right: str) -> bool:
    """Whether two spellings can be one rule; no rule and ``same`` mean the same."""
    left, right = ("none" if rule == "same" else rule for rule in (left, right))
    if left == right:
        return True
    if "u" in (left, right):
        return {left, right} == {"u", "none"} or {left, right} == {"u", "undefined"}
    if "expression" in (left, right):
        other = right if left == "expression" else left
        return "+" in other or "-" in other
    return False


def _one(answers: Iterable[str]) -> str | None:
    """The answer that leaves least open; None when it cannot be evaluated."""
    closed = [answer for answer in answers if answer not in _OPEN]
    return closed[0] if closed else None


def _entry_rule(rule: str | None, machine: Machine) -> str | None:
    """The rule of a return address: without one it is still in the link register."""
    if rule in ("none", "same"):
        return f"{machine.link}+0" if machine.link else None
    return rule


def _add_execution(
    answers: dict[str, str], place: _Place, gives: Callable[[str, _Place], bool]
) -> None:
    """The run's vote: for the first rule that gives the true value."""
    closed = [answer for answer in answers.values() if answer not in _OPEN]
    if place.sample and closed:
        right = [answer for answer in closed if gives(answer, place)]
        answers[EXECUTION] = right[0] if right else _WRONG


def _gives_cfa(rule: str, place: _Place) -> bool:
    assert place.sample
    try:
        return evaluate_rule(rule, place.state) == place.sample.cfa
    except NoValueError:
        return False


def _gives_return_address(rule: str, place: _Place) -> bool:
    assert place.sample
    try:
        value = evaluate_rule(_entry_rule(rule, place.machine) or "", place.state, place.sample.cfa)
    except NoValueError:
        return False
    return value & ~place.machine.ignored == place.sample.return_address


# ---- registers that a function must give back

_Registers = tuple[str, ...]


def _register_vote(place: _Place) -> Vote[_Registers]:
    by_name = [place.said(name) for name in place.machine.saved]
    tools = list(place.rules)
    answers = {tool: tuple(said[tool] for said in by_name) for tool in tools}
    if place.sample:
        for said in answers.values():
            if _gives_registers(said, place):
                answers[EXECUTION] = said
                break
        else:
            answers[EXECUTION] = tuple(_WRONG for _ in place.machine.saved)
    return Vote(_same_registers, answers, EXECUTION)


def _saved(answers: list[_Registers], machine: Machine) -> dict[str, str] | None:
    """The rules of the registers that do not keep their value; None without agreement."""
    if not answers:
        return None
    rules = {name: _one(said) for name, *said in zip(machine.saved, *answers, strict=True)}
    if None in rules.values():
        return None
    return {name: rule for name, rule in rules.items() if rule and rule not in ("none", "same")}


def _same_registers(left: _Registers, right: _Registers) -> bool:
    return all(map(_same_rule, left, right))


def _gives_registers(rules: _Registers, place: _Place) -> bool:
    assert place.sample
    sample = place.sample
    for name, rule in zip(place.machine.saved, rules, strict=True):
        value = sample.registers[name]
        if rule not in ("none", "same", "u"):
            try:
                value = evaluate_rule(rule, place.state, sample.cfa)
            except NoValueError:
                return False
        if value != sample.caller[name]:
            return False
    return True
