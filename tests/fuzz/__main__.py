"""Fuzz for a given time: ``PYTHONPATH=tests python -m fuzz TARGET …``; exit 1 on findings."""

from __future__ import annotations

import argparse
import sys
from fnmatch import fnmatch
from pathlib import Path

from fuzz.mangled import SEEDS, NameRunner, names
from fuzz.pairs import pairs
from fuzz.runner import Limits, Runner
from fuzz.seeds import built, of_corpus
from fuzz.targets import TARGETS


def main() -> int:
    """Run one target."""
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("target", choices=sorted((*TARGETS, "names")))
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--count", type=int, default=1 << 60)
    parser.add_argument("--first", type=int, default=0, help="the number of the first input")
    parser.add_argument("--largest", type=int, default=24_000, help="bytes of a file of the corpus")
    parser.add_argument("--only", default="*", help="a pattern for the names of seeds")
    parser.add_argument("--findings", type=Path, default=Path("build/fuzz/findings"))
    parser.add_argument("--limit", type=float, default=2.0, help="seconds for one input")
    parser.add_argument("--sanitized", action="store_true", help="do not limit the memory")
    options = parser.parse_args()
    if options.target == "names":
        runner: Runner = NameRunner("names", names, SEEDS, options.findings)
    else:
        seeds = [
            seed
            for seed in built() + pairs() + of_corpus(options.largest)
            if fnmatch(seed.name, options.only)
        ]
        runner = Runner(options.target, TARGETS[options.target], seeds, options.findings)
    runner.limits = Limits(options.limit, not options.sanitized)
    totals = runner.run(options.first, options.count, options.seconds)
    found = [path for path in totals.findings if path.suffix == ".txt"]
    print(
        f"{options.target}: {totals.inputs} inputs of {len(runner.seeds)} seeds,"
        f" {totals.seconds:.0f} seconds, {len(found)} findings"
    )
    for path in found:
        print(f"{path}: {path.read_text().splitlines()[1]}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
