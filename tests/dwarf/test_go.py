# SPDX-License-Identifier: MIT
"""Go programs: units of its compiler and of its assembler, which write DWARF and a table of theirs.

That table (``.gopclntab``: address → function, file, line) is what Go's tracebacks show and what
``go tool addr2line`` reads. It shares nothing with DWARF, so it is the first judge here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from corpus.build import cache_root
from corpus.conformance.locations import ask_llvm
from corpus.matrix import AARCH64, ARM, X86_64
from crashsym.breakpad.lookup import Frame, Lookup
from crashsym.breakpad.records import SymbolFile
from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile
from oracles.cases import dumped_text, elf_facts
from oracles.frames import read_fdes
from oracles.symfile import parse
from oracles.unwind import compare
from support import require_tool

from dwarf.programs import Read, agree_with, call, read, same_functions

pytestmark = [pytest.mark.oracle, pytest.mark.xdist_group("go")]

APP = """\
// One of each kind of function that Go names.
package main

import "os"

type number interface{ ~int | ~float64 }

type point struct{ x, y int }

//go:noinline
func (p *point) Scale(by int) int {
	p.x *= by
	p.y *= by
	return p.x + p.y
}

//go:noinline
func (p point) cold() int { return p.x }

func (p point) sum() int { return p.x*3 + p.y }

//go:noinline
func largest[T number](values []T) T {
	var found T
	for _, value := range values {
		if value > found {
			found = value
		}
	}
	return found
}

func square(x int) int {
	if x < 0 {
		return twice(-x)
	}
	return x * x
}

func twice(x int) int { return x + x }

//go:noinline
func apply(f func(int) int, x int) int {
	return f(x) + square(x)
}

func main() {
	p := &point{len(os.Args), 4}
	total := p.Scale(3) + p.cold()
	total += apply(func(x int) int { return x*total + p.sum() }, 7)
	total += largest([]int{1, total, 3})
	total += int(largest([]float64{1.5, float64(total)}))
	defer func() {
		if recover() != nil {
			os.Exit(1)
		}
	}()
	os.Exit(square(total) & 1)
}
"""
# Inlined everywhere, so they have no code of their own.
INLINED = {"main.square", "main.twice", "main.point.sum"}
NAMED = {
    "main.(*point).Scale",
    "main.apply",
    "main.main",
    "main.main.func1",
    "main.main.func2",
    "main.point.cold",
}
# One piece of code for each shape of the arguments; since Go 1.20 without the underscore.
SHAPES = re.compile(r"main\.largest\[go\.shape\.(int|float64)(_0)?\]")
# In the symbol table: takes its arguments from the stack. DWARF and tracebacks do not say it.
ABI0 = ".abi0"

CPUS = {"amd64": X86_64, "arm64": AARCH64, "arm": ARM}


def go(folder: Path, *arguments: str | Path, arch: str = "amd64", stdin: str = "") -> str:
    """Run Go, which may not ask the network for anything, and knows no settings of the user."""
    require_tool("go", "golang-go")
    settings = {
        "CGO_ENABLED": "0",
        "GO111MODULE": "off",
        "GOARCH": arch,
        "GOARM": "7",
        "GOCACHE": str(cache_root() / "go"),
        "GOENV": "off",
        "GOFLAGS": "",
        "GOOS": "linux",
        "GOPATH": str(folder / "gopath"),
        "GOPROXY": "off",
        "GOTOOLCHAIN": "local",
    }
    return call(folder, "go", *arguments, environment={**os.environ, **settings}, stdin=stdin)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("go")
    (folder / "app.go").write_text(APP)
    return folder


@cache
def built(root: Path, arch: str, *flags: str) -> Path:
    """Return the program, in a folder of its own, so that it has the same name each time."""
    folder = root / "-".join((arch, *flags)).replace("=", "-")
    folder.mkdir()
    options = ("-trimpath", f"-ldflags=-B=0x0123456789abcdef {' '.join(flags)}")
    go(root, "build", *options, "-o", folder / "app", "app.go", arch=arch)
    return folder / "app"


def late(path: Path) -> list[str]:
    """Return the finding about a build id that no PT_NOTE segment has: Go 1.19 links like that."""
    said = call(path.parent, "readelf", "-lW", path)
    mapped = re.findall(r"^ {3}\d\d +(\.note\.go\.buildid.*)$", said, re.MULTILINE)
    assert len(mapped) == 1, said
    return [] if ".note.gnu.build-id" in mapped[0] else ["late-build-id"]


@dataclass(frozen=True)
class App:
    """The program for one processor, and what crashsym says of it."""

    root: Path
    arch: str
    path: Path
    dump: Read

    @property
    def base(self) -> int:
        """The address for which it is linked."""
        return elf_facts(self.path).base

    @property
    def of_main(self) -> list[int]:
        """Each address of the functions in package main."""
        found: list[int] = []
        for function in self.dump.symbols.functions:
            if function.name.startswith("main."):
                found += range(function.address, function.address + function.size)
        return found


@pytest.fixture(scope="module", params=CPUS)
def app(request: pytest.FixtureRequest, root: Path) -> App:
    path = built(root, request.param)
    return App(root, request.param, path, read(path, cfi=True))


def of_table(symbols: SymbolFile, addresses: Sequence[int]) -> list[tuple[str, str]]:
    """Return function and line of each address in the words of Go's table.

    The function is the one that has the code; the line is that of the innermost inlined call. The
    table says "[...]" for arguments of types.
    """
    lookup, found = Lookup(symbols), []
    for address in addresses:
        frames = lookup.frames(address)
        function = re.sub(r"\[.*\]", "[...]", frames[-1].function)
        found.append((function, f"{frames[0].file}:{frames[0].line}"))
    return found


def told_by_go(app: App, addresses: Sequence[int]) -> list[tuple[str, str]]:
    """Return what Go's table says: see `of_table`."""
    asked = "".join(f"{app.base + address:#x}\n" for address in addresses)
    said = go(app.root, "tool", "addr2line", app.path, stdin=asked).splitlines()
    return [
        (function, place.removeprefix("./"))
        for function, place in zip(said[::2], said[1::2], strict=True)
    ]


