# SPDX-License-Identifier: MIT
"""A manifest and an SPDX document, and what the command makes of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from crashsym.manifest import Manifest, Module
from oracles.spdx import model_problems, tools_problems
from support import REPOSITORY, crashsym

from builders.manifests import module

APP = module("/usr/bin/app", 1)
LIBRARY = module("/usr/lib/libapp.so.1", 2)
LIBRARY_UNOWNED = replace(LIBRARY, package=None)
SCHEMA = json.loads((REPOSITORY / "docs/reference/crashsym-manifest-1.schema.json").read_text())


class Image:
    """A manifest and an SPDX document in a folder, and what the command makes of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.code, self.said = 0, ""

    def amend(self, document: Any, *modules: Module, code: int = 0) -> Any:
        """Run the command, and return the new document, which has to be valid."""
        (self.folder / "in.spdx.json").write_text(json.dumps(document))
        Manifest.of(modules).write(self.folder / "manifest.json")
        self.run(code)
        if code == 2:
            assert not (self.folder / "out.spdx.json").exists()
            return None
        return self.checked()

    def run(self, code: int) -> None:
        names = "manifest.json", "in.spdx.json", "-o", "out.spdx.json", "--manifest", "out.json"
        done = crashsym("spdx", *names, cwd=self.folder)
        self.said = done.stderr.decode()
        assert done.returncode == code, self.said
        assert "Traceback" not in self.said

    @property
    def data(self) -> bytes:
        return (self.folder / "out.spdx.json").read_bytes()

    def checked(self) -> Any:
        document = json.loads(self.data)
        if "@graph" in document:
            assert model_problems(self.data) == []
        else:
            assert tools_problems(self.folder / "out.spdx.json") == []
        return document


def by_id(document: Any) -> dict[str, Any]:
    return {found["spdxId"]: found for found in document["@graph"] if "spdxId" in found}


def build_ids(found: Any) -> list[str]:
    """Return the build ids of an element of 3.0, and see that they say what they are."""
    ours = [i for i in found.get("externalIdentifier", []) if i["comment"] == "GNU build-id"]
    assert {i["externalIdentifierType"] for i in ours} <= {"other"}
    return [i["identifier"] for i in ours]


def relations(document: Any, kind: str) -> list[tuple[str, list[str]]]:
    return [
        (found["from"], found["to"])
        for found in document["@graph"]
        if found.get("relationshipType") == kind
    ]


def added(document: Any) -> dict[str, Any]:
    """Return the elements that are files by our ids: the manifest, and those that were missing."""
    return {
        found["name"]: found
        for found in document["@graph"]
        if found["type"] == "software_File" and "/crashsym-" in found["spdxId"]
    }


def other() -> dict[str, Any]:
    return {
        "type": "ExternalIdentifier",
        "externalIdentifierType": "packageUrl",
        "identifier": "pkg:yocto/app@1",
        "comment": "from OE",
    }


def identifier(found: Module) -> dict[str, Any]:
    return {
        "type": "ExternalIdentifier",
        "externalIdentifierType": "other",
        "identifier": found.build_id,
        "comment": "GNU build-id",
    }
