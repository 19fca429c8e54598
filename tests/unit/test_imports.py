# SPDX-License-Identifier: MIT
"""Imports point one way: cli → doors → pipeline → formats → values."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from crashsym.engines import engine
from support import REPOSITORY, require_tool

LIBRARY = REPOSITORY / "lib" / "crashsym"

# Each module may import those of its own line and of the lines above it, except where FORBIDDEN
# says no. Packages stand for all their modules.
LAYERS = (
    ("errors", "value", "__init__"),
    (
        "ids",
        "findings",
        "policyfile",
        "files",
        "reader",
        "budget",
        "demangle",
        "codemap",
        "coverage",
        "limits",
        "parallel",
        "targetroot",
        "texts",
        "source",
        "jsondata",
        "zstd",
    ),
    ("packaged", "checkout", "recipesource", "sourcelinks"),
    ("pkgdata", "rootdb"),
    ("owners",),
    ("bytesource", "elfnames", "elfnotes", "elfsymbols", "inflate", "relocate"),
    ("elfheaders",),
    ("relocatable",),
    ("elf",),
    ("firstpage", "packers"),
    ("codeaddr",),
    ("splitpair", "debugfiles", "tree"),
    ("progress",),
    ("dwarf", "cfi"),
    ("breakpad",),
    ("kernel", "engines"),
    ("dump", "store", "manifest", "quality"),
    ("cache", "fragments", "manifestdiff", "manifestfind"),
    ("identity",),
    ("onefile", "symbolicate", "thresholds"),
    ("extract",),
    ("image", "leftovers", "report", "spdx"),
    ("sdk",),
    ("upload",),
    ("cli", "__main__"),
)
FORBIDDEN = {
    "dwarf": {"breakpad", "splitpair", "cfi"},
    "cfi": {"breakpad", "dwarf"},
    "breakpad": {"elf", "splitpair", "dwarf"},
    "kernel": {"elf", "splitpair", "dwarf", "cfi"},
    "dump": {"store", "manifest"},
    "manifest": {"elf", "store", "breakpad"},
}
# Nobody but these knows pyelftools.
PYELFTOOLS = {"elfnames"}


def _modules() -> dict[str, set[str]]:
    """Return first-level module → the modules it imports at run time or for types."""
    graph: dict[str, set[str]] = {}
    for file in LIBRARY.rglob("*.py"):
        parts = file.relative_to(LIBRARY).with_suffix("").parts
        found = graph.setdefault(parts[0], set())
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module == "crashsym":
                found |= {f"crashsym.{alias.name}" for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{file}: relative import"
                found.add(node.module or "")
    return graph


def _ours(imports: set[str]) -> set[str]:
    ours = {name.split(".")[1] for name in imports if name.startswith("crashsym.")}
    return ours - {"__version__"}


GRAPH = _modules()
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}


def test_every_module_has_its_place() -> None:
    assert set(GRAPH) == set(RANK)


@pytest.mark.parametrize("module", sorted(GRAPH))
def test_module_imports_nothing_above_it(module: str) -> None:
    higher = {name for name in _ours(GRAPH[module]) if RANK[name] > RANK[module]}
    assert higher == set()


@pytest.mark.parametrize("module", sorted(FORBIDDEN))
def test_module_does_not_know_what_is_none_of_its_business(module: str) -> None:
    assert _ours(GRAPH[module]) & FORBIDDEN[module] == set()


def test_errors_imports_nothing_of_ours() -> None:
    assert _ours(GRAPH["errors"]) == set()


def test_only_these_know_pyelftools() -> None:
    users = {m for m, imports in GRAPH.items() if any(i.startswith("elftools") for i in imports)}
    assert users == PYELFTOOLS


# ---- what a run imports: most files are small, and then it is what they cost

DUMP = "from crashsym.cli.main import main; code = main(); assert code == 0, code"
SHOWN = "\nimport sys; print(*sys.modules)"
NEEDED = {
    *("__future__", "_operator", "_struct", "errno", "fcntl", "gc", "mmap", "operator", "struct"),
}
# Those of the kernel import each other, and are shared libraries.
OURS = {
    "__init__",
    "breakpad",
    "breakpad.cpus",
    "breakpad.module",
    "breakpad.postfix",
    "breakpad.writer",
    "budget",
    "bytesource",
    "cfi",
    "cfi.pointers",
    "cli",
    "cli.common",
    "cli.dump",
    "cli.main",
    "cli.output",
    "cli.quick",
    "cli.signals",
    "codeaddr",
    "debugfiles",
    "dump",
    "dwarf",
    "dwarf.inputs",
    "dwarf.sections",
    "elf",
    "elfheaders",
    "elfnames",
    "elfnotes",
    "elfsymbols",
    "engines",
    "engines.compiled",
    "errors",
    "files",
    "findings",
    "firstpage",
    "ids",
    "packers",
    "reader",
    "splitpair",
    "value",
}


def imported(code: str, *arguments: str | Path) -> set[str]:
    """Return the modules that a Python process has in the end."""
    command = [sys.executable, "-c", code + SHOWN, *map(str, arguments)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(run.stdout.split())


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program with debug information and unwind rules."""
    path = tmp_path_factory.mktemp("program") / "program"
    command = [require_tool("g++"), "-g", "-Wl,--build-id", "-xc++", "-", "-o", str(path)]
    source = b"struct Shape { int area(int x) { return x; } } s; int main() { return s.area(0); }"
    subprocess.run(command, input=source, check=True)
    return path


