# SPDX-License-Identifier: MIT
"""The symbols of an SDK: where its sysroots are, and what is in them."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from builders import cfi, dwarf, elf
from builders.elf import Elf
from builders.encode import Format
from support import REPOSITORY, crashsym

SCHEMAS = REPOSITORY / "docs/reference"
FMT = Format()
BUILT_FOR = "/usr/local/oe-sdk-hardcoded-buildpath"


def pair(number: int, machine: int = elf.X86_64) -> tuple[bytes, bytes]:
    """Return a stripped shared object and its debug half, with one function."""
    frames = cfi.EhFrame(FMT)
    frames.fde(frames.cie(), elf.TEXT_ADDRESS, 16)
    ours = (elf.code(), elf.build_id(FMT, bytes([number] * 20)))
    info = dwarf.Dwarf(FMT)
    unit: list[dwarf.Attribute] = [
        (dwarf.NAME, dwarf.STRING, b"a.c"),
        (dwarf.STMT_LIST, dwarf.SEC_OFFSET, 0),
    ]
    info.unit(dwarf.Die(dwarf.COMPILE_UNIT, unit, [dwarf.function(elf.TEXT_ADDRESS, 16, b"f")]))
    lines = dwarf.line_program(FMT, dwarf.sequence(FMT, elf.TEXT_ADDRESS, b"\1"))
    half = (*ours, *info.sections(), elf.Section(".debug_line", lines))
    stripped = Elf((*ours, frames.section()), machine=machine).build()
    return stripped, Elf(half, machine=machine).build()


STRIPPED, HALF = pair(1)


def put(file: Path, data: bytes) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    return file


def environment(sdk: Path, name: str, sysroot: str, native: str | None = None) -> Path:
    """Write an environment file as OE-Core does; whoever executes it makes a folder."""
    native = native or f"{BUILT_FOR}/sysroots/x86_64-oesdk-linux"
    text = (
        f"mkdir {sdk}/EXECUTED\n"
        f"export SDKTARGETSYSROOT={sysroot}\n"
        "export PKG_CONFIG_SYSROOT_DIR=$SDKTARGETSYSROOT\n"
        f'export OECORE_NATIVE_SYSROOT="{native}"\n'
        'export OECORE_TARGET_SYSROOT="$SDKTARGETSYSROOT"\n'
    )
    return put(sdk / f"environment-setup-{name}", text.encode())


def sysroot_with(folder: Path, number: int = 1, machine: int = elf.X86_64) -> Path:
    """Make a sysroot with one library and its debug half."""
    stripped, half = pair(number, machine)
    put(folder / "usr/lib/libx.so.1", stripped)
    put(folder / "usr/lib/.debug/libx.so.1", half)
    return folder


@pytest.fixture
def sdk(tmp_path: Path) -> Path:
    """An SDK where it was installed, with the host's tools."""
    folder = tmp_path / "sdk"
    sysroot_with(folder / "sysroots/core2-64-oe-linux")
    put(folder / "sysroots/x86_64-oesdk-linux/usr/lib/libhost.so", pair(99)[0])
    environment(
        folder,
        "core2-64-oe-linux",
        f"{folder}/sysroots/core2-64-oe-linux",
        f"{folder}/sysroots/x86_64-oesdk-linux",
    )
    return folder


def run(sdk: Path, *options: str | Path, code: int = 0) -> dict[str, Any]:
    """Run the command; return what it prints as JSON."""
    out = sdk.parent / "out"
    places = ("--store", out / "store", "--manifest", out / "m.json")
    done = crashsym("sdk", sdk, *places, "--json", *options)
    assert done.returncode == code, done.stderr.decode()
    document: dict[str, Any] = json.loads(done.stdout)
    schema = json.loads((SCHEMAS / "crashsym-sdk-1.schema.json").read_text())
    jsonschema.validate(document, schema)
    assert not (sdk / "EXECUTED").exists()
    return document


def refused(sdk: Path, *options: str | Path) -> str:
    """Run the command, which has to end at once; return what it says."""
    out = sdk.parent / "out"
    places = ("--store", out / "store", "--manifest", out / "none.json")
    done = crashsym("sdk", sdk, *places, *options)
    assert done.returncode == 2, done.stderr.decode()
    assert not (out / "none.json").exists()
    (line,) = done.stderr.decode().splitlines()
    return line


def manifest(sdk: Path) -> list[dict[str, Any]]:
    document = json.loads((sdk.parent / "out/m.json").read_bytes())
    schema = json.loads((SCHEMAS / "crashsym-manifest-1.schema.json").read_text())
    jsonschema.validate(document, schema)
    return list(document["modules"])


