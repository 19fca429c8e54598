# SPDX-License-Identifier: MIT
"""The process for names that may explode: what it answers, and how it ends."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from crashsym.demangle.apart import Apart
from crashsym.demangle.limits import LONGEST


def _forever(_: str) -> str:
    while True:
        pass


def _greedy(_: str) -> str:
    return str(len(bytes(256 << 20)))


def _exits(_: str) -> str:
    os._exit(0)


def _raises(_: str) -> str:
    raise ValueError


ENDS: dict[str, Callable[[str], str]] = {
    "it takes too long": _forever,
    "it wants too much memory": _greedy,
    "it exits": _exits,
    "it raises": _raises,
}


def test_what_the_function_returns_comes_back() -> None:
    apart = Apart(lambda name: name[::-1] if name else None)
    assert [apart("ab"), apart(""), apart("\N{EURO SIGN}\udcff")] == ["ba", None, "\udcff\u20ac"]
    assert apart("x" * LONGEST) == "x" * LONGEST


def test_one_process_answers_all() -> None:
    apart = Apart(lambda _: str(os.getpid()))
    first = apart("a")
    assert first not in (None, str(os.getpid()))
    assert apart("b") == first


def test_one_can_be_stopped_while_others_run() -> None:
    """These have been forked later, and have its pipes, too."""
    several = [Apart(lambda name: name) for _ in range(3)]
    assert [apart("a") for apart in several] == ["a"] * 3
    for apart in several:
        apart.stop()
    assert [apart("b") for apart in several] == ["b"] * 3
    for apart in several:
        apart.stop()


@pytest.mark.parametrize("function", ENDS.values(), ids=ENDS)
def test_a_name_that_ends_the_process_costs_that_name(function: Callable[[str], str]) -> None:
    apart = Apart(lambda name: function(name) if name == "bad" else f"{name} {os.getpid()}")
    before = apart("good")
    assert apart("bad") is None
    after = apart("good")
    assert before != after
    assert [answer and answer.split()[0] for answer in (before, after)] == ["good", "good"]


def test_after_three_names_that_explode_no_more_are_tried() -> None:
    apart = Apart(lambda name: _exits(name) if name == "bad" else name)
    assert [apart(name) for name in ("bad", "a", "bad", "b", "bad", "c")] == [
        None,
        "a",
        None,
        "b",
        None,
        None,
    ]
