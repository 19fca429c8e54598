# SPDX-License-Identifier: MIT
"""Split DWARF says the same as the debug information of the same program in one file."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from dwarf.programs import Read, agree_with, call, read, same_functions, write_sources

pytestmark = pytest.mark.oracle


@dataclass(frozen=True)
class Build:
    """A compiler, the version of DWARF and the tool that makes the package (None: it cannot)."""

    compiler: str
    version: int
    packer: str | None
    flags: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.compiler}-{self.version}{''.join(self.flags)}-{self.packer}"


_TYPES = ("-fdebug-types-section",)
BUILDS = (
    Build("g++", 4, "dwp", _TYPES),
    Build("g++", 4, "llvm-dwp"),
    # dwp 2.40 crashes on DWARF 5 and llvm-dwp 14 does not end on GCC's
    Build("g++", 5, None),
    Build("g++", 5, None, _TYPES),
    Build("clang++", 4, "dwp", _TYPES),
    Build("clang++", 5, "llvm-dwp", _TYPES),
)
each_build = pytest.mark.parametrize("build", BUILDS, ids=str)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("split")


@cache
def built(root: Path, build: Build) -> Path:
    """Return a folder with ``split``, its ``.dwo`` files, and ``whole``, with the same code."""
    folder = root / str(build)
    folder.mkdir()
    write_sources(folder)
    options = (f"-gdwarf-{build.version}", "-O2", "-g", *build.flags)
    for kind, flags in (("split", ("-gsplit-dwarf",)), ("whole", ())):
        for unit in ("a", "b"):
            command = (build.compiler, *options, *flags, "-c", f"{unit}.cc", "-o", f"{unit}.o")
            call(folder, *command)
        call(folder, build.compiler, "a.o", "b.o", "-o", kind, "-Wl,--build-id")
    return folder


@each_build
def test_split_units_are_read_where_they_were_written(root: Path, build: Build) -> None:
    folder = built(root, build)
    dump = read(folder / "split")
    assert dump.codes == []
    same_functions(dump.symbols, read(folder / "whole").symbols)
    agree_with(folder / "split", dump.symbols, "llvm-addr2line")


@pytest.mark.parametrize("build", [b for b in BUILDS if b.packer], ids=str)
def test_split_units_are_read_from_a_package(root: Path, build: Build, tmp_path: Path) -> None:
    folder = built(root, build)
    shutil.copy(folder / "split", tmp_path)
    call(folder, build.packer or "", "-e", "split", "-o", tmp_path / "split.dwp")
    dump = _elsewhere(folder, tmp_path / "split")
    assert dump.codes == []
    same_functions(dump.symbols, read(folder / "whole").symbols)


def _elsewhere(folder: Path, path: Path, *folders: Path) -> Read:
    """Read ``path`` while the ``.dwo`` files are not where they were written."""
    hidden = folder.with_name(folder.name + "-hidden")
    folder.rename(hidden)
    try:
        return read(path, *folders)
    finally:
        hidden.rename(folder)


def test_a_package_is_found_in_a_given_folder(root: Path, tmp_path: Path) -> None:
    folder = built(root, BUILDS[1])
    given = tmp_path / "given"
    given.mkdir()
    shutil.copy(folder / "split", tmp_path)
    call(folder, "llvm-dwp", "-e", "split", "-o", given / "split.dwp")
    dump = _elsewhere(folder, tmp_path / "split", given)
    same_functions(dump.symbols, read(folder / "whole").symbols)


def test_the_package_of_a_stripped_file_and_its_half(root: Path, tmp_path: Path) -> None:
    folder = built(root, BUILDS[1])
    stripped, half = tmp_path / "split", tmp_path / ".debug" / "split.debug"
    half.parent.mkdir()
    call(folder, "objcopy", "--only-keep-debug", "split", half)
    call(folder, "strip", "split", "-o", stripped)
    call(folder, "llvm-dwp", "-e", "split", "-o", tmp_path / "split.dwp")
    hidden = folder.with_name("hidden")
    folder.rename(hidden)
    try:
        dump = read(stripped, debug=half)
    finally:
        hidden.rename(folder)
    same_functions(dump.symbols, read(folder / "whole").symbols)


@pytest.mark.parametrize("beside", [True, False], ids=["beside the file", "in a given folder"])
def test_split_units_are_found_elsewhere(root: Path, tmp_path: Path, beside: bool) -> None:
    folder = built(root, BUILDS[0])
    given = tmp_path if beside else tmp_path / "given"
    given.mkdir(exist_ok=True)
    for name in ("a.dwo", "b.dwo"):
        shutil.copy(folder / name, given)
    shutil.copy(folder / "split", tmp_path)
    dump = _elsewhere(folder, tmp_path / "split", given)
    assert dump.codes == []
    same_functions(dump.symbols, read(folder / "whole").symbols)


def test_a_missing_unit_costs_that_unit(root: Path, tmp_path: Path) -> None:
    folder = built(root, BUILDS[0])
    shutil.copy(folder / "a.dwo", tmp_path)
    shutil.copy(folder / "split", tmp_path)
    dump = _elsewhere(folder, tmp_path / "split")
    assert dump.codes == ["missing-debug-file"]
    assert "'b.dwo'" in dump.findings[0].why
    remedy = "Put it beside the file, or name its folder with --debug-dir."
    assert dump.findings[0].remedy == remedy
    assert dump.names == {"work(int)"}


def test_a_unit_of_another_build_is_not_used(root: Path, tmp_path: Path) -> None:
    folder = built(root, BUILDS[0])
    shutil.copy(folder / "a.dwo", tmp_path)
    shutil.copy(folder / "a.dwo", tmp_path / "b.dwo")
    shutil.copy(folder / "split", tmp_path)
    dump = _elsewhere(folder, tmp_path / "split")
    assert dump.codes == ["mismatch"]
    assert "b.dwo' has no unit with the id" in dump.findings[0].why.replace(": it", "")
    assert dump.names == {"work(int)"}


def test_without_split_units_the_skeletons_serve(tmp_path: Path) -> None:
    """Clang leaves functions and calls in the skeleton, for when nothing else is there."""
    write_sources(tmp_path)
    options = ("-g", "-gdwarf-5", "-O2", "-gsplit-dwarf", "-fsplit-dwarf-inlining")
    call(tmp_path, "clang++", *options, "a.cc", "b.cc", "-o", "split", "-Wl,--build-id")
    for file in tmp_path.glob("*.dwo"):
        file.unlink()
    dump = read(tmp_path / "split")
    assert dump.codes == ["missing-debug-file"]
    assert "main" in dump.names
    assert any(function.inlines for function in dump.symbols.functions)
