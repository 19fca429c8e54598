# SPDX-License-Identifier: MIT
"""What was found out about files, so that the same bytes are read once.

A folder that several runs may use at the same time, and that can be removed at any moment. Each
entry is two files: ``<key>.sym`` has the symbols, ``<key>.json`` what the manifest says of them.
The key is a digest of all that decides what comes out, and stands in the entry: it is never wrong,
only useless. One that is damaged, or of an older crashsym, counts as not there.
"""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from crashsym import __version__
from crashsym.breakpad.module import ModuleRecord
from crashsym.dump import OUTPUT_VERSION, DumpOptions
from crashsym.errors import UnreadableError
from crashsym.files import StagedFolder, not_written, open_regular
from crashsym.findings import (
    LATE_BUILD_ID,
    NO_BUILD_ID,
    NO_DEBUG_INFO,
    NO_LINES,
    NO_UNWIND_INFO,
    Finding,
)
from crashsym.manifest import Module, module_document, read_module
from crashsym.store import can_store, symbol_path

_CHUNK = 1 << 20
_LARGEST = 1 << 20  # bytes of a description
_OF_THE_FILE = (NO_BUILD_ID, NO_DEBUG_INFO, NO_LINES, NO_UNWIND_INFO, LATE_BUILD_ID)


@dataclass(frozen=True, slots=True)
class Known:
    """What one file gives: its entry in the manifest, its MODULE record and its findings."""

    module: Module
    record: ModuleRecord
    findings: tuple[Finding, ...]

    @property
    def sha256(self) -> str | None:
        """That of the symbol file."""
        return self.module.symbols.sha256 if self.module.symbols else None


def file_digest(file: Path, algorithm: str = "sha256") -> str:
    """Return a digest of a file, in hexadecimal digits.

    Raises:
        OSError: the file cannot be read.
    """
    with file.open("rb") as stream:
        return _stream_digest(stream, algorithm)


def digest_on_target(file: Path, path: str) -> str:
    """Return the SHA-256 of a file that is called ``path`` on the target.

    Raises:
        UnreadableError: the file cannot be read.
    """
    try:
        return file_digest(file)
    except OSError as error:
        why = error.strerror or str(error)
        raise UnreadableError("cannot read", where=f"'{path}'", why=why) from error


def _stream_digest(stream: BinaryIO, algorithm: str = "sha256") -> str:
    digest = hashlib.new(algorithm, usedforsecurity=False)
    while data := stream.read(_CHUNK):
        digest.update(data)
    return digest.hexdigest()


def key_of(digest: str, half: str | None, name: str, options: DumpOptions) -> str:
    """Return the key of a file and a debug half with these digests, called ``name`` on the target.

    The half's bytes count: two builds may have the same build id, and their files the same size.
    """
    links = options.links.digest if options.links is not None else None
    decided = [options.inlines, options.cfi, options.keep_suffixes, links]
    facts = [__version__, OUTPUT_VERSION, digest, half, name, decided]
    return hashlib.sha256(json.dumps(facts).encode("utf-8", "surrogateescape")).hexdigest()


class Cache:
    """The entries in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def is_empty(self) -> bool:
        """Whether nothing has ever been kept."""
        return not self._folder.is_dir() or not any(self._folder.iterdir())

    def _place(self, key: str, kind: str) -> Path:
        return self._folder / key[:2] / f"{key[2:]}.{kind}"

    def take(self, key: str, path: str, symbols: Path) -> Known | None:
        """Put the symbol file at ``symbols`` and return the rest as of a file ``path``, or None.

        Raises:
            StoreError: the symbol file cannot be written.
        """
        place = self._place(key, "sym")
        try:
            with open_regular(self._place(key, "json")) as stream:
                document = json.loads(stream.read(_LARGEST))
            known = _known(document, key, path)
            with open_regular(place) as stream:
                if known.sha256 != _stream_digest(stream):
                    return None
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None
        try:
            _link(place, symbols)
        except OSError as error:
            raise not_written(symbols.parent.parent, error) from error
        return known

    def keep(self, key: str, known: Known, others: Iterable[Path], symbols: Path) -> None:
        """Remember what a file gave, and its symbol file.

        ``others`` are the files besides the two halves that it depends on. Nothing is remembered
        where there are findings that another file, which may be mended, can be the cause of.

        Raises:
            StoreError: the entry cannot be written.
        """
        if any(finding.code not in _OF_THE_FILE for finding in known.findings):
            return
        document = {
            "key": key,
            "module": module_document(known.module),
            "record": list(known.record),
            "findings": [[f.code, f.what, f.why, f.remedy] for f in known.findings],
            "others": _facts(others),
        }
        description = json.dumps(document).encode()
        self._put(self._place(key, "sym"), symbols, lambda file: _link(symbols, file))
        self._put(self._place(key, "json"), symbols, lambda file: file.write_bytes(description))

    def _put(self, place: Path, beside: Path, make: Callable[[Path], object]) -> None:
        """Make a file and move it into its place, whatever is there.

        It is made beside another one, in a folder that is removed whatever becomes of this process.
        """
        made = beside.with_name(f"{beside.name}{place.suffix}.tmp")
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            make(made)
            self._move(made, place)
        except OSError as error:
            raise not_written(place, error) from error

    def _move(self, made: Path, place: Path) -> None:
        """Move a file, or copy it where another file system keeps the two apart.

        A process that is killed leaves the folder with its copy, which the next one removes.
        """
        try:
            made.replace(place)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            with StagedFolder(self._folder, tidy=True) as folder:
                copy = Path(folder, place.name)
                shutil.copyfile(made, copy)
                copy.replace(place)


def _known(document: Any, key: str, path: str) -> Known:
    """Return what an entry says.

    Raises:
        ValueError, KeyError, TypeError: it is damaged, or that of another key.
        OSError: a file that it depends on is gone.
    """
    module = replace(read_module(document["module"]), path=path)
    record = ModuleRecord(*_texts(document["record"]))
    found = tuple(
        Finding(code, path, what, why, remedy)
        for code, what, why, remedy in map(_texts, document["findings"])
    )
    others = [_texts(other) for other in document["others"]]
    if (
        document["key"] != key
        or not can_store(record)
        or [record.arch, record.debug_id, record.debug_file]
        != [module.arch, module.debug_id, module.debug_file]
        or module.symbols is None
        or module.symbols.path != str(symbol_path(record.debug_file, record.debug_id))
        or not {finding.code for finding in found} <= set(_OF_THE_FILE)
        or _facts(Path(name) for name, _ in others) != others
    ):
        raise ValueError("it is damaged")
    return Known(module, record, found)


def _texts(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise TypeError(f"{value!r} is no list of texts")
    return value


def _facts(files: Iterable[Path]) -> list[list[str]]:
    """Return what tells whether files are still the same."""
    return [[str(file), _digest_behind_links(file)] for file in files]


def _digest_behind_links(file: Path) -> str:
    with open_regular(file, follow=True) as stream:
        return _stream_digest(stream)


def _link(source: Path, target: Path) -> None:
    """Make ``target`` another name of a file, or a copy where that cannot be had."""
    target.unlink(missing_ok=True)
    try:
        target.hardlink_to(source)
    except OSError:  # another file system, or too many names
        shutil.copyfile(source, target)
