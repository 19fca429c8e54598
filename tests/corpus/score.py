# SPDX-License-Identifier: MIT
"""Judge a Breakpad symbol file by the facts of the file it was made from.

    python3 tests/corpus/score.py corpus.sym --facts DIR/x86_64-d5-O2/facts.jsonl

prints for each category how many facts are right, wrong and missing, and the first faults of each.
Exit code: 0 nothing is wrong or missing, 3 something is, 2 a file cannot be read, or the two are
not of the same program.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from corpus.conformance.dumpers import examples, is_symbol_file, read_text
from corpus.conformance.facts import CATEGORIES, Facts, FactsError, read_facts
from corpus.conformance.scoring import Score, Verdict, score
from corpus.conformance.symbols import SymbolFile


def as_json(judged: Score, facts: Facts, unreadable: int) -> str:
    """Everything as one JSON object."""
    return json.dumps(
        {
            "program": facts.module.program,
            "unreadable_lines": unreadable,
            "score": {
                category: {verdict.value: number for verdict, number in counts.items()}
                | {"disputed": facts.in_dispute(category)}
                for category, counts in judged.counts.items()
            },
            "faults": [
                {**vars(fault), "verdict": fault.verdict.value, "address": hex(fault.address)}
                for fault in judged.faults
            ],
        },
        indent=1,
    )


def as_text(judged: Score, facts: Facts, unreadable: int, most: int) -> str:
    """A table, then the first ``most`` kinds of fault of each category."""
    rows = [f"{'':15} {'right':>7} {'wrong':>7} {'missing':>7} {'disputed':>8}"]
    for category in CATEGORIES:
        counts = judged.counts[category]
        numbers = " ".join(f"{counts[verdict]:7}" for verdict in Verdict)
        rows.append(f"{category:15} {numbers} {facts.in_dispute(category):8}")
    if unreadable:
        rows.append(f"{unreadable} lines of the symbol file are no record.")
    return "\n".join([*rows, *examples(judged, most)])


class ScoreError(ValueError):
    """A symbol file that cannot be judged by these facts: where, the observed fact."""


def read_symbols(path: Path, facts: Facts) -> SymbolFile:
    """Read the symbol file ``path`` of the program that ``facts`` are about.

    Raises:
        ScoreError: it is no symbol file, or that of another program or build.
        OSError: it cannot be read.
    """
    text = read_text(path)
    if not is_symbol_file(text):
        raise ScoreError(f"{path}: it is no symbol file, which begins with MODULE")
    symbols = SymbolFile(text)
    if not symbols.is_of(facts.module.build_id):
        whose = f"{facts.module.program}, build id {facts.module.build_id}"
        raise ScoreError(f"{path}: its id is {symbols.debug_id}, the facts are about {whose}")
    return symbols


def main() -> int:
    """Return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("symbols", type=Path, metavar="SYMBOL_FILE")
    parser.add_argument("--facts", type=Path, required=True)
    parser.add_argument("--json", action="store_true", help="everything, with every fault")
    parser.add_argument("--faults", type=int, default=10, metavar="N", help="of each category")
    arguments = parser.parse_args()
    try:
        facts = read_facts(arguments.facts)
        symbols = read_symbols(arguments.symbols, facts)
    except (OSError, FactsError, ScoreError) as error:
        print(f"cannot score: {error}", file=sys.stderr)
        return 2
    judged = score(symbols, facts)
    # Like other tools, end without a word where the reader (head) has had enough.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    if arguments.json:
        print(as_json(judged, facts, symbols.unreadable))
    else:
        print(as_text(judged, facts, symbols.unreadable, arguments.faults))
    return 3 if judged.faults else 0


if __name__ == "__main__":
    sys.exit(main())
