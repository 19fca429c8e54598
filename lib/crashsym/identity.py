# SPDX-License-Identifier: MIT
"""The identity of a root file system: a small file in it that a crash report can quote.

The id is the SHA-256 of a text with one line for each ELF file, in order of path: the SHA-256 of
its bytes, two spaces, and its path on the target; a path with backslashes or with what cannot be
printed as JSON text. Two builds that give the same programs have the same id.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

from crashsym.cache import digest_on_target
from crashsym.errors import InputError, MalformedError, UnreadableError
from crashsym.findings import CHANGED, UNREADABLE, Finding
from crashsym.targetroot import TargetRoot
from crashsym.texts import as_unicode
from crashsym.tree import scan
from crashsym.value import Value

PLACE = "/usr/lib/crashdump/image.json"
SCHEMA = "crashdump-image/1"
_LARGEST = 1 << 16  # bytes of the file
_LONGEST = 256  # characters of a name
_ID = re.compile(r"[0-9a-f]{64}")
_REMEDY = "Make it with 'crashsym identify', as the last of what changes the root file system."


class Identity(Value):
    """What the file says: the id, and what people call the image and its version."""

    id: str
    image: str | None = None
    version: str | None = None

    def to_text(self) -> str:
        """Return the file as JSON."""
        names = {"image": _short(self.image), "version": _short(self.version)}
        return json.dumps({"schema": SCHEMA, **names, "id": self.id}, indent=1)


def id_of(root: Path) -> str:
    """Return the id of the ELF files below a folder.

    Raises:
        ConfigError: there is no such folder.
        UnreadableError: one of the files cannot be read.
    """
    tree = scan(root, [], packages=False, exclude=())
    for finding in tree.findings:
        if finding.code == UNREADABLE:
            raise UnreadableError(finding.what, where=f"'{finding.path}'", why=finding.why)
    files = sorted((f.path, f.file) for f in (*tree.subjects, *tree.relocatable, *tree.halves))
    text = "".join(f"{digest_on_target(file, path)}  {_one_line(path)}\n" for path, file in files)
    return hashlib.sha256(text.encode()).hexdigest()


def _one_line(path: str) -> str:
    """Return a path, or where it could be taken for another line a JSON text of it."""
    return path if path.isprintable() and "\\" not in path else json.dumps(path)


def read_identity(root: Path) -> Identity | None:
    """Return what a root file system says that it is; None if it says nothing.

    Raises:
        InputError: the file cannot be read, or is not as it has to be.
    """
    data = TargetRoot(root).read(PLACE)
    if data is None:
        return None
    if len(data) > _LARGEST:
        raise _unusable(f"it has {len(data)} bytes, more than {_LARGEST}")
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _unusable(f"it is no JSON ({error})") from error
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise _unusable(f"its schema is not {SCHEMA!r}")
    found = document.get("id")
    if not isinstance(found, str) or not _ID.fullmatch(found):
        raise _unusable("its id has not 64 hexadecimal digits")
    image, version = (_short(document.get(name)) for name in ("image", "version"))
    return Identity(found, image, version)


def _short(value: object) -> str | None:
    """Return a name that somebody could have given, in text that can be written."""
    return as_unicode(value) if isinstance(value, str) and len(value) <= _LONGEST else None


def _unusable(why: str) -> MalformedError:
    return MalformedError("cannot tell which image it is", where=f"'{PLACE}'", why=why)


def identify(root: Path) -> tuple[Identity | None, list[Finding]]:
    """Return what a root file system says that it is, and what is wrong with that."""
    try:
        said = read_identity(root)
    except InputError as error:
        code = UNREADABLE if isinstance(error, UnreadableError) else CHANGED
        return None, [Finding(code, PLACE, error.what, error.why, _REMEDY)]
    if said is None:
        return None, []
    try:
        found = id_of(root)
    except UnreadableError:
        return said, []  # of that file there is a finding already
    if found == said.id:
        return said, []
    why = f"its id is {said.id}, that of the ELF files {found}"
    return said, [Finding(CHANGED, PLACE, "the image is not what it says", why, _REMEDY)]
