# SPDX-License-Identifier: MIT
"""Steps of source.feature."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from crashsym.engines import engine
from features.world import World as AnyWorld
from pytest_bdd import given, parsers, scenarios, then, when
from support import REPOSITORY, crashsym, require_tool

scenarios("source.feature")

URI = "git://example.com/team/app.git;protocol=https;branch=main"
PREFIX = "/usr/src/debug/app/1.0"
FILES = {
    "lib/util.h": "static int helper(int x) { return x * x + 7; }\n",
    "src/app.c": '#include "../lib/util.h"\nint patched(int), generated(int);\n'
    "int main(int n, char **v) { return helper(n) + patched(n) + generated(n) + !v; }\n",
    "src/patched.c": "int patched(int x) { return x; }\n",
}


class World(AnyWorld):
    """The folder has a git repository and a program made of it."""

    def git(self, *arguments: str) -> str:
        """Run git in the repository."""
        identity = ("-c", "user.name=n", "-c", "user.email=n@example.com")
        command = [require_tool("git"), *identity, "-C", str(self.root / "repository"), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    @property
    def revision(self) -> str:
        return self.git("rev-parse", "HEAD").strip()

    def extract(self, options: str, store: str = "store") -> None:
        """Extract the tree with options, URI, revision and prefix."""
        source = (
            "--source-uri",
            URI,
            "--source-revision",
            self.revision,
            "--source-prefix",
            PREFIX,
        )
        places = ("--store", store, "--manifest", "m.json")
        command = ("extract", "root", *places, *source, *options.split())
        self.last = crashsym(*command, cwd=self.root)

    def module(self) -> dict[str, Any]:
        """The entry of the program in the manifest."""
        (module,) = json.loads((self.root / "m.json").read_text())["modules"]
        return dict(module)

    def symbols(self, store: str = "store") -> str:
        return Path(self.root, store, self.module()["symbols"]["path"]).read_text()

    def files(self, store: str = "store") -> list[str]:
        """The FILE records."""
        return re.findall(r"^FILE \d+ (.*)$", self.symbols(store), re.MULTILINE)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@given(
    parsers.parse('a git repository with "{names}", and "{patched}" changed after the commit'),
)
def _repository(world: World, names: str, patched: str) -> None:
    assert {*names.split(), patched} == set(FILES)
    for name, text in FILES.items():
        (world.root / "repository" / name).parent.mkdir(parents=True, exist_ok=True)
        (world.root / "repository" / name).write_text(text)
    world.git("init", "--quiet")
    world.git("add", ".")
    world.git("commit", "--quiet", "-m", "first")
    (world.root / "repository" / patched).write_text(f"/* a line more */\n{FILES[patched]}")


@given(parsers.parse('a program made of it and of "{name}", with the prefix "{prefix}"'))
def _program(world: World, name: str, prefix: str) -> None:
    assert prefix == PREFIX
    source = world.root / "repository"
    (source / name).write_text("int generated(int x) { return x + 1; }\n")
    app = world.root / "root/usr/bin/app"
    app.parent.mkdir(parents=True)
    flags = ["-O0", "-g", f"-ffile-prefix-map={source}={prefix}", "-Wl,--build-id", "-o", str(app)]
    files = ["src/app.c", "src/patched.c", name]
    subprocess.run([require_tool("gcc"), *flags, *files], cwd=source, check=True)


@when(parsers.re(r'I extract it with "(?P<options>[^"]*)" and the revision'))
def _extract(world: World, options: str) -> None:
    world.extract(options)


@when(parsers.parse('I extract it with "{options}" and the revision, into another store'))
def _extract_elsewhere(world: World, options: str) -> None:
    world.extract(options, "other")
    assert world.result.returncode == 0


@when(parsers.parse('I extract it with the other engine, "{options}" and the revision'))
def _extract_again(world: World, options: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRASHSYM_ENGINE", "reference" if engine().name == "kernel" else "kernel")
    world.extract(options)


@when(parsers.parse('I symbolicate the address of "{function}" in it'))
def _symbolicate(world: World, function: str) -> None:
    match = re.search(rf"^FUNC (\w+) \w+ 0 {function}$", world.symbols(), re.MULTILINE)
    assert match
    text = f"app+0x{match[1]}\n".encode()
    world.last = crashsym("symbolicate", "--store", "store", cwd=world.root, stdin=text)


@then("the source files in the symbols are these:")
def _source_files(world: World, datatable: list[list[str]]) -> None:
    expected = {row[0].replace("REVISION", world.revision) for row in datatable}
    assert {file for file in world.files() if "/" in file} == expected


@then(parsers.parse('the source files in the symbols are below "{prefix}"'))
def _below(world: World, prefix: str) -> None:
    assert len(world.files("other")) == 4
    assert all(file.startswith(f"{prefix}/") for file in world.files("other"))


@then('"git show" has each file that is named by its revision')
def _git_show(world: World) -> None:
    links = [file.split(":") for file in world.files() if file.startswith("git:")]
    assert len(links) == 2
    for kind, place, path, revision in links:
        assert (kind, place) == ("git", "example.com/team/app")
        assert world.git("show", f"{revision}:{path}") == FILES[path]


@then("lint has nothing to say of the symbol file")
def _lint(world: World) -> None:
    file = f"store/{world.module()['symbols']['path']}"
    done = crashsym("lint", file, "--elf", "root/usr/bin/app", cwd=world.root)
    assert done.returncode == 0, done.stdout.decode()
    assert done.stdout.startswith(b"coverage: ")
    assert done.stdout.count(b"\n") == 1


@then("the manifest follows its JSON schema")
def _schema(world: World) -> None:
    schema = json.loads((REPOSITORY / "docs/reference/crashsym-manifest-1.schema.json").read_text())
    jsonschema.validate(json.loads((world.root / "m.json").read_text()), schema)


@then(parsers.parse('the manifest says that the source is "{uri}"'))
def _source_is(world: World, uri: str) -> None:
    (repository,) = world.module()["source"]["repositories"]
    assert repository == {"uri": uri, "revision": None, "path": None, "subpath": ""}


@then(parsers.parse('it is named "{text}"'))
def _named(world: World, text: str) -> None:
    assert text.replace("REVISION", world.revision) in world.stdout


@then("these find it, and say repository, revision and prefix:")
def _find(world: World, datatable: list[list[str]]) -> None:
    module = world.module()
    ids = {"its build id": module["build_id"], "its debug id": module["debug_id"]}
    first = "  ".join(
        (module["build_id"], "/usr/bin/app", "app-recipe 1.0", "-", module["symbols"]["path"], "ok")
    )
    for (what,) in datatable:
        found = crashsym("manifest", "find", ids.get(what, what), "m.json", cwd=world.root)
        assert found.returncode == 0, found.stderr
        assert found.stdout.decode().splitlines() == [
            first,
            f"    source  {URI}  {world.revision}  {PREFIX}",
        ]
        done = crashsym("manifest", "find", ids.get(what, what), "m.json", "--json", cwd=world.root)
        assert json.loads(done.stdout) == [module]
