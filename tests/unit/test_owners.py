# SPDX-License-Identifier: MIT
"""Whose each file of a root file system is: dpkg, opkg, OE's package data, and damaged ones."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from crashsym import rootdb
from crashsym.errors import InputError, MalformedError, UnreadableError
from crashsym.owners import Owners, Packaged
from crashsym.targetroot import TargetRoot
from crashsym.texts import target_path
from hypothesis import given, settings
from hypothesis import strategies as st
from support import missing, require_tool

MD5 = "0123456789abcdef" * 2
APP = "Package: app\nStatus: install ok installed\nArchitecture: arm64\nVersion: 2:1.0-3+b1\n"
LIB = APP.replace("app", "libapp1") + "Source: app (1.0-3)\nMulti-Arch: same\n"


def write(folder: Path, path: str, text: str | bytes) -> Path:
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape"))
    return file


def dpkg(root: Path) -> Path:
    """Make the database of two packages, one of which is there for an architecture."""
    info = "var/lib/dpkg/info"
    write(root, "var/lib/dpkg/status", f"{APP}Description: an app\n Package: no\n\n{LIB}\n")
    write(root, f"{info}/app.list", "/.\n/usr\n/usr/bin\n/usr/bin/app\n/bin/tool\n")
    write(root, f"{info}/app.md5sums", f"{MD5}  usr/bin/app\n")
    write(root, f"{info}/libapp1:arm64.list", "/.\n/lib\n/lib/libapp.so.1\n")
    write(root, f"{info}/libapp1:arm64.md5sums", f"{MD5[::-1]}  ./lib/libapp.so.1\n")
    return root


def messages(owners: Owners) -> list[str]:
    return [problem.message for problem in owners.problems]


# ---- this machine's own database, and what dpkg says about it


@pytest.fixture(scope="module")
def machine() -> Owners:
    require_tool("dpkg")
    return Owners.from_rootfs(Path("/"))


def test_the_packages_of_this_machine_have_the_sources_that_dpkg_says(machine: Owners) -> None:
    form = "${db:Status-Status} ${Package} ${source:Package} ${source:Version}\n"
    shown = subprocess.run(["dpkg-query", "-W", "-f", form], capture_output=True, text=True)
    expected = defaultdict(set)
    for line in shown.stdout.splitlines():
        state, package, source, version = line.split()
        if state == "installed":
            expected[package].add((source, version))
    known = defaultdict(set)
    for found in machine.files.values():
        for one in found:
            known[one.package].add((one.recipe, one.version))
    assert machine.names == set(expected)
    assert machine.packages > 50
    assert {name: expected[name] for name in known} == known
    assert machine.problems == ()


def test_the_files_of_this_machine_are_of_the_packages_that_dpkg_says(machine: Owners) -> None:
    lists = sorted(Path("/var/lib/dpkg/info").glob("*.list"))
    listed = sorted({p for file in lists for p in file.read_text().splitlines()})
    diverted = Path("/var/lib/dpkg/diversions").read_text().split()
    odd = set("*?[]\\, ") | {"\udcff"}
    files = [p for p in listed if not odd & set(p) and p not in diverted]
    files = [p for p in files[:: max(1, len(files) // 600)] if Path(p).is_file()]
    assert len(files) > 100
    shown = subprocess.run(["dpkg", "-S", *files], capture_output=True, text=True, check=True)
    said = {}
    for line in shown.stdout.splitlines():
        packages, _, path = line.rpartition(": ")
        said[path] = {name.partition(":")[0] for name in packages.split(", ")}
    root = TargetRoot(Path("/"))
    known = {path: {one.package for one in machine.files[root.place(path)]} for path in files}
    assert known == said


def test_files_that_are_diverted_on_this_machine_are_of_whom_dpkg_says(machine: Owners) -> None:
    lines = Path("/var/lib/dpkg/diversions").read_text().splitlines()
    root = TargetRoot(Path("/"))
    checked = 0
    for path, to, package in zip(lines[::3], lines[1::3], lines[2::3], strict=True):
        shown = subprocess.run(["dpkg", "-S", path], capture_output=True, text=True)
        owners = {
            name.partition(":")[0]
            for line in shown.stdout.splitlines()
            if not line.startswith("diversion")
            for name in line.rpartition(": ")[0].split(", ")
        }
        here = {one.package for one in machine.files.get(root.place(path), ())}
        there = {one.package for one in machine.files.get(root.place(to), ())}
        assert (here, there) == (owners & {package}, owners - {package})
        checked += len(owners)
    if not checked:
        missing("a diverted file", "Run this where dpkg-divert has something to list.")


def test_the_bytes_of_this_machine_are_those_that_were_packaged(machine: Owners) -> None:
    checked = 0
    for path, found in machine.files.items():
        if found[0].package in ("coreutils", "libc-bin") and found[0].md5:
            if not Path(path).is_file():
                continue  # images for containers leave manuals out
            assert (
                hashlib.md5(Path(path).read_bytes(), usedforsecurity=False).hexdigest()
                == found[0].md5
            ), path
            checked += 1
    assert checked > 50


# ---- dpkg


def test_dpkg_names_package_source_version_and_md5(tmp_path: Path) -> None:
    owners = Owners.from_rootfs(dpkg(tmp_path))
    assert owners.of("/usr/bin/app") == Packaged("app", "app", "2:1.0-3+b1", None, MD5)
    assert owners.of("/bin/tool") == Packaged("app", "app", "2:1.0-3+b1")
    assert owners.of("/lib/libapp.so.1") == Packaged("libapp1", "app", "1.0-3", None, MD5[::-1])
    assert owners.of("/usr/bin/other") is None
    assert (owners.packages, owners.problems) == (2, ())


def test_files_are_where_links_to_folders_lead(tmp_path: Path) -> None:
    (tmp_path / "usr/lib").mkdir(parents=True)
    (tmp_path / "usr/bin").mkdir()
    (tmp_path / "lib").symlink_to("usr/lib")
    (tmp_path / "bin").symlink_to("/usr/bin")  # from the root of the target, not this machine's
    owners = Owners.from_rootfs(dpkg(tmp_path))
    assert owners.of("/lib/libapp.so.1") is None
    for path in ("/usr/lib/libapp.so.1", "/usr/bin/tool", "/usr/bin/app"):
        assert owners.of(path), path


def test_a_package_s_file_is_where_another_package_diverts_it_to(tmp_path: Path) -> None:
    root = dpkg(tmp_path)
    for folder in ("usr/bin", "usr/lib"):
        (root / folder).mkdir(parents=True)
    (root / "bin").symlink_to("usr/bin")
    lines = ["/bin/tool", "/bin/tool.real", "libapp1", "/usr/bin/app", "/usr/bin/app.old", "app"]
    lines += ["/lib/libapp.so.1", "/lib/libapp.so.0", ":"]
    write(root, "var/lib/dpkg/diversions", "\n".join(lines) + "\n")
    owners = Owners.from_rootfs(root)
    assert owners.problems == ()
    files = {"/usr/bin/app", "/usr/bin/tool.real", "/lib/libapp.so.0"}
    assert {path for path in owners.files if path.count("/") > 1} - {"/usr/bin"} == files
    assert owners.of("/usr/bin/app") == Packaged("app", "app", "2:1.0-3+b1", None, MD5)
    assert owners.of("/lib/libapp.so.0") == Packaged("libapp1", "app", "1.0-3", None, MD5[::-1])


class OnlyLookedUp(dict[str, tuple[str, str]]):
    """Diversions that nobody goes through: there may be as many as files, for each package."""

    looked_up = 0

    def get(self, *words: Any) -> Any:
        self.looked_up += 1
        return super().get(*words)

    def items(self) -> Any:
        raise AssertionError("all diversions for one package")

    keys = values = __iter__ = items


def test_a_diversion_is_looked_up_once_for_each_path_that_a_package_lists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    diverted = OnlyLookedUp({"/bin/tool": ("/bin/tool.real", "libapp1")})
    monkeypatch.setattr(rootdb, "_diversions", lambda _: diverted)
    owners = Owners.from_rootfs(dpkg(tmp_path))
    assert owners.of("/bin/tool.real")
    assert not owners.of("/bin/tool")
    assert diverted.looked_up == 8  # lines of both packages' lists


def test_half_a_diversion_is_said_and_the_others_are_kept(tmp_path: Path) -> None:
    root = dpkg(tmp_path)
    write(root, "var/lib/dpkg/diversions", "/bin/tool\n/bin/other\n:\n/usr/bin/app\n")
    owners = Owners.from_rootfs(root)
    assert owners.of("/bin/other")
    assert owners.of("/usr/bin/app")
    assert "'/var/lib/dpkg/diversions': it has 4 lines" in messages(owners)[0]


def test_a_package_may_be_there_for_two_architectures(tmp_path: Path) -> None:
    root = dpkg(tmp_path)
    write(root, "var/lib/dpkg/status", f"{LIB}\n{LIB.replace('arm64', 'armhf')}")
    write(root, "var/lib/dpkg/info/libapp1:armhf.list", "/lib/arm/libapp.so.1\n")
    owners = Owners.from_rootfs(root)
    write(root, "var/lib/dpkg/info/libapp1.list", "/lib/old\n")  # of before it had several
    assert Owners.from_rootfs(root) == owners
    write(root, "var/lib/dpkg/status", LIB.replace("Multi-Arch: same", "Multi-Arch: foreign"))
    assert set(Owners.from_rootfs(root).files) == {"/lib/old"}
    assert owners.packages == 1
    assert owners.of("/lib/libapp.so.1") == Packaged("libapp1", "app", "1.0-3", None, MD5[::-1])
    assert owners.of("/lib/arm/libapp.so.1") == Packaged("libapp1", "app", "1.0-3")


def test_what_was_removed_owns_nothing(tmp_path: Path) -> None:
    root = dpkg(tmp_path)
    text = APP.replace("install ok installed", "deinstall ok config-files") + "\n" + LIB
    write(root, "var/lib/dpkg/status", text)
    owners = Owners.from_rootfs(root)
    assert owners.of("/usr/bin/app") is None
    assert owners.names == {"libapp1"}


def test_oe_s_packages_for_dpkg_name_their_recipe(tmp_path: Path) -> None:
    # meta/classes-global/package_deb.bbclass writes the field OE, and none for the source.
    write(dpkg(tmp_path), "var/lib/dpkg/status", APP + "OE: app-recipe\n")
    found = Owners.from_rootfs(tmp_path).of("/usr/bin/app")
    assert found == Packaged("app", "app-recipe", "2:1.0-3+b1", None, MD5)


def test_distroless_images_have_a_file_for_each_package(tmp_path: Path) -> None:
    write(tmp_path, "var/lib/dpkg/status.d/libc6", APP.replace("app", "libc6") + "Source: glibc\n")
    sums = f"{MD5}  usr/lib/libc.so.6\n{MD5}  ./usr/lib/libm.so.6\n"
    write(tmp_path, "var/lib/dpkg/status.d/libc6.md5sums", sums)
    write(tmp_path, "var/lib/dpkg/status.d/base", APP.replace("app", "base-files"))
    owners = Owners.from_rootfs(tmp_path)
    expected = Packaged("libc6", "glibc", "2:1.0-3+b1", None, MD5)
    assert owners.files == {"/usr/lib/libc.so.6": [expected], "/usr/lib/libm.so.6": [expected]}
    assert owners.names == {"libc6", "base-files"}
    assert owners.problems == ()


def test_no_database_is_known_by_its_packages(tmp_path: Path) -> None:
    assert Owners.from_rootfs(tmp_path) == Owners({}, frozenset(), ())
    assert Owners.from_rootfs(tmp_path).packages == 0


@pytest.mark.parametrize("path", ["var/lib/rpm/rpmdb.sqlite", "lib/apk/db/installed"])
def test_a_database_of_others_is_said(tmp_path: Path, path: str) -> None:
    write(tmp_path, path, "")
    owners = Owners.from_rootfs(tmp_path)
    assert owners.packages == 0
    assert [problem.code for problem in owners.problems] == ["unsupported"]
    assert f"'/{Path(path).parent}'" in messages(owners)[0]


# ---- opkg


@pytest.mark.parametrize("base", ["var/lib/opkg", "usr/lib/opkg"])
@pytest.mark.parametrize("rest", ["", "\t0100755", "\t0120777\tapp-1.0"])
def test_opkg_has_lists_and_the_recipe_in_the_control_file(
    tmp_path: Path, base: str, rest: str
) -> None:
    # meta/classes-global/package_ipk.bbclass writes OE, and the recipe's file name as Source.
    status = "Package: app\nVersion: 1.0-r0\nStatus: install user installed\nArchitecture: arm\n"
    write(tmp_path, f"{base}/status", status + "\n")
    write(tmp_path, f"{base}/info/app.control", f"{status}OE: app-recipe\nSource: app_1.0.bb\n")
    write(tmp_path, f"{base}/info/app.list", f"/usr/bin/app{rest}\n/usr/bin/a b{rest}\n")
    owners = Owners.from_rootfs(tmp_path)
    expected = Packaged("app", "app-recipe", "1.0-r0")
    assert owners.files == {"/usr/bin/app": [expected], "/usr/bin/a b": [expected]}
    write(tmp_path, f"{base}/status", status + "Source: package/utils/app\n")
    write(tmp_path, f"{base}/info/app.control", status)
    assert Owners.from_rootfs(tmp_path).of("/usr/bin/app") == Packaged("app", "app", "1.0-r0")


def test_one_opkg_database_with_two_names_is_read_once(tmp_path: Path) -> None:
    write(tmp_path, "usr/lib/opkg/status", APP)
    write(tmp_path, "usr/lib/opkg/info/app.list", "/usr/bin/app\n")
    (tmp_path / "var/lib").mkdir(parents=True)
    (tmp_path / "var/lib/opkg").symlink_to("../../usr/lib/opkg")
    assert len(Owners.from_rootfs(tmp_path).files["/usr/bin/app"]) == 1


# ---- package data of OE, as emit_pkgdata of meta/lib/oe/packagedata.py writes it


def pkgdata(folder: Path, package: str, files: dict[str, int], **values: str) -> Path:
    values = {"PN": "app", "PV": "1.0", "PKGV": "1.0+git", f"PKG:{package}": package, **values}
    values[f"FILES_INFO:{package}"] = json.dumps(files, sort_keys=True)
    lines = [
        f"{name}: {value.encode('unicode_escape').decode('latin1')}\n"
        for name, value in values.items()
    ]
    write(folder, f"runtime/{package}", "".join(lines))
    write(folder, f"runtime/{package}.packaged", "")
    link = folder / "runtime-reverse" / values[f"PKG:{package}"]
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(f"../runtime/{package}")
    return folder


def test_package_data_names_recipe_version_and_size(tmp_path: Path) -> None:
    odd = '/usr/bin/\xe9\\ "\u20ac\U0001f600\n\udcff'
    pkgdata(
        tmp_path,
        "app",
        {"/usr/bin/app": 67464, odd: 1},
        DESCRIPTION="a\nPN: no",
        **{"PN:lib": "no"},
    )
    pkgdata(tmp_path, "lib", {"/lib/libapp.so.1": 9}, **{"PKG:lib": "libapp1", "PN:lib": "lib"})
    write(tmp_path, "runtime/lib32-app", "PKG:lib32-app: app")  # write_extra_runtime_pkgs
    owners = Owners.from_pkgdata(tmp_path)
    assert owners.files == {
        "/usr/bin/app": [Packaged("app", "app", "1.0", 67464)],
        target_path(odd): [Packaged("app", "app", "1.0", 1)],
        "/lib/libapp.so.1": [Packaged("libapp1", "lib", "1.0", 9)],
    }
    assert owners.problems == ()


def test_only_installed_packages_count(tmp_path: Path) -> None:
    pkgdata(tmp_path, "lib", {"/usr/lib/lib.so": 1}, **{"PKG:lib": "lib1"})
    pkgdata(tmp_path, "other", {"/usr/lib/lib.so": 2})
    manifest = write(tmp_path, "image.manifest", "lib1 cortexa57 1.0-r0\nlost all 1\ngone all 1\n")
    owners = Owners.from_pkgdata(tmp_path, manifest)
    assert owners.files == {"/usr/lib/lib.so": [Packaged("lib1", "app", "1.0", 1)]}
    [message] = messages(owners)
    assert "'runtime-reverse': installed package 'lost', and 1 more like it, is not" in message


def test_an_image_may_have_no_packages(tmp_path: Path) -> None:
    pkgdata(tmp_path, "app", {"/usr/bin/app": 1})
    owners = Owners.from_pkgdata(tmp_path, write(tmp_path, "image.manifest", ""))
    assert (owners.packages, owners.problems) == (0, ())


def test_the_package_whose_file_has_the_size_is_the_owner(tmp_path: Path) -> None:
    pkgdata(tmp_path, "a", {"/usr/bin/vi": 1})
    pkgdata(tmp_path, "b", {"/usr/bin/vi": 2})
    owners = Owners.from_pkgdata(tmp_path)
    for size, package in ((1, "a"), (2, "b"), (3, "a"), (None, "a")):
        found = owners.of("/usr/bin/vi", size)
        assert found is not None
        assert found.package == package


def test_package_data_has_the_links_of_the_root(tmp_path: Path) -> None:
    (tmp_path / "root/usr/lib").mkdir(parents=True)
    (tmp_path / "root/lib").symlink_to("usr/lib")
    pkgdata(tmp_path / "data", "app", {"/lib/libapp.so": 1})
    assert Owners.from_pkgdata(tmp_path / "data").of("/lib/libapp.so")
    owners = Owners.from_pkgdata(tmp_path / "data", root=tmp_path / "root")
    assert list(owners.files) == ["/usr/lib/libapp.so"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("PV: 1", "it has no line 'PN: …'"),
        ("PN: a", "it has no line 'FILES_INFO: …'"),
        ("PN: a\nFILES_INFO: {}\nPKG:app: a\\nb", "it calls the package 'a\\nb'"),
        ("PN: a\nFILES_INFO:app: {", "FILES_INFO is no JSON"),
        ("PN: a\nFILES_INFO:app: [1]", "FILES_INFO is a JSON list, no object"),
        ("PN: a\nFILES_INFO:app: " + "[" * 100_000, "'runtime/app': "),
        ("PN: a\\q", "unknown escape '\\q'"),
        ("PN: a\\", "unknown escape"),
        ("PN: \\Uffffffff", "unknown escape"),
        ('PN: a\nFILES_INFO:app: {"/b": -1, "/c": true, "/d": 1e9, "e": 1}', "4 of 4 files"),
        ('PN: a\nFILES_INFO:app: {"/b": 1' + "0" * 30 + "}", "1 of 1 files"),
        ('PN: a\nFILES_INFO:app: {"/b": ' + "9" * 5000 + "}", "'runtime/app': "),
    ],
)
def test_a_damaged_package_is_said_and_the_others_are_kept(
    tmp_path: Path, text: str, message: str
) -> None:
    pkgdata(pkgdata(tmp_path, "app", {}), "other", {"/usr/bin/other": 1})
    write(tmp_path, "runtime/app", text)
    owners = Owners.from_pkgdata(tmp_path)
    assert owners.of("/usr/bin/other")
    [found] = owners.problems
    assert message in found.why or message in found.message
    assert (found.path, found.owner.package) == ("runtime/app", "app")


def test_very_many_problems_of_a_kind_are_one_that_has_their_number(tmp_path: Path) -> None:
    status = "".join(f"Package: a{number}\n\n" for number in range(1000))
    write(tmp_path, "var/lib/dpkg/status", status)
    problems = Owners.from_rootfs(tmp_path).problems
    assert len(problems) == 101
    assert problems[0].owner.package == "a0"
    assert problems[-1].why == "it is missing; 899 more problems of this kind"
    assert problems[-1].owner.package is None


def test_a_long_name_is_not_shown_as_a_whole(tmp_path: Path) -> None:
    write(tmp_path, "var/lib/dpkg/status", f"Package: {'a b' * 1_000_000}\n\nPackage: b\n")
    write(tmp_path, "var/lib/dpkg/info/b.list", "/b\n")
    [found] = Owners.from_rootfs(tmp_path).problems
    assert len(found.why) < 200
    assert "(3000000 characters)" in found.why


def test_a_file_of_an_impossible_size_still_has_its_owner(tmp_path: Path) -> None:
    write(pkgdata(tmp_path, "app", {}), "runtime/app", 'PN: a\nFILES_INFO: {"/b": -1}')
    assert Owners.from_pkgdata(tmp_path).of("/b") == Packaged("app", "a", None)


def test_package_data_that_is_of_no_use_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="no such folder"):
        Owners.from_pkgdata(tmp_path / "nowhere")
    with pytest.raises(MalformedError, match=f"'{tmp_path}': 'runtime' in it has no package"):
        Owners.from_pkgdata(tmp_path)
    pkgdata(tmp_path, "app", {})
    with pytest.raises(UnreadableError, match="no such file"):
        Owners.from_pkgdata(tmp_path, tmp_path / "image.manifest")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(UnreadableError, match="Too many levels"):
        Owners.from_pkgdata(tmp_path, tmp_path / "loop")
    write(tmp_path, "image.manifest", "\n")
    with pytest.raises(MalformedError, match="names no package"):
        Owners.from_pkgdata(tmp_path, tmp_path / "image.manifest")
    write(tmp_path, "image.manifest", "../runtime/app all 1\nother all 1\n")
    with pytest.raises(MalformedError, match=f"none of its 2 packages is in '{tmp_path}'"):
        Owners.from_pkgdata(tmp_path, tmp_path / "image.manifest")


# ---- both together


def test_the_database_says_what_is_there_and_package_data_of_which_recipe(tmp_path: Path) -> None:
    pkgdata(tmp_path / "data", "app", {"/usr/bin/app": 5, "/usr/bin/lost": 6}, PN="recipe")
    pkgdata(tmp_path / "data", "aaa", {"/usr/bin/app": 7, "/usr/bin/aaa": 8})
    owners = Owners.from_pkgdata(tmp_path / "data").with_database(
        Owners.from_rootfs(dpkg(tmp_path / "root"))
    )
    assert owners.of("/usr/bin/app", 7) == Packaged("app", "recipe", "1.0", 5, MD5)
    assert owners.of("/usr/bin/lost") == Packaged("app", "recipe", "1.0", 6)
    assert owners.of("/usr/bin/aaa") is None  # it was made, but is not installed
    assert owners.of("/lib/libapp.so.1") == Packaged("libapp1", "app", "1.0-3", None, MD5[::-1])
    assert owners.names == {"app", "libapp1"}


def test_package_data_does_without_a_database(tmp_path: Path) -> None:
    write(tmp_path / "root", "var/lib/rpm/rpmdb.sqlite", "")
    built = Owners.from_pkgdata(pkgdata(tmp_path / "data", "app", {"/usr/bin/app": 5}))
    assert built.with_database(Owners.from_rootfs(tmp_path / "root")) == built
    assert Owners().with_database(Owners.from_rootfs(tmp_path / "root")).problems


# ---- damaged databases


@pytest.mark.parametrize("text", ["x", "Status: install ok installed\n", "\0" * 9, " Package: a"])
def test_a_status_without_packages_is_an_error(tmp_path: Path, text: str) -> None:
    write(dpkg(tmp_path), "var/lib/dpkg/status", text)
    with pytest.raises(MalformedError, match=r"'/var/lib/dpkg/status': it has no line 'Package: "):
        Owners.from_rootfs(tmp_path)


@pytest.mark.parametrize("kind", ["pipe", "folder", "outside", "loop", "large"])
def test_a_status_that_is_no_file_of_the_root_is_an_error(tmp_path: Path, kind: str) -> None:
    root = dpkg(tmp_path / "root")
    write(tmp_path, "outside", APP)
    status = root / "var/lib/dpkg/status"
    status.unlink()
    if kind == "pipe":
        os.mkfifo(status)
    elif kind == "folder":
        status.mkdir()
    elif kind == "large":
        status.touch()
        os.truncate(status, (1 << 26) + 1)
    else:
        status.symlink_to(tmp_path / "outside" if kind == "outside" else "status")
    with pytest.raises(UnreadableError, match=r"cannot read: '/var/lib/dpkg/status': .*\. Give"):
        Owners.from_rootfs(root)


@pytest.mark.parametrize("target", ["/var/lib/dpkg/info/kept", "../info/kept", "kept"])
def test_links_inside_the_root_are_followed(tmp_path: Path, target: str) -> None:
    info = dpkg(tmp_path) / "var/lib/dpkg/info"
    (info / "app.list").rename(info / "kept")
    (info / "app.list").symlink_to(target)
    assert Owners.from_rootfs(tmp_path).of("/usr/bin/app")


def test_a_package_whose_list_leads_outside_is_left_out(tmp_path: Path) -> None:
    info = dpkg(tmp_path / "root") / "var/lib/dpkg/info"
    write(tmp_path, "list", "/usr/bin/app\n")
    for target in (tmp_path / "list", Path("../../../../../list")):
        (info / "app.list").unlink()
        (info / "app.list").symlink_to(target)
        owners = Owners.from_rootfs(tmp_path / "root")
        assert owners.of("/usr/bin/app") is None
        assert owners.of("/lib/libapp.so.1")
        [problem] = owners.problems
        assert (problem.code, problem.owner.package) == ("unreadable", "app")


def test_a_missing_list_and_odd_lines_are_said(tmp_path: Path) -> None:
    info = dpkg(tmp_path) / "var/lib/dpkg/info"
    (info / "libapp1:arm64.list").unlink()
    (info / "app.list").write_text(f"usr/bin/odd\n/{'a' * 5000}\n/a\0b\n/usr/bin/app\n")
    (info / "app.md5sums").write_text(f"{MD5}  usr/bin/app\n{MD5[1:]}  usr/bin/b\n")
    owners = Owners.from_rootfs(tmp_path)
    assert owners.files == {"/usr/bin/app": [Packaged("app", "app", "2:1.0-3+b1", None, MD5)]}
    text = "\n".join(messages(owners))
    assert "app.md5sums': 1 of 2 lines are no MD5" in text
    assert "app.list': 3 of 4 lines are no paths" in text
    assert "libapp1.list': it is missing" in text


def test_packages_of_impossible_names_are_said_and_read_nothing(tmp_path: Path) -> None:
    root = dpkg(tmp_path)
    write(root, "evil.list", "/usr/bin/evil\n")
    write(root, "var/lib/dpkg/status", f"{APP}\n{APP.replace('app', '../../../../evil')}\nX: y\n")
    owners = Owners.from_rootfs(root)
    assert owners.names == {"app"}
    assert "2 of 3 packages have no name: '../../../../evil', ''" in messages(owners)[0]


def test_paths_that_are_no_utf_8_are_those_of_the_root(tmp_path: Path) -> None:
    write(dpkg(tmp_path), "var/lib/dpkg/info/app.list", b"/usr/bin/\xff\xe9\n/usr/bin/\x85a\n")
    owners = Owners.from_rootfs(tmp_path)
    assert set(owners.files) > {r"/usr/bin/\xff\xe9", r"/usr/bin/\x85a"}


DATABASE = (
    "var/lib/dpkg/status",
    "var/lib/dpkg/diversions",
    "var/lib/dpkg/info/app.list",
    "var/lib/dpkg/info/app.md5sums",
    "var/lib/dpkg/status.d/base",
    "var/lib/opkg/status",
    "var/lib/opkg/info/tool.list",
    "var/lib/opkg/info/tool.control",
    "image.manifest",
    "runtime/app",
    "runtime/app.packaged",
)


@settings(max_examples=150, deadline=None)
@given(
    path=st.sampled_from(DATABASE),
    start=st.integers(0, 120),
    length=st.integers(0, 40),
    bytes_=st.one_of(
        st.binary(max_size=20),
        st.sampled_from([b"\n\n", b"\n", b"Package:", b"\\", b"/../..", b"\0", b"{", b"9" * 9]),
    ),
)
def test_damage_raises_nothing_but_errors_of_ours(
    path: str, start: int, length: int, bytes_: bytes
) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = pkgdata(dpkg(Path(name)), "app", {"/usr/bin/app": 1})
        write(root, "var/lib/dpkg/diversions", "/bin/tool\n/bin/tool.real\n:\n")
        write(root, "var/lib/dpkg/status.d/base", APP)
        write(root, "var/lib/opkg/status", APP.replace("app", "tool"))
        write(root, "var/lib/opkg/info/tool.list", "/usr/bin/tool\t0100755\n")
        write(root, "var/lib/opkg/info/tool.control", "OE: tool\n")
        write(root, "image.manifest", "app all 1.0\n")
        whole = (root / path).read_bytes()
        (root / path).write_bytes(whole[:start] + bytes_ + whole[start + length :])
        try:
            built = Owners.from_pkgdata(root, root / "image.manifest", root)
            owners = built.with_database(Owners.from_rootfs(root))
        except InputError:
            return
        assert owners.names
        for file in owners.files:
            assert file.startswith("/")
            assert not {"", "..", "."} & set(file[1:].split("/")) or file == "/"
        assert all(message.isprintable() for message in messages(owners))
