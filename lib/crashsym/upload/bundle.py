# SPDX-License-Identifier: MIT
"""All that a target needs in one archive, for builders without a network.

A bundle is a plain tar archive (POSIX.1-2008 "pax"). ``bundle.json``, its first file, names all
others with size and SHA-256; ``manifest.json`` follows, then a symbol store below ``symbols`` and a
folder as gdb reads it below ``debug-files``. It is never unpacked here: files are sent out of it.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from errno import ENOENT
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from crashsym import manifest
from crashsym.errors import ConfigError, MalformedError, counted, described, shortened
from crashsym.files import StagedFolder, move_into_place, not_written, open_regular
from crashsym.jsondata import parse
from crashsym.manifest import Manifest
from crashsym.upload.bodies import FileBody, ItemBody
from crashsym.upload.extent import Extent
from crashsym.upload.items import DEBUG, SYMBOLS, Item, Unusable, debug_items, debug_place

SCHEMA = "crashsym-bundle/1"
_INDEX, _MANIFEST = "bundle.json", "manifest.json"
_LARGEST = 256 << 20  # bytes of the index, and of the manifest
_HEADER = 1 << 14  # bytes: paths on Linux have 4096, and old versions of `tarfile` take long
# What `tarfile` raises where an archive is damaged, beside its own errors.
_DAMAGED = (tarfile.TarError, ValueError, IndexError)


def write_bundle(file: Path, found: Manifest, items: Iterable[Item]) -> int:
    """Write a bundle, whole or not at all, and return the bytes of its files.

    Equal files and an equal manifest give an equal bundle, whoever makes it, and when.

    Raises:
        StoreError: it cannot be written.
        UnreadableError: a file has changed this moment.
    """
    named = {_member(item.kind, item.place): item for item in items}
    files = dict(sorted(named.items()))
    document = found.to_bytes()
    index = [_entry(_MANIFEST, len(document), hashlib.sha256(document).hexdigest())]
    index += [_entry(name, item.size, item.sha256) for name, item in files.items()]
    with StagedFolder(file, tidy=True) as folder:
        staged = Path(folder, "bundle")
        try:
            with tarfile.open(staged, "w", format=tarfile.PAX_FORMAT) as archive:
                _add(archive, _INDEX, _json({"schema": SCHEMA, "files": index}))
                _add(archive, _MANIFEST, document)
                for name, item in files.items():
                    with closing(ItemBody(item)) as body:
                        archive.addfile(_header(name, item.size), body)
        except OSError as error:
            raise not_written(file, error) from error
        move_into_place(staged, file)
    return sum(item.size for item in files.values())


def _member(kind: str, place: str) -> str:
    return str(PurePosixPath(kind, place))


def _entry(name: str, size: int, sha256: str) -> dict[str, Any]:
    return {"name": name, "size": size, "sha256": sha256}


def _json(document: dict[str, Any]) -> bytes:
    return f"{json.dumps(document, indent=1)}\n".encode()


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    archive.addfile(_header(name, len(data)), io.BytesIO(data))


def _header(name: str, size: int) -> tarfile.TarInfo:
    """Return a header without time and user; `tarfile` begins with 0 and none."""
    header = tarfile.TarInfo(name)
    header.size = size
    return header


class Bundle:
    """A bundle to send, as a source of files."""

    def __init__(self, file: Path, found: Manifest, members: dict[str, Extent]) -> None:
        self.file = file
        self.manifest = found
        self._members = members

    @classmethod
    def open(cls, file: Path) -> Bundle:
        """Read what is in a bundle; its files are not read.

        Raises:
            MalformedError: it is none, or damaged.
            ManifestError: its manifest is none.
        """
        members = _read(file)
        place = members.pop(_MANIFEST)
        data = _content(place)
        if hashlib.sha256(data).hexdigest() != place.sha256:
            raise _unusable(file, f"'{_MANIFEST}' in it is damaged")
        return cls(file, manifest.of_bytes(data, file / _MANIFEST), members)

    def name(self, place: str) -> str:
        """Return what messages call a symbol file."""
        return str(self.file / _member(SYMBOLS, place))

    def find(self, place: str) -> Extent:
        """Return where a symbol file is.

        Raises:
            FileNotFoundError: it is not in the bundle.
        """
        found = self._members.get(_member(SYMBOLS, place))
        if found is None:
            raise FileNotFoundError(ENOENT, "the bundle does not have it")
        return found

    @property
    def ledger(self) -> Path:
        """The folder in which is noted what has arrived: that of the bundle."""
        return self.file.parent

    def debug_items(self, symbols: Sequence[Item]) -> tuple[list[Item], list[Unusable]]:
        """Return the debug files in the bundle that belong to symbol files.

        Raises:
            ConfigError: there are none.
        """
        build_ids = {item.build_id for item in symbols if item.build_id is not None}
        places = {build_id: _member(DEBUG, debug_place(build_id)) for build_id in build_ids}
        halves = {one: self._members.get(place) for one, place in places.items()}
        if not any(halves.values()):
            why = "a target wants them, and the bundle has none"
            remedy = "Make it with --debug-root, or take 'debug-files' out of 'send'."
            raise ConfigError(
                "no debug files to upload", where=f"'{self.file}'", why=why, remedy=remedy
            )
        return debug_items(symbols, {one: half for one, half in halves.items() if half})


class _Headers(io.FileIO):
    """A file that `tarfile` gets so many bytes of as headers have: hostile ones have more."""

    left = _HEADER

    def read(self, size: int | None = -1) -> bytes:
        if size is None or not 0 <= size <= self.left:
            raise tarfile.ReadError("a header in it is too large")
        self.left -= size
        return super().read(size)


def _read(file: Path) -> dict[str, Extent]:
    """Return the files in a bundle by their names; the manifest is one of them.

    Raises:
        MalformedError: the archive is not as its index says.
    """
    try:
        with open_regular(file, follow=True) as stream:
            members = _members(file, stream)
            index = next(members, None)
            if index is None or index.member != _INDEX or index.size > _LARGEST:
                raise _unusable(file, f"its first file is not '{_INDEX}'")
            wanted = _wanted(file, _content(index))
            return _compared(file, members, wanted)
    except OSError as error:
        raise _unusable(file, error.strerror or str(error)) from error
    except _DAMAGED as error:
        why = f"it is no uncompressed tar archive, or a damaged one ({error})"
        raise _unusable(file, why) from error


def _members(file: Path, stream: BinaryIO) -> Iterator[Extent]:
    """Yield the files in an archive in their order; anything else in it is an error."""
    headers = _Headers(stream.fileno(), closefd=False)
    end = headers.seek(0, io.SEEK_END)
    headers.seek(0)
    with tarfile.open(fileobj=headers, mode="r:") as archive:
        while (header := archive.next()) is not None:
            name, start = header.name, header.offset_data
            if header.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or header.issparse():
                raise _unusable(file, f"'{shortened(name)}' in it is no plain file")
            if not 0 <= header.size <= end - start:
                why = f"it has {end} bytes, '{shortened(name)}' in it ends at {start + header.size}"
                raise _unusable(file, f"{why}. It is cut short")
            yield Extent(file, start, header.size, name)
            headers.left = _HEADER


def _content(place: Extent) -> bytes:
    with closing(FileBody(place.file, place.start, place.size)) as body:
        return body.read()


def _wanted(file: Path, data: bytes) -> list[tuple[str, int, str]]:
    """Return name, size and SHA-256 of all files behind the index, as that says."""
    try:
        document = parse(data)
        if document["schema"] != SCHEMA:
            why = f"its schema is {described(document['schema'])}, this crashsym reads {SCHEMA!r}"
            raise _unusable(file, why)
        found = [_named(one) for one in document["files"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _unusable(file, f"'{_INDEX}' in it is damaged ({error})") from error
    if not found or found[0][0] != _MANIFEST or found[0][1] > _LARGEST:
        raise _unusable(file, f"'{_INDEX}' in it does not begin with '{_MANIFEST}'")
    return found


def _named(entry: dict[str, Any]) -> tuple[str, int, str]:
    name, size, sha256 = entry["name"], entry["size"], entry["sha256"]
    if not isinstance(name, str) or type(size) is not int or not isinstance(sha256, str):
        raise TypeError("an entry has other values than name, size and SHA-256")
    return name, size, sha256


def _compared(
    file: Path, members: Iterator[Extent], wanted: list[tuple[str, int, str]]
) -> dict[str, Extent]:
    """Return the files of an archive, which have to be those of its index, one by one."""
    found: dict[str, Extent] = {}
    for name, size, sha256 in wanted:
        member = next(members, None)
        if member is None:
            files = f"{len(found)} of {counted(len(wanted), 'file')}"
            raise _unusable(file, f"it ends after {files}")
        if (member.member, member.size) != (name, size) or name in found:
            why = f"'{shortened(member.member)}' in it is not what '{_INDEX}' says"
            raise _unusable(file, why)
        found[name] = Extent(file, member.start, member.size, name, sha256)
    if next(members, None) is not None:
        raise _unusable(file, f"it has more files than '{_INDEX}' says")
    return found


def _unusable(file: Path, why: str) -> MalformedError:
    remedy = "Copy it again from where 'crashsym upload --bundle' has made it."
    return MalformedError("cannot use the bundle", where=f"'{file}'", why=why, remedy=remedy)
