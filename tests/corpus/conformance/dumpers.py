# SPDX-License-Identifier: MIT
"""Run a dumper over the programs of the corpus, and sum up its scores."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from corpus.build import Binary
from corpus.conformance.facts import CATEGORIES, Facts
from corpus.conformance.scoring import Score, Verdict, score
from corpus.conformance.symbols import SymbolFile

_PATIENCE = 300  # seconds for one file


@dataclass(frozen=True)
class Dumper:
    """A command that prints a symbol file.

    In ``command``, ``{file}`` stands for the file with everything in it, ``{shipped}`` for the
    file as it is installed (stripped, where the program is a split pair).
    """

    name: str
    command: str

    def words(self, binary: Binary) -> list[str]:
        """The command line for one program."""
        places = {"file": str(binary.whole), "shipped": str(binary.shipped)}
        return [word.format(**places) for word in shlex.split(self.command)]

    def dump(self, binary: Binary) -> str:
        """The symbol file; empty when the dumper cannot be run, fails or takes too long."""
        try:
            done = subprocess.run(
                self.words(binary),
                capture_output=True,
                check=False,
                timeout=_PATIENCE,
                stdin=subprocess.DEVNULL,
            )
        except (OSError, subprocess.TimeoutExpired):
            return ""
        return done.stdout.decode(errors="replace") if done.returncode == 0 else ""


@dataclass
class Total:
    """A dumper's score over several programs.

    ``failed`` are the programs for which it gave no symbol file: all their facts are missing.
    """

    counts: dict[str, dict[Verdict, int]] = field(
        default_factory=lambda: {name: dict.fromkeys(Verdict, 0) for name in CATEGORIES}
    )
    failed: list[str] = field(default_factory=list)
    scores: dict[str, Score] = field(default_factory=dict)

    def add(self, program: str, text: str, facts: Facts) -> None:
        """Judge ``text``, the symbol file of ``program``."""
        if not text.startswith("MODULE "):
            self.failed.append(program)
        self._count(program, score(SymbolFile(text), facts))

    def part(self, programs: Collection[str]) -> Total:
        """The total of some of the programs."""
        total = Total(failed=[name for name in self.failed if name in programs])
        for name, judged in self.scores.items():
            if name in programs:
                total._count(name, judged)
        return total

    def _count(self, program: str, judged: Score) -> None:
        self.scores[program] = judged
        for category, counts in judged.counts.items():
            for verdict, number in counts.items():
                self.counts[category][verdict] += number


def table(totals: Iterable[tuple[str, Total]]) -> str:
    """A Markdown table: a row for each dumper, right / wrong / missing for each category."""
    rows = ["| | " + " | ".join(name.replace("_", " ") for name in CATEGORIES) + " |"]
    rows.append("|---" * (len(CATEGORIES) + 1) + "|")
    for name, total in totals:
        cells = [cell(total.counts[category]) for category in CATEGORIES]
        rows.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def cell(counts: dict[Verdict, int]) -> str:
    """``99.12 % (10 / 5)``: the share that is right, then the numbers wrong and missing."""
    every = sum(counts.values())
    if not every:
        return "-"
    wrong, missing = counts[Verdict.WRONG], counts[Verdict.MISSING]
    # Rounded down: 100 % means all.
    share = counts[Verdict.RIGHT] * 10000 // every / 100
    return f"{share:.2f} % ({wrong} / {missing})"


def examples(score_of: Score, most: int) -> list[str]:
    """The first ``most`` faults of each category, one for each kind of fault."""
    found: list[str] = []
    for category in CATEGORIES:
        kinds: dict[tuple[str, str, str], str] = {}
        for fault in score_of.faults:
            if fault.category == category:
                kind = (fault.verdict.value, fault.expected, fault.found)
                kinds.setdefault(kind, str(fault))
        found += list(kinds.values())[:most]
    return found


def read_text(path: Path) -> str:
    """The text of a symbol file, whatever bytes its names have."""
    return path.read_text(encoding="utf-8", errors="replace")


def named_commands(texts: Sequence[str]) -> list[Dumper]:
    """Dumpers from ``NAME=COMMAND`` or ``COMMAND``; without a name it is the program's."""
    found = []
    for text in texts:
        name, equals, command = text.partition("=")
        if not equals or " " in name or "/" in name:
            name, command = Path(shlex.split(text)[0]).name, text
        found.append(Dumper(name, command))
    return found
