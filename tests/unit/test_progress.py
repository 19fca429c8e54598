# SPDX-License-Identifier: MIT
"""How far the work is: one line on a terminal while it lasts, and nothing anywhere else."""

from __future__ import annotations

import fcntl
import os
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO, TextIOWrapper
from pathlib import Path

import pytest
from builders import elf
from crashsym.cli.progress import ProgressLine, line
from crashsym.progress import Progress
from crashsym.tree import TreeFile
from support import crashsym
from unit.test_endings import ENDLESS

IMAGE = ("image", "root", "--store", "store", "--manifest", "m.json", "-j", "2")
COLUMNS = 60


def files(*sizes: int, path: str = "/usr/lib/lib{}.so") -> dict[int, TreeFile]:
    return {n: TreeFile(path.format(n), Path(), size, None) for n, size in enumerate(sizes)}


def resize(terminal: int, columns: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))


@contextmanager
def terminal() -> Iterator[tuple[FileIO, FileIO]]:
    """Yield the two ends of a terminal: what a person sees, and what a program writes to."""
    person, program = os.openpty()
    resize(program, COLUMNS)
    with FileIO(person, "r") as seen, FileIO(program, "w") as written:
        yield seen, written


def read(person: FileIO) -> str:
    """Return all that was written to a terminal that no program has open any more."""
    data = b""
    with suppress(OSError):  # how Linux says that it is all
        while more := person.read(1 << 16):
            data += more
    return data.decode()


def lines_on(shown: str) -> list[str]:
    """Return what stays in the lines of a terminal."""
    lines = []
    for text in shown.split("\n"):
        row = ""
        for frame in text.split("\r"):
            row = frame + row[len(frame) :]
        lines.append(row.rstrip())
    assert lines.pop() == ""
    return lines


def frames(shown: str) -> list[str]:
    return [f.rstrip() for f in shown.split("\r") if f.startswith("crashsym: ") and " of " in f]


def run_on_terminal(folder: Path, *words: str, kind: str = "linux") -> tuple[int, str]:
    with terminal() as (person, program):
        command = ["env", f"TERM={kind}", sys.executable, "-m", "crashsym", *words]
        with subprocess.Popen(
            command, cwd=folder, stdout=subprocess.DEVNULL, stderr=program
        ) as process:
            program.close()
            shown = read(person)
    return process.returncode, shown


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    for number in range(13):
        (tmp_path / f"root/{number:02}.so").write_bytes(elf.module())
    return tmp_path


def test_the_line_says_what_is_done_and_which_file_is_worked_on() -> None:
    progress = Progress(files(5_000_000, 2_000_000, 1_000_000))
    assert line(progress, 79) == "crashsym: 0 of 3 files, 0 of 8 MB"
    progress.work()
    assert line(progress, 79) == "crashsym: 0 of 3 files, 0 of 8 MB: /usr/lib/lib0.so"
    progress.done(1)
    assert line(progress, 79) == "crashsym: 1 of 3 files, 2 of 8 MB: /usr/lib/lib0.so"
    progress.done(0)
    assert line(progress, 79) == "crashsym: 2 of 3 files, 7 of 8 MB: /usr/lib/lib2.so"
    progress.done(2)
    assert line(progress, 79) == "crashsym: 3 of 3 files, 8 of 8 MB"


@pytest.mark.parametrize("path", ["/" + "d/" * 90 + "end.so", "/é漢\n\x1b[2J\u202e/end.so"])
@pytest.mark.parametrize("width", [0, 1, 20, 40, 45, 50, 60, 300])
def test_the_line_fits_whatever_the_path_is(path: str, width: int) -> None:
    progress = Progress(files(1, path=path))
    progress.work()
    text = line(progress, width)
    assert len(text) <= width
    assert text.isascii()
    assert text.isprintable()
    assert text.startswith("crashsym: 0 of 1 files, 0 of 0 MB"[:width])
    assert text.endswith("/end.so") == (width >= 50)


