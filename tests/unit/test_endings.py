# SPDX-License-Identifier: MIT
"""A command that is ended before it is done: nothing of it is left, and nobody works on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from builders import elf
from crashsym.errors import StoreError
from crashsym.files import StagedFolder
from support import REPOSITORY, crashsym

ENDLESS = """
import os, sys, time
from crashsym import onefile
from crashsym.cli.main import main
def work(*_):
    os.write(1, b"begun\\n")
    time.sleep(600)
onefile.Work.do = work
sys.exit(main())
"""
# The key is pressed when the process for a file has begun, and nobody has taken note of it yet.
IN_BETWEEN = """
import signal
from multiprocessing.process import BaseProcess
start = BaseProcess.start
def start_and_interrupt(process):
    start(process)
    os.kill(os.getpid(), signal.SIGINT)
BaseProcess.start = start_and_interrupt
sys.exit(main())
"""
EXTRACT = ("extract", "root", "--store", "out/store", "--manifest", "out/m", "-j", "2")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("root", "out"):
        (tmp_path / name).mkdir()
    for name in ("a", "b"):
        (tmp_path / "root" / name).write_bytes(elf.module())
    return tmp_path


@contextmanager
def begin(folder: Path, ignored: int = 0) -> Iterator[subprocess.Popen[bytes]]:
    """Start a command of which two files are worked on, and take for ever; end it at the end."""
    process = subprocess.Popen(
        [sys.executable, "-c", ENDLESS, *EXTRACT],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=partial(_ignore, ignored),
    )
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() + process.stdout.readline() == b"begun\n" * 2
            yield process
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)


def _ignore(ignored: int) -> None:
    """Ignore one signal and no other, whatever whoever runs the tests does."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN if number == ignored else signal.SIG_DFL)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
@pytest.mark.parametrize("everybody", [False, True])
def test_a_signal_ends_all_and_leaves_nothing(
    folder: Path, number: signal.Signals, *, everybody: bool
) -> None:
    with begin(folder) as process:
        assert list((folder / "out").iterdir())
        send = os.killpg if everybody else os.kill
        send(process.pid, number)
        _, said = process.communicate(timeout=60)  # also the end of all that have its output
    assert process.returncode == (130 if number == signal.SIGINT else -number)
    assert said == b"crashsym: interrupted\n"
    assert list((folder / "out").iterdir()) == []


def test_a_process_that_has_just_begun_is_ended_too(folder: Path) -> None:
    script = ENDLESS.removesuffix("sys.exit(main())\n") + IN_BETWEEN
    done = subprocess.run(
        [sys.executable, "-c", script, *EXTRACT],
        cwd=folder,
        capture_output=True,  # until the end of all that have the output
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (130, b"crashsym: interrupted\n")
    assert list((folder / "out").iterdir()) == []


def test_a_signal_that_is_ignored_stays_so(folder: Path) -> None:
    with begin(folder, ignored=signal.SIGHUP) as process:
        os.kill(process.pid, signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)
        process.terminate()
        process.communicate(timeout=60)
    assert process.returncode == -signal.SIGTERM


def test_what_a_killed_run_has_left_is_removed_by_the_next(folder: Path) -> None:
    with begin(folder) as process:
        (left,) = (folder / "out").iterdir()
        (left / "0.sym").write_bytes(b"half")
        crashsym(*EXTRACT, cwd=folder)
        assert left.exists()  # somebody works there
        (folder / "out" / "m").unlink()
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=60)
    assert left.exists()
    with StagedFolder(folder / "out", tidy=True):
        assert not left.exists()


def test_only_folders_that_are_abandoned_are_removed(tmp_path: Path) -> None:
    link, file, deep = (f".crashsym-000000000000000{digit}" for digit in "abc")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").touch()
    (tmp_path / link).symlink_to("other")
    (tmp_path / file).touch()
    (tmp_path / deep / "folder").mkdir(parents=True)
    (tmp_path / ".crashsym-uploads").mkdir()
    (tmp_path / ".crashsym-uploads" / "ledger.jsonl").touch()
    near = tmp_path / "store"
    with StagedFolder(near, tidy=True) as first, StagedFolder(near, tidy=True):
        assert Path(first).is_dir()
    names = ["file", "other", link, file, deep, ".crashsym-uploads", "ledger.jsonl"]
    assert sorted(path.name for path in tmp_path.rglob("*") if path.name != "folder") == sorted(
        names
    )


def test_a_key_pressed_while_python_still_imports_is_no_bug(tmp_path: Path) -> None:
    hurry = tmp_path / "crashsym"
    hurry.mkdir()
    (hurry / "__init__.py").write_text("raise KeyboardInterrupt\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, str(REPOSITORY / "bin" / "crashsym"), "--version"]
    done = subprocess.run(command, env=environment, capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (130, b"crashsym: interrupted\n")


def test_no_place_for_temporary_files_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr("tempfile.gettempdir", refuse)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with pytest.raises(StoreError, match=f"'{tmp_path}': No usable temporary"), StagedFolder(None):
        pass


def test_a_command_works_where_the_current_folder_is_gone(tmp_path: Path) -> None:
    (tmp_path / "app").write_bytes(elf.module())
    words = f"{sys.executable} -m crashsym dump {tmp_path}/app"
    script = f"mkdir gone; cd gone; rmdir ../gone; {words} --store {tmp_path}/s; {words} -o x"
    done = subprocess.run(
        ["sh", "-c", script], cwd=tmp_path, capture_output=True, check=False, timeout=120
    )
    assert b"Traceback" not in done.stderr
    assert b"cannot write: 'x': No such file or directory" in done.stderr
    assert done.returncode == 2
    assert list((tmp_path / "s").rglob("*.sym"))
