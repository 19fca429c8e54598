# SPDX-License-Identifier: MIT
"""A folder in any layout: served by a web server, it is a symbol server."""

from __future__ import annotations

import hashlib
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from crashsym.errors import ConfigError, InputError, StoreError
from crashsym.files import HeldFolder, StagedFolder, move_into_place, open_regular
from crashsym.upload.bodies import pieces
from crashsym.upload.compression import compression
from crashsym.upload.items import Item
from crashsym.upload.layouts import DEFAULT_LAYOUT, LAYOUTS
from crashsym.upload.outcome import FAILED, PRESENT, REFUSED, SENT, Outcome
from crashsym.upload.targets import Target


class DirectoryUploader:
    """Copies files into a folder; what is there is never overwritten with other bytes."""

    def __init__(self, target: Target) -> None:
        self._root = target.path
        self._place = LAYOUTS[target.options.get("layout", DEFAULT_LAYOUT)]
        self._compression = compression(target.options.get("compress", "none"))
        self.written = 0  # bytes of new files
        if why := _why_not(self._root):
            raise ConfigError(
                "cannot upload",
                where=f"'{self._root}'",
                why=why,
                remedy="Name a folder in which you can write, or one that can be made.",
            )

    def upload(self, items: Sequence[Item]) -> Iterator[Outcome]:
        """Copy what is not there; `crashsym.upload.prune` waits for it, and is waited for."""
        with ExitStack() as held:
            try:
                self._root.mkdir(parents=True, exist_ok=True)
                held.enter_context(HeldFolder(self._root))
                with StagedFolder(self._root, tidy=True):
                    pass  # what uploads have left that were killed is gone
            except (OSError, StoreError) as error:
                yield from (Outcome(item, FAILED, str(error)) for item in items)
                return
            yield from map(self._put, items)

    def verify(self, items: Sequence[Item]) -> Iterator[Outcome]:
        """Compare what is there, byte by byte."""
        for item in items:
            place = self._place(item)
            if place is None:
                yield Outcome(item, REFUSED, "this layout has no place for it")
                continue
            target = self._root / place
            try:
                same = self._is_same(item, target)
            except OSError as error:
                is_absent = isinstance(error, FileNotFoundError)
                yield Outcome(item, FAILED, _about(target, error), is_absent=is_absent)
            else:
                why = "" if same else "the folder has other bytes"
                state = PRESENT if same else FAILED
                yield Outcome(item, state, why, place, is_absent=not same)

    def _put(self, item: Item) -> Outcome:
        try:
            return self._copied(item)
        except (StoreError, InputError) as error:
            return Outcome(item, FAILED, f"{error.where}: {error.why}")
        except OSError as error:
            return Outcome(item, FAILED, _about(self._root, error))

    def _copied(self, item: Item) -> Outcome:
        place = self._place(item)
        if place is None:
            return Outcome(item, REFUSED, "this layout has no place for it")
        target = self._root / place
        with StagedFolder(self._root) as folder:
            staged = Path(folder, "data")
            self._copy(item, staged)
            new = move_into_place(staged, target, replace=False)
        if new:
            self.written += target.stat().st_size
            return Outcome(item, SENT, id=place)
        try:
            same = self._is_same(item, target)
        except OSError as error:
            return Outcome(item, FAILED, _about(target, error))
        if same:
            return Outcome(item, PRESENT, id=place)
        return Outcome(item, REFUSED, f"'{target}' has other bytes; they are kept")

    def _copy(self, item: Item, target: Path) -> None:
        with target.open("wb") as raw:
            raw.writelines(self._compression.packed(pieces(item)))

    def _is_same(self, item: Item, place: Path) -> bool:
        """Compare all bytes; what cannot be unpacked, or does not end, is not the same.

        Raises:
            OSError: one of the two cannot be read.
        """
        digest = hashlib.sha256()
        left = item.size if item.content is not None else sys.maxsize
        try:
            with open_regular(place, follow=True) as stream:
                for data in self._compression.unpacked(stream):
                    digest.update(data)
                    left -= len(data)
                    if left < 0:
                        return False
        except ValueError:
            return False
        return digest.hexdigest() == item.sha256


def _why_not(root: Path) -> str:
    """Return why something is no folder, and none can be made there; "" if one is, or may be."""
    try:
        return "" if stat.S_ISDIR(root.stat().st_mode) else "it is no folder"
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        return error.strerror or str(error)


def _about(place: Path, error: OSError) -> str:
    return f"'{place}': {error.strerror or error}"
