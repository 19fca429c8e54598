# SPDX-License-Identifier: MIT
"""SPDX 2.2 and 2.3: build ids as external references of packages, and as annotations of files.

There a file cannot have external references.

Source: SPDX 2.3, sections 6.6 (external documents), 7.21 (external references), 8 (files), 11
(relationships), 12 (annotations); 2.2 has the same under other numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

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
    objects,
    text,
    texts,
    unusable,
)

REFERENCE_TYPE = "gnu-build-id"
_SELF = "SPDXRef-DOCUMENT"
_CREATOR = f"Tool: {TOOL}-{__version__}"
_NOT_SAID = "NOASSERTION"
_ELSEWHERE = ":SPDXRef-Package-"  # before the names of packages that OE has in other documents
_Versions = dict[str | None, Object]  # the first package of each


class Version2:
    """A document of SPDX 2.2 or 2.3."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._content = document.content
        self.name = text(document, self._content, "documentNamespace")
        creation = self._content.get("creationInfo")
        if not isinstance(creation, dict):
            raise unusable(document.where, "it has no creationInfo")
        self._creation: Object = creation
        self._packages = objects(document, self._content, "packages")
        if not self._packages:
            raise unusable(document.where, "it has no package")
        self._relations = objects(document, self._content, "relationships")
        self._named: dict[str | None, _Versions] = {}
        for package in self._packages:
            version = package.get("versionInfo")
            same = self._named.setdefault(text(document, package, "name"), {})
            same.setdefault(version if isinstance(version, str) else None, package)
        self._root = self._find_root()
        self._annotations = Lists(document, "annotations", _facts)
        self._references = Lists(document, "externalRefs", _facts)
        targets = (_ends(relation)[1] for relation in self._relations)
        self._elsewhere = {target.partition(_ELSEWHERE)[2] for target in targets} - {""}
        self._owners = self._read_owners()
        self._files = self._read_files()

    def _read_owners(self) -> dict[str, dict[str, Object]]:
        """Return the packages that contain a file, by their ids and its own."""
        by_id = {text(self._document, found, "SPDXID"): found for found in self._packages}
        pairs = [
            (owner, file)
            for owner, package in by_id.items()
            for file in texts(self._document, package, "hasFiles")
        ]
        for relation in self._relations:
            source, target = _ends(relation)
            if relation.get("relationshipType") == "CONTAINS":
                pairs.append((source, target))
            elif relation.get("relationshipType") == "CONTAINED_BY":
                pairs.append((target, source))
        owners: dict[str, dict[str, Object]] = {}
        for owner, file in pairs:
            if owner in by_id:
                owners.setdefault(file, {})[owner] = by_id[owner]
        return owners

    def _read_files(self) -> Files:
        files, seen = Files(), set()
        for file in objects(self._document, self._content, "files"):
            hashes = [
                text(self._document, value, "checksumValue")
                for value in objects(self._document, file, "checksums")
                if value.get("algorithm") == "SHA256"
            ]
            name = text(self._document, file, "SPDXID")
            # Of several with one id, which none may have, the first is in the packages.
            owners = [] if name in seen else [package["name"] for package in self._owning([file])]
            seen.add(name)
            files.add(file, text(self._document, file, "fileName"), hashes, owners)
        return files

    def _owning(self, files: list[Object]) -> Iterator[Object]:
        for file in files:
            yield from self._owners.get(text(self._document, file, "SPDXID"), {}).values()

    def identify(self, module: Module) -> bool:
        """Give the files of a module and their packages its build id; return if there is a file."""
        files = self._files.of(module)
        for file in files:
            self._annotations.put(file, self._annotation(module))
        for package in self._owning(files):
            self._references.put(package, _reference(module))
        return bool(files)

    def knows(self, module: Module) -> bool:
        """Tell whether there is another file at the path of a module, or its package."""
        here = self._files.has_name(module.path) or module.package in self._named
        return here or module.package in self._elsewhere

    def add(self, modules: Iterable[Module]) -> None:
        """Give the packages of modules their build ids."""
        for module in modules:
            self._references.put(self._owner(module), _reference(module))

    def _owner(self, module: Module) -> Object:
        """Return the package of a file that the document does not have."""
        same = self._named.get(module.package)
        if self._files.has_name(module.path) or not same:
            return self._root  # in its package it has other bytes, or is in none that is here
        return same.get(module.version) or next(iter(same.values()))

    def _find_root(self) -> Object:
        """Return the package that the document describes: the image."""
        described = self._described()
        fitting = (package for package in self._packages if str(package.get("SPDXID")) in described)
        return next(fitting, self._packages[0])

    def _described(self) -> set[str]:
        found = set(texts(self._document, self._content, "documentDescribes"))
        for relation in self._relations:
            source, target = _ends(relation)
            if relation.get("relationshipType") == "DESCRIBES":
                found.add(target)
            elif relation.get("relationshipType") == "DESCRIBED_BY":
                found.add(source)
        return found

    def finish(self, name: str, file: ManifestFile) -> None:
        """Add the manifest, and make the document another one with this name."""
        root = text(self._document, self._root, "SPDXID")
        if not self._described():  # needed where there is more than one package, and nothing else
            self._relate(_SELF, "DESCRIBES", root)
        self._amend_head(name)
        manifest = _manifest(f"SPDXRef-{TOOL}-manifest-{name.rpartition('-')[2]}", file)
        self._put(self._content, "files", manifest)
        self._relate(manifest["SPDXID"], "METAFILE_OF", root)

    def _amend_head(self, name: str) -> None:
        """Let the document say which one it was made of, and how."""
        original = f"DocumentRef-{TOOL}-{self._document.sha1}"
        reference = {
            "externalDocumentId": original,
            "spdxDocument": self.name,
            "checksum": _checksum("SHA1", self._document.sha1),
        }
        self._put(self._content, "externalDocumentRefs", reference)
        self._relate(_SELF, "AMENDS", f"{original}:{_SELF}")
        creators = texts(self._document, self._creation, "creators")
        new = [] if _CREATOR in creators else [_CREATOR]
        self._creation["creators"] = [*creators, *new]
        self._content["documentNamespace"] = self.name = name

    def _annotation(self, module: Module) -> Object:
        return {
            "annotationDate": text(self._document, self._creation, "created"),
            "annotationType": "OTHER",
            "annotator": _CREATOR,
            "comment": f"{BUILD_ID}: {module.build_id}",
        }

    def _relate(self, source: str, kind: str, target: str) -> None:
        ends = {"spdxElementId": source, "relatedSpdxElement": target}
        self._put(self._content, "relationships", {**ends, "relationshipType": kind})

    def _put(self, holder: Object, key: str, new: Object) -> None:
        known = objects(self._document, holder, key)
        holder[key] = known if new in known else [*known, new]


