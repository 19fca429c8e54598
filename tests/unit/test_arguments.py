# SPDX-License-Identifier: MIT
"""Arguments that make no sense are refused by name, before anything is done."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from support import crashsym

TREE = "root --store s --manifest m"


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("dump ''", "ELF"),
        ("dump app -o ''", "-o/--output"),
        ("dump app --store ''", "--store"),
        ("dump app --debug-file ''", "--debug-file"),
        ("dump app --debug-dir ''", "--debug-dir"),
        ("extract '' --store s --manifest m", "ROOT"),
        ("extract root --store '' --manifest m", "--store"),
        ("extract root --store s --manifest ''", "--manifest"),
        (f"extract {TREE} --cache ''", "--cache"),
        (f"extract {TREE} --debug-root ''", "--debug-root"),
        ("image '' --store s --manifest m", "ROOTFS"),
        (f"image {TREE} --pkgdata ''", "--pkgdata"),
        (f"image {TREE} --installed ''", "--installed"),
        ("manifest merge '' -o m", "FILE"),
        ("manifest merge m -o ''", "-o/--output"),
        ("manifest find 12345678 ''", "FILE"),
        ("symbolicate '' --store s", "FILE"),
        ("symbolicate --store ''", "--store"),
        ("symbolicate --store s --manifest ''", "--manifest"),
        ("lint ''", "FILE.sym"),
        ("lint a.sym --elf ''", "--elf"),
        ("lint a.sym --elf a --debug-file ''", "--debug-file"),
    ],
)
def test_an_empty_path_is_refused_by_its_name(tmp_path: Path, line: str, name: str) -> None:
    done = crashsym(*shlex.split(line), cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.decode().endswith(
        f": error: argument {name}: an empty path; give a file or a folder\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (f"extract {TREE} --exclude usr/bin/*", "argument --exclude: 'usr/bin/*' fits no file"),
        (f"image {TREE} --exclude ''", "argument --exclude: '' fits no file: target paths begin"),
        ("extract root --store s --manifest -", "argument --manifest: '-' is no file"),
    ],
)
def test_what_can_have_no_effect_is_refused(tmp_path: Path, line: str, reason: str) -> None:
    done = crashsym(*shlex.split(line), cwd=tmp_path)
    assert done.returncode == 2
    assert reason in done.stderr.decode()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "command", ["dump app", f"extract {TREE}", "manifest find 12345678 m", "lint a.sym"]
)
def test_an_unknown_option_is_reported_by_the_command_itself(tmp_path: Path, command: str) -> None:
    done = crashsym(*command.split(), "--unheard", cwd=tmp_path)
    name = "crashsym " + " ".join(command.split()[: 2 if "manifest find" in command else 1])
    assert done.returncode == 2
    assert done.stderr.decode().startswith(f"usage: {name} [-h]")
    assert done.stderr.decode().endswith(f"{name}: error: unrecognized arguments: --unheard\n")


HOSTILE = "/z\x1b]0;pwned\x07\n\u202e\udcff"
SEEN = r"/z\x1b]0;pwned\x07\n\u202e\xff"


@pytest.mark.parametrize(
    "words",
    [
        (HOSTILE,),
        ("dump", "app", HOSTILE),
        ("identify", "ca", HOSTILE),
        ("manifest", HOSTILE),
        ("manifest", "merge", "m", "-o", "o", f"--bogus{HOSTILE}"),
        ("manifest", "find", "m", "12345678", "--json=" + HOSTILE),
        ("extract", *TREE.split(), f"--exclude=x{HOSTILE}"),
        ("extract", *TREE.split(), "-j", HOSTILE),
        ("extract", *TREE.split(), "--fail-on", HOSTILE),
        ("image", *TREE.split(), "--build", HOSTILE),
        ("image", *TREE.split(), "--layer", HOSTILE),
    ],
)
def test_what_is_wrong_is_said_without_control_characters(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    done = crashsym(*words, cwd=tmp_path)
    assert done.returncode == 2
    said = done.stderr.decode()
    assert said.replace("\n", "").isprintable()
    assert SEEN in said.splitlines()[-1].replace(r"\udcff", r"\xff")


@pytest.mark.parametrize("word", ["--exclude", "--build", "--layer", "--fail-on", "-j", "--bogus"])
def test_a_word_without_end_is_cut_off(tmp_path: Path, word: str) -> None:
    done = crashsym("image", *TREE.split(), word, "9" * 5000, cwd=tmp_path)
    assert done.returncode == 2
    last = done.stderr.decode().splitlines()[-1]
    assert " characters)" in last
    assert len(last) < 1200


def test_files_at_once_are_a_number(tmp_path: Path) -> None:
    done = crashsym("extract", *TREE.split(), "-j", "9" * 10, cwd=tmp_path)
    assert done.returncode == 2
    reason = "argument -j/--jobs: '9999999999' is no number from 1 to 999999999\n"
    assert done.stderr.decode().endswith(reason)
