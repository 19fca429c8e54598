# SPDX-License-Identifier: MIT
"""Debug information that dwz has made smaller says the same as before."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dwarf.programs import agree_with, call, read, same_functions, write_sources

pytestmark = pytest.mark.oracle


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two programs before dwz (plain, other) and after (``dwz -m``: shared; 5: as DWARF 5 says)."""
    folder = write_sources(tmp_path_factory.mktemp("dwz"))
    for name, level in (("plain", "-O2"), ("other", "-O1")):
        call(folder, "g++", level, "-g", "-gdwarf-4", "a.cc", "b.cc", "-o", name, "-Wl,--build-id")
    (folder / ".dwz").mkdir()
    for kind, flags in (("shared", ()), ("five", ("--dwarf-5",))):
        for name in ("plain", "other"):
            shutil.copy(folder / name, folder / f"{name}-{kind}")
        common = f".dwz/{kind}"
        call(folder, "dwz", *flags, "-m", common, "-r", f"plain-{kind}", f"other-{kind}")
    return folder


def test_partial_units_of_one_file(folder: Path, tmp_path: Path) -> None:
    before = folder / "plain"
    after = Path(shutil.copy(before, tmp_path / "single"))
    call(tmp_path, "dwz", after)
    assert "DW_TAG_imported_unit" in call(tmp_path, "readelf", "--debug-dump=info", after)
    dump = read(after)
    assert dump.codes == []
    same_functions(dump.symbols, read(before).symbols)


@pytest.mark.parametrize("kind", ["shared", "five"])
@pytest.mark.parametrize("name", ["plain", "other"])
def test_the_supplementary_file_is_read(folder: Path, name: str, kind: str) -> None:
    dump = read(folder / f"{name}-{kind}")
    assert dump.codes == []
    same_functions(dump.symbols, read(folder / name).symbols)
    if kind == "shared":
        agree_with(folder / f"{name}-{kind}", dump.symbols)


@pytest.mark.parametrize("form", ["build-id", "dwz", "flat"])
def test_the_supplementary_file_is_found_in_given_folders(
    folder: Path, tmp_path: Path, form: str
) -> None:
    alone = Path(shutil.copy(folder / "plain-shared", tmp_path / "alone"))
    notes = call(folder, "readelf", "-n", ".dwz/shared")
    digits = notes.partition("Build ID: ")[2].split()[0]
    given = tmp_path / "given"
    place = {
        "build-id": given / ".build-id" / digits[:2] / f"{digits[2:]}.debug",
        "dwz": given / ".dwz" / "shared",
        "flat": given / "shared",
    }[form]
    place.parent.mkdir(parents=True)
    shutil.copy(folder / ".dwz" / "shared", place)
    same_functions(read(alone, given).symbols, read(folder / "plain").symbols)


def test_without_the_supplementary_file_functions_and_lines_stay(
    folder: Path, tmp_path: Path
) -> None:
    dump = read(Path(shutil.copy(folder / "plain-shared", tmp_path / "alone")))
    whole = read(folder / "plain").symbols
    assert dump.codes == ["missing-debug-file"]
    assert ".dwz/shared" in dump.findings[0].why
    assert [(f.address, f.size) for f in dump.symbols.functions] == [
        (f.address, f.size) for f in whole.functions
    ]
    assert sum(len(f.lines) for f in dump.symbols.functions) == sum(
        len(f.lines) for f in whole.functions
    )


def test_a_supplementary_file_of_another_build_is_not_used(folder: Path, tmp_path: Path) -> None:
    alone = Path(shutil.copy(folder / "plain-shared", tmp_path / "alone"))
    (tmp_path / ".dwz").mkdir()
    shutil.copy(folder / "other", tmp_path / ".dwz" / "shared")
    dump = read(alone)
    assert dump.codes == ["mismatch"]
    assert "its id is " in dump.findings[0].why


def test_a_file_that_names_itself_is_not_used(folder: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.write_bytes(b"self\0" + bytes(20))
    target = tmp_path / "self"
    remove = ("--remove-section", ".gnu_debugaltlink")
    call(tmp_path, "objcopy", *remove, folder / "plain-shared", target)
    call(tmp_path, "objcopy", "--add-section", f".gnu_debugaltlink={link}", target)
    dump = read(target)
    assert dump.codes == ["mismatch"]
    assert "names itself" in dump.findings[0].why


def test_what_a_supplementary_file_may_not_be(folder: Path, tmp_path: Path) -> None:
    alone = Path(shutil.copy(folder / "plain-shared", tmp_path / "alone"))
    (tmp_path / ".dwz").mkdir()
    (tmp_path / ".dwz" / "shared").write_bytes(b"no ELF file")
    dump = read(alone)
    assert dump.codes == ["malformed"]
    assert dump.symbols.functions
