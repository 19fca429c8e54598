# SPDX-License-Identifier: MIT
"""Where a path leads in the root of a target, which no link leaves."""

from __future__ import annotations

import os
import tempfile
from itertools import product
from pathlib import Path

import pytest
from crashsym.errors import UnreadableError
from crashsym.targetroot import TargetRoot
from hypothesis import given, settings
from hypothesis import strategies as st


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("/a")
    for number in range(60):
        (tmp_path / f"l{number}").symlink_to(f"l{number + 1}")
    (tmp_path / "l60").symlink_to("/etc")
    root = TargetRoot(tmp_path)
    assert root.place("/a/./x/../file") == "/a/file"
    (tmp_path / "c").mkdir()
    (tmp_path / "c/d").symlink_to("/e")
    assert root.place("/no/../c/d/file") == "/e/file"
    assert root.place("/l0/file") == "/l0/file"
    assert root.place("/l59/file") == "/etc/file"
    assert root.place("/../../l60/../../x/") == "/x"
    with pytest.raises(UnreadableError, match="Too many levels"):
        root.read("/l0/passwd")


TARGETS = st.lists(st.sampled_from(["a", "b", "c", "d", ".", ".."]), min_size=1, max_size=4)
LINKS = st.dictionaries(
    st.sampled_from(["a", "b", "c/b", "d/c", "d/a"]),
    st.tuples(st.booleans(), TARGETS.map("/".join)),
    min_size=1,
)
ASKED = [
    "/".join(path) for n in (1, 2, 3) for path in product(["a", "b", "c", "d", ".."], repeat=n)
]


@settings(max_examples=40, deadline=None)
@given(links=LINKS)
def test_paths_lead_where_the_system_says(links: dict[str, tuple[bool, str]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        base = Path(name).resolve()
        # Absolute links of the second tree begin at it, as they do on the target.
        for root, top in ((base / "ours", "/"), (base / "oracle", f"{base}/oracle/")):
            for folder in ("c/a", "d/e"):
                (root / folder).mkdir(parents=True)
            for link, (absolute, target) in links.items():
                (root / link).symlink_to(top + target if absolute else target)
        ours, checked = TargetRoot(base / "ours"), 0
        for path in ASKED:
            try:
                found = os.path.realpath(base / "oracle" / path, strict=True)
            except OSError:
                continue
            # Unlike the target, the second tree can be left with "..".
            if (found + "/").startswith(f"{base}/oracle/"):
                expected = found.removeprefix(f"{base}/oracle")
                assert ours.follow("/" + path) == (expected or "/"), path
                assert ours.place(f"/{path}/file") == f"{expected}/file", path
                checked += 1
        assert checked
