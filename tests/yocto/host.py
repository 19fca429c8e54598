# SPDX-License-Identifier: MIT
"""What the tests on BitBake need of this machine, and what to say where it is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).parent
CACHE = Path.home() / ".cache/meta-crashdump"
USER = "builder"
# one command of each package in apt-packages.txt that has commands
TOOLS = (
    "aarch64-linux-gnu-g++",
    "apt-ftparchive",
    "arm-linux-gnueabihf-g++",
    "bzip2",
    "chrpath",
    "cpio",
    "diffstat",
    "file",
    "g++",
    "gawk",
    "git",
    "localedef",
    "lz4c",
    "make",
    "patch",
    "perl",
    "pseudo",
    "pyproject-build",
    "python3-config",
    "rpcgen",
    "setpriv",
    "wget",
    "x86_64-linux-gnu-g++",
    "xz",
    "zstd",
)
MODULES = ("build", "elftools", "installer", "requests", "setuptools", "wheel")


def source(variable: str, name: str) -> Path | None:
    """Return the git repository that ``variable`` names, else the one in the cache, else None."""
    candidate = Path(os.environ.get(variable) or CACHE / name)
    return candidate if candidate.exists() else None


def missing_module() -> str | None:
    """Name the first Python module that the distribution's own interpreter lacks."""
    for module in MODULES:
        found = subprocess.run(["/usr/bin/python3", "-c", f"import {module}"], capture_output=True)
        if found.returncode != 0:
            return module
    return None


def has_locale() -> bool:
    """Tell whether this machine has the locale that BitBake insists on."""
    listed = subprocess.run(["locale", "-a"], capture_output=True, text=True, check=False).stdout
    return "en_us.utf8" in listed.lower().replace("-", "")


def build_user() -> str | None:
    """Return the user to run BitBake as, made if need be; None: the caller, who is not root."""
    if os.geteuid() != 0:
        return None
    subprocess.run([HERE / "prepare-host", USER], check=True)
    return USER


def missing_tool() -> str | None:
    """Name the first command that is not there."""
    return next((tool for tool in TOOLS if shutil.which(tool) is None), None)
