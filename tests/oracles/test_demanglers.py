# SPDX-License-Identifier: MIT
"""Names as other demanglers write them: binutils' c++filt, rustfilt and Mozilla's dump_syms.

``c++filt -i`` leaves implementation details out, such as hashes. rustfilt is the Rust project's own
rustc-demangle. Each difference has its reason beside it, and must occur.
"""

from __future__ import annotations

import importlib.util
import re
import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest
from crashsym.demangle import demangle, readable, strip_suffixes
from crashsym.demangle.limits import LONGEST
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection
from oracles.peers import mozilla_dump_syms, require_x86_64, rust_stackwalk
from oracles.symfile import parse
from support import crashsym, missing, require_tool
from unit import test_demangle_d as d_tables
from unit import test_demangle_rust as rust_tables

pytestmark = pytest.mark.oracle

CXX = ("c++filt", "-i")
RUST = ("c++filt", "-i", "-s", "rust")
D = ("c++filt", "-i", "-s", "dlang")
RUSTFILT = ("rustfilt",)
LEGACY = re.compile(r"_ZN.*17h[0-9a-f]{16}E(\..*)?")


def said_by(tool: tuple[str, ...], names: Iterable[str]) -> list[str]:
    """Return what a demangler makes of each name; what it does not know it repeats."""
    require_tool(tool[0], {"c++filt": "binutils"}.get(tool[0], ""))
    text = "".join(f"{name}\n" for name in names)
    run = subprocess.run(tool, input=text, capture_output=True, text=True, check=True)
    return run.stdout.split("\n")[:-1]


@cache
def function_names(path: Path) -> tuple[str, ...]:
    """Return the names of the functions that a file defines, sorted, without ``@VERSION``."""
    found = set()
    with path.open("rb") as stream:
        for section in ELFFile(stream).iter_sections():
            for symbol in section.iter_symbols() if isinstance(section, SymbolTableSection) else ():
                if symbol["st_info"]["type"] == "STT_FUNC" and symbol["st_shndx"] != "SHN_UNDEF":
                    found.add(symbol.name.partition("@@")[0])
    return tuple(sorted(found))


def installed(name: str, package: str) -> Path:
    """Return a shared library that a package of Debian brings."""
    for folder in (Path("/usr/lib"), *Path("/usr/lib").glob("*-linux-gnu*")):
        if (folder / name).exists():
            return folder / name
    missing(name, f"Install it with 'apt-get install {package}'.")
    raise AssertionError(name)


def extension(module: str) -> Path:
    """Return the file of a compiled Python module; those of Rust come with the tests' packages."""
    spec = importlib.util.find_spec(module)
    assert spec is not None, module
    assert spec.origin is not None, module
    return Path(spec.origin)


def differing(names: Iterable[str], tool: tuple[str, ...]) -> dict[str, tuple[str, str]]:
    """Return the names of which the tool says something else: ours, theirs."""
    names = list(names)
    pairs = zip(names, said_by(tool, names), strict=True)
    return {name: (readable(name), said) for name, said in pairs if readable(name) != said}


def v0_names() -> list[str]:
    paths = (extension("rpds.rpds"), extension("ast_serialize.ast_serialize"))
    names = {strip_suffixes(name) for path in paths for name in function_names(path)}
    return sorted(name for name in names if name.startswith("_R"))


def legacy_names() -> list[str]:
    require_x86_64()
    paths = (mozilla_dump_syms(), rust_stackwalk())
    names = {strip_suffixes(name) for path in paths for name in function_names(path)}
    return sorted(name for name in names if LEGACY.fullmatch(name))


def d_names() -> list[str]:
    names = function_names(installed("libgphobos.so.3", "libgphobos3"))
    return [name for name in names if name.startswith("_D")]


@pytest.mark.parametrize("tool", [RUST, RUSTFILT], ids=["c++filt", "rustfilt"])
def test_v0_names_of_real_files(tool: tuple[str, ...]) -> None:
    names = v0_names()
    assert len(names) > 1000
    assert [name for name in names if demangle(name) is None] == []
    assert differing(names, tool) == {}


@pytest.mark.parametrize("tool", [RUST, RUSTFILT], ids=["c++filt", "rustfilt"])
def test_legacy_names_of_real_files(tool: tuple[str, ...]) -> None:
    names = legacy_names()
    assert len(names) > 10_000
    assert [name for name in names if demangle(name) is None] == []
    assert differing(names, tool) == {}


def test_cxx_names_of_a_real_file() -> None:
    names = function_names(installed("libstdc++.so.6", "libstdc++6"))
    assert len(names) > 1000
    assert differing(names, CXX) == {}


# What c++filt 2.40 does not decode, or decodes less of.
D_LESS = {
    "return scope": r"NkM",  # two storage classes of one parameter
    "the type of another function": r"(?<![A-Z])M?Q[A-Z]*[a-z]",  # parameters are left out
}


def test_d_names_of_a_real_file() -> None:
    names = d_names()
    assert len(names) > 5000
    thunk = re.compile(r"_DTi?\d+_")
    assert [n for n in names if demangle(n) is None and not thunk.match(n)] == [
        "_D4core6memory10initialize"  # without a type
    ]
    occurred = dict.fromkeys(D_LESS, 0)
    for name, (ours, theirs) in differing(names, D).items():
        if theirs == name:
            kind = "return scope" if "NkM" in name else "the type of another function"
        else:
            kind = "the type of another function"
            assert _without_parameters(ours) == _without_parameters(theirs)
        assert re.search(D_LESS[kind], name), (name, ours, theirs)
        occurred[kind] += 1
    assert all(occurred.values()), occurred


