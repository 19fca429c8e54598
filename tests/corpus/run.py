# SPDX-License-Identifier: MIT
"""Run dumpers over the corpus and compare their scores.

    python3 tests/corpus/run.py --dumper 'dump_syms {file}' --dumper 'mine=./mine --inlines {file}'

compiles the corpus and makes its facts where the cache has none, runs each dumper on each file and
prints a table. Exit code: 0 nothing is wrong or missing, 3 something is, 2 nothing can be run.
"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from corpus.build import build
from corpus.conformance.dumpers import (
    CommandError,
    Dumper,
    Total,
    examples,
    named_commands,
    table,
)
from corpus.conformance.facts import read_facts
from corpus.conformance.generate import cached_facts
from corpus.make import chosen, without_tool
from corpus.matrix import Program


def judge(dumpers: list[Dumper], programs: list[Program]) -> dict[str, Total]:
    """The total of each dumper, by its name, over ``programs``."""
    totals = {dumper.name: Total() for dumper in dumpers}
    for program in programs:
        binary = build(program)
        facts = read_facts(cached_facts(binary))
        for dumper in dumpers:
            totals[dumper.name].add(program.name, dumper.dump(binary), facts)
    return totals


def report(totals: dict[str, Total], most: int) -> str:
    """The table, the files a dumper failed on, and the first faults of each kind."""
    rows = [table(totals.items()), "", "Share that is right (wrong / missing)."]
    for name, total in totals.items():
        rows += [f"{name} gave {failure}." for failure in total.failures()]
        for program, judged in total.scores.items() if most else ():
            rows += [f"{name}: {program}: {text}" for text in examples(judged, most)]
    return "\n".join(rows)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument(
        "--dumper", action="append", required=True, metavar="[NAME=]COMMAND", help="may be repeated"
    )
    parser.add_argument(
        "--only", action="append", default=[], metavar="PATTERN", help="only programs named so"
    )
    parser.add_argument("--faults", type=int, default=0, metavar="N", help="show N per category")
    return parser.parse_args()


def main() -> int:
    """Return the exit code."""
    arguments = _arguments()
    try:
        dumpers = named_commands(arguments.dumper)
    except CommandError as error:
        print(error, file=sys.stderr)
        return 2
    programs = [program for program in chosen(arguments.only) if not without_tool(program)]
    for program in chosen(arguments.only):
        if lacking := without_tool(program):
            print(f"{program.name}: left out, not installed: {', '.join(lacking)}", file=sys.stderr)
    if not programs:
        print(f"no program to run on: {' '.join(arguments.only) or 'none'}", file=sys.stderr)
        return 2
    totals = judge(dumpers, programs)
    # Like other tools, end without a word where the reader (head) has had enough.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    print(report(totals, arguments.faults))
    return 3 if any(judged.faults for t in totals.values() for judged in t.scores.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
