# SPDX-License-Identifier: MIT
"""What several sub-commands share."""

from __future__ import annotations

from pathlib import Path

import pytest
from crashsym.cli.common import path_text
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize("text", [".", "/", "//a", "///a", "a/", "./a", "a/.", "a//b", "..", "a"])
def test_a_path_is_written_as_pathlib_writes_it(text: str) -> None:
    assert path_text(text) == str(Path(text))


@given(st.text("a./", min_size=1, max_size=8))
def test_any_path_is_written_as_pathlib_writes_it(text: str) -> None:
    assert path_text(text) == str(Path(text))
