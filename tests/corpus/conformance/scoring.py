# SPDX-License-Identifier: MIT
"""Judge a symbol file by the facts: right, wrong or missing, in each category.

One point is one address (one line of source in the category ``source``). An unwind rule is judged
by the value it gives, so its spelling does not matter: where the program was run, in the recorded
state and by the true value; elsewhere in a made-up state and by the value of the tools' rule.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property

from corpus.conformance.facts import CATEGORIES, Facts, InlinedCall, Location, Sample, SourceLine
from corpus.conformance.facts import Unwind as UnwindFact
from corpus.conformance.machines import MACHINES, Machine
from corpus.conformance.names import agree, scopes
from corpus.conformance.rules import (
    NoValueError,
    State,
    evaluate_postfix,
    evaluate_rule,
    made_up_state,
    recorded_state,
)
from corpus.conformance.symbols import Place, SymbolFile


class Verdict(Enum):
    """What a symbol file says, compared with a fact."""

    RIGHT = "right"
    WRONG = "wrong"
    MISSING = "missing"


@dataclass(frozen=True)
class Fault:
    """A fact that the symbol file gets wrong, or does not tell."""

    category: str
    verdict: Verdict
    address: int
    expected: str
    found: str

    def __str__(self) -> str:
        where = f"{self.category} {self.address:#x}"
        if self.verdict is Verdict.MISSING:
            return f"{where}: missing, expected {self.expected}"
        return f"{where}: {self.found}, expected {self.expected}"


@dataclass
class Score:
    """Counts by category and verdict, and every fault by address."""

    counts: dict[str, dict[Verdict, int]] = field(
        default_factory=lambda: {name: dict.fromkeys(Verdict, 0) for name in CATEGORIES}
    )
    faults: list[Fault] = field(default_factory=list)

    def add(self, category: str, verdict: Verdict, address: int, expected: str, found: str) -> None:
        self.counts[category][verdict] += 1
        if verdict is not Verdict.RIGHT:
            self.faults.append(Fault(category, verdict, address, expected, found))


def score(symbols: SymbolFile, facts: Facts) -> Score:
    """Judge ``symbols`` by all of ``facts``; what is in dispute counts for nothing."""
    result = Score()
    for location in facts.locations:
        for address in range(location.address, location.address + location.size):
            _judge_location(result, location, symbols.place(address), address)
    machine = MACHINES.get(facts.module.machine)
    if machine:
        samples = {sample.address: sample for sample in facts.samples}
        for unwind in facts.unwinds:
            for address in range(unwind.address, unwind.address + unwind.size):
                rules = symbols.unwind_rules(address)
                judge = _UnwindJudge(result, unwind, machine, address, rules, samples.get(address))
                judge.all()
    _judge_sources(result, symbols, facts.sources)
    return result


# ---- function, file, line, inlined calls


def _judge_location(result: Score, fact: Location, place: Place, address: int) -> None:
    if fact.function is not None:
        right = agree(scopes(place.function or ""), scopes(fact.function))
        verdict = _verdict(place.function is not None, right)
        result.add("function", verdict, address, fact.function, str(place.function))
    if fact.file is not None:
        verdict = _verdict(place.file is not None, place.file == fact.file)
        result.add("file", verdict, address, fact.file, str(place.file))
    if fact.line is not None:
        verdict = _verdict(place.line != 0, place.line == fact.line)
        result.add("line", verdict, address, str(fact.line), str(place.line))
    if fact.inlines is not None:
        # A file that has no place for the address has no chain of calls either.
        known = bool(place.calls) or place.file is not None
        right = _same_calls(fact.inlines, place.calls)
        found = " < ".join(f"{n} from {f}:{line}" for n, f, line in place.calls) or "(none)"
        verdict = _inlines_verdict(known, right, len(fact.inlines), len(place.calls))
        result.add("inlines", verdict, address, _chain(fact.inlines), found)


def _verdict(known: bool, right: bool) -> Verdict:
    if not known:
        return Verdict.MISSING
    return Verdict.RIGHT if right else Verdict.WRONG


def _inlines_verdict(known: bool, right: bool, expected: int, found: int) -> Verdict:
    """A chain that is not there at all is missing; a shorter or another one is wrong."""
    if not known or (expected and not found):
        return Verdict.MISSING
    return Verdict.RIGHT if right else Verdict.WRONG


def _same_calls(expected: tuple[InlinedCall, ...], found: tuple[tuple[str, str, int], ...]) -> bool:
    return len(expected) == len(found) and all(
        agree(scopes(name), scopes(call.function)) and (file, line) == (call.file, call.line)
        for call, (name, file, line) in zip(expected, found, strict=True)
    )


def _chain(calls: tuple[InlinedCall, ...]) -> str:
    return " < ".join(f"{c.function} from {c.file}:{c.line}" for c in calls) or "(none)"


# ---- CFA, return address, saved registers


@dataclass
class _UnwindJudge:
    result: Score
    fact: UnwindFact
    machine: Machine
    address: int
    rules: dict[str, str]
    sample: Sample | None

    def all(self) -> None:
        """Judge every category for this address."""
        self.cfa()
        self.return_address()
        self.registers()

    @cached_property
    def state(self) -> State:
        if self.sample:
            return recorded_state(self.machine, self.sample.registers, self.sample.memory)
        return made_up_state(self.machine)

    def _found(self, register: str) -> int | None:
        """The value of the symbol file's rule for ``register``; None when it gives none."""
        cfa = None if register == ".cfa" else self._found(".cfa")
        try:
            return evaluate_postfix(self.rules[register], self.state, cfa)
        except (NoValueError, KeyError):
            return None

    def _expected(self, rule: str) -> int | None:
        """The value of the fact's rule; None for ``undefined``."""
        cfa = self.sample.cfa if self.sample else None
        if cfa is None and self.fact.cfa:
            cfa = evaluate_rule(self.fact.cfa, self.state)
        try:
            return evaluate_rule(rule, self.state, cfa)
        except NoValueError:
            return None

    def _add(self, category: str, verdict: Verdict, expected: str, found: str) -> None:
        self.result.add(category, verdict, self.address, expected, found or "(no rule)")

    def cfa(self) -> None:
        if self.fact.cfa is None:
            return
        expected = self.sample.cfa if self.sample else self._expected(self.fact.cfa)
        known = self.rules.get(".cfa", ".undef") != ".undef"
        verdict = _verdict(known, self._found(".cfa") == expected)
        self._add("cfa", verdict, self.fact.cfa, self.rules.get(".cfa", ""))

    def return_address(self) -> None:
        rule = self.fact.return_address
        if rule is None:
            return
        text = self.rules.get(".ra", "")
        if rule == "undefined":
            # A return address of 0, or one that is said to be unknown, ends the walk.
            ends = text == ".undef" or self._found(".ra") == 0
            self._add("return_address", _verdict(bool(text), ends), rule, text)
            return
        expected = self.sample.return_address if self.sample else self._expected(rule)
        found = self._found(".ra")
        mask = ~self.machine.ignored
        right = None not in (found, expected) and found & mask == expected & mask  # type: ignore[operator]
        self._add("return_address", _verdict(bool(text), right), rule, text)

    def registers(self) -> None:
        """Every register that a function must give back has the value that it had.

        Without a rule a processor takes the register for unchanged.
        """
        if self.fact.registers is None:
            return
        wrong = [name for name in self.machine.saved if not self._right_register(name)]
        verdict = _verdict(bool(self.rules), not wrong)
        expected = ", ".join(f"{n}: {self.fact.registers.get(n, 'same')}" for n in wrong)
        found = ", ".join(f"{name}: {self.rules.get(name, 'same')}" for name in wrong)
        self._add("registers", verdict, expected, found)

    def _right_register(self, name: str) -> bool:
        assert self.fact.registers is not None
        rule = self.fact.registers.get(name, f"{name}+0")
        if rule == "undefined":
            return self.rules.get(name) == ".undef"
        expected = self.sample.caller[name] if self.sample else self._expected(rule)
        if expected is None:
            return True  # an expression that nobody spells out
        found = self._found(name) if name in self.rules else self.state.register(name)
        return found == expected


