# SPDX-License-Identifier: MIT
"""Python packages of the test environment, for the distribution's Python and the building user."""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import subprocess
import sys
from pathlib import Path

from support import missing


def copy(name: str, target: Path) -> None:
    """Copy the package ``name`` and what it requires below ``target``."""
    _check_interpreter()
    wanted, seen = [name], set()
    while wanted:
        name = wanted.pop()
        if name in seen:
            continue
        seen.add(name)
        try:
            package = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            if len(seen) == 1:
                missing(name, "Install it with 'pip install .[test]'.")
            continue  # a requirement of another platform or another Python
        wanted += [re.split(r"[^\w.-]", needed)[0] for needed in package.requires or []]
        for file in package.files or []:
            if ".." not in file.parts and "__pycache__" not in file.parts:
                (target / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(Path(str(file.locate())), target / file)


def _check_interpreter() -> None:
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    command = ["/usr/bin/python3", "--version"]
    host = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[1]
    if not host.startswith(f"{version}."):
        missing(f"A virtual environment of /usr/bin/python3 ({host})", "Make .venv with it.")
