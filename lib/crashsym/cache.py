# SPDX-License-Identifier: MIT
"""What was found out about files, so that the same bytes are read once.

A folder that several runs may use at the same time, and that can be removed at any moment. Each
entry is two files: ``<key>.sym`` has the symbols, ``<key>.json`` what the manifest says of them.
The key is a digest of all that decides what comes out, so an entry is never wrong, only useless:
one that is damaged, or of an older crashsym, counts as not there.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from crashsym import __version__
from crashsym.breakpad.module import ModuleRecord
from crashsym.dump import OUTPUT_VERSION, DumpOptions
from crashsym.elf import ElfFile
from crashsym.files import not_written, write_atomically
from crashsym.findings import NO_BUILD_ID, NO_DEBUG_INFO, NO_LINES, NO_UNWIND_INFO, Finding
from crashsym.manifest import Module, module_document, read_module

_CHUNK = 1 << 20
_OF_THE_FILE = (NO_BUILD_ID, NO_DEBUG_INFO, NO_LINES, NO_UNWIND_INFO)


@dataclass(frozen=True, slots=True)
class Known:
    """What one file gives: its entry in the manifest, its MODULE record and its findings."""

    module: Module
    record: ModuleRecord
    findings: tuple[Finding, ...]


def file_digest(file: Path, algorithm: str = "sha256") -> str:
    """Return a digest of a file, in hexadecimal digits.

    Raises:
        OSError: the file cannot be read.
    """
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with file.open("rb") as stream:
        while data := stream.read(_CHUNK):
            digest.update(data)
    return digest.hexdigest()


def key_of(digest: str, half: ElfFile | None, name: str, options: DumpOptions) -> str:
    """Return the key of a file with this digest and debug half, called ``name`` on the target."""
    identity = None if half is None else [str(half.build_id), half.size]
    decided = [options.inlines, options.cfi, options.keep_suffixes]
    facts = [__version__, OUTPUT_VERSION, digest, identity, name, decided]
    return hashlib.sha256(json.dumps(facts).encode("utf-8", "surrogateescape")).hexdigest()


class Cache:
    """The entries in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _place(self, key: str, kind: str) -> Path:
        return self._folder / key[:2] / f"{key[2:]}.{kind}"

    def take(self, key: str, path: str, symbols: Path) -> Known | None:
        """Put the symbol file at ``symbols`` and return the rest as of a file ``path``, or None.

        Raises:
            StoreError: the symbol file cannot be written.
        """
        try:
            document = json.loads(self._place(key, "json").read_bytes())
            known = _known(document, path)
            if _facts(Path(name) for name, *_ in document["others"]) != document["others"]:
                return None
        except (OSError, ValueError, KeyError, TypeError):
            return None
        place = self._place(key, "sym")
        if known.module.symbols is None or not _is_intact(place, known.module.symbols.sha256):
            return None
        _link(place, symbols, symbols.parent.parent)
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
        place = self._place(key, "sym")
        _make_folder(place.parent)
        temporary = place.with_name(f".{os.urandom(16).hex()}.tmp")
        try:
            _link(symbols, temporary, place)
            temporary.replace(place)
        except OSError as error:
            raise not_written(place, error) from error
        finally:
            temporary.unlink(missing_ok=True)
        document = {
            "module": module_document(known.module),
            "record": list(known.record),
            "findings": [[f.code, f.what, f.why, f.remedy] for f in known.findings],
            "others": _facts(others),
        }
        write_atomically(self._place(key, "json"), json.dumps(document).encode())


def _known(document: Any, path: str) -> Known:
    return Known(
        replace(read_module(document["module"]), path=path),
        ModuleRecord(*map(str, document["record"])),
        tuple(Finding(code, path, *texts) for code, *texts in document["findings"]),
    )


def _facts(files: Iterable[Path]) -> list[list[Any]]:
    """Return what tells whether files are still the same."""
    facts = []
    for file in files:
        status = file.stat()
        facts.append([str(file), status.st_size, status.st_mtime_ns])
    return facts


def _is_intact(file: Path, sha256: str) -> bool:
    try:
        return file_digest(file) == sha256
    except OSError:
        return False


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise not_written(folder, error) from error


def _link(source: Path, target: Path, named: Path) -> None:
    """Make ``target`` another name of a file, or a copy where that cannot be had.

    ``named`` is what the user knows of it, if it cannot be written.
    """
    try:
        target.unlink(missing_ok=True)
        try:
            target.hardlink_to(source)
        except OSError:  # another file system, or too many names
            shutil.copyfile(source, target)
    except OSError as error:
        raise not_written(named, error) from error