def _ends(relation: Object) -> tuple[str, str]:
    return str(relation.get("spdxElementId")), str(relation.get("relatedSpdxElement"))


def _facts(found: Object) -> frozenset[tuple[str, str]] | None:
    """Return what is the same of equal objects, if they have texts only."""
    if all(isinstance(value, str) for value in found.values()):
        return frozenset(found.items())
    return None


def _reference(module: Module) -> Object:
    of = f" of {module.package}" if module.package else ""
    return {
        "comment": f"{BUILD_ID} of {module.path}{of}",
        "referenceCategory": "OTHER",
        "referenceLocator": module.build_id,
        "referenceType": REFERENCE_TYPE,
    }


def _manifest(name: str, file: ManifestFile) -> Object:
    return {
        "SPDXID": name,
        "fileName": f"./{file.name}",
        "fileTypes": ["TEXT"],
        "checksums": [
            _checksum(hash_name, file.digest(hash_name)) for hash_name in ("SHA1", "SHA256")
        ],
        "licenseConcluded": _NOT_SAID,
        "licenseInfoInFiles": [_NOT_SAID],
        "copyrightText": _NOT_SAID,
        "comment": MANIFEST,
    }


def _checksum(algorithm: str, value: str) -> Object:
    return {"algorithm": algorithm, "checksumValue": value}