def test_a_terminal_is_written_to_ten_times_a_second_at_most(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "linux")
    with terminal() as (person, program):
        begin = time.monotonic()
        with TextIOWrapper(program) as stream, ProgressLine(stream) as shown:
            progress = Progress(files(*[1] * 5000), shown.show)
            for number in range(5000):
                progress.done(number)
        took = time.monotonic() - begin
        found = frames(read(person))
    assert found[0] == "crashsym: 0 of 5000 files, 0 of 0 MB"
    assert len(found) <= 1 + took / 0.1


def test_a_terminal_that_gets_narrower_has_no_blanks_in_another_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "linux")
    with terminal() as (person, program):
        with TextIOWrapper(program) as stream, ProgressLine(stream) as shown:
            progress = Progress(files(1, path="/" + "d/" * 90 + "end.so"))
            progress.work()
            shown.show(progress)
            resize(program.fileno(), 20)
        first, *others = [frame for frame in read(person).split("\r") if frame]
    assert len(first) == COLUMNS - 1
    assert others == [" " * 19]


def test_what_stays_on_a_terminal_is_what_a_file_gets(folder: Path) -> None:
    (folder / "root/12.so").unlink()
    quiet = ("--policy", "no-debug-info=ignore")
    done = crashsym(*IMAGE, *quiet, cwd=folder)
    assert b"\r" not in done.stderr
    assert b" of 12 files" not in done.stderr
    code, shown = run_on_terminal(folder, *IMAGE, *quiet)
    assert frames(shown)[0] == "crashsym: 0 of 12 files, 0 of 0 MB"
    assert all(len(frame) < COLUMNS for frame in frames(shown))
    assert code == done.returncode
    of_file, of_terminal = done.stderr.decode().splitlines(), lines_on(shown)
    assert of_terminal == [of_file[0].replace("12 new, 0 already", "0 new, 12 already")]


def test_a_terminal_gets_ten_findings_of_a_kind_and_their_number(folder: Path) -> None:
    of_file = crashsym(*IMAGE, cwd=folder).stderr.decode().splitlines()
    _, shown = run_on_terminal(folder, *IMAGE)
    of_terminal = lines_on(shown)
    assert [text.endswith(" [no-debug-info]") for text in of_file] == [True] * 13 + [False]
    more = "crashsym: warning: 3 more [no-debug-info]. Send stderr to a file to read all: 2>FILE"
    assert of_terminal[:11] == [*of_file[:10], more]
    assert len(of_terminal) == 12


def test_a_terminal_that_cannot_move_its_cursor_gets_what_a_file_gets(folder: Path) -> None:
    crashsym(*IMAGE, cwd=folder)
    of_file = crashsym(*IMAGE, cwd=folder).stderr.decode()
    _, shown = run_on_terminal(folder, *IMAGE, kind="dumb")
    assert shown.replace("\r\n", "\n") == of_file


def test_an_interrupted_command_leaves_no_half_line(folder: Path) -> None:
    with terminal() as (person, program):
        command = ["env", "TERM=linux", sys.executable, "-c", ENDLESS, *IMAGE]
        with subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=program
        ) as process:
            program.close()
            assert process.stdout is not None
            process.stdout.readline()
            process.send_signal(signal.SIGINT)
            shown = read(person)
    assert process.returncode == 130
    assert frames(shown)[-1].endswith(": /00.so")
    assert lines_on(shown) == ["crashsym: interrupted"]


def test_a_terminal_that_is_closed_ends_nothing(folder: Path) -> None:
    with terminal() as (person, program):
        script = 'read go; exec "$@"'
        words = [
            "env",
            "TERM=linux",
            "bash",
            "-c",
            script,
            "bash",
            sys.executable,
            "-m",
            "crashsym",
            *IMAGE,
        ]
        with subprocess.Popen(
            words, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=program
        ) as process:
            program.close()
            person.close()
            process.communicate(b"\n")
    assert process.returncode == 3
    assert (folder / "m.json").is_file()
