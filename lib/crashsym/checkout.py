# SPDX-License-Identifier: MIT
"""Which files of a git checkout are those of a revision, byte by byte."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

from crashsym.errors import ConfigError, ToolMissingError
from crashsym.files import open_regular
from crashsym.source import joined

_REGULAR = b"100"  # the mode of a file begins like this; links and submodules have others
_CHUNK = 1 << 20


def unchanged_files(checkout: Path, revision: str, subpath: str = "") -> frozenset[str]:
    """Return the files of a revision that the checkout has unchanged: no patch touched them.

    They are paths in the repository. ``subpath``: the checkout is of this folder only.

    Raises:
        ToolMissingError: there is no git.
        ConfigError: it is no git repository, or does not have the revision.
    """
    if revision.startswith("-"):
        raise _unusable(checkout, f"'{revision}' is no revision")
    listed = _git(checkout, "ls-tree", "-r", "-z", "--full-tree", f"{revision}:{subpath}")
    found = []
    for entry in listed.split(b"\0")[:-1]:
        facts, _, name = entry.partition(b"\t")
        mode, _, blob = facts.split(b" ")
        path = os.fsdecode(name)
        if mode.startswith(_REGULAR) and _blob(checkout / path, len(blob)) == blob.decode():
            found.append(joined(subpath, path))
    return frozenset(found)


def _blob(file: Path, digits: int) -> str | None:
    """Return git's name for what is in a file; None where there is no regular file to read.

    Source: git's Documentation/gitformat-pack.txt and hash-function-transition.txt.
    """
    digest = hashlib.new("sha1" if digits == 40 else "sha256", usedforsecurity=False)
    try:
        with open_regular(file) as stream:
            digest.update(b"blob %d\0" % os.fstat(stream.fileno()).st_size)
            while data := stream.read(_CHUNK):
                digest.update(data)
    except OSError:
        return None  # what cannot be read is not known to be the same
    return digest.hexdigest()


def _git(checkout: Path, *arguments: str) -> bytes:
    """Run git, which is to find no other repository than this one."""
    command = ["git", "-C", str(checkout), *arguments]
    own = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    above = str(checkout.absolute().parent)
    environment = {**own, "LC_ALL": "C", "GIT_CEILING_DIRECTORIES": above}
    try:
        done = subprocess.run(  # noqa: S603 - git, with what it says itself and a checked revision
            command, env=environment, capture_output=True, check=False, stdin=subprocess.DEVNULL
        )
    except FileNotFoundError as error:
        raise ToolMissingError(
            "cannot link sources", where="git", why="no such program", remedy="Install it."
        ) from error
    if done.returncode:
        said = os.fsdecode(done.stderr).strip().splitlines() or [f"exit code {done.returncode}"]
        raise _unusable(checkout, f"git says: {said[-1]}")
    return done.stdout


def _unusable(checkout: Path, why: str) -> ConfigError:
    return ConfigError(
        "cannot link sources",
        where=f"'{checkout}'",
        why=why,
        remedy="Give a checkout of the repository that has the revision.",
    )
