# SPDX-License-Identifier: MIT
"""Rectangles fill their frame in proportion to their sizes."""

from __future__ import annotations

from itertools import combinations

import pytest
from crashsym.report.treemap import Rect, squarify
from hypothesis import given
from hypothesis import strategies as st

FRAMES = [Rect(0, 0, 1200, 520), Rect(7, 11, 340, 460), Rect(0, 0, 1, 1000)]
SIZES = st.lists(st.integers(1, 10**9), min_size=1, max_size=40)


def overlap(one: Rect, other: Rect) -> float:
    """Return the area that two rectangles share."""
    width = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    height = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    return max(width, 0) * max(height, 0)


@pytest.mark.parametrize("frame", FRAMES)
@given(sizes=SIZES)
def test_areas_are_proportional_and_lie_side_by_side_in_the_frame(
    frame: Rect, sizes: list[int]
) -> None:
    sizes.sort(reverse=True)
    rects = squarify(sizes, frame)
    assert len(rects) == len(sizes)
    whole = frame.width * frame.height
    for size, rect in zip(sizes, rects, strict=True):
        assert rect.width * rect.height == pytest.approx(whole * size / sum(sizes), rel=1e-6)
        assert overlap(rect, frame) == pytest.approx(rect.width * rect.height, rel=1e-6)
    assert sum(overlap(*pair) for pair in combinations(rects, 2)) < whole * 1e-9


def test_rectangles_are_nearly_squares() -> None:
    rects = squarify([1.0] * 30, Rect(0, 0, 600, 500))
    assert max(max(r.width / r.height, r.height / r.width) for r in rects) < 2
    example = squarify([6, 6, 4, 3, 2, 2, 1], Rect(0, 0, 6, 4))  # that of the paper
    assert [(round(r.width, 2), round(r.height, 2)) for r in example[:4]] == [
        (3, 2),
        (3, 2),
        (1.71, 2.33),
        (1.29, 2.33),
    ]


def test_sizes_that_differ_beyond_measure_do_no_harm() -> None:
    frame = Rect(0, 0, 1200, 520)
    rects = squarify([2.0**64, 2.0**63, *[1.0] * 50], frame)
    assert len(rects) == 52
    assert all(r.width >= 0 and r.height >= 0 for r in rects)
    assert all(r.x <= 1200.001 and r.y <= 520.001 for r in rects)


def test_nothing_needs_no_rectangle() -> None:
    assert squarify([], Rect(0, 0, 10, 10)) == []
