# SPDX-License-Identifier: MIT
"""SPDX 3.0: build ids as external identifiers of files.

Source: SPDX 3.0.1, Core/ExternalIdentifier, Core/ExternalMap, Software/File; the names of
properties are those of its JSON-LD context.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote

from crashsym import __version__
from crashsym.manifest import Module
from crashsym.spdx.document import (
    BUILD_ID,
    MANIFEST,
    TOOL,
    Document,
    Files,
    Lists,
    ManifestFile,
    Object,
    every_object,
    objects,
    plain,
    text,
    texts,
    unusable,
)

_CREATION = f"_:{TOOL}"
_Rank = tuple[bool, str]  # whether a package is another thing than what is installed; its id


class Version3:
    """A document of SPDX 3.0.1."""

    def __init__(self, document: Document) -> None:
        self._graph = _Graph(document)
        self._document = document
        self._identifiers = Lists(document, "externalIdentifier", _identifier)
        self._modules: list[Module] = []
        self._new: list[Object] = []
        self.name = text(document, self._graph.head, "spdxId")

    def identify(self, module: Module) -> bool:
        """Give the elements of a module its build id; return whether there is one."""
        files = self._graph.files.of(module)
        for file in files:
            self._identifiers.put(file, _build_id(module))
        return bool(files)

    def knows(self, module: Module) -> bool:
        """Tell whether there is another file at the path of a module, or its package."""
        return self._graph.files.has_name(module.path) or module.package in self._graph.packages

    def add(self, modules: Iterable[Module]) -> None:
        """Let `finish` add elements for these modules."""
        self._modules.extend(modules)

    def finish(self, name: str, file: ManifestFile) -> None:
        """Add the manifest, and make the document another one with this name."""
        old, self.name = self.name, name
        elements = texts(self._document, self._graph.head, "element")
        self._amend_head(old)
        self._add_files()
        self._add_manifest(file)
        self._graph.elements.extend(self._new)
        if "element" in self._graph.head:
            new = [found["spdxId"] for found in self._new if "spdxId" in found]
            self._graph.head["element"] = [*elements, *new]

    def _amend_head(self, old: str) -> None:
        """Let the document say which one it was made of, and how."""
        head, creation = self._graph.head, self._graph.creation()
        tools = texts(self._document, creation, "createdUsing")
        tool = self._add("Tool", "tool", name=f"{TOOL} {__version__}")
        self._new.append({**creation, "@id": _CREATION, "createdUsing": [*tools, tool]})
        self._graph.rename(old, self.name)
        self._relate("amends", old, "amendedBy", [self.name])
        original = {
            "type": "ExternalMap",
            "externalSpdxId": old,
            "verifiedUsing": _sha256(self._document.sha256),
        }
        known = objects(self._document, head, "import")
        head |= {
            "spdxId": self.name,
            "creationInfo": _CREATION,
            "import": [*known, original],
        }

    def _add_files(self) -> None:
        """Add elements for modules that have none, and say what contains them."""
        contained: dict[str, list[str]] = {}
        by_place = {f"file{quote(m.path)}/{m.build_id}": m for m in self._modules}
        for place, module in by_place.items():
            facts = {
                "name": plain(module.path),
                "externalIdentifier": [_build_id(module)],
                "verifiedUsing": _sha256(module.sha256),
            }
            file = self._add("software_File", place, **facts)
            contained.setdefault(self._graph.owner(module), []).append(file)
        for number, (owner, files) in enumerate(sorted(contained.items())):
            self._relate(f"contains/{number}", owner, "contains", files)

    def _add_manifest(self, file: ManifestFile) -> None:
        found = self._add(
            "software_File",
            "manifest",
            name=file.name,
            verifiedUsing=_sha256(file.digest("sha256")),
            contentType="application/json",
            software_primaryPurpose="manifest",
            comment=MANIFEST,
        )
        self._relate("metadata", self._graph.root, "hasMetadata", [found])

    def _add(self, kind: str, place: str, **facts: Any) -> str:
        name = f"{self.name}/{place}"
        self._new.append({"type": kind, "spdxId": name, "creationInfo": _CREATION, **facts})
        return name

    def _relate(self, place: str, source: str, kind: str, targets: list[str]) -> None:
        facts = {"from": source, "relationshipType": kind, "to": targets}
        self._add("Relationship", f"relationship/{place}", **facts)


def _sha256(digest: str | None) -> list[Object]:
    if digest is None:
        return []
    return [{"type": "Hash", "algorithm": "sha256", "hashValue": digest}]


def _build_id(module: Module) -> Object:
    return {
        "type": "ExternalIdentifier",
        "externalIdentifierType": "other",
        "identifier": module.build_id,
        "comment": BUILD_ID,
    }


def _identifier(found: Object) -> str | None:
    value = found.get("identifier")
    return value if isinstance(value, str) else None


def _id(value: Any) -> str | None:
    """Return the id of an element that is there itself, or by its id."""
    found = value.get("spdxId") if isinstance(value, dict) else value
    return found if isinstance(found, str) else None


class _Graph:
    """What a document has."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self.elements = objects(document, document.content, "@graph")
        if not self.elements:
            raise unusable(document.where, "its '@graph' has nothing")
        self._objects = list(every_object(document))
        heads = list(self._of_type("SpdxDocument"))
        if len(heads) != 1:
            why = f"it has {len(heads)} elements of type SpdxDocument, not 1"
            raise unusable(document.where, why)
        self.head = heads[0]
        self.packages: dict[str, list[Object]] = {}
        for package in self._of_type("software_Package"):
            if isinstance(package.get("name"), str):
                self.packages.setdefault(package["name"], []).append(package)
        self._ranked: dict[str, tuple[_Rank, dict[str | None, _Rank]]] = {}  # by name
        self.root = self._find_root()
        self.files = Files()
        self._read_files()

    def _of_type(self, kind: str) -> Iterator[Object]:
        return (found for found in self._objects if found.get("type") == kind)

    def _read_files(self) -> None:
        names = {_id(package): name for name, same in self.packages.items() for package in same}
        packages: dict[str | None, list[str]] = {}
        for relation in self._of_type("Relationship"):
            owner = names.get(_id(relation.get("from")))
            if owner is not None and relation.get("relationshipType") == "contains":
                for target in self._list(relation, "to"):
                    packages.setdefault(_id(target), []).append(owner)
        for file in self._of_type("software_File"):
            if isinstance(file.get("name"), str):
                hashes = [
                    text(self._document, value, "hashValue")
                    for value in objects(self._document, file, "verifiedUsing")
                    if value.get("algorithm") == "sha256"
                ]
                # Of several with one id, which none may have, the first is in the packages.
                self.files.add(file, file["name"], hashes, packages.pop(_id(file), []))

    def _list(self, holder: Object, key: str) -> list[Any]:
        value = holder.get(key, [])
        if not isinstance(value, list):
            raise unusable(self._document.where, f"'{key}' of a {holder.get('type')} is no list")
        return value

    def creation(self) -> Object:
        """Return how, when and by whom the document was made."""
        found = self.head.get("creationInfo")
        if isinstance(found, str):
            same = (known for known in self._of_type("CreationInfo") if known.get("@id") == found)
            found = next(same, None)
        if not isinstance(found, dict):
            raise unusable(self._document.where, "its SpdxDocument has no creationInfo")
        return found

    def owner(self, module: Module) -> str:
        """Return the id of what contains a file that the document does not have."""
        name = module.package or ""
        if self.files.has_name(module.path) or name not in self.packages:
            return self.root  # in its package it has other bytes, or is in none
        if name not in self._ranked:
            self._ranked[name] = self._rank(self.packages[name])
        first, by_version = self._ranked[name]
        purpose, owner = by_version.get(module.version, first)
        return first[1] if first[0] < purpose else owner

    def _rank(self, same: list[Object]) -> tuple[_Rank, dict[str | None, _Rank]]:
        """Return which of the packages of one name is the first, and the first of each version."""
        first: dict[str | None, _Rank] = {}
        for package in same:
            other = package.get("software_primaryPurpose") != "install"
            rank = other, text(self._document, package, "spdxId")
            value = package.get("software_packageVersion")
            version = value if isinstance(value, str) else None
            first[version] = min(first.get(version, rank), rank)
        return min(first.values()), first

    def _find_root(self) -> str:
        """Return the id of what the document is about: of OE's, the root file system."""
        elements = {_id(found): found for found in self._objects if "spdxId" in found}
        roots = self._list(self.head, "rootElement")
        for collection in [elements.get(_id(root), {}) for root in roots]:
            roots = [*self._list(collection, "rootElement"), *roots]
        ids = [found for found in map(_id, roots) if found and found in elements]
        packages = [i for i in ids if elements[i].get("type") == "software_Package"]
        return [*packages, *ids, text(self._document, self.head, "spdxId")][0]

    def rename(self, old: str, new: str) -> None:
        """Let relationships lead to an element by its new id."""
        self.root = new if self.root == old else self.root
        for relation in self._objects:
            if relation.get("from") == old:
                relation["from"] = new
            if isinstance(relation.get("to"), list):
                relation["to"] = [new if to == old else to for to in relation["to"]]
