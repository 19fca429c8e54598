# SPDX-License-Identifier: MIT
"""FILE records that say which file of which repository, at which revision, a source file is.

The form is Mozilla's, ``git:github.com/team/app:src/x.c:0123abc…``: the files of
symbols.mozilla.org have it, and Socorro, the Firefox Profiler and samply make links of it. They
split it at the colons.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, BinaryIO, cast

from crashsym.source import below, joined
from crashsym.value import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from crashsym.source import Repository, Source

_URI = re.compile(r"[\w.+-]+://(?:[^/@]*@)?(?P<host>[^/:;]+)(?::\d+)?/+(?P<path>[^;?]+)")
_RECORD = b"FILE "


class LinkedFolder(Value):
    """A folder of source files in the symbols, and what it is in a repository.

    ``files`` are the paths in the repository of those that have a link; None for all.
    """

    folder: str
    repository: str
    subpath: str
    revision: str
    files: frozenset[str] | None = None

    def link(self, path: str) -> str | None:
        """Return what stands for a file in the symbols; None where it has no link."""
        rest = below(path, self.folder)
        if not rest:
            return None
        there = joined(self.subpath, rest.lstrip("/"))
        if ":" in there or (self.files is not None and there not in self.files):
            return None
        return f"git:{self.repository}:{there}:{self.revision}"


class SourceLinks(Value):
    """The folders of a module's source that have links, the deepest first.

    ``digest`` is another one where other links come out.
    """

    folders: tuple[LinkedFolder, ...]
    digest: str

    @classmethod
    def of(cls, folders: Iterable[LinkedFolder]) -> SourceLinks:
        """Put folders in order."""
        found = sorted(folders, key=lambda known: (-len(known.folder), known.folder))
        facts = [
            [*known[:4], None if known.files is None else sorted(known.files)] for known in found
        ]
        return cls(tuple(found), hashlib.sha256(json.dumps(facts).encode()).hexdigest())

    def linked(self, path: str) -> str:
        """Return the link of a source file, or its path where there is none."""
        for known in self.folders:
            link = known.link(path)
            if link is not None:
                return link
        return path

    def write(self, write: Callable[[BinaryIO], None], stream: BinaryIO) -> None:
        """Let the functions of a module be written to a stream, with links in FILE records."""
        linking = _LinkingStream(stream, self)
        write(cast("BinaryIO", linking))
        linking.finish()


class _LinkingStream:
    """A stream for the records of functions, which begin with all the FILE records."""

    def __init__(self, stream: BinaryIO, links: SourceLinks) -> None:
        self._stream = stream
        self._links = links
        self._rest: bytes | None = b""  # the beginning of a line; None behind the FILE records

    def write(self, data: bytes) -> int:
        """Write some bytes, in which lines may begin or end anywhere."""
        if self._rest is None:
            return self._stream.write(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for number, line in enumerate(lines):
            if not line.startswith(_RECORD):
                self._stream.write(b"\n".join([*lines[number:], self._rest]))
                self._rest = None
                break
            self._stream.write(self._record(line))
        return len(data)

    def finish(self) -> None:
        """Write what is left when all records have been written."""
        if self._rest:
            self._stream.write(self._rest)

    def _record(self, line: bytes) -> bytes:
        word, number, path = line.decode().split(" ", 2)
        return f"{word} {number} {self._links.linked(path)}\n".encode()


def linked_folder(source: Source, repository: Repository) -> LinkedFolder | None:
    """Return the folder of a git repository in the symbols; None where it cannot have links."""
    match = _URI.match(repository.uri or "")
    if not match or not source.prefix or repository.path is None or not repository.revision:
        return None
    place = f"{match['host']}/{match['path'].rstrip('/').removesuffix('.git')}"
    if re.search(r"[:\s]", place + repository.revision):
        return None
    folder = source.prefix.rstrip("/") + (f"/{repository.path}" if repository.path else "")
    if not (place + repository.revision + repository.subpath + folder).isprintable():
        return None  # it would break lines, or is no UTF-8
    return LinkedFolder(folder, place, repository.subpath, repository.revision)
