# SPDX-License-Identifier: MIT
"""SPDX documents as JSON: reading them, looking into them without trust, finding files in them."""

from __future__ import annotations

import hashlib
import json
import re
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from crashsym.errors import InputError, shortened
from crashsym.jsondata import parse
from crashsym.manifest import Module

VERSIONS = ("2.2", "2.3", "3.0.1")
TOOL = "crashsym"
BUILD_ID = "GNU build-id"  # SPDX has no type of identifiers for it
MANIFEST = "The ELF files by their GNU build-ids, and where their symbols are"
MOST = 100_000  # objects of one kind to add: images have some thousand ELF files
_LARGEST = 1 << 30  # bytes
_DEEPEST = 100
_ZSTD = b"\x28\xb5\x2f\xfd"
_CONTEXT = r"https://spdx\.org/rdf/([^/]+)/spdx-context\.jsonld"
_GIVE = "Give the SPDX document of the image: OE puts <image>.spdx.json beside the image."
Object: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Document:
    """A document of one of the `VERSIONS`, and what identifies the file that it was read from."""

    where: str
    version: str
    content: Object
    sha1: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Amended:
    """A document with build ids: of ``found`` files that it had, and of ``added`` others.

    Those in ``left`` are not in it, nor are their packages. ``manifest`` is the file that names it.
    """

    content: Object
    manifest: bytes
    found: int
    added: int
    left: tuple[Module, ...]

    def to_bytes(self) -> bytes:
        """Return the JSON text of the document, as compact as OE's."""
        return f"{json.dumps(self.content, separators=(',', ':'))}\n".encode()


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """The file of the manifest: its name without folders, and its bytes."""

    name: str
    data: bytes

    def digest(self, algorithm: str) -> str:
        """Return the hash of the file in hexadecimal digits."""
        return hashlib.new(algorithm, self.data).hexdigest()


class Form(Protocol):
    """A document of one version of SPDX, whose content is changed."""

    name: str  # its id

    def identify(self, module: Module) -> bool:
        """Give the file of a module its build id; return whether the document has it."""

    def knows(self, module: Module) -> bool:
        """Tell whether there is another file at the path of a module, or its package."""

    def add(self, modules: Iterable[Module]) -> None:
        """Add the build ids of modules whose files the document does not have."""

    def finish(self, name: str, file: ManifestFile) -> None:
        """Add the manifest, and make the document another one with this name."""


def read(path: Path) -> Document:
    """Read the SPDX document of an image.

    Raises:
        InputError: it cannot be read, is no SPDX document, or one of another version.
    """
    where = f"'{path}'"
    try:
        with path.open("rb") as stream:
            data = stream.read(_LARGEST + 1)
    except OSError as error:
        raise unusable(where, error.strerror or str(error), _GIVE) from error
    if len(data) > _LARGEST:
        raise unusable(where, f"it has more than {_LARGEST} bytes", _GIVE)
    content = _parse(where, data)
    version = _version(where, content)
    hashes = hashlib.sha1(data, usedforsecurity=False), hashlib.sha256(data)
    sha1, sha256 = (found.hexdigest() for found in hashes)
    found = Document(where, version, content, sha1, sha256)
    deque(every_object(found), maxlen=0)  # none lies too deep
    return found


def _parse(where: str, data: bytes) -> Any:
    if data.startswith(_ZSTD):
        remedy = "Unpack it ('tar --zstd -xf FILE') and give the document called like the image."
        raise unusable(where, "it is compressed", remedy)
    try:
        return parse(data)
    except (ValueError, RecursionError) as error:
        raise unusable(where, f"it is no JSON ({error})", _GIVE) from error


def _version(where: str, content: Any) -> str:
    contexts: Any = None
    if isinstance(content, dict):
        version = content.get("spdxVersion")
        if isinstance(version, str):
            return _supported(where, version.removeprefix("SPDX-"))
        contexts = content.get("@context")
    for context in contexts if isinstance(contexts, list) else [contexts]:
        found = re.fullmatch(_CONTEXT, context) if isinstance(context, str) else None
        if found:
            return _supported(where, found[1])
    raise unusable(where, "it is no SPDX document in JSON", _GIVE)


def _supported(where: str, version: str) -> str:
    if version not in VERSIONS:
        known = ", ".join(VERSIONS)
        why = f"its version is SPDX {shortened(version)}, this crashsym reads {known}"
        raise unusable(where, why, "Make it with an SPDX version of these.")
    return version


def unusable(where: str, why: str, remedy: str = "Make it anew.") -> InputError:
    """Return the error for a document that cannot be used."""
    return InputError("cannot use the SPDX document", where=where, why=why, remedy=remedy)


def objects(document: Document, holder: Object, key: str) -> list[Object]:
    """Return the list of objects under a key, which is empty where there is none.

    Raises:
        InputError: it is no such list.
    """
    return _items(document, holder, key, dict, "objects")


