# SPDX-License-Identifier: MIT
"""Zip archives, for servers that take many files in one."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from crashsym.errors import CrashsymError, InputError
from crashsym.files import StagedFolder, not_written
from crashsym.upload.bodies import pieces
from crashsym.upload.items import Item
from crashsym.upload.outcome import FAILED, Outcome
from crashsym.upload.work import Hope


def batches(items: Iterable[Item], size: int, count: int) -> Iterator[list[Item]]:
    """Yield files together, of ``size`` bytes and ``count`` in all, ordered by names and ids.

    A larger file is alone.
    """
    batch: list[Item] = []
    room = size
    for item in sorted(items, key=lambda item: (item.debug_file, item.debug_id)):
        if batch and (item.size > room or len(batch) >= count):
            yield batch
            batch, room = [], size
        batch.append(item)
        room -= item.size
    if batch:
        yield batch


def send_zip(
    batch: list[Item], hope: Hope, post: Callable[[Path, list[Item]], Iterable[Outcome]]
) -> Iterator[Outcome]:
    """Yield how each file of an archive ends that ``post`` sends.

    ``post`` gets the files that are in it, and returns how these have ended.
    """
    if hope.gone:
        yield from map(hope.skipped, batch)
        return
    packed, outcomes = batch, list[Outcome]()
    try:
        with StagedFolder(None) as folder:
            archive = Path(folder, "symbols.zip")
            packed, failed = write_zip(archive, batch)
            yield from failed
            if packed:
                outcomes += post(archive, packed)
                hope.note(None)
    except CrashsymError as error:
        yield from (hope.ended(item, error) for item in packed)
    except OSError as error:
        yield from (Outcome(item, FAILED, error.strerror or str(error)) for item in packed)
    else:
        yield from outcomes


def write_zip(archive: Path, items: Iterable[Item]) -> tuple[list[Item], list[Outcome]]:
    """Write files as Breakpad's layout has them; equal files give an equal archive.

    Return what is in it, and how those have ended that cannot be.

    Raises:
        StoreError: the archive cannot be written.
        UnreadableError: a file has changed this moment.
    """
    try:
        return _packed(archive, items)
    except OSError as error:
        raise not_written(archive, error) from error


def _packed(archive: Path, items: Iterable[Item]) -> tuple[list[Item], list[Outcome]]:
    packed, failed = [], []
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as target:
        for item in items:
            why = _why_not(item)
            if why:
                failed.append(Outcome(item, FAILED, why))
                continue
            entry = zipfile.ZipInfo(f"{item.debug_file}/{item.debug_id}/{item.name}")
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.file_size = item.size
            with target.open(entry, "w") as stream:
                for piece in pieces(item):
                    stream.write(piece)
            packed.append(item)
    return packed, failed


def _why_not(item: Item) -> str:
    """Return why a file cannot be read: half of one in an archive would spoil all others."""
    try:
        for _ in pieces(item):
            pass
    except InputError as error:
        return f"{error.where}: {error.why}"
    return ""
