# SPDX-License-Identifier: MIT
"""Which engine works, and what the command says about it, with the kernel and without."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from crashsym import engines
from crashsym.engines import engine
from support import REPOSITORY, missing

NOTICE = "crashsym: the compiled engine is missing; the Python engine, a hundred times slower"
Run = subprocess.CompletedProcess[str]


def run(lib: Path, *arguments: str | Path, chosen: str | None = None) -> Run:
    """Run the command from the library in ``lib``, with an engine chosen by the environment."""
    environment = {k: v for k, v in os.environ.items() if k != "CRASHSYM_ENGINE"}
    if chosen is not None:
        environment["CRASHSYM_ENGINE"] = chosen
    return subprocess.run(
        [sys.executable, "-m", "crashsym", *map(str, arguments)],
        env={**environment, "PYTHONPATH": str(lib)},
        cwd=lib,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture(scope="module")
def uncompiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library as it is where there was no compiler."""
    lib = tmp_path_factory.mktemp("uncompiled")
    left_out = shutil.ignore_patterns("*.so", "__pycache__")
    shutil.copytree(REPOSITORY / "lib/crashsym", lib / "crashsym", ignore=left_out)
    return lib


@pytest.fixture(scope="module")
def compiled() -> Path:
    """The library with the kernel, which set-up has compiled."""
    if not list((REPOSITORY / "lib/crashsym/kernel").glob("*.so")):
        missing("The compiled kernel", "Run 'CRASHSYM_KERNEL=required scripts/setup test'.")
    return REPOSITORY / "lib"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A tree with four files to read."""
    for name in ("one", "two", "three", "four"):
        path = tmp_path / "root" / name
        path.parent.mkdir(exist_ok=True)
        shutil.copy("/bin/true", path)
    return tmp_path / "root"


def extract(lib: Path, root: Path, *arguments: str, chosen: str | None = None) -> Run:
    """Run ``crashsym extract`` on a tree."""
    places = ("--store", root.parent / "store", "--manifest", root.parent / "manifest")
    return run(lib, "extract", root, *places, *arguments, chosen=chosen)


def test_the_kernel_is_built_where_the_tests_run(
    compiled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del compiled
    monkeypatch.delenv("CRASHSYM_ENGINE", raising=False)
    monkeypatch.setattr(engines, "_CHOSEN", [])
    assert engine().name == "kernel"


@pytest.mark.parametrize(
    ("chosen", "worker"), [(None, "kernel"), ("", "kernel"), ("kernel", "kernel")]
)
def test_the_kernel_works_and_nothing_is_said(
    compiled: Path, root: Path, chosen: str | None, worker: str
) -> None:
    result = extract(compiled, root, "--json", chosen=chosen)
    assert json.loads(result.stdout)["engine"] == worker
    assert "; made by the compiled engine" in result.stderr
    assert "crashsym: the compiled engine" not in result.stderr


def test_the_reference_works_on_request_and_nothing_is_said(compiled: Path, root: Path) -> None:
    result = extract(compiled, root, "--json", chosen="reference")
    assert json.loads(result.stdout)["engine"] == "reference"
    assert "; made by the Python engine" in result.stderr
    assert "crashsym: the compiled engine" not in result.stderr


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_extract_says_once_that_there_is_no_kernel(uncompiled: Path, root: Path, jobs: str) -> None:
    result = extract(uncompiled, root, "-j", jobs)
    assert result.stderr.count(NOTICE) == 1, result.stderr
    assert result.stderr.count("crashsym: the compiled engine") == 1
    assert "; made by the Python engine" in result.stderr
    assert len(json.loads((root.parent / "manifest").read_text())["modules"]) == 4


def test_dump_says_once_that_there_is_no_kernel_and_not_on_stdout(uncompiled: Path) -> None:
    result = run(uncompiled, "dump", "/bin/true")
    assert [line for line in result.stderr.splitlines() if NOTICE in line] != []
    assert result.stderr.count("engine") == 2, result.stderr
    assert result.stdout.startswith("MODULE Linux ")
    assert "kernel" not in result.stdout


def test_nothing_is_said_where_no_engine_is_needed(uncompiled: Path, tmp_path: Path) -> None:
    symbols = tmp_path / "a.sym"
    symbols.write_bytes(b"MODULE Linux x86_64 000000000000000000000000000000000 a\n")
    result = run(uncompiled, "lint", symbols)
    assert "kernel" not in result.stderr


def test_with_and_without_the_kernel_the_bytes_are_the_same(
    compiled: Path, uncompiled: Path
) -> None:
    ours, theirs = (run(lib, "dump", "/bin/true").stdout for lib in (compiled, uncompiled))
    assert ours == theirs


def test_asking_for_a_kernel_that_is_not_there_is_an_error(uncompiled: Path) -> None:
    result = run(uncompiled, "dump", "/bin/true", chosen="kernel")
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr == (
        "crashsym: cannot use the kernel: CRASHSYM_ENGINE: "
        "No module named 'crashsym.kernel.joined'. "
        "Install crashsym where there is a C compiler, which builds it.\n"
    )


def test_asking_for_an_engine_of_another_name_is_an_error(compiled: Path) -> None:
    result = run(compiled, "dump", "/bin/true", chosen="turbo")
    assert result.returncode == 2
    assert result.stderr == (
        "crashsym: cannot choose an engine: CRASHSYM_ENGINE: 'turbo' is none. "
        "Use 'kernel' or 'reference', or unset it.\n"
    )