def texts(document: Document, holder: Object, key: str) -> list[str]:
    """Return the list of texts under a key, which is empty where there is none.

    Raises:
        InputError: it is no such list.
    """
    return _items(document, holder, key, str, "texts")


def _items(document: Document, holder: Object, key: str, kind: type, what: str) -> list[Any]:
    value = holder.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, kind) for item in value):
        raise unusable(document.where, f"'{key}' of {_name(holder)} is no list of {what}")
    return value


def text(document: Document, holder: Object, key: str) -> str:
    """Return the text under a key.

    Raises:
        InputError: there is none.
    """
    value = holder.get(key)
    if not isinstance(value, str) or not value:
        raise unusable(document.where, f"'{key}' of {_name(holder)} is no text")
    return value


def _name(holder: Object) -> str:
    names = (holder.get(key) for key in ("spdxId", "SPDXID", "@id", "name", "fileName"))
    name = next((name for name in names if isinstance(name, str)), None)
    if name is not None:
        return f"'{shortened(name)}'"
    kind = holder.get("type")
    return f"a {shortened(kind)}" if isinstance(kind, str) else "an object without a name"


def every_object(document: Document) -> Iterator[Object]:
    """Yield each object of a document, those in others as well.

    Raises:
        InputError: they lie too deep in each other.
    """
    level: list[Any] = [document.content]
    for _ in range(_DEEPEST):
        inner: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                yield value
                inner.extend(value.values())
            elif isinstance(value, list):
                inner.extend(value)
        if not inner:
            return
        level = inner
    raise unusable(document.where, f"it has more than {_DEEPEST} levels")


class Lists:
    """The lists under one key, in many objects of a document, that get more objects.

    ``same`` tells what makes two of these the same, of which a list gets one. Where each of many
    files has to get the facts of each of many modules, the document is refused.
    """

    def __init__(self, document: Document, key: str, same: Callable[[Object], Hashable]) -> None:
        self._document = document
        self._key = key
        self._same = same
        self._known: dict[int, set[Hashable]] = {}  # by the id of what holds the list
        self._wanted = 0

    def put(self, holder: Object, new: Object) -> None:
        """Add an object to the list that ``holder`` has, unless it is there.

        Raises:
            InputError: that was wanted too often, or there is something else than a list.
        """
        self._wanted += 1
        if self._wanted > MOST:
            why = f"it would get more than {MOST} objects in '{self._key}'"
            remedy = "Give the document of an image where not so many files have the same bytes."
            raise unusable(self._document.where, why, remedy)
        known = self._known.get(id(holder))
        if known is None:
            listed = objects(self._document, holder, self._key)
            known = self._known[id(holder)] = set(map(self._same, listed))
            holder[self._key] = [*listed]
        if self._same(new) not in known:
            known.add(self._same(new))
            holder[self._key].append(new)


@dataclass(slots=True)
class Files:
    """The files of a document, to be found by their bytes, or by their names without those."""

    _by_hash: dict[str, list[Object]] = field(default_factory=dict)
    _by_hash_and_name: dict[tuple[str, str], list[Object]] = field(default_factory=dict)
    _by_name: dict[str, list[Object]] = field(default_factory=dict)
    _by_name_and_package: dict[tuple[str, str | None], list[Object]] = field(default_factory=dict)
    _names: set[str] = field(default_factory=set)

    def add(self, file: Object, name: str, hashes: list[str], packages: Iterable[str]) -> None:
        """Add a file with its SHA-256 hashes and the names of the packages that contain it."""
        path = plain(name)
        self._names.add(path)
        for digest in dict.fromkeys(digest.lower() for digest in hashes):
            self._by_hash.setdefault(digest, []).append(file)
            self._by_hash_and_name.setdefault((digest, path), []).append(file)
        if not hashes:
            self._by_name.setdefault(path, []).append(file)
            for package in dict.fromkeys(packages):
                self._by_name_and_package.setdefault((path, package), []).append(file)

    def has_name(self, path: str) -> bool:
        """Tell whether a file has this path, whatever its bytes are."""
        return plain(path) in self._names

    def of(self, module: Module) -> list[Object]:
        """Return the files that are the module.

        Of several with the same bytes it is that at its path, if one is. Files without SHA-256 are
        told by path, and by package where several have the same.
        """
        path, digest = plain(module.path), module.sha256 or ""
        same = self._by_hash_and_name.get((digest, path)) or self._by_hash.get(digest)
        if same:
            return same
        named = self._by_name.get(path, [])
        if len(named) > 1:
            named = self._by_name_and_package.get((path, module.package), [])
        return named if len(named) == 1 else []


def plain(path: str) -> str:
    """Return a path as OE writes it: ``/usr/bin/app`` and ``./usr/bin/app`` are ``usr/bin/app``."""
    return path.removeprefix("./").lstrip("/")
