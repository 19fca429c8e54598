# SPDX-License-Identifier: MIT
"""The quick parser of ``crashsym dump``: what it takes, argparse takes in the same way."""

from __future__ import annotations

import argparse
from typing import Any

import pytest
from crashsym.cli import dump
from crashsym.cli.quick import QuickParser
from hypothesis import given
from hypothesis import strategies as st

OPTIONS = (
    *("--debug-file", "--debug-dir", "-o", "--output", "--store", "--no-inlines", "--no-cfi"),
    *("--keep-suffixes", "--strict"),
)
OTHERS = ("--", "-", "-h", "--help", "--stor", "--store=x", "-oout", "--unknown", "-1", "")
words = st.sampled_from((*OPTIONS, *OPTIONS, *OTHERS, "app", "", "a b", "./lib//x", ".", "b"))


class _FailedError(Exception):
    pass


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        raise _FailedError(message)

    def exit(self, status: int = 0, message: str | None = None) -> Any:
        raise _FailedError(message)


def quickly(argv: list[str]) -> dict[str, Any] | None:
    parser = QuickParser()
    dump.add_arguments(parser)
    args = parser.parse(argv)
    return None if args is None else vars(args)


def carefully(argv: list[str]) -> dict[str, Any] | None:
    parser = _Parser()
    dump.add_arguments(parser)
    try:
        return vars(parser.parse_args(argv))
    except _FailedError:
        return None


@given(st.lists(words, max_size=8))
def test_what_is_taken_is_what_argparse_takes(argv: list[str]) -> None:
    quick = quickly(argv)
    assert quick is None or quick == carefully(argv)


@pytest.mark.parametrize(
    "line",
    [
        "app",
        "app -o out",
        "-o out app",
        "--store s app --no-cfi",
        "app --debug-dir a --debug-dir ./b//c --strict --keep-suffixes",
        "--debug-file app.debug app --output out --no-inlines",
        "-o a app -o b",
    ],
)
def test_usual_lines_are_taken(line: str) -> None:
    argv = line.split()
    assert quickly(argv) == carefully(argv) is not None


@pytest.mark.parametrize("argv", [[""], ["app", "-o", ""], ["app", "--debug-dir", ""]])
def test_empty_words_are_left_to_argparse(argv: list[str]) -> None:
    assert quickly(argv) is carefully(argv) is None


@pytest.mark.parametrize(
    "line",
    [
        "",
        "a b",
        "app -o",
        "app -o --store",
        "app -o out --store s",
        "app --debug-file f --debug-dir d",
        "app --help",
        "app --stor s",
        "app --store=s",
        "app -oout",
        "-- app",
        "app --unknown",
        "-",
    ],
)
def test_all_others_are_left_to_argparse(line: str) -> None:
    assert quickly(line.split()) is None


def test_a_declaration_that_it_does_not_know_makes_it_refuse() -> None:
    for settings in ({"nargs": "?"}, {"action": "count"}, {"choices": "ab"}):
        parser = QuickParser()
        parser.add_argument("elf")
        parser.add_argument("--more", **settings)
        assert parser.parse(["app"]) is None


def test_a_value_that_its_type_refuses_is_left_to_argparse() -> None:
    parser = QuickParser()
    parser.add_argument("number", type=int)
    assert parser.parse(["x"]) is None
    found = parser.parse(["7"])
    assert found is not None
    assert found.number == 7


def test_lines_do_not_share_lists() -> None:
    parser = QuickParser()
    parser.add_argument("--dir", action="append", default=[])
    for _ in range(2):
        found = parser.parse(["--dir", "a"])
        assert found is not None
        assert found.dir == ["a"]
