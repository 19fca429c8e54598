# SPDX-License-Identifier: MIT
"""Which files of a git checkout are those of a revision, byte by byte."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from signal import SIGKILL
from time import monotonic
from typing import BinaryIO, cast

from crashsym.errors import ConfigError, ToolMissingError
from crashsym.files import open_regular
from crashsym.source import joined

_REGULAR = b"100"  # the mode of a file begins like this; links and submodules have others
_NO_NAMES = ("", ".", "..")  # of files; a tree that was made to harm can have them
_CHUNK = 1 << 20
_MOST_ENTRIES, _MOST_BYTES = 1_000_000, 256 << 20
_PATIENCE = 120.0  # seconds of waiting for git
_LONGEST = 5000  # bytes of what it says
_PR_SET_PDEATHSIG = 1
# A repository has settings of its own, which say what git runs to fetch an object that is missing.
_HARMLESS = {
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",  # versions before 2.45 do not know the other
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "LC_ALL": "C",
}


def unchanged_files(checkout: Path, revision: str, subpath: str = "") -> frozenset[str]:
    """Return the files of a revision that the checkout has unchanged: no patch touched them.

    They are paths in the repository. ``subpath``: the checkout is of this folder only.

    Raises:
        ToolMissingError: there is no git.
        ConfigError: it is no git repository, does not have the revision, or is too large.
    """
    if revision.startswith("-"):
        raise _unusable(checkout, f"'{revision}' is no revision")
    found, folders = set(), _Folders(checkout)
    arguments = ("ls-tree", "-r", "-z", "--full-tree", f"{revision}:{subpath}")
    with _git(checkout, *arguments) as written:
        for entry in _entries(checkout, written):
            facts, _, name = entry.partition(b"\t")
            mode, _, blob = facts.split(b" ")
            path = os.fsdecode(name)
            if not mode.startswith(_REGULAR) or not folders.have(path):
                continue
            if _blob(checkout / path, len(blob)) == blob.decode():
                found.add(joined(subpath, path))
    return frozenset(found)


def _entries(checkout: Path, written: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what git lists; a small repository can have more paths than any disk.

    Raises:
        ConfigError: it is too much.
    """
    number = size = 0
    rest = bytearray()
    for data in written:
        number, size = number + data.count(0), size + len(data)
        if number > _MOST_ENTRIES or size > _MOST_BYTES:
            why = (
                f"it has more than {_MOST_ENTRIES} paths, or more than {_MOST_BYTES} bytes of them"
            )
            raise _unusable(checkout, why)
        rest += data
        if 0 in data:
            *whole, rest = rest.split(b"\0")
            yield from map(bytes, whole)


class _Folders:
    """The folders of a checkout; links to folders are none, as they may lead out of it."""

    def __init__(self, checkout: Path) -> None:
        self._checkout = str(checkout)
        self._entered: list[str] = []  # where the last path led: git lists a folder in one go

    def have(self, path: str) -> bool:
        """Whether a path of a tree leads to a place in them."""
        *folders, name = path.split("/")
        if not {name, *folders}.isdisjoint(_NO_NAMES):
            return False
        while self._entered != folders[: len(self._entered)]:
            del self._entered[-1]
        for folder in folders[len(self._entered) :]:
            try:
                mode = os.lstat("/".join((self._checkout, *self._entered, folder))).st_mode
            except OSError:
                return False
            if not stat.S_ISDIR(mode):
                return False
            self._entered.append(folder)
        return True


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


@contextmanager
def _git(checkout: Path, *arguments: str) -> Iterator[Iterator[bytes]]:
    """Run git, which is to find no other repository than this one; give what it writes."""
    command = ["git", "-C", str(checkout), *arguments]
    own = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    above = str(checkout.absolute().parent)
    environment = {**own, **_HARMLESS, "GIT_CEILING_DIRECTORIES": above}
    with _started(checkout, command, environment) as process:
        try:
            yield _output(checkout, process)
        finally:
            process.kill()


def _started(
    checkout: Path, command: list[str], environment: dict[str, str]
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # noqa: S603 - git, with what it says itself and a checked revision
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=_end_with(os.getpid()),
        )
    except (FileNotFoundError, PermissionError) as error:
        absent = isinstance(error, FileNotFoundError)
        raise ToolMissingError(
            "cannot link sources",
            where="git",
            why="no such program" if absent else f"it cannot be started: {error.strerror}",
            remedy="Install it.",
        ) from error
    except (OSError, ValueError) as error:  # what no argument of a program can be
        why = f"git cannot be asked: {getattr(error, 'strerror', None) or error}"
        raise _unusable(checkout, why) from error


def _end_with(parent: int) -> Callable[[], None]:
    """Return what a new process is to do so that it ends when its parent does, however that ends.

    Source: prctl(2).
    """
    from ctypes import CDLL

    prctl = CDLL(None).prctl

    def arrange() -> None:
        prctl(_PR_SET_PDEATHSIG, int(SIGKILL), 0, 0, 0)
        if os.getppid() != parent:  # it has ended meanwhile
            os._exit(1)

    return arrange


def _output(checkout: Path, process: subprocess.Popen[bytes]) -> Iterator[bytes]:
    """Yield what git writes.

    Raises:
        ConfigError: it fails, or lets us wait for too long.
    """
    said, patience = b"", _PATIENCE
    with DefaultSelector() as streams:
        for stream in (process.stdout, process.stderr):
            streams.register(cast("BinaryIO", stream), EVENT_READ)
        while streams.get_map():
            begin = monotonic()
            ready = streams.select(max(patience, 0))
            patience -= monotonic() - begin
            if not ready:
                raise _unusable(checkout, f"git has not finished in {_PATIENCE} seconds")
            for key, _ in ready:
                data = os.read(key.fd, _CHUNK)
                if not data:
                    streams.unregister(key.fileobj)
                elif key.fileobj is process.stdout:
                    yield data
                else:
                    said = (said + data)[-_LONGEST:]
    if process.wait():
        lines = os.fsdecode(said).strip().splitlines() or [f"exit code {process.returncode}"]
        raise _unusable(checkout, f"git says: {lines[-1]}")


def _unusable(checkout: Path, why: str) -> ConfigError:
    return ConfigError(
        "cannot link sources",
        where=f"'{checkout}'",
        why=why,
        remedy="Give a checkout of the repository that has the revision.",
    )
