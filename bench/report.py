# SPDX-License-Identifier: MIT
"""The results as Markdown."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.compare import CPU, USER, Compared, Measure, Measured
from bench.targets import MB, Verdict, verdicts
from bench.tools import COUNTED, OURS, Tool
from bench.whole import Start, Tree

_INTRODUCTION = """\
# Speed and memory of the symbol generator

Written by `make bench` (see the [benchmark's own page](README.md) for what is measured and how).
Times are CPU seconds, medians of {rounds} rounds in which the tools took turns.
1 MB is 10⁶ bytes. A ratio is the peer's time divided by ours: above 1, crashsym is faster.

| | |
|---|---|
| Machine | {machine} |
| System | {system} |
{tools}
"""


@dataclass(frozen=True)
class Results:
    """Everything one call of the benchmark has measured."""

    tools: Sequence[Tool]
    rounds: int
    compared: list[Compared] = field(default_factory=list)
    tree: Tree | None = None
    starts: Sequence[Start] = ()

    def verdicts(self) -> list[Verdict]:
        """Return the targets and whether they are met."""
        return verdicts(self.compared, self.tree, self.starts)


def markdown(results: Results) -> str:
    """Return the whole page."""
    parts = [_introduction(results), "## Targets\n", _targets(results.verdicts())]
    if results.compared:
        parts += ["## Time\n", "![CPU seconds against MB of .debug_info](time.svg)\n"]
        parts += ["User seconds, by which the factors are judged:\n", times(results, USER)]
        parts += ["User + system seconds:\n", times(results, CPU), "## Memory\n"]
        parts += ["![Peak memory against MB of .debug_info](memory.svg)\n", memories(results)]
        parts += ["## Files and records\n", records(results)]
    if results.tree:
        parts += ["## A tree of files\n", _tree(results.tree)]
    if results.starts:
        parts += ["## Start-up\n", _starts(results.starts)]
    return "\n".join(parts)


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, texts: int = 1) -> str:
    """Return a Markdown table whose first ``texts`` columns are text and the others figures."""
    rule = ["---"] * texts + ["---:"] * (len(head) - texts)
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, rule, *rows))


def times(results: Results, measure: Measure) -> str:
    """Return the table of seconds and ratios."""
    names = [tool.name for tool in results.tools]
    peers = [name for name in names if name != OURS]
    head = ["File", ".debug_info, MB", *names, *(f"{peer} / ours" for peer in peers)]
    rows = [
        [
            *_file(one),
            *(_cell(one.by_tool[name], f"{measure(one.by_tool[name]):.3g} s") for name in names),
            *(_ratio(one.ratio(peer, measure)) for peer in peers),
        ]
        for one in results.compared
    ]
    return table(head, rows)


def memories(results: Results) -> str:
    """Return the table of peak memory."""
    names = [tool.name for tool in results.tools]
    head = ["Anonymous / with mapped files, MB", ".debug_info, MB", *names]
    rows = [
        [*_file(one), *(_memory(one.by_tool[name]) for name in names)] for one in results.compared
    ]
    return table(head, rows)


def records(results: Results) -> str:
    """Return the table of what each file is and what each tool wrote."""
    head = ["File", "What", "Tool", *COUNTED, "written, MB"]
    rows = [
        [one.file.name, one.what, name, *(str(found.records[kind]) for kind in COUNTED), written]
        for one in results.compared
        for name, found in one.by_tool.items()
        for written in [f"{found.records['bytes'] / MB:.1f}"]
    ]
    return table(head, rows, texts=3)


def _introduction(results: Results) -> str:
    tools = "\n".join(f"| {tool.name} | {tool.title} |" for tool in results.tools)
    system = f"{_distribution()}, Linux {platform.release()}, Python {platform.python_version()}"
    return _INTRODUCTION.format(
        rounds=results.rounds, machine=_machine(), system=system, tools=tools
    )


def _machine() -> str:
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.split(":", 1)[1].strip() for line in info if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0))
    return f"{names[0] if names else platform.machine()}, {cores} cores, {memory:.0f} GiB of memory"


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "unknown system")
    except OSError:
        return "unknown system"


def _targets(found: Iterable[Verdict]) -> str:
    words = {True: "met", False: "**not met**", None: "not measured"}
    rows = [[one.target, words[one.met], one.fact] for one in found]
    return table(["Target", "", "Worst case"], rows, texts=3)


def _file(one: Compared) -> list[str]:
    compressed = " (compressed)" if one.facts.compressed else ""
    return [one.file.name + compressed, f"{one.facts.debug_info / MB:.1f}"]


def _cell(found: Measured, text: str) -> str:
    return f"failed: {found.complaint}" if found.complaint else text


def _ratio(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.2f}"


def _memory(found: Measured) -> str:
    return _cell(found, f"{found.memory.anonymous / MB:.0f} / {found.memory.total / MB:.0f}")


def _tree(tree: Tree) -> str:
    size = f"{tree.files} files with {tree.debug_info / MB:.0f} MB of .debug_info"
    rows = [
        [
            f"-j {jobs}",
            f"{tree.wall[jobs]:.2f} s",
            f"{tree.memory[jobs].anonymous / MB:.0f} MB",
            f"{tree.memory[jobs].total / MB:.0f} MB",
        ]
        for jobs in sorted(tree.wall)
    ]
    head = ["", "Wall time", "Anonymous memory of all processes", "with mapped files"]
    text = f"`crashsym extract` of {size}; {tree.speed_up:.2f} times faster with two jobs."
    return f"{text}\n\n{table(head, rows)}"


def _starts(starts: Iterable[Start]) -> str:
    return table(["Command", "Wall time"], [[one.what, f"{one.seconds:.3f} s"] for one in starts])
