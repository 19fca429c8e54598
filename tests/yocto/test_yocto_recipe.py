# SPDX-License-Identifier: MIT
"""Steps of yocto_recipe.feature."""

from __future__ import annotations

import hashlib
import re

import pytest
from pytest_bdd import given, parsers, scenarios, then, when
from support import crashsym

from yocto import remotes
from yocto.deployed import build_id, debug_halves, elf_files
from yocto.developer import Developer
from yocto.remotes import Repositories

pytestmark = [pytest.mark.bitbake, pytest.mark.xdist_group("bitbake")]
scenarios("../features/yocto_recipe.feature")

EXAMPLE = "crashdump-example"
MANY = "many-sources"
PREFIX = "/usr/src/debug/many-sources/1.0"


@then("the manifest names recipe, version, package and path of each of them")
def _names(developer: Developer) -> None:
    for module in developer.deployed(EXAMPLE).modules():
        assert (module["recipe"], module["version"]) == (EXAMPLE, "1.0")
        assert module["package"].startswith(EXAMPLE)
        assert module["path"].startswith("/usr/")
        assert module["status"] == "ok"
        # the example's sources lie beside its recipe
        assert {r["uri"].partition("://")[0] for r in module["source"]["repositories"]} == {"file"}


@then("the build ids are those of the stripped files in the packages and of their .debug halves")
def _build_ids(developer: Developer) -> None:
    packages = developer.packages(EXAMPLE)
    packaged = elf_files(packages)
    halves = {build_id(half) for half in debug_halves(packages)}
    modules = developer.deployed(EXAMPLE).modules()
    assert {module["build_id"] for module in modules} == halves
    for module in modules:
        assert module["build_id"] == build_id(packaged[module["package"], module["path"]])


@then(parsers.parse('each symbol file has functions, lines and unwind rows for "{cpu}"'))
def _records(developer: Developer, cpu: str) -> None:
    deployed = developer.deployed(EXAMPLE)
    for module in deployed.modules():
        data = deployed.symbol_file(module).read_bytes()
        assert hashlib.sha256(data).hexdigest() == module["symbols"]["sha256"]
        text = data.decode()
        assert text.startswith(f"MODULE Linux {cpu} {module['debug_id']} {module['debug_file']}\n")
        for record in ("FUNC ", "[0-9a-f]+ [0-9a-f]+ [0-9]+ [0-9]+$", "STACK CFI INIT "):
            assert re.search(f"^{record}", text, re.MULTILINE), (module["path"], record)


@then(parsers.parse('the manifest lists "{one}" and "{other}" with the same build id'))
def _same_build_id(developer: Developer, one: str, other: str) -> None:
    deployed = developer.deployed(EXAMPLE)
    assert deployed.module(one)["build_id"] == deployed.module(other)["build_id"]


@then(parsers.parse('the symbols of "{path}" are filed under "{debug_file}"'))
def _filed_under(developer: Developer, path: str, debug_file: str) -> None:
    deployed = developer.deployed(EXAMPLE)
    module = deployed.module(path)
    assert module["debug_file"] == debug_file
    assert module["symbols"]["path"] == f"{debug_file}/{module['debug_id']}/{debug_file}.sym"


@when(
    parsers.parse('I give crashsym a log line with an address inside the function "{name}"'),
    target_fixture="printed",
)
def _symbolicate(developer: Developer, name: str) -> str:
    deployed = developer.deployed(EXAMPLE)
    module = deployed.module("/usr/lib/libcrashcore.so.1.0.3")
    text = deployed.symbol_file(module).read_text()
    found = re.search(rf"^FUNC (?:m )?([0-9a-f]+) [0-9a-f]+ \S+ .*{name}", text, re.MULTILINE)
    assert found is not None, text
    line = f"#1 libcrashcore.so.1+0x{int(found[1], 16) + 4:x}\n"
    (store,) = deployed.stores()
    (manifest,) = deployed.manifests()
    result = crashsym("symbolicate", "--store", store, "--manifest", manifest, stdin=line.encode())
    assert result.returncode == 0, result.stderr
    return result.stdout.decode()


@then(parsers.parse('the line it prints names that function and "{source}"'))
def _named(printed: str, source: str) -> None:
    assert "calibrated_sum" in printed
    assert f"{source}:" in printed


@given("a recipe whose SRC_URI is a git repository with user and password", target_fixture="commit")
def _git_source(developer: Developer) -> str:
    clone = remotes.git_repository(developer.oe, "git.example.com.team.remote-source.git", {})
    commit = remotes.git(clone, "rev-parse", "refs/heads/main")
    developer.set(f'SRCREV:pn-remote-source = "{commit}"')
    return commit


