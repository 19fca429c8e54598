# SPDX-License-Identifier: MIT
"""Sentry's assembling: the schema of a request, missing chunks, and the states of files.

Source: getsentry/sentry, src/sentry/api/endpoints/debug_files.py (batch_assemble, and before 2025
sequential_assemble), src/sentry/tasks/assemble.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from servers.debugfile import BadDebugFileError
from servers.sentry_state import Project, State
from servers.wire import BadRequestError, Blob, write_blob

_SHA1 = re.compile("[0-9a-f]{40}")


@dataclass(frozen=True)
class Entry:
    """What a request says of one file."""

    name: str
    chunks: tuple[str, ...]
    debug_id: str | None


@dataclass
class Assembly:
    """One request to assemble files. ``made`` are those that are new in the project."""

    chunks: Mapping[str, Blob]
    project: Project
    folder: Path
    most: int
    polls: int
    made: list[tuple[str, Blob]] = field(default_factory=list)

    def answer(self, entries: Mapping[str, Entry], in_batches: bool) -> dict[str, object]:
        """Return the answer for each file, and begin to assemble those that can be."""
        answers: dict[str, object] = {}
        left: dict[str, Entry] = {}
        for checksum, entry in entries.items():
            known = self._known(checksum)
            if known is not None:
                answers[checksum] = known
            elif not entry.chunks:
                # Nothing but a question.
                answers[checksum] = {"state": "not_found", "missingChunks": []}
            else:
                left[checksum] = entry
                self.project.asked[checksum] = entry.chunks
        missing = self._missing(left, in_batches)
        for checksum, entry in left.items():
            if missing[checksum]:
                answers[checksum] = {"state": "not_found", "missingChunks": missing[checksum]}
                continue
            self.project.states[checksum] = self._join(checksum, entry)
            answers[checksum] = {"state": "created", "missingChunks": []}
        return answers

    def _known(self, checksum: str) -> dict[str, object] | None:
        """The cached state comes first, then what the project has."""
        state = self.project.states.get(checksum)
        if state is not None:
            return state.as_json()
        dif = self.project.find(checksum)
        return None if dif is None else State("ok", 0, None, dif).as_json()

    def _missing(self, entries: Mapping[str, Entry], in_batches: bool) -> dict[str, list[str]]:
        """Return the missing chunks of each file, each of them once."""
        # In a batch a chunk belongs to the last file that has it. The others, when they lack
        # nothing else, are assembled at once, and that fails.
        owner = {chunk: checksum for checksum, entry in entries.items() for chunk in entry.chunks}
        return {
            checksum: [
                chunk
                for chunk in dict.fromkeys(entry.chunks)
                if chunk not in self.chunks and (not in_batches or owner[chunk] == checksum)
            ]
            for checksum, entry in entries.items()
        }

    def _join(self, checksum: str, entry: Entry) -> State:
        """Make the file of its chunks and take it into the project; return how that ends."""
        if any(chunk not in self.chunks for chunk in entry.chunks):
            return State("error", self.polls, "Not all chunks available for assembling")
        blobs = [self.chunks[chunk] for chunk in entry.chunks]
        if sum(blob.size for blob in blobs) > self.most:
            return State("error", self.polls, "File exceeds maximum size")
        whole = write_blob(self.folder, _joined(blobs))
        if whole.digest("sha1") != checksum:
            return State("error", self.polls, "Reported checksum mismatch")
        try:
            dif, new = self.project.add(entry.name, whole, entry.debug_id)
        except BadDebugFileError as error:
            return State("error", self.polls, str(error))
        if new:
            self.made.append((checksum, whole))
        return State("ok", self.polls, None, dif)


def read_entries(body: object) -> dict[str, Entry]:
    """Return the files that a request names, by the checksum of each.

    Raises:
        BadRequestError: the body does not match the schema; the text is as a validator has it.
    """
    if not isinstance(body, dict):
        raise BadRequestError(f"{body!r} is not of type 'object'")
    for checksum in body:
        if not _SHA1.fullmatch(checksum):
            raise BadRequestError(
                f"{checksum!r} does not match any of the regexes: '^[0-9a-f]{{40}}$'"
            )
    return {checksum: _read_entry(entry) for checksum, entry in body.items()}


def _read_entry(entry: object) -> Entry:
    if not isinstance(entry, dict):
        raise BadRequestError(f"{entry!r} is not of type 'object'")
    for word in ("name", "chunks"):
        if word not in entry:
            raise BadRequestError(f"{word!r} is a required property")
    for word in ("name", "debug_id"):
        if not isinstance(entry.get(word, ""), str):
            raise BadRequestError(f"{entry[word]!r} is not of type 'string'")
    chunks = entry["chunks"]
    if not isinstance(chunks, list):
        raise BadRequestError(f"{chunks!r} is not of type 'array'")
    for chunk in chunks:
        if not isinstance(chunk, str) or not _SHA1.fullmatch(chunk):
            raise BadRequestError(f"{chunk!r} does not match '^[0-9a-f]{{40}}$'")
    return Entry(entry["name"], tuple(chunks), entry.get("debug_id"))


def _joined(blobs: Iterable[Blob]) -> Iterator[bytes]:
    for blob in blobs:
        yield from blob.blocks()
