# SPDX-License-Identifier: MIT
"""What no release needs any more is removed from a folder that uploads have filled.

Files are told by their places alone: what lies where a symbol file or a debug file of the layout
would lie is one. All else stays, links too, and nothing is reached through one.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path

from crashsym.errors import ConfigError, ManifestError
from crashsym.files import OWN, HeldFolder, StagedFolder, not_read, why_no_folder
from crashsym.manifest import Manifest, Module
from crashsym.texts import as_unicode
from crashsym.upload.items import DEBUG, SYMBOLS, Item
from crashsym.upload.layouts import DEPTH, LAYOUTS, SHAPES, TAKES

_NOT_EMPTY = (errno.ENOTEMPTY, errno.EEXIST)
_LOST = "lost+found"  # of a file system: only root reads it
_WHAT = "cannot prune the store"


@dataclass(frozen=True, slots=True)
class Stored:
    """A file at a place of the layout, below the store; ``size`` in bytes."""

    place: str
    size: int


@dataclass(frozen=True, slots=True)
class Missing:
    """Modules, by where they lie on the target, for which the store has none of the ``places``."""

    paths: tuple[str, ...]
    places: tuple[str, ...]


@dataclass(slots=True)
class Pruned:
    """What became of the files of a layout; of those that stay, how many.

    ``newer`` are not needed, but came after the beginning. ``failed`` are files and folders that
    could not be read or removed, and why.
    """

    kept: int = 0
    newer: int = 0
    removed: list[Stored] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)

    def fail(self, place: str, error: OSError) -> None:
        """Note that something can be neither read nor removed."""
        self.failed.append((place, error.strerror or str(error)))


def prune(
    store: Path,
    layout: str,
    manifests: Mapping[Path, Manifest],
    *,
    dry_run: bool = False,
    waiting: Callable[[], None] = lambda: None,
) -> Pruned:
    """Remove the files that not one of the manifests needs; ``dry_run``: only say which.

    A file that comes meanwhile stays. Uploads into the folder are waited for, and wait themselves;
    ``waiting`` is called before.

    Raises:
        ConfigError: this is no store of these manifests.
        ManifestError: a manifest has no symbols.
        StoreError: the folder cannot be read or written. After any error nothing was removed.
    """
    _check(store, manifests)
    done = Pruned()
    with HeldFolder(store, alone=not dry_run, waiting=waiting) as root:
        began = None if dry_run else _now(store)
        try:
            stored = list(_files(root, "", layout, done))
        except OSError as error:
            raise not_read(store, error) from error
        doomed = _planned(store, layout, manifests, stored, done)
        if began is None:
            done.removed = doomed
            return done
        for folder, files in groupby(doomed, lambda file: file.place.rpartition("/")[0]):
            _empty(root, folder, list(files), began, done)
    return done


def _check(store: Path, manifests: Mapping[Path, Manifest]) -> None:
    if why := why_no_folder(store):
        raise ConfigError(_WHAT, where=f"'{store}'", why=why, remedy="Name the folder.")
    for file, manifest in manifests.items():
        if not any(module.symbols for module in manifest.modules):
            why = "not one of its modules has symbols"
            remedy = "Nothing was removed. Name the manifests of the releases to keep."
            raise ManifestError(_WHAT, where=f"'{file}'", why=why, remedy=remedy)


def _now(store: Path) -> int:
    """Return the time by the clock of the file system, in nanoseconds."""
    with StagedFolder(store, tidy=True) as folder:
        return Path(folder).stat().st_ctime_ns


def _planned(
    store: Path,
    layout: str,
    manifests: Mapping[Path, Manifest],
    stored: list[Stored],
    done: Pruned,
) -> list[Stored]:
    """Return what to remove; note what is kept, and what is missing."""
    # Manifests write bytes that are no text as this does.
    there = {as_unicode(file.place) for file in stored}
    needed = set()
    for name, manifest in manifests.items():
        places = {place for module in manifest.modules for place in _places(module, layout)}
        if not places & there:
            why = f"in the layout '{layout}' it has not one file that '{name}' needs"
            remedy = "Nothing was removed. Check --store, --layout and --keep."
            raise ConfigError(_WHAT, where=f"'{store}'", why=why, remedy=remedy)
        needed |= places
    done.kept = len(needed & there)
    modules = (module for manifest in manifests.values() for module in manifest.modules)
    done.missing = _missing(modules, layout, there)
    return [file for file in stored if as_unicode(file.place) not in needed]


def _places(module: Module, layout: str) -> list[str]:
    """Return where files of a module may lie, its symbols first; by its ids, whatever it is."""
    name, debug_id = module.debug_file or "", module.debug_id or ""
    item = Item(SYMBOLS, None, "", "", name, debug_id, module.build_id, "", ())
    places = [LAYOUTS[layout](one) for one in (item, replace(item, kind=DEBUG))]
    return [place for place in places if place is not None]


def _missing(modules: Iterable[Module], layout: str, there: set[str]) -> list[Missing]:
    """Return the modules with symbols of which nothing is there.

    Where a layout has debug files alone, a module without lines has none.
    """
    holds_symbols = SYMBOLS in TAKES[layout]
    found: dict[tuple[str, ...], set[str]] = {}
    for module in modules:
        places = tuple(_places(module, layout))
        if module.symbols is None or not (holds_symbols or module.symbols.counts.lines):
            continue
        if places and not there.intersection(places):
            found.setdefault(places, set()).add(module.path)
    return [Missing(tuple(sorted(paths)), places) for places, paths in sorted(found.items())]


@contextmanager
def _opened(name: str, above: int) -> Iterator[int]:
    """Yield a descriptor of a folder that is no link."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(name, flags, dir_fd=above)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _files(folder: int, above: str, layout: str, done: Pruned) -> Iterator[Stored]:
    """Yield the files at places of a layout, folder by folder.

    Raises:
        OSError: the folder cannot be read; those in it are noted.
    """
    with os.scandir(folder) as entries:
        listed = sorted(entries, key=lambda entry: entry.name)
    for entry in listed:
        yield from _at(folder, above, entry, layout, done)


