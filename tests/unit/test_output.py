# SPDX-License-Identifier: MIT
"""Exit codes and messages where nobody reads them, or there is nothing to write to."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from builders import elf

STARTS = {
    "dump": "dump root/a.so",
    "extract": "extract root --store store --manifest m.json --json",
    "image": "image root --store store --manifest m.json",
    "sdk": "sdk root --store store --manifest m.json",
    "lint": "lint bad.sym",
}
_KEPT = 3  # the exit code: there are findings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A tree whose only file has findings, and so has the symbol file."""
    (tmp_path / "root" / "usr").mkdir(parents=True)
    (tmp_path / "root" / "a.so").write_bytes(elf.module())
    (tmp_path / "bad.sym").write_bytes(b"PUBLIC 10 0 f\n")
    return tmp_path


def run(folder: Path, words: str, redirections: str) -> subprocess.CompletedProcess[bytes]:
    """Run the command in a shell, which can close what Python cannot."""
    command = f"exec {shlex.quote(sys.executable)} -m crashsym {words} {redirections}"
    return subprocess.run(
        ["/bin/sh", "-c", command], cwd=folder, capture_output=True, check=False, timeout=120
    )


def run_unread(folder: Path, words: str, *streams: str) -> subprocess.CompletedProcess[bytes]:
    """Run the command with streams whose reader has gone."""
    read, write = os.pipe()
    os.close(read)
    places = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | dict.fromkeys(streams, write)
    command = [sys.executable, "-m", "crashsym", *words.split()]
    try:
        return subprocess.run(command, cwd=folder, check=False, timeout=120, **places)  # type: ignore[call-overload,no-any-return]
    finally:
        os.close(write)


ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.parametrize("environment", [{}, ASCII], ids=["as it is", "ASCII"])
def test_names_are_printed_whatever_the_locale(folder: Path, environment: dict[str, str]) -> None:
    name = os.fsdecode(b"a\xff\n.sym")
    (folder / name).write_text("MODULE Linux x86_64 0 tr\xfce x\nPUBLIC 10 0 f\n", encoding="utf-8")
    command = [sys.executable, "-m", "crashsym", "lint", name, "--elf", "root/a.so"]
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, check=False
    )
    assert done.returncode == _KEPT, done.stderr
    assert rb"coverage: 'a\xff\n.sym': " in done.stdout
    done = subprocess.run([*command, "--json"], cwd=folder, capture_output=True, check=False)
    assert json.loads(done.stdout)["files"][0]["path"] == "a\\xff\n.sym"


@pytest.mark.parametrize("words", STARTS.values(), ids=STARTS)
@pytest.mark.parametrize("streams", [("stderr",), ("stdout",), ("stdout", "stderr")])
def test_findings_count_though_nobody_reads_them(
    folder: Path, words: str, streams: tuple[str, ...]
) -> None:
    done = run_unread(folder, words, *streams)
    assert done.returncode == _KEPT
    assert b"Traceback" not in (done.stderr or b"")
    assert b"Exception" not in (done.stderr or b"")


@pytest.mark.parametrize("words", STARTS.values(), ids=STARTS)
@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full"])
def test_what_cannot_be_said_is_left_out(folder: Path, words: str, redirection: str) -> None:
    plain = run(folder, words, "")
    done = run(folder, words, redirection)
    assert (done.returncode, done.stdout) == (_KEPT, plain.stdout.replace(b'"new": 1', b'"new": 0'))


@pytest.mark.parametrize("words", STARTS.values(), ids=STARTS)
def test_a_closed_standard_output_is_an_error(folder: Path, words: str) -> None:
    done = run(folder, words, ">&-")
    assert done.returncode == 2
    assert b"crashsym: cannot write: standard output is closed. Let it lead to" in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("words", STARTS.values(), ids=STARTS)
def test_a_full_standard_output_is_an_error(folder: Path, words: str) -> None:
    done = run(folder, words, ">/dev/full")
    assert done.returncode == 2
    assert b"cannot write: 'standard output': No space left on device. Make room" in done.stderr
    assert b"Traceback" not in done.stderr


def test_who_has_seen_enough_of_a_log_ends_it_quietly(folder: Path) -> None:
    (folder / "store").mkdir()
    (folder / "log").write_bytes(b"a line without a frame\n" * 10_000)
    done = run_unread(folder, "symbolicate log --store store", "stdout")
    assert b"Traceback" not in done.stderr
    assert done.stderr.startswith(b"crashsym: 0 of 0 frames named")


def test_a_closed_standard_input_is_an_error(folder: Path) -> None:
    (folder / "store").mkdir()
    done = run(folder, "symbolicate --store store", "<&-")
    assert done.returncode == 2
    assert b"crashsym: cannot read: standard input: it is closed" in done.stderr
