# SPDX-License-Identifier: MIT
"""What is aimed at, and whether it is met.

The factors are of user seconds, as those are that the targets were set by, and which depend on the
tool rather than on the system's memory and file system. "Never slower" is of user + system.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from corpus.matrix import THUMB

from bench.compare import CPU, USER, Compared, Measure
from bench.tools import BREAKPAD_NAME, FULL_BREAKPAD, MOZILLA, OURS
from bench.whole import Start, Tree

MB = 1_000_000
_LARGE = 90 * MB
_ARM_FROM, _ARM_TO = 45 * MB, 90 * MB
_GROWTH_FROM = 15 * MB
_MEMORY_FROM, _MEMORY = 350 * MB, 300 * MB
_MOST_GROWTH = 1.5
_LEAST_SPEED_UP = 1.8
_LONGEST_START = 0.15


@dataclass(frozen=True)
class Verdict:
    """One target: ``met`` is None where nothing was measured that it speaks of."""

    target: str
    met: bool | None
    fact: str = "not measured"

    def __str__(self) -> str:
        state = {True: "met", False: "NOT MET", None: "-"}[self.met]
        return f"{state:8} {self.target}: {self.fact}"


def verdicts(
    compared: Sequence[Compared], tree: Tree | None, starts: Sequence[Start]
) -> list[Verdict]:
    """Return all targets in the order of the issue that set them."""
    large = [one for one in compared if one.facts.debug_info >= _LARGE and not one.facts.compressed]
    arm = [
        one
        for one in compared
        if one.file.cpu == THUMB and _ARM_FROM <= one.facts.debug_info < _ARM_TO
    ]
    full = f"at least 20x Breakpad's speed, all inlined calls ({FULL_BREAKPAD}), from 90 MB up"
    return [
        _ratio("at least 5x Mozilla's speed from 90 MB up", large, MOZILLA, (5, USER)),
        _ratio(full, large, FULL_BREAKPAD, (20, USER)),
        _ratio("at least 4x Mozilla's speed on 55 MB of ARM", arm, MOZILLA, (4, USER)),
        *(
            _ratio(f"never slower than {peer}, user + system", compared, peer, (1, CPU))
            for peer in (MOZILLA, BREAKPAD_NAME, FULL_BREAKPAD)
        ),
        _memory(compared),
        _growth(compared),
        _tree(tree),
        _start(starts),
    ]


def _ratio(
    target: str, compared: Sequence[Compared], peer: str, least: tuple[float, Measure]
) -> Verdict:
    """Judge by the worst file; a file on which the peer failed says nothing about speed."""
    wanted, measure = least
    found = _ratios(compared, peer, measure)
    failed = [one.file.name for one in compared if _failed(one)]
    if failed:
        return Verdict(target, met=False, fact=f"no sane output of ours: {', '.join(failed)}")
    if not found:
        return Verdict(target, None)
    worst, name = min(found)
    below = sum(ratio < wanted for ratio, _ in found)
    fact = f"{worst:.2f}x on {name}" + (f", {below} of {len(found)} files below" if below else "")
    if measure is USER:
        least_of_all, where = min(_ratios(compared, peer, CPU))
        fact += f" (user + system: {least_of_all:.2f}x on {where})"
    return Verdict(target, worst >= wanted, fact)


def _ratios(compared: Iterable[Compared], peer: str, measure: Measure) -> list[tuple[float, str]]:
    """Return the ratio on each file on which there is one, with the file's name."""
    ratios = [(one.ratio(peer, measure), one.file.name) for one in compared]
    return [(ratio, name) for ratio, name in ratios if ratio is not None]


def _failed(one: Compared) -> bool:
    return OURS in one.by_tool and bool(one.by_tool[OURS].complaint)


def _memory(compared: Iterable[Compared]) -> Verdict:
    target = "anonymous memory at most 300 MB at 380 MB of .debug_info"
    found = [
        (one.by_tool[OURS].memory.anonymous, one.file.name)
        for one in compared
        if OURS in one.by_tool and one.facts.debug_info >= _MEMORY_FROM and not one.facts.compressed
    ]
    if not found:
        return Verdict(target, None)
    most, name = max(found)
    return Verdict(target, most <= _MEMORY, f"{most / MB:.0f} MB on {name}")


def _growth(compared: Iterable[Compared]) -> Verdict:
    """Judge how seconds per MB rise with the size, among files that differ in size only.

    That they fall, as start-up is shared by more, is no fault.
    """
    target = f"linear growth: seconds per MB rise at most {_MOST_GROWTH}x from 20 to 380 MB"
    by_size = [
        (one.facts.debug_info, one.by_tool[OURS].cpu / one.facts.debug_info)
        for one in compared
        if OURS in one.by_tool
        and one.file.name.startswith("libcxx-x86_64-")
        and one.facts.debug_info >= _GROWTH_FROM
        and not one.facts.compressed
    ]
    if len(by_size) < 2:
        return Verdict(target, None)
    per_mb = [seconds for _, seconds in sorted(by_size)]
    rise = max(later / earlier for earlier, later in combinations(per_mb, 2))
    return Verdict(target, rise <= _MOST_GROWTH, f"{rise:.2f}x over {len(per_mb)} files")


def _tree(tree: Tree | None) -> Verdict:
    target = f"a tree of files at least {_LEAST_SPEED_UP}x faster on two cores"
    if tree is None:
        return Verdict(target, None)
    fact = f"{tree.speed_up:.2f}x, {tree.wall[1]:.2f} s with -j 1, {tree.wall[2]:.2f} s with -j 2"
    return Verdict(target, tree.speed_up >= _LEAST_SPEED_UP, fact)


def _start(starts: Sequence[Start]) -> Verdict:
    target = f"command start at most {_LONGEST_START} s"
    if not starts:
        return Verdict(target, None)
    first = starts[0]
    return Verdict(target, first.seconds <= _LONGEST_START, f"{first.what}: {first.seconds:.3f} s")