def _at(
    folder: int, above: str, entry: os.DirEntry[str], layout: str, done: Pruned
) -> Iterator[Stored]:
    place = f"{above}{entry.name}"
    try:
        if place.count("/") + 1 == DEPTH:
            if SHAPES[layout].fullmatch(place) and entry.is_file(follow_symlinks=False):
                yield Stored(place, entry.stat(follow_symlinks=False).st_size)
        elif entry.is_dir(follow_symlinks=False) and not _is_foreign(entry.name):
            with _opened(entry.name, folder) as inner:
                yield from _files(inner, f"{place}/", layout, done)
    except FileNotFoundError:
        pass  # somebody has removed it
    except OSError as error:
        done.fail(place, error)


def _is_foreign(name: str) -> bool:
    return name.startswith(OWN) or name == _LOST


def _empty(root: int, folder: str, files: list[Stored], began: int, done: Pruned) -> None:
    """Remove files of one folder, and that and the one above if nothing else is in them."""
    outer, _, inner = folder.partition("/")
    try:
        with _opened(outer, root) as above:
            with _opened(inner, above) as here:
                for file in files:
                    _remove(here, file, began, done)
            _remove_if_empty(above, inner, folder, done)
        _remove_if_empty(root, outer, outer, done)
    except FileNotFoundError:
        pass  # somebody has removed it
    except OSError as error:
        done.fail(folder, error)


def _remove(folder: int, file: Stored, began: int, done: Pruned) -> None:
    name = file.place.rpartition("/")[2]
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        # To move or link a file into its place changes the time of its inode, whatever its own is.
        if found.st_ctime_ns >= began or not stat.S_ISREG(found.st_mode):
            done.newer += 1
            return
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        return
    except OSError as error:
        done.fail(file.place, error)
        return
    done.removed.append(file)


def _remove_if_empty(above: int, name: str, place: str, done: Pruned) -> None:
    try:
        os.rmdir(name, dir_fd=above)
    except FileNotFoundError:
        pass
    except OSError as error:
        if error.errno not in _NOT_EMPTY:
            done.fail(place, error)
