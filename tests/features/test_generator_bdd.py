# SPDX-License-Identifier: MIT
"""Steps for dump, extract, manifest and symbolicate: the command as a user types it."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from crashsym.breakpad.reader import read
from crashsym.breakpad.records import SymbolFile
from pytest_bdd import given, parsers, scenarios, then, when
from support import REPOSITORY, require_tool

scenarios("dump.feature", "extract.feature", "symbolicate.feature")

PROGRAM = """
extern "C" __attribute__((noinline)) int inner(int x) { return *(volatile int *)&x / 3; }
namespace shapes {
static inline int area(int w) { volatile int a = w * w; return a; }
static inline int outer(int x) { return inner(area(x)) + 1; }
}
int main(int argc, char **) { return shapes::outer(argc) * 7; }
"""

# Fails under AddressSanitizer; with -DTRACE it prints its own stack instead.
FAILING = """
#include <execinfo.h>
extern "C" __attribute__((noinline)) int inner(int x) {
#ifdef TRACE
  void *frames[32];
  backtrace_symbols_fd(frames, backtrace(frames, 32), 2);
  return x;
#else
  volatile char *p = new char[4];
  return p[x + 4];
#endif
}
namespace shapes {
static inline int outer(int x) { return inner(x) + 1; }
}
int main(int argc, char **) { return shapes::outer(argc) * 7 & 1; }
"""


@dataclass
class World:
    """One scenario: its folder, the last run, and what was noted down on the way."""

    root: Path
    last: subprocess.CompletedProcess[bytes] | None = None
    command: str = ""
    unstripped: dict[str, bytes] = field(default_factory=dict)
    log: str = ""

    def run(
        self, command: str, stdin: bytes | None = None, locale: str = "C.UTF-8"
    ) -> subprocess.CompletedProcess[bytes]:
        words = shlex.split(command)
        assert words[0] == "crashsym"
        self.command = command
        self.last = subprocess.run(
            [sys.executable, "-m", "crashsym", *words[1:]],
            cwd=self.root,
            input=stdin,
            capture_output=True,
            check=False,
            timeout=120,
            env={**os.environ, "LC_ALL": locale},
        )
        assert b"Traceback" not in self.last.stderr, self.last.stderr.decode()
        return self.last

    @property
    def result(self) -> subprocess.CompletedProcess[bytes]:
        assert self.last is not None
        return self.last

    @property
    def stderr(self) -> str:
        return self.result.stderr.decode()

    def manifest(self) -> dict[str, dict[str, Any]]:
        document = json.loads((self.root / "m.json").read_bytes())
        return {module["path"]: module for module in document["modules"]}

    def symbols(self) -> SymbolFile:
        return read(self.result.stdout)

    def stored(self, path: str) -> bytes:
        place = Path(self.root, "store", self.manifest()[path]["symbols"]["path"])
        return place.read_bytes()

    def build_id(self, path: str) -> str:
        notes = subprocess.check_output(["readelf", "-n", self.root / path], text=True)
        match = re.search(r"Build ID: ([0-9a-f]+)", notes)
        assert match
        return match[1]


@pytest.fixture
def world(tmp_path: Path) -> World:
    require_tool("g++")
    require_tool("objcopy", "binutils")
    return World(tmp_path)


# ---- given


@given(parsers.parse('the program "{path}" compiled with "{flags}"'))
@given(parsers.parse('the library "{path}" compiled with "{flags}"'))
def _compile(world: World, path: str, flags: str) -> None:
    (world.root / path).parent.mkdir(parents=True, exist_ok=True)
    (world.root / "shapes.cc").write_text(PROGRAM)
    command = ["g++", *flags.split(), "shapes.cc", "-o", path]
    subprocess.run(command, cwd=world.root, check=True, timeout=120)
    world.unstripped[path] = (world.root / path).read_bytes()


@given(parsers.parse('the program "{path}" that fails in "inner", compiled with "{flags}"'))
def _compile_failing(world: World, path: str, flags: str) -> None:
    (world.root / "failing.cc").write_text(FAILING)
    command = ["g++", *flags.split(), "failing.cc", "-o", path]
    subprocess.run(command, cwd=world.root, check=True, timeout=120)


@given(parsers.parse('the file "{path}" with the lines'))
def _write_lines(world: World, path: str, docstring: str) -> None:
    (world.root / path).write_text(docstring + "\n")


@given(parsers.parse('"{source}" is split into "{stripped}" and "{debug}" as OE does'))
def _split(world: World, source: str, stripped: str, debug: str) -> None:
    whole = world.unstripped[source]
    for path in (stripped, debug):
        (world.root / path).parent.mkdir(parents=True, exist_ok=True)
    (world.root / source).unlink()
    (world.root / stripped).write_bytes(whole)
    world.unstripped[stripped] = whole
    for command in (
        ["objcopy", "--only-keep-debug", stripped, debug],
        ["strip", "--remove-section=.comment", "--remove-section=.note", stripped],
        ["objcopy", f"--add-gnu-debuglink={debug}", stripped],
    ):
        subprocess.run(command, cwd=world.root, check=True, timeout=60)


@given(
    parsers.parse('"{path}" is split and its debug file moved to a .build-id folder in "{folder}"')
)
def _split_by_build_id(world: World, path: str, folder: str) -> None:
    build_id = world.build_id(path)
    _split(world, path, path, f"{folder}/.build-id/{build_id[:2]}/{build_id[2:]}.debug")


@given(parsers.parse('"{path}" is stripped'))
def _strip(world: World, path: str) -> None:
    subprocess.run(["strip", path], cwd=world.root, check=True, timeout=60)


@given(parsers.parse('the text file "{path}"'))
def _text(world: World, path: str) -> None:
    (world.root / path).write_text("not an ELF file\n")


@given(parsers.parse('the file "{path}" with the first {count:d} bytes of "{source}"'))
def _truncated(world: World, path: str, count: int, source: str) -> None:
    (world.root / path).write_bytes((world.root / source).read_bytes()[:count])


@given(parsers.parse('the empty file "{path}"'))
def _empty_file(world: World, path: str) -> None:
    (world.root / path).touch()


@given(parsers.parse('the empty folder "{path}"'))
def _empty_folder(world: World, path: str) -> None:
    (world.root / path).mkdir()


@given(parsers.parse('"{path}" is a hard link to "{target}"'))
def _hard_link(world: World, path: str, target: str) -> None:
    (world.root / path).hardlink_to(world.root / target)


@given(parsers.parse('"{path}" is a symbolic link to "{target}"'))
def _soft_link(world: World, path: str, target: str) -> None:
    (world.root / path).symlink_to(target)


@given(parsers.parse('"{command}" has been run'))
def _has_been_run(world: World, command: str) -> None:
    assert world.run(command).returncode == 0, world.stderr


@given(parsers.parse('a log with the frame "{frame}" for the call of "{callee}" in "{caller}"'))
def _log_with_frame(world: World, frame: str, callee: str, caller: str) -> None:
    world.log = f"crashed\n{_filled(world, frame, callee, caller)}\ndone\n"
    (world.root / "log").write_text(world.log)


@given(parsers.parse('a log with the line "{line}"'))
@given(parsers.parse('the log has the line "{line}"'))
def _log_with_line(world: World, line: str) -> None:
    world.log += _filled(world, line, "inner", "main") + "\n"
    (world.root / "log").write_text(world.log)


def _filled(world: World, text: str, callee: str, caller: str) -> str:
    """Put the addresses of a real call, as the disassembler shows it, into a frame."""
    listing = subprocess.check_output(
        ["objdump", "-d", "--no-show-raw-insn", world.root / "root/usr/bin/app"], text=True
    )
    body = re.search(rf"^([0-9a-f]+) <{caller}>:\n((?:.+\n)+)", listing, re.MULTILINE)
    assert body
    call = re.search(rf"^ *([0-9a-f]+):\s+call.*<{callee}>\n *([0-9a-f]+):", body[2], re.MULTILINE)
    assert call
    start, after = int(body[1], 16), int(call[2], 16)
    return (
        text.replace("{return}", f"{after:x}")
        .replace("{call}", f"{after - 1:x}")
        .replace("{distance}", f"{after - start:x}")
        .replace("{build}", world.build_id("root/usr/bin/app"))
    )


# ---- when


@when(parsers.re(r'I run "(?P<command>[^"]+)"'))
def _run(world: World, command: str) -> None:
    world.run(command)


@when(parsers.parse('I run "{command}" in the locale "{locale}"'))
def _run_in_locale(world: World, command: str, locale: str) -> None:
    world.run(command, locale=locale)


@when("I run it again")
def _run_again(world: World) -> None:
    world.run(world.command)


@when(parsers.parse('I copy "{source}" to "{target}"'))
def _copy(world: World, source: str, target: str) -> None:
    shutil.copytree(world.root / source, world.root / target)


@when(parsers.parse('I pipe the log into "{command}"'))
def _pipe(world: World, command: str) -> None:
    world.run(command, stdin=world.log.encode())


@when(parsers.parse('the program "{path}" has failed and left a log'))
def _fail(world: World, path: str) -> None:
    ended = subprocess.run(
        [world.root / path],
        capture_output=True,
        check=False,
        timeout=60,
        env={**os.environ, "ASAN_OPTIONS": "symbolize=0"},
    )
    (world.root / "log").write_bytes(ended.stderr)


# ---- then


@then(parsers.parse("the exit code is {code:d}"))
def _exit_code(world: World, code: int) -> None:
    assert world.result.returncode == code, world.stderr


@then(parsers.parse('stderr says "{text}"'))
def _stderr_says(world: World, text: str) -> None:
    assert text in world.stderr


@then(parsers.parse('stderr has exactly one line about "{path}"'))
def _one_line(world: World, path: str) -> None:
    assert sum(path in line for line in world.stderr.splitlines()) == 1, world.stderr


@then(parsers.parse('stdout has the line "{line}"'))
def _stdout_line(world: World, line: str) -> None:
    assert line in world.result.stdout.decode().splitlines()


@then(parsers.parse('stdout is what "{path}" has'))
def _stdout_is(world: World, path: str) -> None:
    assert world.result.stdout == (world.root / path).read_bytes()


@then(parsers.parse('there is no file "{path}"'))
def _no_file(world: World, path: str) -> None:
    assert not (world.root / path).exists()


@then(parsers.parse('the symbol file names the function "{name}"'))
def _names_function(world: World, name: str) -> None:
    assert name in {function.name for function in world.symbols().functions}


@then(parsers.parse('the symbol file names the inlined function "{name}"'))
def _names_inlined(world: World, name: str) -> None:
    assert name in world.symbols().origins


@then(parsers.parse('the symbol file names the file "{name}"'))
def _names_file(world: World, name: str) -> None:
    symbols = world.symbols()
    assert str(world.root / name) in symbols.files
    assert any(function.lines for function in symbols.functions)


@then("every STACK CFI INIT record gives .cfa and .ra")
def _cfi_complete(world: World) -> None:
    cfi = world.symbols().cfi
    assert cfi
    assert all(".cfa: " in record.rules and ".ra: " in record.rules for record in cfi)


@then("the symbols are those of the unstripped program")
def _same_symbols(world: World) -> None:
    (world.root / "whole").mkdir()
    (world.root / "whole" / "app").write_bytes(world.unstripped["app"])
    printed = world.result.stdout
    assert world.run("crashsym dump whole/app").stdout == printed
    assert b"\nFUNC " in printed


@then(parsers.parse('the symbols of "{path}" are those of the unstripped program'))
def _same_stored_symbols(world: World, path: str) -> None:
    (world.root / "whole").mkdir()
    (world.root / "whole" / Path(path).name).write_bytes(world.unstripped[f"root{path}"])
    stored = world.stored(path)
    assert world.run(f"crashsym dump whole/{Path(path).name}").stdout == stored


@then(parsers.parse('the symbols of "{path}" have functions'))
def _have_functions(world: World, path: str) -> None:
    assert b"\nFUNC " in world.stored(path)


@then("the symbol file has PUBLIC and STACK CFI records, and no FUNC record")
def _public_and_cfi(world: World) -> None:
    symbols = world.symbols()
    assert "inner" in {public.name for public in symbols.publics}
    assert symbols.cfi
    assert not symbols.functions


@then("the symbol file has no INLINE and no STACK CFI records")
def _less(world: World) -> None:
    symbols = world.symbols()
    assert symbols.functions
    assert not symbols.cfi
    assert not symbols.origins
    assert not any(function.inlines for function in symbols.functions)


@then(parsers.parse('the symbol file calls the module "{name}"'))
def _module_name(world: World, name: str) -> None:
    assert world.symbols().module.debug_file == name


@then(parsers.parse("all addresses are below 0x{limit:x}"))
def _low_addresses(world: World, limit: int) -> None:
    symbols = world.symbols()
    addresses = [f.address for f in symbols.functions] + [p.address for p in symbols.publics]
    addresses += [record.address for record in symbols.cfi]
    assert addresses
    assert max(addresses) < limit


@then(parsers.parse('the manifest lists "{paths}"'))
def _lists(world: World, paths: str) -> None:
    assert " ".join(world.manifest()) == paths


@then("every module of the manifest has its symbol file in the store")
def _all_stored(world: World) -> None:
    for path, module in world.manifest().items():
        symbols = read(world.stored(path))
        assert symbols.module.debug_id == module["debug_id"]
        assert len(symbols.functions) == module["symbols"]["counts"]["functions"]


@then("the manifest follows its JSON schema")
def _follows_schema(world: World) -> None:
    place = REPOSITORY / "docs/reference/crashsym-manifest-1.schema.json"
    jsonschema.validate(
        json.loads((world.root / "m.json").read_bytes()), json.loads(place.read_text())
    )


@then(
    parsers.parse(
        'the manifest says that "{path}" is of recipe "{recipe}", version "{version}", '
        'package "{package}"'
    )
)
def _recipe(world: World, path: str, recipe: str, version: str, package: str) -> None:
    module = world.manifest()[path]
    assert (module["recipe"], module["version"], module["package"]) == (recipe, version, package)


@then(parsers.parse('the manifest says that the status of "{path}" is "{status}"'))
def _status(world: World, path: str, status: str) -> None:
    module = world.manifest()[path]
    assert module["status"] == status
    assert (module["reason"] is None) == (status == "ok")


@then(parsers.parse('the manifest claims no symbols for "{path}"'))
def _no_symbols(world: World, path: str) -> None:
    assert world.manifest()[path]["symbols"] is None


@then(parsers.parse('"{first}" and "{second}" have the same bytes'))
def _same_bytes(world: World, first: str, second: str) -> None:
    def contents(name: str) -> dict[str, bytes]:
        place = world.root / name
        files = [p for p in place.rglob("*") if p.is_file()] if place.is_dir() else [place]
        return {str(p.relative_to(place)): p.read_bytes() for p in files}

    assert contents(first) == contents(second)


@then(
    parsers.parse(
        'stdout is JSON of the schema "{schema}" with the finding "{code}" of level "{level}" '
        'for "{path}"'
    )
)
def _json(world: World, schema: str, code: str, level: str, path: str) -> None:
    document = json.loads(world.result.stdout)
    place = REPOSITORY / "docs/reference" / f"{schema.replace('/', '-')}.schema.json"
    jsonschema.validate(document, json.loads(place.read_text()))
    assert (code, level, path) in [(f["code"], f["level"], f["path"]) for f in document["findings"]]


@then(parsers.parse('"crashsym manifest find" knows the build id of "{file}" as "{path}"'))
def _find(world: World, file: str, path: str) -> None:
    found = world.run(f"crashsym manifest find {world.build_id(file)} m.json")
    assert found.returncode == 0
    assert f"  {path}  " in found.stdout.decode()


@then(parsers.parse('the frame is followed by the call chain "{chain}" with file and line'))
def _chain(world: World, chain: str) -> None:
    before, frame, *inlined = world.result.stdout.decode().splitlines()[:-1]
    assert before == "crashed"
    assert frame.startswith(world.log.splitlines()[1] + " ")
    described = [frame[len(world.log.splitlines()[1]) + 1 :]]
    described += [line.strip().removeprefix("(inlined by) ") for line in inlined]
    names, places = zip(*(text.split(" at ") for text in described), strict=True)
    assert " ".join(names) == chain
    lines = {name: number for number, name in ((5, "shapes::outer"), (7, "main"))}
    assert [place.rpartition("/")[2] for place in places] == [
        f"shapes.cc:{lines[name]}" for name in names
    ]


@then(parsers.parse('the frames of "failing" are named "{names}"'))
def _named(world: World, names: str) -> None:
    found = []
    for line in world.result.stdout.decode().splitlines():
        match = re.search(r"(\S+) at \S+failing\.cc:\d+$", line)
        if match:
            found.append(match[1])
    # AddressSanitizer's report goes on with the stack of the allocation and a summary
    assert " ".join(found[:3]) == names
