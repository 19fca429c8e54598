# SPDX-License-Identifier: MIT
"""What all tests share: running the command, and asking for tools."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


def missing(what: str, remedy: str) -> None:
    """Skip the test for want of something on a developer's machine; fail it when CI=true."""
    message = f"{what} is missing. {remedy}"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


def require_tool(name: str, package: str = "") -> str:
    """Return the path of a program, or skip or fail the test."""
    path = shutil.which(name)
    if path is None:
        missing(name, f"Install it with 'apt-get install {package or name}'.")
        raise AssertionError(name)
    return path


def crashsym(
    *arguments: str | Path, stdin: bytes | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run the command as a user would."""
    return subprocess.run(
        [sys.executable, "-m", "crashsym", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        check=False,
        cwd=cwd,
        timeout=600,
    )
