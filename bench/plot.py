# SPDX-License-Identifier: MIT
"""The results as two plots against bytes of .debug_info, both axes logarithmic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from corpus.matrix import AARCH64, THUMB, X86_64

from bench.compare import USER, Compared, Measured
from bench.targets import MB
from bench.tools import FULL_BREAKPAD, MOZILLA, OURS

# Told apart by people who see colours differently, and on white as well as on black.
_COLOURS = {OURS: "#1f8fff", MOZILLA: "#e07b00", FULL_BREAKPAD: "#cc5fa8"}
_NAMES = {OURS: "crashsym", MOZILLA: "Mozilla", FULL_BREAKPAD: "Breakpad"}
_MARKERS = {X86_64.name: "o", THUMB.name: "^", AARCH64.name: "s"}
_INK = "#808890"
_SERIES = "libcxx-x86_64-"
_LINE_HEIGHT = 13  # points

Place = tuple[float, float]


def plots(compared: Sequence[Compared], folder: Path) -> None:
    """Write ``time.svg`` and ``memory.svg`` into ``folder``."""
    _plot(compared, USER, "user seconds, one core", folder / "time.svg")
    _plot(
        compared,
        lambda found: found.memory.anonymous / MB,
        "highest anonymous memory, MB",
        folder / "memory.svg",
    )


def _plot(
    compared: Sequence[Compared], value: Callable[[Measured], float], title: str, path: Path
) -> None:
    """Draw one mark per file and tool; a line joins the C++ files that differ in size only."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot

    mpl.rcParams["svg.hashsalt"] = "crashsym"  # same data, same bytes
    figure, axes = pyplot.subplots(figsize=(7.2, 4.6))
    ends = {tool: _draw_tool(axes, tool, compared, value) for tool in _COLOURS}
    _dress(axes, title)
    figure.tight_layout()
    _name(axes, {tool: end for tool, end in ends.items() if end is not None})
    figure.savefig(path, transparent=True, metadata={"Date": None})
    pyplot.close(figure)


def _draw_tool(
    axes: Any, tool: str, compared: Sequence[Compared], value: Callable[[Measured], float]
) -> Place | None:
    """Draw the marks and the line of one tool; return where the line ends."""
    line: list[Place] = []
    for one in compared:
        found = one.by_tool.get(tool)
        if found is None or found.complaint or value(found) <= 0:
            continue
        place = (one.facts.debug_info / MB, value(found))
        face = "none" if one.facts.compressed else _COLOURS[tool]
        marker = _MARKERS[one.file.cpu.name]
        axes.plot(*place, marker, color=_COLOURS[tool], markerfacecolor=face, markersize=6)
        if one.file.name.startswith(_SERIES) and not one.facts.compressed:
            line.append(place)
    line.sort()
    if line:
        axes.plot(*zip(*line, strict=True), "-", color=_COLOURS[tool], linewidth=1.5)
    return line[-1] if line else None


def _name(axes: Any, ends: dict[str, Place]) -> None:
    """Write the tools' names beside the ends of their lines, one above the other."""
    points = 72 / axes.figure.dpi
    lowest = 0.0
    for tool, end in sorted(ends.items(), key=lambda item: item[1][1]):
        height = axes.transData.transform(end)[1] * points
        lift = max(0.0, lowest - height)
        lowest = height + lift + _LINE_HEIGHT
        axes.annotate(
            _NAMES[tool],
            end,
            xytext=(8, lift - 4),
            textcoords="offset points",
            color=_COLOURS[tool],
        )


def _dress(axes: Any, title: str) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("MB of .debug_info", color=_INK)
    axes.set_title(title, color=_INK, loc="left")
    axes.tick_params(which="both", colors=_INK)
    axes.grid(visible=True, color=_INK, alpha=0.25, linewidth=0.6)
    axes.margins(x=0.16)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("bottom", "left"):
        axes.spines[side].set_color(_INK)
    for name, marker in (("x86-64", "o"), ("ARM", "^"), ("AArch64", "s")):
        axes.plot([], [], marker, color=_INK, label=name)
    axes.plot([], [], "o", color=_INK, markerfacecolor="none", label="compressed sections")
    axes.legend(frameon=False, labelcolor=_INK, loc="upper left")