def symbol_table(root: Path, path: Path) -> set[tuple[int, int, str]]:
    """Return address, size and name of each function."""
    base, table = elf_facts(path).base, go(root, "tool", "nm", "-size", path).splitlines()
    return {
        (int(address, 16) - base, int(size), name)
        for address, size, kind, name in (line.split(maxsplit=3) for line in table)
        if kind in "Tt" and int(size)
    }


def test_functions_are_those_of_gos_symbol_table(app: App) -> None:
    assert app.dump.codes == late(app.path)
    table = symbol_table(app.root, app.path)
    theirs = {(address, size, name.removesuffix(ABI0)) for address, size, name in table}
    assert {(f.address, f.size, f.name) for f in app.dump.symbols.functions} == theirs


def test_public_symbols_have_gos_names(root: Path) -> None:
    """Also one that ends like the name of a clone by GCC: "main.point.cold"."""
    path = built(root, "amd64", "-w")
    dump = read(path)
    assert dump.codes == [*late(path), "no-debug-info"]
    table = {(address, name) for address, _, name in symbol_table(root, path)}
    assert {(p.address, p.name) for p in dump.symbols.publics} == table


def test_methods_closures_and_generic_functions_have_gos_names(app: App) -> None:
    of_main = {name for name in app.dump.names if name.startswith("main.")}
    shapes = {name: match[1] for name in of_main if (match := SHAPES.fullmatch(name))}
    assert sorted(shapes.values()) == ["float64", "int"]
    assert of_main - shapes.keys() == NAMED
    assert {name for name in app.dump.symbols.origins if name.startswith("main.")} == INLINED


def test_each_instruction_of_main_has_the_line_of_gos_table(app: App) -> None:
    ours = of_table(app.dump.symbols, app.of_main)
    assert len({place for _, place in ours if place.startswith("app.go:")}) > 20
    assert ours == told_by_go(app, app.of_main)


def test_each_function_begins_with_the_line_of_gos_table(app: App) -> None:
    starts = [function.address for function in app.dump.symbols.functions]
    assert of_table(app.dump.symbols, starts) == told_by_go(app, starts)


def test_lines_are_those_of_binutils(app: App) -> None:
    agree_with(app.path, app.dump.symbols, base=app.base)


def test_inlined_calls_are_those_of_llvm(app: App) -> None:
    """Binutils 2.40 knows their lines, but calls some by the name of the function around them."""
    require_tool("llvm-symbolizer", "llvm")
    lookup = Lookup(app.dump.symbols)
    asked = {line.address for function in app.dump.symbols.functions for line in function.lines}
    theirs = ask_llvm(app.path, [app.base + address for address in asked.union(app.of_main)])
    told = {
        # LLVM takes the last name from the symbol table.
        address - app.base: [Frame(f.function.removesuffix(ABI0), f.file, f.line) for f in frames]
        for address, frames in theirs.items()
    }
    assert {address: lookup.frames(address) for address in told} == told
    chains = {tuple(frame.function for frame in frames) for frames in told.values()}
    assert ("main.twice", "main.square", "main.apply") in chains
    assert ("main.point.sum", "main.main.func1") in chains


def test_unwind_rules_mean_what_readelf_prints(app: App) -> None:
    require_tool("readelf", "binutils")
    text = dumped_text(app.path, None, exit_code=3 if late(app.path) else 0)
    fdes, symbols = read_fdes(app.path), parse(text)
    assert len(fdes) > 1000
    assert compare(CPUS[app.arch], symbols, fdes, app.base) == []


def test_compressed_sections_say_the_same_as_others(root: Path, tmp_path: Path) -> None:
    """Go before 1.19 wrote sections like ``.zdebug_info``; later ones have the flag."""
    plain, flagged = built(root, "amd64", "-compressdwarf=false"), built(root, "amd64")
    old = tmp_path / "app"
    call(tmp_path, "objcopy", "--compress-debug-sections=zlib-gnu", plain, old)
    assert [packing(path) for path in (plain, flagged, old)] == [None, "flag", "name"]
    symbols = read(plain, cfi=True).symbols
    for path in (flagged, old):
        packed = read(path, cfi=True).symbols
        same_functions(packed, symbols)
        assert packed.cfi == symbols.cfi


def packing(path: Path) -> str | None:
    """Return what says that ``.debug_info`` is compressed: its flag, its name, or nothing."""
    with path.open("rb") as stream:
        sections = {section.name: section for section in ELFFile(stream).iter_sections()}
        if ".zdebug_info" in sections:
            return "name"
        return "flag" if sections[".debug_info"]["sh_flags"] & SH_FLAGS.SHF_COMPRESSED else None
