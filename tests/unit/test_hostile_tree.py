"""Files that are not what they seem, that change meanwhile, and workers that die."""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from builders import elf
from builders.elf import Section
from crashsym.dump import DumpOptions
from crashsym.elf import ElfFile
from crashsym.errors import CrashsymError, MalformedError
from crashsym.extract import Extraction, extract
from crashsym.limits import Limits
from crashsym.onefile import Recipe
from crashsym.parallel import Died, run
from crashsym.store import Store
from crashsym.tree import HalfIndex, Tree, scan
from support import crashsym

_MORE_THAN_A_PIPE_HOLDS = 1 << 22


def _tree(folder: Path) -> Tree:
    for name in ("a", "b"):
        folder.joinpath("root").mkdir(exist_ok=True)
        (folder / "root" / name).write_bytes(elf.module())
    return scan(folder / "root", [], packages=False, exclude=())


def _extract(folder: Path, tree: Tree) -> Extraction:
    store = Store(folder / "store")
    return extract(tree, HalfIndex([]), store, Recipe(), DumpOptions(), jobs=2)


def test_a_file_that_vanishes_is_a_finding(tmp_path: Path) -> None:
    tree = _tree(tmp_path)
    (tmp_path / "root" / "a").unlink()
    result = _extract(tmp_path, tree)
    assert [module.path for module in result.manifest.modules] == ["/b"]
    assert ("unreadable", "/a") in [(f.code, f.path) for f in result.findings]


def test_a_file_that_vanishes_while_it_is_looked_at_is_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_file = Path.open

    def open_and_unlink(file: Path, *args: Any, **options: Any) -> Any:
        stream = open_file(file, *args, **options)
        if file.name == "a" and args == ("rb",):
            file.unlink()
        return stream

    monkeypatch.setattr(Path, "open", open_and_unlink)
    result = _extract(tmp_path, _tree(tmp_path))
    assert [module.path for module in result.manifest.modules] == ["/b"]
    assert ("unreadable", "/a") in [(f.code, f.path) for f in result.findings]


@pytest.mark.parametrize("size", [0, 3, 40, 100, 300])
def test_a_file_that_shrinks_is_a_finding(tmp_path: Path, size: int) -> None:
    tree = _tree(tmp_path)
    os.truncate(tmp_path / "root" / "a", size)
    result = _extract(tmp_path, tree)
    assert [module.path for module in result.manifest.modules] == ["/b"]
    assert ("malformed", "/a") in [(f.code, f.path) for f in result.findings]


def test_a_file_that_shrinks_while_it_is_open_is_damaged(tmp_path: Path) -> None:
    file = tmp_path / "subject.so"
    file.write_bytes(elf.module(elf.text()))
    with ElfFile(file) as elf_file:
        os.truncate(file, 70)
        with pytest.raises(MalformedError, match="shorter meanwhile"):
            elf_file.section_view(".note.gnu.build-id")


def test_a_large_section_that_shrinks_while_it_is_open_is_damaged(tmp_path: Path) -> None:
    file = tmp_path / "subject.so"
    file.write_bytes(elf.module(Section(".debug_info", bytes(1 << 17))))
    with ElfFile(file) as elf_file:
        os.truncate(file, 70)
        with pytest.raises(MalformedError, match="shorter meanwhile"):
            elf_file.section_view(".debug_info")


def test_a_named_pipe_is_refused_at_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    # Opening it blocks until somebody writes; nobody does.
    done = subprocess.run(
        [sys.executable, "-m", "crashsym", "dump", pipe],
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("path", ["/proc/self/mem", "/dev/zero", "/dev/null", "/", "/nowhere"])
def test_what_is_no_regular_file_is_refused(path: str) -> None:
    done = crashsym("dump", path)
    assert b"Traceback" not in done.stderr, done.stderr
    assert done.returncode == 2


def test_an_unusable_debug_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "subject").write_bytes(elf.module())
    (tmp_path / "half").write_bytes(b"\x7fELF")
    done = crashsym("dump", tmp_path / "subject", "--debug-file", tmp_path / "half")
    assert b"Traceback" not in done.stderr, done.stderr
    assert done.returncode == 2


def test_a_damaged_half_in_the_tree_costs_the_debug_information_only(tmp_path: Path) -> None:
    (tmp_path / "root" / ".debug").mkdir(parents=True)
    (tmp_path / "root" / "app").write_bytes(elf.module())
    (tmp_path / "root" / ".debug" / "app").write_bytes(elf.module()[:100])
    tree = scan(tmp_path / "root", [], packages=False, exclude=())
    store = Store(tmp_path / "store")
    result = extract(tree, HalfIndex(tree.halves), store, Recipe(), DumpOptions(), jobs=1)
    assert [module.path for module in result.manifest.modules] == ["/app"]
    assert ("malformed", "/app") in [(f.code, f.path) for f in result.findings]


def _deepest(root: Path) -> None:
    """Make folders until no path can be longer, and a file that is too deep to be opened."""
    before = Path.cwd()
    os.chdir(root)
    try:
        depth = (4095 - len(str(root))) // 201
        for _ in range(depth):
            Path("d" * 200).mkdir()
            os.chdir("d" * 200)
        Path("f" * 250).write_bytes(elf.module())
    finally:
        os.chdir(before)


def test_a_path_that_is_too_long_is_a_finding(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "good").write_bytes(elf.module())
    _deepest(root)
    done = crashsym("extract", root, "--store", tmp_path / "s", "--manifest", tmp_path / "m")
    assert b"Traceback" not in done.stderr, done.stderr
    assert done.returncode == 3
    assert b"[unreadable]" in done.stderr


def _die(number: int) -> str:
    if number > 0:
        faulthandler.disable()  # pytest's would print a stack into the log of the tests
        os.kill(os.getpid(), number)
    return "alive"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGRTMIN + 1])
def test_a_worker_that_is_killed_is_reported_and_the_others_go_on(number: int) -> None:
    results = dict(run(_die, [0, int(number), -1], 1, lambda _: Limits.for_bytes(0)))
    died = results[int(number)]
    assert isinstance(died, Died)
    assert died.why.startswith("its process was ended by ")
    assert (results[0], results[-1]) == ("alive", "alive")


def _send_much(number: int) -> bytes:
    return bytes(_MORE_THAN_A_PIPE_HOLDS if number else 1)


def test_a_worker_that_is_killed_while_it_sends_is_reported() -> None:
    results = run(_send_much, [0, 1], 2, lambda _: Limits.for_bytes(1 << 24))
    assert next(results) == (0, b"\0")
    (worker,) = multiprocessing.active_children()
    while _state(worker.pid) != "S":  # it waits until somebody reads
        time.sleep(0.01)
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)
    ((number, died),) = list(results)
    assert number == 1
    assert isinstance(died, Died)


def _state(pid: int | None) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_errors_are_printable_whatever_the_file_is_called(tmp_path: Path) -> None:
    file = tmp_path / os.fsdecode(b"a\n\x1b[2J\xff")
    file.write_bytes(b"text")
    with pytest.raises(CrashsymError) as caught:
        ElfFile(file)
    assert str(caught.value).isprintable()
