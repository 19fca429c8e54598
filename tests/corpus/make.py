# SPDX-License-Identifier: MIT
"""Compile the corpus and make its facts.

    python3 tests/corpus/make.py --out DIR [--only 'x86_64-*']

makes for each program a folder DIR/NAME with what was built, facts.jsonl, and the file `whole` or
`whole/...`; DIR/index.jsonl names them. Nothing of crashsym is used.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from corpus.build import Binary, build, required_tools
from corpus.conformance.generate import cached_facts, needed_tools
from corpus.matrix import PROGRAMS, Program


def chosen(patterns: list[str]) -> list[Program]:
    """The programs whose name matches one of ``patterns``; without patterns, all."""
    wanted = patterns or ["*"]
    return [p for p in PROGRAMS if any(fnmatch.fnmatch(p.name, each) for each in wanted)]


def without_tool(program: Program, facts: bool = True) -> list[str]:
    """The commands that ``program`` needs and that are not installed."""
    tools = required_tools(program) + (needed_tools(program) if facts else ())
    return [tool for tool in tools if shutil.which(tool) is None]


def place(binary: Binary, folder: Path, facts: bool) -> dict[str, str]:
    """Put what was built, and the facts, into ``folder``; return its line of the index."""
    home = binary.shipped.parent
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(home, folder)
    entry = {"program": binary.program.name, "arch": binary.program.cpu.arch}
    for name, path in (
        ("file", binary.whole),
        ("shipped", binary.shipped),
        ("debug", binary.debug),
    ):
        if path is not None:
            entry[name] = str(Path(folder.name) / path.relative_to(home))
    if facts:
        shutil.copyfile(cached_facts(binary), folder / "facts.jsonl")
        entry["facts"] = f"{folder.name}/facts.jsonl"
    return entry


def main() -> int:
    """Return 0, 3 when programs were left out for want of a tool, or 2 when nothing can be made."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--only", action="append", default=[], metavar="PATTERN")
    parser.add_argument("--no-facts", action="store_true", help="only compile")
    arguments = parser.parse_args()
    programs = chosen(arguments.only)
    if not programs:
        print(f"no program is named so: {' '.join(arguments.only)}", file=sys.stderr)
        return 2
    try:
        arguments.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        print(f"cannot make the folder: '{arguments.out}': {error.strerror}", file=sys.stderr)
        return 2
    return _make(programs, arguments.out, not arguments.no_facts)


def _make(programs: list[Program], out: Path, facts: bool) -> int:
    index = []
    left_out = 0
    for program in programs:
        if lacking := without_tool(program, facts):
            print(f"{program.name}: left out, not installed: {', '.join(lacking)}", file=sys.stderr)
            left_out += 1
            continue
        index.append(place(build(program), out / program.name, facts))
        print(f"{program.name}: done", file=sys.stderr)
    (out / "index.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in index))
    return 3 if left_out else 0


if __name__ == "__main__":
    sys.exit(main())
