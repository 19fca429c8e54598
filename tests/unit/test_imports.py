# SPDX-License-Identifier: MIT
"""Imports point one way: cli → doors → pipeline → formats → values."""

from __future__ import annotations

import ast

import pytest
from support import REPOSITORY

LIBRARY = REPOSITORY / "lib" / "crashsym"

# Each module may import those of its own line and of the lines above it, except where FORBIDDEN
# says no. Packages stand for all their modules.
LAYERS = (
    ("errors", "value", "__init__"),
    ("ids", "findings", "files", "reader", "budget", "demangle", "codemap", "limits", "parallel"),
    ("bytesource", "elfnames", "elfnotes", "elfsymbols", "inflate", "relocate"),
    ("elfheaders",),
    ("relocatable",),
    ("elf",),
    ("codeaddr",),
    ("splitpair", "debugfiles", "tree"),
    ("dwarf", "cfi"),
    ("breakpad",),
    ("kernel", "engines"),
    ("dump", "store", "manifest", "quality"),
    ("extract", "symbolicate"),
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