# ---- marks in the sources


def _judge_sources(result: Score, symbols: SymbolFile, marks: tuple[SourceLine, ...]) -> None:
    """Judge the marked lines; an optional one only where the symbol file has code for it."""
    wanted = {(mark.file, mark.line) for mark in marks}
    found = defaultdict(list)
    for address, file, line in _line_addresses(symbols):
        if (file, line) in wanted:
            found[file, line].append(address)
    for mark in marks:
        here = found[mark.file, mark.line]
        if not here and not mark.required:
            continue
        wrong = [address for address in here if not _in_function(symbols.place(address), mark)]
        said = _owners(symbols.place(wrong[0])) if wrong else ""
        expected = f"{mark.file}:{mark.line} in {mark.function}"
        verdict = _verdict(bool(here), not wrong)
        result.add("source", verdict, (wrong or here or [0])[0], expected, " < ".join(said))


def _line_addresses(symbols: SymbolFile) -> Iterator[tuple[int, str, int]]:
    for function in symbols.functions:
        for begin, size, file, line in symbols.lines_of(function):
            for address in range(begin, begin + size):
                yield address, file, line


def _owners(place: Place) -> list[str]:
    """The innermost function at a place, and the functions it is inlined into."""
    return [name for name, _file, _line in place.calls] + [place.function or ""]


def _in_function(place: Place, mark: SourceLine) -> bool:
    owners = _owners(place)
    wanted = [mark.function] + ([mark.caller] if mark.caller else [])
    return len(owners) >= len(wanted) and all(
        agree(scopes(owner), scopes(want)) for owner, want in zip(owners, wanted, strict=False)
    )