@pytest.mark.skipif(engine().name != "kernel", reason="the reference engine needs more")
def test_a_dump_imports_no_module_that_it_does_not_need(program: Path) -> None:
    found = imported(DUMP, "dump", program, "-o", program.with_suffix(".sym"))
    ours = {name.partition(".")[2] or "__init__" for name in found if name.startswith("crashsym")}
    assert {name for name in ours if not name.startswith("kernel")} == OURS
    assert _others(found) <= NEEDED


@pytest.mark.skipif(engine().name != "kernel", reason="the reference engine needs more")
@pytest.mark.parametrize(
    ("option", "needed"),
    [
        ("--compress-debug-sections=zlib", {"zlib"}),
        ("--strip-debug", {"pathlib"}),  # debug halves are looked for
    ],
)
def test_another_kind_of_file_needs_little_more(
    program: Path, tmp_path: Path, option: str, needed: set[str]
) -> None:
    other = tmp_path / "other"
    subprocess.run([require_tool("objcopy"), option, program, other], check=True)
    command = ("dump", other, "-o", tmp_path / "symbols")
    found = imported(DUMP.replace("code == 0", "code in (0, 3)"), *command)
    more = imported("import " + ", ".join(needed))
    assert _others(found) - more <= NEEDED


@pytest.mark.skipif(engine().name != "kernel", reason="the reference engine needs more")
def test_arm_s_index_of_exceptions_needs_little_more(tmp_path: Path) -> None:
    program = tmp_path / "program"
    command = [require_tool("arm-linux-gnueabihf-gcc"), "-funwind-tables", "-Wl,--build-id"]
    source = b"int f(int *); int g(void) { int x[9]; return f(x) + f(x + 1); }"
    flags = ["-xc", "-", "-shared", "-nostdlib", "-o", str(program)]
    subprocess.run([*command, *flags], input=source, check=True)
    found = imported(
        DUMP.replace("code == 0", "code in (0, 3)"), "dump", program, "-o", tmp_path / "symbols"
    )
    assert "crashsym.cfi.ehabi" in found
    assert _others(found) <= NEEDED | {"itertools"} | imported("import pathlib")


def _others(found: set[str]) -> set[str]:
    """Return the modules that are neither ours nor those of any Python process."""
    without = ("crashsym", "cython", "_cython")
    return {name for name in found if not name.startswith(without)} - imported("pass")
