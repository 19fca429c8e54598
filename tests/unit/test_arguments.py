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
