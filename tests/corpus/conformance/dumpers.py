# SPDX-License-Identifier: MIT
"""Run a dumper over the programs of the corpus, and sum up its scores."""

from __future__ import annotations

import shlex
import shutil
import string
import subprocess
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from corpus.build import Binary
from corpus.conformance.facts import CATEGORIES, Facts
from corpus.conformance.scoring import Score, Verdict, score
from corpus.conformance.symbols import SymbolFile

_PATIENCE = 300  # seconds for one file
_PLACES = ("file", "shipped")


class CommandError(ValueError):
    """A dumper's command line that cannot be run at all: what, where, the observed fact."""


@dataclass(frozen=True)
class Output:
    """The symbol file that a dumper printed; empty where it has failed, and why it has."""

    text: str
    failure: str = ""


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

    def dump(self, binary: Binary) -> Output:
        """Run the command; one that cannot be run, fails or takes too long gives no text."""
        try:
            done = subprocess.run(
                self.words(binary),
                capture_output=True,
                check=False,
                timeout=_PATIENCE,
                stdin=subprocess.DEVNULL,
            )
        except OSError as error:
            return Output("", f"it cannot be run: {error.strerror}")
        except subprocess.TimeoutExpired:
            return Output("", f"it was not done after {_PATIENCE} s")
        if done.returncode != 0:
            return Output("", _exit(done.returncode, done.stderr.decode(errors="replace")))
        text = done.stdout.decode(errors="replace")
        if not is_symbol_file(text):
            return Output("", "what it printed does not begin with MODULE")
        return Output(text)


def is_symbol_file(text: str) -> bool:
    """Whether ``text`` begins as symbol files do."""
    return text.startswith("MODULE ")


def _exit(code: int, talk: str) -> str:
    """How a dumper ended (with a negative ``code``: by a signal), and its last words."""
    how = f"exit code {code}" if code > 0 else f"signal {-code}"
    return ": ".join([how, *talk.strip().splitlines()[-1:]]).removesuffix(".")


@dataclass
class Total:
    """A dumper's score over several programs.

    ``failed`` are the programs for which it gave no symbol file, and why: all their facts are
    missing.
    """

    counts: dict[str, dict[Verdict, int]] = field(
        default_factory=lambda: {name: dict.fromkeys(Verdict, 0) for name in CATEGORIES}
    )
    failed: dict[str, str] = field(default_factory=dict)
    scores: dict[str, Score] = field(default_factory=dict)

    def add(self, program: str, output: Output, facts: Facts) -> None:
        """Judge ``output``, the symbol file of ``program``."""
        if output.failure:
            self.failed[program] = output.failure
        self._count(program, score(SymbolFile(output.text), facts))

    def failures(self) -> list[str]:
        """A sentence for each reason: for which programs there is no symbol file."""
        programs: dict[str, list[str]] = {}
        for program, why in self.failed.items():
            programs.setdefault(why, []).append(program)
        return [f"no symbol file for {', '.join(names)}: {why}" for why, names in programs.items()]

    def part(self, programs: Collection[str]) -> Total:
        """The total of some of the programs."""
        total = Total(failed={name: why for name, why in self.failed.items() if name in programs})
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
    """Dumpers from ``NAME=COMMAND`` or ``COMMAND``; without a name it is the program's.

    Raises:
        CommandError: a command can be run on no program.
    """
    found = []
    for text in texts:
        name, equals, command = text.partition("=")
        if not equals or " " in name or "/" in name:
            name, command = "", text
        program = _program(command)
        found.append(Dumper(name or Path(program).name, command))
    return found


def _program(command: str) -> str:
    """The first word of a command line that can be run.

    Raises:
        CommandError: it cannot.
    """
    try:
        words = shlex.split(command)
        fields = [each[1:] for each in string.Formatter().parse(command) if each[1] is not None]
    except ValueError as error:
        raise _unusable(command, f"{error}. Write {{{{ and }}}} for braces.") from None
    if unknown := [name for name, *more in fields if name not in _PLACES or any(more)]:
        why = f"nothing is called {{{unknown[0]}}}. Say {{file}} or {{shipped}}."
        raise _unusable(command, why)
    if not fields:
        raise _unusable(command, "it is given no file. Say {file} or {shipped} in it.")
    if shutil.which(words[0]) is None and words[0] not in ("{file}", "{shipped}"):
        raise _unusable(command, f"there is no program {words[0]!r}. Install it, or give its path.")
    return words[0]


def _unusable(command: str, why: str) -> CommandError:
    return CommandError(f"cannot run a dumper: {command!r}: {why}")