def paths(document: dict[str, Any]) -> list[str]:
    return [sysroot["path"] for sysroot in document["sysroots"]]


def test_an_installed_sdk_has_the_symbols_of_its_target_and_not_of_its_tools(sdk: Path) -> None:
    document = run(sdk)
    assert document["sysroots"] == [{"path": "sysroots/core2-64-oe-linux", "files": 1}]
    assert document["by_status"] == {"ok": 1}
    (module,) = manifest(sdk)
    assert (module["path"], module["status"]) == ("/usr/lib/libx.so.1", "ok")
    assert module["symbols"]["counts"]["functions"] == 1
    assert (sdk.parent / "out/store" / module["symbols"]["path"]).is_file()


@pytest.mark.parametrize(
    ("half", "source"),
    [
        ("usr/lib/.debug/libx.so.1", "usr/src/debug/x/1.0/a.c"),  # .debug, debug-with-srcpkg
        ("usr/lib/.debug/libx.so.1", None),  # debug-without-src
        ("usr/lib/debug/usr/lib/libx.so.1.debug", "usr/src/debug/x/1.0/a.c"),  # -file-directory
    ],
)
def test_halves_are_found_in_each_split_style(
    tmp_path: Path, half: str, source: str | None
) -> None:
    root = tmp_path / "root"
    put(root / "usr/lib/libx.so.1", STRIPPED)
    put(root / "usr/lib/other.so", pair(2)[0])  # whose half lies elsewhere, under another name
    put(root / half, HALF)
    put((root / half).with_name("unrelated"), pair(2)[1])
    if source is not None:
        put(root / source, b"int f;\n")
    document = run(root)
    assert (document["files"], document["by_status"]) == (2, {"ok": 2})
    assert [m["symbols"]["counts"]["functions"] for m in manifest(root)] == [1, 1]