@given(
    "a recipe whose SRC_URI is a git repository of this machine, at AUTOREV",
    target_fixture="commit",
)
def _git_here(developer: Developer) -> str:
    here = remotes.git_repository(developer.oe, "here.git", {"a.c": "int a;\n"})
    uri = f"git://{here};protocol=file;branch=main"
    developer.set(f'SRC_URI:pn-remote-source = "{uri} file://plain.c"')
    developer.set('SRCREV:pn-remote-source = "${AUTOREV}"')
    return remotes.git(here, "rev-parse", "refs/heads/main")


@then("the manifest gives the revision of that repository, and no URI")
def _revision_given(developer: Developer, commit: str) -> None:
    source = developer.deployed("remote-source").module("/usr/bin/remote")["source"]
    git = source["repositories"][0]
    assert git == {"uri": None, "revision": commit, "path": "", "subpath": ""}


@then(parsers.parse('the manifest gives "{uri}" and the revision'))
def _source_given(developer: Developer, commit: str, uri: str) -> None:
    source = developer.deployed("remote-source").module("/usr/bin/remote")["source"]
    git, local = source["repositories"]
    assert git == {"uri": uri, "revision": commit, "path": "", "subpath": ""}
    assert local == {"uri": "file://plain.c", "revision": None, "path": None, "subpath": ""}


@then(parsers.parse('paths of that source begin with "{prefix}"'))
def _prefix(developer: Developer, prefix: str) -> None:
    deployed = developer.deployed("remote-source")
    module = deployed.module("/usr/bin/remote")
    assert module["source"]["prefix"] == prefix
    text = deployed.symbol_file(module).read_text()
    assert re.search(rf"^FILE \d+ {prefix}/plain\.c$", text, re.MULTILINE), text


@then(
    parsers.parse('the manifest gives these places of the source of "{path}", with the revisions:')
)
def _places(
    developer: Developer, repositories: Repositories, path: str, datatable: list[list[str]]
) -> None:
    commits = [remotes.git(clone, "rev-parse", "main") for clone in repositories.values()]
    revisions = [*commits, None, None]
    source = developer.deployed(MANY).module(path)["source"]
    assert source["prefix"] == PREFIX
    assert source["repositories"] == [
        {"uri": uri, "revision": revision, "path": place, "subpath": ""}
        for (uri, place), revision in zip(datatable, revisions, strict=True)
    ]


@then(parsers.parse('it names the patches "{names}"'))
def _patches(developer: Developer, names: str) -> None:
    (module,) = developer.deployed(MANY).modules()
    assert module["source"]["patches"] == names.split()


@then(parsers.parse('"git show" has the files of the links in the symbols of "{path}":'))
def _links(
    developer: Developer, repositories: Repositories, path: str, datatable: list[list[str]]
) -> None:
    links = [file for file in _files(developer, path) if file.startswith("git:")]
    assert len(links) == len(datatable)
    for place, name in datatable:
        (revision,) = [link.split(":")[3] for link in links if f":{place}:{name}:" in link]
        there = remotes.git(repositories[place], "show", f"{revision}:{name}")
        used = developer.work_folder(MANY) / f"sources/{MANY}-1.0"
        below = "vendor/second/" if place.endswith("second") else ""
        assert there == (used / below / name).read_text().strip()


@then(parsers.parse('the other files are "{names}" below the prefix'))
def _other_files(developer: Developer, names: str) -> None:
    others = {f for f in _files(developer, "/usr/bin/many") if not f.startswith("git:")}
    assert others == {f"{PREFIX}/{name}" for name in names.split()}


def _files(developer: Developer, path: str) -> list[str]:
    deployed = developer.deployed(MANY)
    text = deployed.symbol_file(deployed.module(path)).read_text()
    return re.findall(r"^FILE \d+ (.*)$", text, re.MULTILINE)


@then(
    parsers.parse('neither the password nor a folder of this machine is in symbols of "{recipe}"')
)
def _no_secret(developer: Developer, recipe: str) -> None:
    contents = developer.deployed(recipe).contents()
    assert contents
    for content in contents.values():
        for secret in ("t0ken", "reader", str(developer.oe.work)):
            assert secret.encode() not in content


@then(parsers.parse('the manifest of "{recipe}" lists exactly "{paths}"'))
def _lists_exactly(developer: Developer, recipe: str, paths: str) -> None:
    listed = [module["path"] for module in developer.deployed(recipe).modules()]
    assert sorted(listed) == sorted(paths.split())


@then(parsers.parse('no symbol file of "{recipe}" has an INLINE record'))
def _no_inlines(developer: Developer, recipe: str) -> None:
    contents = developer.deployed(recipe).contents()
    assert contents
    assert not [name for name, content in contents.items() if b"\nINLINE" in content]
