# SPDX-License-Identifier: MIT
"""Values without the modules that make other values."""

from __future__ import annotations

import copy
import pickle

import pytest
from crashsym.value import Value


class Size(Value):
    width: int
    height: int = 1

    @property
    def area(self) -> int:
        """A value may have more than its fields."""
        return self.width * self.height


def test_fields_are_given_by_place_or_by_name() -> None:
    assert Size(2, 3) == Size(2, height=3) == Size(height=3, width=2)
    assert (Size(2, 3).width, Size(2, 3).height, Size(2, 3).area) == (2, 3, 6)


def test_a_field_may_have_a_default() -> None:
    assert Size(2) == Size(2, 1)


@pytest.mark.parametrize(
    ("values", "named", "said"),
    [
        ((), {}, "missing 'width'"),
        ((), {"height": 1}, "missing 'width'"),
        ((1, 2, 3), {}, "3 values for 2 fields"),
        ((1,), {"depth": 1}, "no field 'depth'"),
        ((1,), {"width": 1}, "no field 'width' left"),
    ],
)
def test_what_is_not_right_is_a_type_error(
    values: tuple[int, ...], named: dict[str, int], said: str
) -> None:
    with pytest.raises(TypeError, match=f"Size: {said}"):
        Size(*values, **named)


def test_a_value_cannot_be_changed_but_copied_with_changes() -> None:
    size = Size(2, 3)
    with pytest.raises(AttributeError):
        size.width = 4  # type: ignore[misc]  # what is tested
    assert size._replace(width=4) == Size(4, 3)
    assert size == Size(2, 3)


def test_equal_values_are_one_key() -> None:
    assert {Size(2), Size(2, 1), Size(3)} == {Size(2), Size(3)}


def test_a_value_is_the_same_behind_a_pipe() -> None:
    for again in (pickle.loads(pickle.dumps(Size(2, 3))), copy.copy(Size(2, 3))):  # noqa: S301
        assert again == Size(2, 3)
        assert type(again) is Size


def test_a_value_shows_its_fields() -> None:
    assert repr(Size(2)) == "Size(width=2, height=1)"