def test_a_moved_sdk_is_found_below_its_new_folder(sdk: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    sdk.rename(moved)
    assert paths(run(moved)) == ["sysroots/core2-64-oe-linux"]


def test_a_copied_sdk_is_read_and_not_the_one_it_was_copied_from(sdk: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(sdk, copy)
    put(sdk / "sysroots/core2-64-oe-linux/usr/lib/new.so", pair(3)[0])
    assert run(copy)["files"] == 1


def test_an_sdk_behind_a_link_is_found(sdk: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("sdk")
    environment(sdk, "core2-64-oe-linux", f"{tmp_path}/link/sysroots/core2-64-oe-linux")
    assert paths(run(tmp_path / "link")) == ["sysroots/core2-64-oe-linux"]


@pytest.mark.parametrize("built_for", [BUILT_FOR, "{home}"])
def test_an_extensible_sdk_has_its_sysroot_below_tmp(tmp_path: Path, built_for: str) -> None:
    home = tmp_path / "esdk"
    sysroot_with(home / "tmp/sysroots/qemux86-64")
    put(home / "tmp/sysroots/x86_64/usr/lib/libhost.so", pair(99)[0])
    above = Path(built_for.format(home=home)) / "tmp" / "sysroots"
    environment(home, "core2-64-oe-linux", f"{above}/qemux86-64", f"{above}/x86_64")
    document = run(home)
    assert paths(document) == ["tmp/sysroots/qemux86-64"]
    assert document["files"] == 1


def test_multilibs_that_share_a_sysroot_are_read_once(sdk: Path) -> None:
    environment(sdk, "x86-oemllib32-linux", f"{sdk}/sysroots/core2-64-oe-linux")
    put(sdk / "sysroots/core2-64-oe-linux/usr/lib32/libx.so.1", pair(2)[0])
    document = run(sdk, "--policy", "*=ignore")
    assert document["sysroots"] == [{"path": "sysroots/core2-64-oe-linux", "files": 2}]


def test_two_sysroots_are_in_one_manifest(sdk: Path) -> None:
    sysroot_with(sdk / "sysroots/cortexa57-oe-linux", 2, elf.AARCH64)
    put(sdk / "sysroots/cortexa57-oe-linux/usr/bin/only", pair(3, elf.AARCH64)[0])
    environment(sdk, "cortexa57-oe-linux", f"{BUILT_FOR}/sysroots/cortexa57-oe-linux")
    document = run(sdk, "--policy", "*=ignore")
    assert document["sysroots"] == [
        {"path": "sysroots/core2-64-oe-linux", "files": 1},
        {"path": "sysroots/cortexa57-oe-linux", "files": 2},
    ]
    found = [(module["path"], module["arch"], module["status"]) for module in manifest(sdk)]
    assert found == [
        ("/usr/bin/only", "arm64", "no-debug-info"),
        ("/usr/lib/libx.so.1", "x86_64", "ok"),
        ("/usr/lib/libx.so.1", "arm64", "ok"),
    ]


def test_what_two_sysroots_have_in_common_is_there_once(sdk: Path) -> None:
    stripped = pair(4)[0]
    for name in ("core2-64-oe-linux", "second"):
        put(sdk / "sysroots" / name / "usr/bin/same", stripped)
    environment(sdk, "second", f"{sdk}/sysroots/second")
    document = run(sdk, code=3)
    assert document["files"] == 2
    assert [found["path"] for found in document["findings"]] == ["/usr/bin/same"]


def test_a_sysroot_itself_is_taken(sdk: Path) -> None:
    root = sdk / "sysroots/core2-64-oe-linux"
    document = run(root)
    assert document["sysroots"] == [{"path": ".", "files": 1}]


def test_object_files_and_static_libraries_are_left_out(sdk: Path) -> None:
    root = sdk / "sysroots/core2-64-oe-linux"
    put(root / "usr/lib/crt1.o", Elf((elf.code(),), type=elf.RELOCATABLE).build())
    put(root / "usr/lib/libx.a", b"!<arch>\n")
    document = run(sdk)
    assert (document["files"], document["relocatable"]) == (1, 1)
    assert [module["path"] for module in manifest(sdk)] == ["/usr/lib/libx.so.1"]


def test_a_file_that_cannot_be_used_has_an_entry(sdk: Path) -> None:
    put(sdk / "sysroots/core2-64-oe-linux/usr/bin/cut-off", STRIPPED[:100])
    document = run(sdk, code=3)
    assert document["by_status"] == {"malformed": 1, "ok": 1}
    assert [found["code"] for found in document["findings"]] == ["malformed"]


def test_an_excuse_is_about_the_files_of_each_sysroot(sdk: Path, tmp_path: Path) -> None:
    put(sdk / "sysroots/second/usr/lib/libx.so.1", pair(2)[0])
    environment(sdk, "second", f"{sdk}/sysroots/second")
    (tmp_path / "policy.toml").write_text(
        '[[rule]]\npath = "/usr/lib/libx*"\nlevel = "excused"\nreason = "known"\n'
        "expires = 9999-12-31\n"
    )
    run(sdk, "--policy", tmp_path / "policy.toml")
    assert sorted(module["status"] for module in manifest(sdk)) == ["excused", "ok"]


def test_a_second_run_reads_nothing_again(sdk: Path, tmp_path: Path) -> None:
    assert run(sdk, "--cache", tmp_path / "cache")["known"] == 0
    assert run(sdk, "--cache", tmp_path / "cache")["known"] == 1


def test_a_person_is_told_what_there_is(sdk: Path) -> None:
    places = ("--store", sdk.parent / "store", "--manifest", sdk.parent / "m.json")
    done = crashsym("sdk", sdk, *places)
    assert done.stdout.decode().splitlines() == [
        "     1  ok",
        "     1  ELF file",
        "     1  in the sysroot sysroots/core2-64-oe-linux",
    ]
    assert b"1 symbol file: 1 new" in done.stderr


# ---- compared with an image


def image_of(folder: Path, **files: tuple[bytes, bytes]) -> Path:
    """Return the manifest of an image with libraries of these names."""
    for name, (stripped, _) in files.items():
        put(folder / f"image/usr/lib/{name}.so.1", stripped)
    written = folder / "image.json"
    places = ("--store", folder / "image-store", "--manifest", written)
    crashsym("image", folder / "image", *places)
    return written


def test_a_file_of_another_build_than_the_image_s_is_a_finding(sdk: Path, tmp_path: Path) -> None:
    put(sdk / "sysroots/core2-64-oe-linux/usr/lib/liby.so.1", pair(5)[0])
    put(sdk / "sysroots/core2-64-oe-linux/usr/lib/mine.so.1", pair(6)[0])
    image = image_of(tmp_path, libx=pair(7), liby=pair(5), theirs=pair(8))
    options = ("--image", image, "--policy", "no-debug-info=ignore")
    document = run(sdk, *options, code=3)
    assert document["image"] == {"compared": 2, "other_build": 1}
    (found,) = (one for one in document["findings"] if one["code"] == "other-build")
    assert (found["path"], found["level"]) == ("/usr/lib/libx.so.1", "warning")
    assert f"build id {'01' * 20}, in '{image}' {'07' * 20}" in found["message"]
    run(sdk, *options, "--policy", "other-build=ignore")
    done = crashsym("sdk", sdk, "--store", tmp_path / "s", "--manifest", tmp_path / "m", *options)
    assert b"     2  in the image, too; 1 of another build\n" in done.stdout


def test_the_status_of_a_file_of_another_build_is_that_of_its_symbols(
    sdk: Path, tmp_path: Path
) -> None:
    run(sdk, "--image", image_of(tmp_path, libx=pair(7)), code=3)
    assert [module["status"] for module in manifest(sdk)] == ["ok"]


def test_an_excuse_for_another_build_ends(sdk: Path, tmp_path: Path) -> None:
    image = image_of(tmp_path, libx=pair(7))
    for day, level in (("9999-12-31", "excused"), ("2020-01-01", "warning")):
        (tmp_path / "policy.toml").write_text(
            '[[rule]]\ncode = "other-build"\nlevel = "excused"\nreason = "known"\n'
            f"expires = {day}\n"
        )
        options = ("--image", image, "--policy", tmp_path / "policy.toml")
        (found,) = run(sdk, *options, code=0 if level == "excused" else 3)["findings"]
        assert found["level"] == level
        assert ("(the excuse ended on 2020-01-01: known)" in found["message"]) is (
            level == "warning"
        )


def test_a_file_without_build_id_is_of_another_build_than_one_with(
    sdk: Path, tmp_path: Path
) -> None:
    without = Elf((elf.text(64),)).build()
    put(sdk / "sysroots/core2-64-oe-linux/usr/lib/liby.so.1", without)
    image = image_of(tmp_path, libx=pair(1), liby=pair(5))
    options = ("--image", image, "--policy", "*=ignore", "--policy", "other-build=warning")
    document = run(sdk, *options, code=3)
    assert document["image"] == {"compared": 2, "other_build": 1}
    image = image_of(tmp_path, liby=(without, b""))
    assert run(sdk, *options)["image"] == {"compared": 2, "other_build": 0}


def test_a_library_for_another_cpu_is_another_file(sdk: Path, tmp_path: Path) -> None:
    image = image_of(tmp_path, libx=pair(7, elf.AARCH64))
    assert "not one of its files is in" in refused(sdk, "--image", image)


def test_what_could_not_be_read_is_not_compared(sdk: Path, tmp_path: Path) -> None:
    put(sdk / "sysroots/core2-64-oe-linux/usr/lib/liby.so.1", STRIPPED[:100])
    image = image_of(tmp_path, libx=pair(1), liby=pair(5))
    document = run(sdk, "--image", image, code=3)
    assert document["image"] == {"compared": 1, "other_build": 0}


def test_an_image_that_has_no_file_of_the_sdk_is_a_mistake(sdk: Path, tmp_path: Path) -> None:
    line = refused(sdk, "--image", image_of(tmp_path, other=pair(7)))
    assert f"'{tmp_path}/image.json': not one of its files is in '{sdk}'" in line
    assert not (tmp_path / "out/store").exists()
    assert "No such file" in refused(sdk, "--image", tmp_path / "gone.json")


# ---- what is no SDK, or not what it seems


def test_what_is_no_sdk_is_said(tmp_path: Path) -> None:
    assert "'/nowhere': no such folder" in refused_at(tmp_path, Path("/nowhere"))
    (tmp_path / "file").write_bytes(b"")
    assert "it is no folder" in refused_at(tmp_path, tmp_path / "file")
    (tmp_path / "empty/sysroots").mkdir(parents=True)
    (tmp_path / "empty/lib").write_bytes(b"")
    line = refused_at(tmp_path, tmp_path / "empty")
    assert "no file environment-setup-* in it, and neither a folder usr nor lib" in line
    assert line.endswith(
        "Give the folder where the SDK is installed, or one of its target sysroots."
    )


def refused_at(folder: Path, sdk: Path) -> str:
    done = crashsym("sdk", sdk, "--store", folder / "s", "--manifest", folder / "m")
    assert done.returncode == 2
    (line,) = done.stderr.decode().splitlines()
    return line


def test_the_sysroot_of_the_tools_is_none_of_the_target(sdk: Path) -> None:
    line = refused(sdk / "sysroots/x86_64-oesdk-linux")
    assert f"in the SDK '{sdk}' it has the host's tools" in line


@pytest.mark.parametrize("named", ["sysroots/x86_64-oesdk-linux", "sysroots"])
def test_a_file_that_names_the_tools_as_target_is_refused(sdk: Path, named: str) -> None:
    environment(sdk, "core2-64-oe-linux", f"{sdk}/{named}", f"{sdk}/sysroots/x86_64-oesdk-linux")
    assert "has the host's tools" in refused(sdk)


def test_files_without_a_target_are_no_answer(sdk: Path) -> None:
    put(sdk / "environment-setup-tools", b"export PATH=/x\nNOT_SDKTARGETSYSROOT=/y\n")
    assert paths(run(sdk)) == ["sysroots/core2-64-oe-linux"]
    (sdk / "environment-setup-core2-64-oe-linux").unlink()
    (sdk / "usr").mkdir()
    line = refused(sdk)
    assert "no SDKTARGETSYSROOT in its file environment-setup-tools" in line


@pytest.mark.parametrize(
    "named",
    [
        "/gone/sysroots/absent",
        "{sdk}",
        "{sdk}/sysroots/core2-64-oe-linux/../..",
        "{sdk}/../outside",
        "{sdk}/sysroots/../../outside",
        "{sdk}/sysroots/leading-out",
        "/moved/sysroots/leading-out",
        "{sdk}/sysroots/circle",
        "{sdk}/sysroots/file",
        "/",
        "/..",
        "/usr",
        "/proc/self/root",
        "/" + "long" * 500,
    ],
)
def test_a_sysroot_that_is_not_in_the_sdk_is_refused(sdk: Path, named: str) -> None:
    sysroot_with(sdk.parent / "outside")
    (sdk / "sysroots/leading-out").symlink_to("../../outside")
    (sdk / "sysroots/circle").symlink_to("circle")
    (sdk / "sysroots/file").write_bytes(b"")
    file = environment(sdk, "core2-64-oe-linux", named.format(sdk=sdk))
    line = refused(sdk)
    assert f"cannot find the target sysroot: '{file}': its sysroot" in line
    assert "is no folder in this SDK" in line


@pytest.mark.parametrize(
    "named", ["", "sysroots/core2-64-oe-linux", "$standalone_sysroot_target", "/$(touch x)", "/a\0"]
)
def test_a_sysroot_that_only_a_shell_could_tell_is_refused(sdk: Path, named: str) -> None:
    environment(sdk, "core2-64-oe-linux", named)
    assert "SDKTARGETSYSROOT is" in refused(sdk)
    assert not Path("x").exists()


@pytest.mark.parametrize(
    "line", ["SDKTARGETSYSROOT='{place}'", '  export  SDKTARGETSYSROOT="{place}" ', "{both}"]
)
def test_the_line_may_be_written_otherwise(sdk: Path, line: str) -> None:
    place = f"{sdk}/sysroots/core2-64-oe-linux"
    both = f"SDKTARGETSYSROOT=/first\nSDKTARGETSYSROOT={place}"
    text = line.format(place=place, both=both)
    put(sdk / "environment-setup-core2-64-oe-linux", b"\xff\xfe\n" + text.encode())
    assert paths(run(sdk)) == ["sysroots/core2-64-oe-linux"]


def test_an_environment_file_that_is_no_file_is_refused_at_once(sdk: Path) -> None:
    file = sdk / "environment-setup-core2-64-oe-linux"
    file.unlink()
    os.mkfifo(file)
    assert f"'{file}': it is no regular file" in refused(sdk)
    file.unlink()
    file.mkdir()
    assert f"'{file}': Is a directory" in refused(sdk)


def test_an_environment_file_that_is_huge_is_refused(sdk: Path) -> None:
    file = sdk / "environment-setup-core2-64-oe-linux"
    put(file, b"\n" * (2 << 20))
    assert "it has more than 1048576 bytes" in refused(sdk)
    os.truncate(file, 1 << 33)
    assert "bytes, more than" in refused(sdk)


def test_an_environment_file_outside_of_the_sdk_is_not_read(sdk: Path, tmp_path: Path) -> None:
    file = sdk / "environment-setup-core2-64-oe-linux"
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    assert "it is a link to what is not in this root" in refused(sdk)


def test_a_link_in_the_sysroot_leads_to_no_other_files(sdk: Path, tmp_path: Path) -> None:
    sysroot_with(tmp_path / "outside", 5)
    (sdk / "sysroots/core2-64-oe-linux/opt").symlink_to(tmp_path / "outside/usr")
    assert run(sdk)["files"] == 1


def test_a_sysroot_without_programs_is_said(sdk: Path) -> None:
    shutil.rmtree(sdk / "sysroots/core2-64-oe-linux/usr/lib")
    assert "no ELF executable or shared object below it" in refused(sdk)
