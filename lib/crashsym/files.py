# SPDX-License-Identifier: MIT
"""Writing files so that nobody ever sees half of one."""

from __future__ import annotations

import errno
import fcntl
import os
import stat

from crashsym.errors import StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO, TypeVar

    AnyPath = str | os.PathLike[str]
    Result = TypeVar("Result")

OWN = ".crashsym-"  # how names begin of what is no content of a store
_RANDOM = 8  # bytes in the name of a staged folder
_HEX = frozenset("0123456789abcdef")
_TRIES = 10
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def write_atomically(path: AnyPath, data: bytes) -> None:
    """Write ``path`` as `move_into_place` does: whole or not at all.

    Raises:
        StoreError: the operating system refuses; nothing is left behind.
    """
    with StagedFolder(path) as folder:
        file = os.path.join(folder, "data")
        try:
            with open(file, "wb") as stream:
                stream.write(data)
        except OSError as error:
            raise not_written(path, error) from error
        move_into_place(file, path)


def check_writable(path: AnyPath) -> None:
    """Refuse a place where `write_atomically` could write nothing; the file stays as it is.

    Raises:
        StoreError: the operating system would refuse.
    """
    try:
        if not _takes_bytes(path):
            os.lstat(_target(path))
    except FileNotFoundError:
        pass
    except OSError as error:
        raise not_written(path, error) from error
    with StagedFolder(path):
        pass  # a folder could be made there, so a file can


def open_regular(file: AnyPath, *, follow: bool = False) -> BinaryIO:
    """Open a file that is neither a link nor anything that could keep us waiting.

    With ``follow`` it may be behind a link.

    Raises:
        OSError: it is no regular file, or cannot be read.
    """
    links = 0 if follow else os.O_NOFOLLOW
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | links)
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(file))
        raise OSError(errno.EINVAL, "it is no regular file", os.fspath(file))
    return os.fdopen(descriptor, "rb")


_staged: set[tuple[int, str]] = set()  # by the process that has made them


def remove_staged() -> None:
    """Remove the folders that threads of this process have not done with, as it ends."""
    for owner, folder in tuple(_staged):
        if owner == os.getpid():
            try:
                _remove_folder(folder)
            except OSError:
                continue


def _remove_folder(folder: str) -> None:
    for name in os.listdir(folder):
        os.unlink(os.path.join(folder, name))
    os.rmdir(folder)


class StagedFolder:
    """A context manager: a folder for files that are to go to ``near`` when they are finished.

    It is on the same file system, and is removed at the end with the files that are still in it.
    What goes to a device or a pipe, or nowhere yet (None), waits among the temporary files.
    A process that is killed leaves its folder; with ``tidy`` such folders are removed before.
    """

    def __init__(self, near: AnyPath | None, *, tidy: bool = False) -> None:
        self._near = near
        self._tidy = tidy

    def __enter__(self) -> str:
        """Make the folder and return its path.

        Raises:
            StoreError: no folder can be made there.
        """
        near = self._near
        try:
            above = self._above()
            if self._tidy:
                _remove_abandoned(above)
            self._folder, self._lock = _make_held(above)
        except OSError as error:
            # `tempfile` found nothing: this is a place to name in the message
            place = os.environ.get("TMPDIR", "/tmp") if near is None else near  # noqa: S108
            raise not_written(place, error) from error
        _staged.add((os.getpid(), self._folder))
        return self._folder

    def _above(self) -> str:
        if self._near is None or _takes_bytes(self._near):
            import tempfile  # for few outputs

            return tempfile.gettempdir()
        above = os.path.realpath(self._near)
        while not os.path.isdir(above):
            above = os.path.dirname(above)
        return above

    def __exit__(self, *_: object) -> None:
        try:
            _remove_folder(self._folder)
        except OSError as error:  # too many open files; where it is left it is found abandoned
            raise not_written(self._folder, error) from error
        finally:
            _staged.discard((os.getpid(), self._folder))
            os.close(self._lock)


class HeldFolder:
    """A context manager: nobody else holds the folder alone, nor anyone at all with ``alone``.

    Others are waited for; before that ``waiting`` is called. Where folders cannot be locked, as on
    some network file systems, nobody waits.
    """

    def __init__(
        self, folder: AnyPath, *, alone: bool = False, waiting: Callable[[], None] = lambda: None
    ) -> None:
        self._folder = folder
        self._how = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
        self._waiting = waiting

    def __enter__(self) -> int:
        """Wait for it, and return its descriptor.

        Raises:
            StoreError: it cannot be opened.
        """
        try:
            self._lock = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise not_read(self._folder, error) from error
        try:
            fcntl.flock(self._lock, self._how | fcntl.LOCK_NB)
        except BlockingIOError:
            self._waiting()
            fcntl.flock(self._lock, self._how)
        except OSError:
            pass
        return self._lock

    def __exit__(self, *_: object) -> None:
        os.close(self._lock)


