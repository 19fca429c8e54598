"""A real crash on x86-64: both stack walkers find every frame with our store, by unwind rules.

The program and its library ship stripped; the symbols come from the split pairs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from corpus.build import run
from oracles.crashes import (
    LIBRARY,
    SOURCES,
    Frame,
    breakpad_stack,
    crash,
    install,
    line_of,
    rust_stack,
    up_to,
)
from oracles.lookups import unqualified_name
from oracles.peers import breakpad_stackwalk
from support import crashsym, require_tool

pytestmark = [pytest.mark.oracle, pytest.mark.xdist_group("minidump")]
REPOSITORY, REVISION = "example.com/team/crash", "12ab34cd" * 5
Walker = Callable[[Path, Path], list[Frame]]
WALKERS: dict[str, Walker] = {"Breakpad": breakpad_stack, "rust-minidump": rust_stack}


@dataclass(frozen=True)
class Installation:
    root: Path
    store: Path


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The stripped program with its library, and the store that crashsym made of them."""
    for tool in ("g++", "ar", "objcopy", "strip"):
        require_tool(tool)
    folder = tmp_path_factory.mktemp("crash")
    root, store = folder / "root", folder / "store"
    install(root)
    manifest = folder / "manifest.json"
    done = crashsym("extract", root, "--store", store, "--manifest", manifest)
    assert done.returncode == 0, done.stderr.decode()
    return Installation(root, store)


def expected_stack(outermost: str, call: str) -> list[Frame]:
    """The stack of the sources: each call, and the inlines at its place."""
    return [
        _frame("crash", "store", "chain.h", "*place = value", "inline"),
        _frame("crash", "choose", "chain.h", "store(place, more)", "inline"),
        _frame("crash", "crash_here", "crash.cc", "chain::choose(", "context"),
        _frame(LIBRARY, "counted", "library.cc", "= callback(place, value)", "inline"),
        _frame(LIBRARY, "enter", "library.cc", "= counted(", "cfi"),
        _frame(LIBRARY, "call_back", "library.cc", "return enter(", "cfi"),
        _frame("crash", "run", "crash.cc", "= library::call_back(", "cfi"),
        _frame("crash", outermost, "crash.cc", call, "cfi"),
    ]


def _frame(module: str, function: str, file: str, text: str, trust: str) -> Frame:
    return Frame(module, function, file, line_of(file, text), trust)


# The thread that crashes: its outermost function of ours, and the call there.
THREADS = {"first": ("main", "return run(argc)"), "second": ("thread_main", "= run(value)")}


@pytest.mark.parametrize("walker", WALKERS)
@pytest.mark.parametrize("thread", THREADS)
def test_the_stack_from_the_crash_outwards_is_complete(
    installation: Installation, tmp_path: Path, walker: str, thread: str
) -> None:
    outermost, call = THREADS[thread]
    minidump = crash(installation.root, thread, tmp_path / "minidumps")
    frames = up_to(WALKERS[walker](minidump, installation.store), outermost)
    plain = [
        Frame(f.module, unqualified_name(f.function), Path(f.file).name, f.line, f.trust)
        for f in frames
    ]
    assert plain == expected_stack(outermost, call)


@pytest.fixture(scope="session")
def linked(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store whose symbol files have links to the sources."""
    folder = tmp_path_factory.mktemp("linked")
    source = ("--source-uri", f"git://{REPOSITORY}.git", "--source-revision", REVISION)
    places = ("--store", folder / "store", "--manifest", folder / "manifest.json")
    links = ("--source-links", *source, "--source-prefix", SOURCES)
    done = crashsym("extract", installation.root, *places, *links)
    assert done.returncode == 0, done.stderr.decode()
    return folder / "store"


@pytest.mark.parametrize("walker", WALKERS)
def test_a_link_to_the_source_is_the_file_to_the_walkers(
    installation: Installation, linked: Path, tmp_path: Path, walker: str
) -> None:
    minidump = crash(installation.root, "first", tmp_path / "minidumps")
    plain = up_to(WALKERS[walker](minidump, installation.store), "main")
    expected = [replace(f, file=f"git:{REPOSITORY}:{Path(f.file).name}:{REVISION}") for f in plain]
    if walker == "Breakpad":  # prints what is behind the last slash, as it does of each path
        expected = [replace(f, file=f.file.rpartition("/")[2]) for f in expected]
    assert up_to(WALKERS[walker](minidump, linked), "main") == expected


def test_breakpad_s_output_for_machines_has_the_whole_link(
    installation: Installation, linked: Path, tmp_path: Path
) -> None:
    minidump = crash(installation.root, "first", tmp_path / "minidumps")
    text = run([str(breakpad_stackwalk()), "-m", str(minidump), str(linked)])
    line = line_of("chain.h", "*place = value")
    assert f"|git:{REPOSITORY}:chain.h:{REVISION}|{line}|" in text


def test_without_the_store_the_stack_is_not_found(
    installation: Installation, tmp_path: Path
) -> None:
    # The stripped program alone does not give these frames: the test above proves the store.
    minidump = crash(installation.root, "first", tmp_path / "minidumps")
    for walk in WALKERS.values():
        frames = walk(minidump, tmp_path / "empty")
        assert not any(frame.file for frame in frames)
