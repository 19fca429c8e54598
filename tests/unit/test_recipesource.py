# SPDX-License-Identifier: MIT
"""What BitBake knows of a source: where its files are in the symbols, in each series of Yocto."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from crashsym.errors import ConfigError
from crashsym.recipesource import Checkout, read_recipe
from crashsym.source import Repository, Source

WORK = "/oe/cortexa57-oe-linux/foo/1.0"
PREFIX = "/usr/src/debug/foo/1.0"
HOST = "-ffile-prefix-map=/build/sysroot= -ffile-prefix-map=/build/native= "
# OE-Core's conf/bitbake.conf
MASTER = {
    "WORKDIR": WORK,
    "UNPACKDIR": f"{WORK}/sources",
    "S": f"{WORK}/sources/foo-1.0",
    "B": f"{WORK}/sources/foo-1.0",
    "DEBUG_PREFIX_MAP": f"-fcanon-prefix-map -ffile-prefix-map={WORK}/sources/foo-1.0={PREFIX}"
    f" -ffile-prefix-map={WORK}/sources/foo-1.0={PREFIX} {HOST}",
    "BB_GIT_DEFAULT_DESTSUFFIX": "foo-1.0",
}
SCARTHGAP = {
    "WORKDIR": WORK,
    "UNPACKDIR": None,
    "S": f"{WORK}/git",
    "B": f"{WORK}/build",
    "DEBUG_PREFIX_MAP": f"-fcanon-prefix-map -fmacro-prefix-map={WORK}/git={PREFIX}"
    f" -fdebug-prefix-map={WORK}/git={PREFIX} -fmacro-prefix-map={WORK}/build={PREFIX}"
    f" -fdebug-prefix-map={WORK}/build={PREFIX} {HOST}",
    "BB_GIT_DEFAULT_DESTSUFFIX": None,
}
OLD_PREFIX = "/usr/src/debug/foo/1_1.0-r0"
KIRKSTONE = {
    **SCARTHGAP,
    "DEBUG_PREFIX_MAP": f"-fmacro-prefix-map={WORK}={OLD_PREFIX}"
    f" -fdebug-prefix-map={WORK}={OLD_PREFIX} {HOST}",
}
GIT = {"scheme": "git", "host": "example.com", "path": "/team/foo.git"}
TARBALL = {"scheme": "https", "host": "example.com", "path": "/foo-1.0.tar.xz"}
LOCAL = {"scheme": "file", "host": "", "path": "foo.c"}
REV = "0123456789abcdef0123456789abcdef01234567"


def entry(kind: dict[str, str], revision: str | None = None, **parameters: str) -> dict[str, Any]:
    """One entry of SRC_URI."""
    return {**kind, "parameters": parameters, "revision": revision}


def recipe(
    tmp_path: Path,
    variables: dict[str, Any],
    *sources: dict[str, Any],
    patches: tuple[str, ...] = (),
) -> tuple[Source, list[Checkout]]:
    """Return what is read of a recipe."""
    document = {"sources": sources, "patches": patches, "variables": variables}
    (tmp_path / "facts.json").write_text(json.dumps(document))
    return read_recipe(tmp_path / "facts.json")


def places(tmp_path: Path, variables: dict[str, Any], *sources: dict[str, Any]) -> list[Any]:
    """Return path and subpath of each entry."""
    source, _ = recipe(tmp_path, variables, *sources)
    return [(known.path, known.subpath) for known in source.repositories]


def test_a_git_repository_in_s_is_the_prefix(tmp_path: Path) -> None:
    source, checkouts = recipe(tmp_path, MASTER, entry(GIT, REV, protocol="https", branch="main"))
    uri = "git://example.com/team/foo.git;protocol=https;branch=main"
    known = Repository(uri, REV, "", "")
    assert source == Source((known,), (), PREFIX)
    assert checkouts == [Checkout(known, Path(f"{WORK}/sources/foo-1.0"))]


@pytest.mark.parametrize(
    ("series", "path", "prefix"), [(SCARTHGAP, "", PREFIX), (KIRKSTONE, "git", OLD_PREFIX)]
)
def test_older_series_unpack_git_elsewhere_and_map_other_folders(
    tmp_path: Path, series: dict[str, Any], path: str, prefix: str
) -> None:
    source, checkouts = recipe(tmp_path, series, entry(GIT, REV))
    uri = "git://example.com/team/foo.git"
    assert source == Source((Repository(uri, REV, path),), (), prefix)
    assert [known.folder for known in checkouts] == [Path(f"{WORK}/git")]


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        (MASTER, [("vendor/bar", ""), (None, "lib"), ("lib", "lib")]),
        (SCARTHGAP, [(None, ""), (None, "lib"), (None, "lib")]),
        (KIRKSTONE, [("foo-1.0/vendor/bar", ""), ("lib", "lib"), ("foo-1.0/lib", "lib")]),
    ],
)
def test_further_repositories_lie_where_destsuffix_and_subpath_say(
    tmp_path: Path, series: dict[str, Any], expected: list[Any]
) -> None:
    sources = (
        entry(GIT, REV, destsuffix="foo-1.0/vendor/bar"),
        entry(GIT, REV, subpath="lib"),
        entry(GIT, REV, subpath="lib/", subdir="foo-1.0/lib"),
    )
    assert places(tmp_path, series, *sources) == expected


def test_a_recipe_that_compiles_a_part_of_a_repository(tmp_path: Path) -> None:
    part = f"{WORK}/sources/foo-1.0/daemon"
    maps = f"-ffile-prefix-map={part}={PREFIX} -ffile-prefix-map={part}/build={PREFIX}"
    series = {**MASTER, "S": part, "B": f"{part}/build", "DEBUG_PREFIX_MAP": maps}
    assert places(tmp_path, series, entry(GIT, REV)) == [("", "daemon")]
    _, (checkout,) = recipe(tmp_path, series, entry(GIT, REV))
    assert (checkout.folder, checkout.subpath) == (Path(f"{WORK}/sources/foo-1.0"), "")


def test_slashes_at_the_end_make_no_difference(tmp_path: Path) -> None:
    folders = {"S": f"{WORK}/git/", "B": f"{WORK}/build/"}
    maps = f"-fdebug-prefix-map={WORK}/git/={PREFIX}/ -fdebug-prefix-map={WORK}/build/={PREFIX}/"
    series = {**SCARTHGAP, **folders, "DEBUG_PREFIX_MAP": maps}
    source, _ = recipe(tmp_path, series, entry(GIT, REV, destsuffix="git/lib/"), entry(GIT, REV))
    assert source.prefix == PREFIX
    assert [known.path for known in source.repositories] == ["lib", ""]


def test_an_archive_brings_the_folder_that_is_compiled(tmp_path: Path) -> None:
    assert places(tmp_path, MASTER, entry(TARBALL)) == [("", "foo-1.0")]
    assert places(tmp_path, KIRKSTONE, entry(TARBALL)) == [("", "")]
    assert places(tmp_path, MASTER, entry(TARBALL, subdir="foo-1.0/data")) == [("data", "")]
    # what is in S is git's
    assert places(tmp_path, MASTER, entry(TARBALL), entry(GIT, REV)) == [(None, ""), ("", "")]
    # what is taken off its paths is not known
    assert places(tmp_path, MASTER, entry(TARBALL, striplevel="1")) == [(None, "")]


def test_a_file_lies_at_its_path(tmp_path: Path) -> None:
    flat = {
        **MASTER,
        "S": f"{WORK}/sources",
        "DEBUG_PREFIX_MAP": f"-ffile-prefix-map={WORK}/sources={PREFIX}",
    }
    packed = {**LOCAL, "path": "foo.tar"}
    download = {**TARBALL, "path": "/get?name=foo"}
    sources = (
        *(entry(LOCAL), entry(LOCAL, subdir="sub"), entry(packed), entry(packed, unpack="0")),
        *(entry(download), entry(download, downloadfilename="bar.c")),
    )
    expected = ["foo.c", "sub/foo.c", "", "foo.tar", "get", "bar.c"]
    assert places(tmp_path, flat, *sources) == [(path, "") for path in expected]
    assert places(tmp_path, MASTER, entry(LOCAL)) == [(None, "")]


def test_a_recipe_s_own_map_counts_and_the_last_option_first(tmp_path: Path) -> None:
    more = f"{MASTER['DEBUG_PREFIX_MAP']} -ffile-prefix-map={WORK}/sources/bar={PREFIX}/bar"
    series = {**MASTER, "DEBUG_PREFIX_MAP": more}
    assert places(tmp_path, series, entry(GIT, REV, destsuffix="bar")) == [("bar", "")]
    series = {**MASTER, "DEBUG_PREFIX_MAP": f"{more} -fdebug-prefix-map={WORK}/sources=/else"}
    source, _ = recipe(tmp_path, series, entry(GIT, REV), entry(GIT, REV, destsuffix="bar"))
    assert source.prefix == "/else"
    assert [known.path for known in source.repositories] == ["foo-1.0", "bar"]
    series = {**MASTER, "DEBUG_PREFIX_MAP": f"{more} -fdebug-prefix-map={WORK}/sources/bar=/else"}
    assert places(tmp_path, series, entry(GIT, REV, destsuffix="bar")) == [(None, "")]


def test_a_source_that_is_mapped_nowhere_has_no_prefix(tmp_path: Path) -> None:
    for maps in (None, "", HOST, f"-fmacro-prefix-map={WORK}={PREFIX}", "-ffile-prefix-map=/x"):
        source, _ = recipe(tmp_path, {**MASTER, "DEBUG_PREFIX_MAP": maps}, entry(GIT, REV))
        assert (source.prefix, source.repositories[0].path) == (None, None)


@pytest.mark.parametrize("scheme", ["crate", "npm", "svn", "hg"])
def test_where_other_fetchers_put_files_is_not_known(tmp_path: Path, scheme: str) -> None:
    source, checkouts = recipe(tmp_path, MASTER, entry({**GIT, "scheme": scheme}, "17", module="m"))
    uri = f"{scheme}://example.com/team/foo.git;module=m"
    assert source.repositories == (Repository(uri, "17", None),)
    assert checkouts == []


def test_submodules_and_bare_clones(tmp_path: Path) -> None:
    modules = entry({**GIT, "scheme": "gitsm"}, REV)
    assert places(tmp_path, MASTER, modules) == [("", "")]
    _, checkouts = recipe(tmp_path, MASTER, modules, entry(GIT, REV, bareclone="1"))
    assert [known.repository.path for known in checkouts] == [""]


def test_no_secret_and_no_folder_of_the_build_machine_is_kept(tmp_path: Path) -> None:
    kept = {"protocol": "https", "branch": "b", "tag": "t"}
    dropped = {"user": "someone", "pswd": "t0ken", "name": "n", "destsuffix": "d", "token": "t0ken"}
    private = {**TARBALL, "host": "me:t0ken@example.com:8443", "path": "/a.tar?token=t0ken"}
    slashed = {**TARBALL, "host": "us", "path": "/er:t0ken@example.com/b.tar#t0ken"}
    on_disk = {"scheme": "git", "host": "", "path": "/home/me/foo.git"}
    sources = (
        *(entry(GIT, REV, **kept, **dropped), entry(private), entry(on_disk, REV, protocol="file")),
        *(entry(slashed), entry(GIT, REV, branch="b?token=t0ken", tag="t")),
        *(entry(on_disk), entry({**LOCAL, "path": "/home/me/foo.c"})),
    )
    source, _ = recipe(tmp_path, MASTER, *sources)
    assert [(known.uri, known.revision) for known in source.repositories] == [
        ("git://example.com/team/foo.git;protocol=https;branch=b;tag=t", REV),
        ("https://example.com:8443/a.tar", None),
        (None, REV),
        ("https://example.com/b.tar", None),
        ("git://example.com/team/foo.git;tag=t", REV),
    ]


def test_patches_keep_their_order(tmp_path: Path) -> None:
    source, _ = recipe(tmp_path, {}, entry(GIT, REV), patches=("b.patch", "a.patch"))
    assert source == Source(
        (Repository("git://example.com/team/foo.git", REV, None),), ("b.patch", "a.patch"), None
    )


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("", "Expecting value"),
        ("[" * 100_000, "recursion"),
        ("[]", "'sources' is missing, or no list"),
        ('{"sources": {}}', "'sources' is missing, or no list"),
        ('{"sources": [], "patches": [1], "variables": {}}', "1 is no text"),
        ('{"sources": [], "patches": [], "variables": {"S": 1}}', "1 is no text"),
        ('{"sources": [1], "patches": [], "variables": {}}', "'parameters' is missing"),
        ('{"sources": [{"parameters": {}}], "patches": [], "variables": {}}', "'revision'"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, text: str, fact: str) -> None:
    file = tmp_path / "facts.json"
    file.write_text(text)
    with pytest.raises(ConfigError, match="cannot read the source of the recipe: '") as error:
        read_recipe(file)
    assert fact in error.value.why
    with pytest.raises(ConfigError, match="No such file"):
        read_recipe(tmp_path / "none")