def _make_held(above: str) -> tuple[str, int]:
    """Make a folder that nobody finds abandoned while the descriptor is open, here or in a fork."""
    while True:
        folder = os.path.join(above, f"{OWN}{os.urandom(_RANDOM).hex()}")
        os.mkdir(folder, 0o700)
        try:
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:  # found abandoned before it was held
            continue
        try:  # noqa: SIM105 - every dump passes here
            fcntl.flock(lock, fcntl.LOCK_EX)
        except OSError:
            pass  # where folders cannot be locked, none is found abandoned
        if os.path.isdir(folder):
            return folder, lock
        os.close(lock)


def _is_staged(name: str) -> bool:
    digits = name.removeprefix(OWN)
    return name.startswith(OWN) and len(digits) == 2 * _RANDOM and _HEX.issuperset(digits)


def _remove_abandoned(above: str) -> None:
    """Remove folders of processes that were killed; whatever that fails for, stays."""
    for name in os.listdir(above):
        if not _is_staged(name):
            continue
        place = os.path.join(above, name)
        try:
            folder = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for file in os.listdir(folder):
                os.unlink(file, dir_fd=folder)
            os.rmdir(place)
        except OSError:
            pass  # somebody works there, or it is not ours
        finally:
            os.close(folder)


def move_into_place(source: AnyPath, path: AnyPath, *, replace: bool = True) -> bool:
    """Make a finished file appear at ``path`` at once; make the folders above it.

    Symbolic links stay, and what they lead to is replaced. What is there already and no regular
    file, like a terminal or a pipe, is written to. With ``replace`` false whatever is there is
    left alone, also when another process makes it at the same moment, and False is returned.

    Raises:
        StoreError: the operating system refuses.
    """
    try:
        if not replace:
            return _in_folder(path, lambda: _linked(source, path))
        if _takes_bytes(path):
            _pour(source, path)
        else:
            target = _target(path)
            _in_folder(target, lambda: os.replace(source, target))
    except OSError as error:
        raise not_written(path, error) from error
    return True


def _target(path: AnyPath) -> str:
    """Return the place of a file that is to be replaced, without links."""
    target = os.path.realpath(path)
    reason = errno.EISDIR if os.path.isdir(target) else 0
    if os.path.islink(target):  # a circle
        reason = errno.ELOOP
    if reason:
        raise OSError(reason, os.strerror(reason))
    return target


def _in_folder(path: AnyPath, put: Callable[[], Result]) -> Result:
    """Make the folder above ``path`` and do something there.

    As long as it is empty, `crashsym store prune` may remove it: then it is made anew.
    """
    tries = _TRIES
    while True:
        tries -= 1
        try:
            os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
            return put()
        except (FileNotFoundError, FileExistsError):  # the latter by `makedirs` of such a folder
            if not tries:
                raise


def _linked(source: AnyPath, path: AnyPath) -> bool:
    try:
        os.link(source, path)
    except FileExistsError:
        return False
    return True


def _takes_bytes(path: AnyPath) -> bool:
    """Whether ``path`` leads to what can only be written to: a device, a pipe, a file without name.

    The last is what /dev/stdout can lead to.
    """
    if not os.path.exists(path) or os.path.isdir(path):
        return False
    return not os.path.isfile(os.path.realpath(path))


def _pour(source: AnyPath, path: AnyPath) -> None:
    import shutil  # for few outputs

    with open(source, "rb") as data, open(path, "wb") as target:
        shutil.copyfileobj(data, target)


def why_no_folder(path: AnyPath) -> str:
    """Return why there is no folder at ``path``, in the system's words if it knows; "" if one is.

    `os.path.isdir` and `pathlib` leave the reason out, or raise some and not others.
    """
    try:
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return "no such folder"
    except OSError as error:
        return error.strerror or str(error)
    return "" if stat.S_ISDIR(mode) else "it is no folder"


def not_written(path: AnyPath, error: OSError) -> StoreError:
    """Return the error for a file or folder that the operating system refuses to write."""
    need = "Make room there" if error.errno in _FULL else "Get the right to write there"
    return StoreError(
        "cannot write",
        where=f"'{path}'",
        why=error.strerror or str(error),
        remedy=f"{need}, or name another place.",
    )


def not_read(path: AnyPath, error: OSError) -> StoreError:
    """Return the error for a file or folder of a store that the operating system does not show."""
    remedy = "Get the right to read the store."
    return StoreError(
        "cannot read", where=f"'{path}'", why=error.strerror or str(error), remedy=remedy
    )
