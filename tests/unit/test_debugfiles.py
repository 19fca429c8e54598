# SPDX-License-Identifier: MIT
"""Where the files may lie that belong to a module: each place, and which comes first."""

from __future__ import annotations

from pathlib import Path

import pytest
from crashsym.debugfiles import package_places, split_places, supplementary_places


def _make(*places: Path) -> list[Path]:
    """Create empty files; return their places."""
    for place in places:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    return list(places)


@pytest.mark.parametrize("relative", [True, False])
def test_a_split_unit_lies_where_it_was_written_or_beside_or_in_a_folder(
    tmp_path: Path, relative: bool
) -> None:
    program, half = tmp_path / "bin/program", tmp_path / "lib/program.debug"
    given = tmp_path / "given"
    comp_dir = "build" if relative else str(tmp_path / "build")
    if relative:
        written = _make(tmp_path / "bin/build/sub/a.dwo", tmp_path / "lib/build/sub/a.dwo")
    else:
        written = _make(tmp_path / "build/sub/a.dwo")
    expected = [
        *written,
        *_make(tmp_path / "bin/sub/a.dwo", tmp_path / "bin/a.dwo"),
        *_make(tmp_path / "lib/sub/a.dwo", tmp_path / "lib/a.dwo"),
        *_make(given / comp_dir.lstrip("/") / "sub/a.dwo", given / "sub/a.dwo", given / "a.dwo"),
    ]
    assert list(split_places(comp_dir, "sub/a.dwo", [program, half], [given])) == expected


def test_a_split_unit_may_have_an_absolute_name(tmp_path: Path) -> None:
    program, given = tmp_path / "bin/program", tmp_path / "given"
    name = tmp_path / "build/a.dwo"
    below = str(name).lstrip("/")
    expected = _make(name, tmp_path / "bin" / below, tmp_path / "bin/a.dwo", given / below)
    expected += _make(given / "a.dwo")
    assert list(split_places("/src", str(name), [program], [given])) == expected


def test_a_package_is_named_after_each_file_of_the_module(tmp_path: Path) -> None:
    program, half = tmp_path / "bin/program", tmp_path / "lib/half.debug"
    names = ("program.dwp", "half.debug.dwp", "half.dwp")
    folders = [tmp_path / "bin", tmp_path / "lib", tmp_path / "given"]
    expected = [place for folder in folders for place in _make(*(folder / n for n in names))]
    assert list(package_places([program, half], folders[2:])) == expected


def test_a_supplementary_file_lies_where_its_path_says_or_where_debuggers_look(
    tmp_path: Path,
) -> None:
    program, given = tmp_path / "bin/program", tmp_path / "given"
    expected = _make(
        tmp_path / "bin/sub/common",
        given / ".build-id/ab/cdef.debug",
        given / ".dwz/common",
        given / "sub/common",
        given / "common",
        tmp_path / "bin/.dwz/common",
        tmp_path / "bin/common",
    )
    assert list(supplementary_places("sub/common", "abcdef", [program], [given])) == expected


def test_a_supplementary_file_is_relative_to_the_real_folder(tmp_path: Path) -> None:
    [common, program] = _make(tmp_path / "real/common", tmp_path / "real/program")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/program").symlink_to(program)
    found = supplementary_places("common", "abcdef", [tmp_path / "bin/program"], [])
    assert list(found) == [common]
