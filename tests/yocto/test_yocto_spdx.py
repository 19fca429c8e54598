# SPDX-License-Identifier: MIT
"""Steps of yocto_spdx.feature."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from oracles.spdx import elements, model_problems, schema_problems, tools_problems
from pytest_bdd import parsers, scenarios, then
from spdx_python_model import v3_0_1 as model
from support import REPOSITORY

from yocto.developer import Developer

pytestmark = [pytest.mark.bitbake, pytest.mark.xdist_group("bitbake")]
scenarios("../features/yocto_spdx.feature")

SCHEMA = REPOSITORY / "docs/reference/crashsym-manifest-1.schema.json"
IMAGE = "accounted-image"
CONTAINS = model.RelationshipType.contains


def manifest(developer: Developer) -> Any:
    content = json.loads(developer.image_file(IMAGE, "crashdump.json").read_text())
    jsonschema.validate(content, json.loads(SCHEMA.read_text()))
    return content


def identified(developer: Developer) -> list[Any]:
    """Return the modules that have a build id."""
    modules = [module for module in manifest(developer)["modules"] if module["build_id"]]
    assert len(modules) == 9
    return modules


def spdx_file(developer: Developer) -> Path:
    return developer.image_file(IMAGE, "crashdump.spdx.json")


def spdx_elements(developer: Developer) -> dict[str, Any]:
    return elements(spdx_file(developer).read_bytes())


def by_build_id(known: dict[str, Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for element in known.values():
        for identifier in getattr(element, "externalIdentifier", []):
            if identifier.comment == "GNU build-id":
                found.setdefault(identifier.identifier, []).append(element)
    return found


def sha256(element: Any) -> str:
    [value] = [v.hashValue for v in element.verifiedUsing if v.algorithm.endswith("/sha256")]
    return str(value)


@then("each file with a build id is found by it in the SPDX document, with its bytes")
def _found(developer: Developer) -> None:
    found = by_build_id(spdx_elements(developer))
    modules = identified(developer)
    assert set(found) == {module["build_id"] for module in modules}
    for module in modules:
        files = {(element.name, sha256(element)) for element in found[module["build_id"]]}
        assert (module["path"].lstrip("/"), module["sha256"]) in files


@then(parsers.parse("\"{path}\", which a hook has changed, is the image's and not the package's"))
def _changed(developer: Developer, path: str) -> None:
    known = spdx_elements(developer)
    [module] = [module for module in identified(developer) if module["path"] == path]
    [changed] = by_build_id(known)[module["build_id"]]
    packaged = [e for e in known.values() if getattr(e, "name", "") == path.lstrip("/")]
    assert len(packaged) == 2
    owners = {
        relation.from_.name
        for relation in known.values()
        if getattr(relation, "relationshipType", "") == CONTAINS and changed in relation.to
    }
    assert owners == {IMAGE}


@then(parsers.parse('the document and the manifest of "{image}" name each other'))
def _linked(developer: Developer, image: str) -> None:
    data = developer.image_file(image, "crashdump.json").read_bytes()
    known = spdx_elements(developer)
    name = manifest(developer)["build"]["spdx"]["document"]
    file = developer.image_file(image, "crashdump.json").name
    [named] = [e for e in known.values() if getattr(e, "name", "") == file]
    assert sha256(named) == hashlib.sha256(data).hexdigest()
    [imported] = known[name].import_
    original = developer.image_file(image, "spdx.json").read_bytes()
    assert sha256(imported) == hashlib.sha256(original).hexdigest()
    assert imported.externalSpdxId in elements(original)


@then("the SPDX project finds nothing wrong in the document")
def _valid(developer: Developer) -> None:
    data = spdx_file(developer).read_bytes()
    assert model_problems(data) == []
    assert schema_problems(data) == []


@then("the references of the image's package in SPDX 2.2 are the build ids of the manifest")
def _references(developer: Developer) -> None:
    document = json.loads(spdx_file(developer).read_bytes())
    [package] = document["packages"]
    found = [reference["referenceLocator"] for reference in package["externalRefs"]]
    assert sorted(found) == sorted(module["build_id"] for module in identified(developer))
    build = {"document": document["documentNamespace"], "version": "2.2"}
    assert manifest(developer)["build"]["spdx"] == build


@then("spdx-tools finds nothing wrong in the document")
def _valid_2(developer: Developer) -> None:
    assert tools_problems(spdx_file(developer)) == []
