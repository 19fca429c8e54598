# SPDX-License-Identifier: MIT
"""Findings about one symbol file, summed up: the first places of each kind and their number."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from crashsym.breakpad.lint.codes import CODES
from crashsym.errors import sentence

MOST_PLACES = 3
_LONGEST_FACT = 200


class Place(NamedTuple):
    """Where: ``line`` counts from 1, 0 is the whole file; ``fact`` is what was seen there."""

    line: int
    fact: str


@dataclass(slots=True)
class LintFinding:
    """All findings of one kind in one file; ``places`` are the first `MOST_PLACES` by line."""

    code: str
    count: int = 0
    places: list[Place] = field(default_factory=list)

    def message(self, path: str) -> str:
        """Return one sentence: what failed: where: the observed fact. What to do."""
        first, *others = self.places
        where = f"'{path}' line {first.line}" if first.line else f"'{path}'"
        fact = first.fact
        if self.count > 1:
            lines = ", ".join(str(place.line) for place in others if place.line)
            fact += f" ({self.count} times" + (f"; also in line {lines})" if lines else ")")
        return sentence(CODES[self.code].what, where, fact, CODES[self.code].remedy)


class Report:
    """Collects findings; memory does not grow with their number."""

    def __init__(self) -> None:
        self._kinds: dict[str, LintFinding] = {}

    def add(
        self, code: str, line: int, fact: str | bytes, why: str = "", *, count: int = 1
    ) -> None:
        """Note findings of kind ``code``.

        ``fact`` is a sentence, or the bytes of the file to quote, with ``why`` behind them. Only
        the first places are kept; of several in one line those that came first.
        """
        kind = self._kinds.get(code)
        if kind is None:
            kind = self._kinds[code] = LintFinding(code)
        kind.count += count
        places = kind.places
        if len(places) < MOST_PLACES or line < places[-1].line:
            text = quoted(fact) if isinstance(fact, bytes) else fact
            text = f"{text}: {why}" if why else text
            places.append(Place(line, text[:_LONGEST_FACT]))
            places.sort(key=lambda place: place.line)
            del places[MOST_PLACES:]

    def findings(self) -> tuple[LintFinding, ...]:
        """Return what was found, by the first line, then by code."""
        return tuple(
            sorted(self._kinds.values(), key=lambda kind: (kind.places[0].line, kind.code))
        )


def quoted(data: bytes) -> str:
    """Return the beginning of a line or a word of the file for a message."""
    text = data[:60].decode("utf-8", "replace")
    return f"'{text}…'" if len(data) > 60 else f"'{text}'"
