# SPDX-License-Identifier: MIT
"""Who owns which piece of code."""

from __future__ import annotations

from crashsym.codemap import CodeMap, Piece, Taken
from hypothesis import given
from hypothesis import strategies as st

CODE = CodeMap(((0x1000, 0x2000), (0x3000, 0x4000)))


def test_discarded_functions_are_not_code() -> None:
    assert CODE.inside([(0, 0x50), (1, 0x51), (2**64 - 1, 2**64), (0x2000, 0x2010)]) == []


def test_code_ends_with_its_section() -> None:
    assert CODE.inside([(0x1FF0, 0x9000)]) == [(0x1FF0, 0x2000)]


def test_shorter_claim_wins_inside_a_longer_one() -> None:
    pieces = CODE.divide([[(0x1000, 0x1100)], [(0x1040, 0x1050)]])
    assert pieces == [
        Piece(0x1000, 0x1040, 0),
        Piece(0x1040, 0x1050, 1),
        Piece(0x1050, 0x1100, 0),
    ]


def test_end_that_runs_into_the_next_function_is_cut_off() -> None:
    pieces = CODE.divide([[(0x1082, 0x108E)], [(0x108A, 0x1098)]])
    assert pieces == [Piece(0x1082, 0x108A, 0), Piece(0x108A, 0x1098, 1)]


def test_first_of_two_equal_claims_wins() -> None:
    assert CODE.divide([[(0x1000, 0x1100)], [(0x1000, 0x1100)]]) == [Piece(0x1000, 0x1100, 0)]


RANGES = st.tuples(st.integers(0, 60), st.integers(1, 20)).map(lambda t: (t[0], t[0] + t[1]))


@given(st.lists(st.lists(RANGES, max_size=3), max_size=8))
def test_pieces_cover_all_claims_once(owners: list[list[tuple[int, int]]]) -> None:
    pieces = CODE.divide(owners)
    covered = [a for piece in pieces for a in range(piece.start, piece.end)]
    claimed = {a for ranges in owners for start, end in ranges for a in range(start, end)}
    assert len(covered) == len(set(covered))
    assert set(covered) == claimed
    assert covered == sorted(covered)
    for piece in pieces:
        assert any(s <= piece.start and piece.end <= e for s, e in owners[piece.owner])


@given(st.lists(RANGES, max_size=20))
def test_taken_gives_each_address_away_once(ranges: list[tuple[int, int]]) -> None:
    taken = Taken()
    given_away = [a for r in ranges for s, e in taken.take(*r) for a in range(s, e)]
    assert sorted(given_away) == sorted({a for s, e in ranges for a in range(s, e)})
