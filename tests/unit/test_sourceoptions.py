# SPDX-License-Identifier: MIT
"""Links of a recipe: to repositories that are still as they were unpacked."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from crashsym.cli.main import build_parser
from crashsym.cli.sourceoptions import read_source_options
from crashsym.source import Source
from crashsym.sourcelinks import SourceLinks
from support import crashsym, require_tool

PREFIX = "/usr/src/debug/foo/1.0"


def repository(folder: Path, *names: str) -> str:
    """Make a git repository with some files; return the revision."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"{name}\n")
    git = [require_tool("git"), "-c", "user.name=n", "-c", "user.email=n@example.com"]
    for command in (["init", "--quiet"], ["add", *names], ["commit", "--quiet", "-m", "first"]):
        subprocess.run([*git, *command], cwd=folder, check=True)
    done = subprocess.run([*git, "rev-parse", "HEAD"], cwd=folder, check=True, capture_output=True)
    return done.stdout.decode().strip()


@pytest.fixture
def recipe(tmp_path: Path) -> dict[str, Any]:
    """A recipe with two repositories, one in the other, whose sources are unpacked."""
    root = tmp_path / "sources/foo-1.0"
    sources = []
    for name, place, files in (
        ("app", "foo-1.0", ("a.c", "src/b.c")),
        ("lib", "foo-1.0/lib", ("lib.c",)),
    ):
        revision = repository(tmp_path / "sources" / place, *files)
        git = {"scheme": "git", "host": "example.com", "path": f"/{name}", "revision": revision}
        sources.append({**git, "parameters": {"destsuffix": place}})
    (root / "a.c").write_text("patched\n")
    maps = f"-ffile-prefix-map={root}={PREFIX}"
    variables = {"S": str(root), "B": str(root), "UNPACKDIR": str(tmp_path / "sources")}
    variables["DEBUG_PREFIX_MAP"] = maps
    return {"sources": sources, "patches": ["a.patch"], "variables": variables}


def read_options(
    folder: Path, recipe: dict[str, Any], *options: str
) -> tuple[Source | None, SourceLinks | None]:
    (folder / "facts.json").write_text(json.dumps(recipe))
    words = ["--store", "s", "--manifest", "m", "--source-recipe", str(folder / "facts.json")]
    return read_source_options(build_parser().parse_args(["extract", "root", *words, *options]))


def test_links_lead_to_the_repository_that_has_the_file(
    tmp_path: Path, recipe: dict[str, Any]
) -> None:
    source, links = read_options(tmp_path, recipe, "--source-links")
    assert source is not None
    assert links is not None
    app, lib = (known.revision for known in source.repositories)
    assert links.linked(f"{PREFIX}/src/b.c") == f"git:example.com/app:src/b.c:{app}"
    assert links.linked(f"{PREFIX}/lib/lib.c") == f"git:example.com/lib:lib.c:{lib}"
    for name in ("a.c", "generated.c", "lib/generated.c"):
        assert links.linked(f"{PREFIX}/{name}") == f"{PREFIX}/{name}"


def test_without_the_option_nothing_is_looked_at(tmp_path: Path, recipe: dict[str, Any]) -> None:
    shutil.rmtree(tmp_path / "sources")
    source, links = read_options(tmp_path, recipe)
    assert source is not None
    assert [known.path for known in source.repositories] == ["", "lib"]
    assert source.patches == ("a.patch",)
    assert links is None


def test_a_repository_that_the_recipe_strips_has_no_links_and_that_is_said(
    tmp_path: Path, recipe: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(tmp_path / "sources/foo-1.0/.git")
    _, links = read_options(tmp_path, recipe, "--source-links")
    assert links is not None
    assert links.linked(f"{PREFIX}/src/b.c") == f"{PREFIX}/src/b.c"
    assert links.linked(f"{PREFIX}/lib/lib.c").startswith("git:example.com/lib:lib.c:")
    said = capsys.readouterr().err
    assert f"cannot link sources: '{tmp_path}/sources/foo-1.0': git says: fatal: not a git" in said
    assert said.count("\n") == 1


def test_a_recipe_without_git_has_no_links(tmp_path: Path) -> None:
    archive = {"scheme": "https", "host": "example.com", "path": "/a.tar", "revision": None}
    sources: list[Any] = [{**archive, "parameters": {}}]
    recipe = {"sources": sources, "patches": [], "variables": {}}
    source, links = read_options(tmp_path, recipe, "--source-links")
    assert source is not None
    assert [known.uri for known in source.repositories] == ["https://example.com/a.tar"]
    assert links == SourceLinks.of([])


@pytest.mark.parametrize("revision", ["HEAD", "v1.0", "f16a1a9", "a" * 41])
def test_a_revision_that_can_become_another_one_has_no_links(tmp_path: Path, revision: str) -> None:
    (tmp_path / "root").mkdir()
    facts = ("--source-uri", "git://example.com/app", "--source-prefix", "/usr/src/debug/app")
    places = ("--store", tmp_path / "store", "--manifest", tmp_path / "m.json")
    options = ("--source-links", "--source-revision", revision)
    done = crashsym("extract", tmp_path / "root", *places, *facts, *options)
    assert done.returncode == 2
    assert f"'{revision}': it can become another one".encode() in done.stderr


@pytest.mark.parametrize("option", ["--source-uri", "--source-revision", "--source-prefix"])
@pytest.mark.parametrize("text", ["git://h/\udcff", "r\n", "\x1b[2J"])
def test_an_option_that_is_no_text_is_refused(option: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    places = ("--store", tmp_path / "store", "--manifest", tmp_path / "m.json")
    done = crashsym("extract", tmp_path / "root", *places, option, text)
    assert done.returncode == 2
    said = f"cannot note the source: {option}: it has control characters, or is no UTF-8."
    assert said.encode() in done.stderr
    assert b"git://h" not in done.stderr


@pytest.mark.parametrize("wrong", ["\0", "\ud800", "a" * 200_000], ids=["0", "surrogate", "long"])
@pytest.mark.parametrize("where", ["revision", "path", "destsuffix", "subpath"])
def test_what_no_program_can_be_asked_has_no_links(
    tmp_path: Path, recipe: dict[str, Any], where: str, wrong: str
) -> None:
    app, _ = recipe["sources"]
    place = app if where in app else app["parameters"]
    place[where] = f"{place.get(where, '')}{wrong}"
    source, links = read_options(tmp_path, recipe, "--source-links")
    assert source is not None
    assert links is not None
    assert links.linked(f"{PREFIX}/lib/lib.c").startswith("git:example.com/lib:lib.c:")
    linked = links.linked(f"{PREFIX}/src/b.c").startswith("git:")
    assert linked is ((where, len(wrong)) == ("path", 200_000))
