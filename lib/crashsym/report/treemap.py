# SPDX-License-Identifier: MIT
"""Rectangles with given areas that fill a frame, each as near to a square as may be.

The way is that of Bruls, Huizing and van Wijk, "Squarified Treemaps" (2000): strips along the
shorter side of what is left of the frame, each ended where one more rectangle would make the worst
shape in it worse.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

_TINY = 1e-9  # a side that only rounding can make


class Rect(NamedTuple):
    """A rectangle; x and y are its upper left corner."""

    x: float
    y: float
    width: float
    height: float

    def turned(self) -> Rect:
        """Return it with its axes exchanged."""
        return Rect(self.y, self.x, self.height, self.width)


def squarify(sizes: Sequence[float], frame: Rect) -> list[Rect]:
    """Return a rectangle for each size; they fill the frame in proportion to the sizes.

    The sizes are above zero and descend.
    """
    whole = sum(sizes)
    areas = [size / whole * frame.width * frame.height for size in sizes]
    rects: list[Rect] = []
    while len(rects) < len(areas):
        begin = len(rects)
        strip, frame = _strip(areas[begin : _end(areas, begin, frame)], frame)
        rects += strip
    return rects


def _end(areas: Sequence[float], begin: int, frame: Rect) -> int:
    """Return where the strip ends that begins with an area."""
    side = max(min(frame.width, frame.height), _TINY)
    total = areas[begin]
    worst = _worst(areas[begin], areas[begin], total, side)
    for end in range(begin + 1, len(areas)):
        total += areas[end]
        with_it = _worst(areas[begin], areas[end], total, side)
        if with_it > worst:
            return end
        worst = with_it
    return len(areas)


def _worst(largest: float, smallest: float, total: float, side: float) -> float:
    """Return how long for its width the worst rectangle of a strip is."""
    width = max(total / side, _TINY)
    return max(width * width / max(smallest, _TINY * _TINY), largest / (width * width))


def _strip(areas: Sequence[float], frame: Rect) -> tuple[list[Rect], Rect]:
    """Lay areas along the shorter side; return them, and what is left of the frame."""
    if frame.width < frame.height:
        rects, rest = _strip(areas, frame.turned())
        return [rect.turned() for rect in rects], rest.turned()
    total = sum(areas)
    width = min(total / max(frame.height, _TINY), frame.width)
    rects = []
    done = 0.0
    for area in areas:
        height = frame.height * area / total
        rects.append(Rect(frame.x, frame.y + frame.height * done / total, width, height))
        done += area
    return rects, Rect(frame.x + width, frame.y, frame.width - width, frame.height)
