# SPDX-License-Identifier: MIT
"""What a Sentry server remembers: chunks of an organisation, debug files and states of a project.

Source: getsentry/sentry, src/sentry/models/debugfile.py,
src/sentry/api/serializers/models/debug_file.py.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass, field

from servers.debugfile import DebugFile, normalized_debug_id, read_debug_file
from servers.wire import Blob

# The server's clock stands still: a listing is the same in every run.
_CREATED = "2026-01-01T00:00:00Z"
MIME_TYPES = {"breakpad": "text/x-breakpad", "elf": "application/x-elf-binary"}
# The 36 characters of a debug id before its age.
_UUID_LENGTH = 36


@dataclass(frozen=True)
class Dif:
    """A debug information file of a project."""

    number: int
    name: str
    checksum: str
    debug_id: str
    facts: DebugFile
    blob: Blob

    def as_json(self) -> dict[str, object]:
        facts = self.facts
        return {
            "id": str(self.number),
            "uuid": self.debug_id[:_UUID_LENGTH],
            "debugId": self.debug_id,
            "codeId": facts.code_id,
            "cpuName": facts.arch,
            "objectName": self.name,
            "symbolType": facts.format,
            "headers": {"Content-Type": MIME_TYPES[facts.format]},
            "size": self.blob.size,
            "sha1": self.checksum,
            "dateCreated": _CREATED,
            "data": {"type": facts.kind, "features": sorted(facts.features)},
        }

    def contains(self, text: str) -> bool:
        """Whether the listing's search for ``text`` finds this file."""
        words = (self.name, self.debug_id, self.facts.code_id or "", self.facts.arch)
        known = MIME_TYPES.get(text, text).lower()
        mime_type = MIME_TYPES[self.facts.format]
        return any(text.lower() in word.lower() for word in words) or known in mime_type


@dataclass
class State:
    """The cached state of an assembly; ``left`` answers say that it goes on."""

    final: str
    left: int
    detail: str | None = None
    dif: Dif | None = None

    def as_json(self) -> dict[str, object]:
        if self.left:
            self.left -= 1
            return {"state": "assembling", "detail": None, "missingChunks": []}
        answer: dict[str, object] = {
            "state": self.final,
            "detail": self.detail,
            "missingChunks": [],
        }
        return answer | ({"dif": self.dif.as_json()} if self.dif else {})


@dataclass
class Project:
    """The debug files, oldest first, and the states by the checksum of the whole file."""

    difs: list[Dif] = field(default_factory=list)
    states: dict[str, State] = field(default_factory=dict)
    # The chunks of each file that was asked for, in its order.
    asked: dict[str, tuple[str, ...]] = field(default_factory=dict)
    numbers: int = 0

    def find(self, checksum: str) -> Dif | None:
        return next((dif for dif in reversed(self.difs) if dif.checksum == checksum), None)

    def add(self, name: str, blob: Blob, debug_id: str | None = None) -> tuple[Dif, bool]:
        """Add a file, or return the one that is there, and whether it is new.

        Raises:
            BadDebugFileError: it is none that Sentry can read.
        """
        facts = read_debug_file(blob.path)
        checksum = blob.digest("sha1")
        own_id = _with_age_of(facts.debug_id, debug_id)
        for dif in self.difs:
            if (dif.checksum, dif.debug_id) == (checksum, own_id):
                return dif, False
        base = posixpath.basename(name)
        if facts.format == "breakpad" and base.endswith(".sym"):
            base = base[: -len(".sym")]
        self.numbers += 1
        self.difs.append(Dif(self.numbers, base, checksum, own_id, facts, blob))
        self._drop_redundant(own_id)
        return self.difs[-1], True

    def _drop_redundant(self, debug_id: str) -> None:
        """Drop what newer files with the same debug id can do as well, as Sentry does."""
        features: set[str] = set()
        for index, dif in enumerate([d for d in reversed(self.difs) if d.debug_id == debug_id]):
            if index and dif.facts.features <= features:
                self.difs.remove(dif)
            else:
                features |= dif.facts.features


def _with_age_of(own_id: str, asked: str | None) -> str:
    """A client may change the age of a debug id, and nothing else of it."""
    normalized = normalized_debug_id(asked) if asked else None
    if normalized and normalized[:_UUID_LENGTH] == own_id[:_UUID_LENGTH]:
        return normalized
    return own_id


class Organisation:
    """The chunks, which all projects share, and the projects."""

    def __init__(self, projects: Iterable[str]) -> None:
        self.projects = {name: Project() for name in projects}
        self.chunks: dict[str, Blob] = {}
