# SPDX-License-Identifier: MIT
"""What independent tools agree on becomes a fact; where they differ nobody is scored.

The vote is taken for each address and each category by itself. A tool that has no answer abstains.
An answer becomes a fact when at least two tools give it and none another, or when at least three
give it and one another. Several answers without such a majority are a dispute; a single one is
unconfirmed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Generic, TypeVar

from corpus.conformance.facts import Disputed, InlinedCall, Location, Unwind
from corpus.conformance.locations import Answer
from corpus.conformance.names import agree, scopes

T = TypeVar("T")
Ranged = TypeVar("Ranged", Location, Unwind, Disputed)


@dataclass
class Vote(Generic[T]):
    """The answers of the tools at one address; ``same`` tells whether two answers are one.

    Against the answer of ``veto`` there is no fact.
    """

    same: Callable[[T, T], bool]
    answers: dict[str, T]
    veto: str = ""

    def groups(self) -> list[list[str]]:
        """The tools that agree, the largest group first; in a group each agrees with each."""
        found: list[list[str]] = []
        for tool, answer in self.answers.items():
            for group in found:
                if all(self.same(answer, self.answers[other]) for other in group):
                    group.append(tool)
                    break
            else:
                found.append([tool])
        return sorted(found, key=len, reverse=True)

    def winners(self) -> list[str]:
        """The tools whose answer is a fact; empty when there is none."""
        groups = self.groups()
        if not groups or len(groups[0]) < 2:
            return []
        if self.veto in self.answers and self.veto not in groups[0]:
            return []
        against = len(self.answers) - len(groups[0])
        return groups[0] if against == 0 or (against == 1 and len(groups[0]) > 2) else []

    @property
    def disputed(self) -> bool:
        return not self.winners() and len(self.groups()) > 1


@dataclass
class Tally:
    """What did not become a fact: how often one tool alone had an answer, and the disputes."""

    unconfirmed: Counter[str] = field(default_factory=Counter)
    disputed: list[Disputed] = field(default_factory=list)

    def settle(self, category: str, address: int, vote: Vote[T]) -> list[T]:
        """The answers of the winners; everything else is noted."""
        if not vote.answers:
            return []
        winners = vote.winners()
        if winners:
            return [vote.answers[tool] for tool in winners]
        if vote.disputed:
            said = {tool: _text(answer) for tool, answer in vote.answers.items()}
            self.disputed.append(Disputed(category, address, 1, said))
        else:
            self.unconfirmed[category] += 1
        return []


def _text(answer: object) -> str:
    if isinstance(answer, tuple):
        return ", ".join(map(_text, answer)) or "(none)"
    if isinstance(answer, InlinedCall):
        return f"{answer.function} called at {answer.file}:{answer.line}"
    return str(answer)


# ---- function, file, line, inlined calls

# gdb's line is not asked: it knows rows that begin a statement only, and leaves the others out.
_NO_PLACES = "gdb-multiarch"


def agree_on_locations(
    answers: Mapping[str, Mapping[int, Answer]],
    addresses: Iterable[int],
    named: Callable[[int], bool],
    base: int,
    tally: Tally,
) -> list[Location]:
    """The location of each address, as far as the tools agree; ranges are as large as can be.

    ``named`` tells whether a function symbol covers an address. Where neither that nor debug
    information knows a function there is padding: line tables go on through it, and tools name the
    symbol that happens to precede. Only gdb tells a function in debug information from that.
    """
    found = []
    for address in addresses:
        here = {tool: given[address] for tool, given in answers.items() if given.get(address)}
        if here.get(_NO_PLACES) or named(address):
            found.append(_location(address - base, here, tally))
    nothing = (None, None, None, None)
    said = (
        fact for fact in found if nothing != (fact.function, fact.file, fact.line, fact.inlines)
    )
    return list(merged(said))


def _location(address: int, here: Mapping[str, Answer], tally: Tally) -> Location:
    known = {tool: frames for tool, frames in here.items() if frames[0].file}
    placed = {t: f[0] for t, f in known.items() if t != _NO_PLACES}
    functions = {tool: f[-1].function for tool, f in here.items() if scopes(f[-1].function)}
    names = tally.settle("function", address, Vote(_same_name, functions))
    files = tally.settle("file", address, Vote(_equal, {t: p.file for t, p in placed.items()}))
    lines = {tool: place.line for tool, place in placed.items() if place.line}
    line = tally.settle("line", address, Vote(_equal, lines))
    chains = {tool: _calls(tool, frames) for tool, frames in known.items()}
    calls = tally.settle("inlines", address, Vote(_same_calls, chains))
    return Location(
        address,
        1,
        fullest(names),
        files[0] if files else None,
        line[0] if line else None,
        _fullest_calls(calls),
    )


def _calls(tool: str, frames: Answer) -> tuple[InlinedCall, ...]:
    """The inlined calls; without a line the place of a call is unknown."""
    known = tool != _NO_PLACES
    return tuple(
        InlinedCall(inner.function, outer.file, outer.line)
        if known and outer.line
        else InlinedCall(inner.function, "", 0)
        for inner, outer in pairwise(frames)
    )


def _equal(left: object, right: object) -> bool:
    return left == right


def _same_name(left: str, right: str) -> bool:
    return agree(scopes(left), scopes(right))


def _same_calls(left: tuple[InlinedCall, ...], right: tuple[InlinedCall, ...]) -> bool:
    return len(left) == len(right) and all(
        _same_name(one.function, other.function)
        and ("" in (one.file, other.file) or (one.file, one.line) == (other.file, other.line))
        for one, other in zip(left, right, strict=True)
    )


def fullest(names: Sequence[str]) -> str | None:
    """The name with the most scopes; of equal ones the first."""
    return max(names, key=lambda name: len(scopes(name)), default=None)


def _fullest_calls(answers: list[tuple[InlinedCall, ...]]) -> tuple[InlinedCall, ...] | None:
    """The common answer with the fullest names; None when fewer than two tools give the places."""
    if not answers:
        return None
    placed = [calls for calls in answers if all(call.file for call in calls)]
    if answers[0] and len(placed) < 2:
        return None
    chain = []
    for number, call in enumerate(placed[0]):
        name = fullest([calls[number].function for calls in answers])
        chain.append(replace(call, function=name or call.function))
    return tuple(chain)


# ---- ranges


def merged(found: Iterable[Ranged]) -> Iterator[Ranged]:
    """``found``, one address each and ascending, with equal neighbours as one range."""
    last: Ranged | None = None
    for fact in found:
        if last and _goes_on(last, fact):
            last = replace(last, size=last.size + 1)
            continue
        if last:
            yield last
        last = fact
    if last:
        yield last


def _goes_on(last: Ranged, fact: Ranged) -> bool:
    next_to_it = fact.address == last.address + last.size
    return next_to_it and replace(fact, address=last.address, size=last.size) == last