def _without_parameters(name: str) -> str:
    """Take out what stands in parentheses, innermost first; "!(" begins no parameters."""
    before = ""
    while before != name:
        before, name = name, re.sub(r"(?<!!)\([^()]*\)", "", name)
        name = re.sub(r"!\(([^()]*)\)", r"![\1]", name)
    return name


RUST_TABLES = {
    **rust_tables.BOOK,
    **{f"_RMC0{mangled}": f"<{shown}>" for mangled, shown in rust_tables.TYPES.items()},
    **{f"_RIC0K{m}E": f"::<{shown}>" for m, shown in rust_tables.CONSTANTS.items() if shown},
    **rust_tables.PUNYCODE,
    **rust_tables.LEGACY,
}
D_TABLES = {
    **d_tables.NAMES,
    **{f"_D3foo3barF{m}Zv": f"foo.bar({shown})" for m, shown in d_tables.PARAMETERS.items()},
    **{f"_D3foo3barFAi{m}v": f"foo.bar(int[]{shown})" for m, shown in d_tables.ENDS.items()},
    **{
        f"_D3foo__T3bar{m}Z3bazFZv": f"foo.bar!({shown}).baz()"
        for m, shown in d_tables.ARGUMENTS.items()
        if shown
    },
}


def test_the_tables_of_the_unit_tests_are_right() -> None:
    """They were written from the standards."""
    assert dict(zip(RUST_TABLES, said_by(RUSTFILT, RUST_TABLES), strict=True)) == RUST_TABLES
    assert dict(zip(D_TABLES, said_by(D, D_TABLES), strict=True)) == D_TABLES


def test_public_records_have_the_names_that_mozilla_has() -> None:
    """Rust's, at addresses with one symbol only: of several, each takes another."""
    require_x86_64()
    path = mozilla_dump_syms()
    theirs = subprocess.run([path, path], capture_output=True, text=True, check=True).stdout
    ours = crashsym("dump", path).stdout.decode()
    shown = {p.address: p.name for p in parse(ours).publics}
    compared = {}
    for public in parse(theirs).publics:
        if not public.multiple and public.address in shown and "ELF section in" not in public.name:
            compared[public.address] = (shown[public.address], public.name)
    rust = set(said_by(RUSTFILT, legacy_names()))
    pairs = {pair for pair in compared.values() if pair[0] in rust}
    assert len(pairs) > 5000
    assert [pair for pair in pairs if pair[0] != pair[1]] == []


CLONES = r"""
#include <cstdio>
#include <cstdlib>
volatile int sink;
struct Pair { int a, b, c; };
__attribute__((noinline)) static int known(int a, int b) {  // always called with b == 3
    int sum = 0;
    for (int i = 0; i < a; i++) { sum += i * b; sink = sum; }
    return sum;
}
__attribute__((noinline)) static int reduced(const Pair *pair, int unused) {
    sink = pair->b;
    return pair->b * 2;
}
int main(int argc, char **argv) {
    Pair pair{argc, argc + 1, argc + 2};
    if (argc > 5) std::abort();
    return known(argc, 3) + known(argc + 1, 3) + reduced(&pair, argc) + reduced(&pair, 7);
}
"""


def test_clones_of_gcc(tmp_path: Path) -> None:
    source, program = tmp_path / "clones.cc", tmp_path / "clones"
    source.write_text(CLONES)
    subprocess.run([require_tool("g++"), "-O2", source, "-o", program], check=True)
    clones = [name for name in function_names(program) if strip_suffixes(name) != name]
    assert {name.partition(".")[2].rstrip("0123456789.") for name in clones} >= {
        "cold",
        "constprop",
    }
    assert any(".isra." in name for name in clones)
    kept = _publics(program, "--keep-suffixes")
    assert set(said_by(CXX, clones)) <= kept
    plain = _publics(program)
    assert {strip_suffixes(name) for name in said_by(CXX, map(strip_suffixes, clones))} <= plain
    assert [name for name in plain if "[clone" in name or ".cold" in name] == []


TEMPLATES = """
template <class...> struct List {};
template <int N> struct Nest {
    using Less = typename Nest<N - 1>::type;
    using type = List<Less, Less, int[N]>;
};
template <> struct Nest<0> { using type = char; };
template <class T> __attribute__((noinline)) void take(const T &) { asm volatile(""); }
int main() {
    take(Nest<8>::type{});
    take(Nest<13>::type{});
}
"""


def test_templates_whose_names_become_long(tmp_path: Path) -> None:
    """One becomes 10 KB and is shown, the other 344 KB and stays as it is mangled."""
    source, program = tmp_path / "templates.cc", tmp_path / "templates"
    source.write_text(TEMPLATES)
    subprocess.run([require_tool("g++"), "-g", source, "-o", program], check=True)
    names = [name for name in function_names(program) if name.startswith("_Z4take")]
    theirs = dict(zip(names, said_by(CXX, names), strict=True))
    assert sorted(len(said) > LONGEST for said in theirs.values()) == [False, True]
    expected = {name if len(said) > LONGEST else said for name, said in theirs.items()}
    symbols = parse(crashsym("dump", program).stdout.decode())
    assert {func.name for func in symbols.functions} == {"main", *expected}
    subprocess.run([require_tool("strip", "binutils"), "-g", program], check=True)
    assert expected <= _publics(program)


def _publics(program: Path, *options: str) -> set[str]:
    text = crashsym("dump", program, *options).stdout.decode()
    return {public.name for public in parse(text).publics}
