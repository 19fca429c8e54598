# SPDX-License-Identifier: MIT
"""Build ids in SPDX 2 documents; what comes out is read by the SPDX project's own code."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from builders import spdx as build
from builders.spdximage import (
    APP,
    LIBRARY,
    Image,
)
from crashsym import spdx
from crashsym.manifest import Manifest
from crashsym.spdx import document as documents


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return Image(tmp_path)


def references(package: Any) -> list[tuple[str, str]]:
    """Return the build ids of a package of SPDX 2, and what they are said to be of."""
    for found in package.get("externalRefs", []):
        assert found["referenceCategory"] == "OTHER"
        assert found["referenceType"] == "gnu-build-id"
    return [(r["referenceLocator"], r["comment"]) for r in package.get("externalRefs", [])]


@pytest.mark.parametrize("version", ["2.2", "2.3"])
@pytest.mark.parametrize("kind", ["hasFiles", "CONTAINS", "CONTAINED_BY"])
def test_a_file_gets_an_annotation_and_its_package_a_reference(
    image: Image, version: str, kind: str
) -> None:
    file = build.file2(APP, 1)
    package = build.package2("renamed", filesAnalyzed=True)
    package["packageVerificationCode"] = {"packageVerificationCodeValue": "0" * 40}
    ends = package["SPDXID"], file["SPDXID"]
    links = [build.relation2("SPDXRef-DOCUMENT", "DESCRIBES", package["SPDXID"])]
    if kind == "hasFiles":
        package["hasFiles"] = [file["SPDXID"]]
    else:
        links.append(build.relation2(*(ends if kind == "CONTAINS" else ends[::-1])[:1], kind, ""))
        links[-1]["relatedSpdxElement"] = ends[1] if kind == "CONTAINS" else ends[0]
    packages = [build.package2("image"), package]
    document = build.document2(version, packages=packages, files=[file], relationships=links)
    document = image.amend(document, APP)
    [note] = document["files"][0]["annotations"]
    assert note["comment"] == f"GNU build-id: {APP.build_id}"
    assert note["annotationDate"] == document["creationInfo"]["created"]
    assert references(document["packages"][0]) == []
    of = "GNU build-id of /usr/bin/app of app"
    assert references(document["packages"][1]) == [(APP.build_id, of)]
    assert "the document had 1, 0 are added" in image.said


def test_in_the_document_of_a_scarthgap_image_the_image_gets_the_references(image: Image) -> None:
    document = image.amend(build.image2("app", "other"), APP, LIBRARY)
    [package] = document["packages"]
    assert [reference for reference, _ in references(package)] == [APP.build_id, LIBRARY.build_id]
    assert "the document had 0, 2 are added" in image.said


def test_a_file_of_no_document_gives_its_reference_to_its_package(image: Image) -> None:
    packages = [build.package2("image"), build.package2("app", "0.9"), build.package2("app")]
    described = build.relation2("SPDXRef-DOCUMENT", "DESCRIBES", packages[0]["SPDXID"])
    document = build.document2("2.3", packages=packages, relationships=[described])
    document = image.amend(document, APP, replace(LIBRARY, package=None))
    assert [build_id for build_id, _ in references(document["packages"][2])] == [APP.build_id]
    of = "GNU build-id of /usr/lib/libapp.so.1"
    assert references(document["packages"][0]) == [(LIBRARY.build_id, of)]
    assert references(document["packages"][1]) == []


def test_in_spdx_2_a_changed_file_is_the_image_s(image: Image) -> None:
    file = build.file2(replace(APP, sha256="e" * 64), 1)
    packages = [build.package2("image"), build.package2("app")]
    described = build.relation2("SPDXRef-DOCUMENT", "DESCRIBES", packages[0]["SPDXID"])
    document = build.document2(packages=packages, files=[file], relationships=[described])
    document = image.amend(document, APP)
    assert "annotations" not in document["files"][0]
    assert [len(references(package)) for package in document["packages"]] == [1, 0]


def test_a_file_with_sha1_only_is_told_by_its_path(image: Image) -> None:
    file = build.file2(replace(APP, sha256=None), 1, fileName="./usr/bin/app")
    document = image.amend(build.document2(files=[file]), APP)
    assert len(document["files"][0]["annotations"]) == 1


def test_in_spdx_2_the_document_and_the_manifest_name_each_other(image: Image) -> None:
    document = image.amend(build.image2("app"), APP)
    written = (image.folder / "out.json").read_bytes()
    file = document["files"][-1]
    assert file["fileName"] == "./out.json"
    digests = {c["algorithm"]: c["checksumValue"] for c in file["checksums"]}
    assert digests["SHA256"] == hashlib.sha256(written).hexdigest()
    relation = build.relation2(file["SPDXID"], "METAFILE_OF", document["packages"][0]["SPDXID"])
    assert relation in document["relationships"]
    name = {"document": document["documentNamespace"], "version": "2.2"}
    assert json.loads(written)["build"] == {"spdx": name}


def test_in_spdx_2_the_new_document_amends_the_old_one(image: Image) -> None:
    document = image.amend(build.image2("app"), APP)
    assert document["documentNamespace"].startswith(f"{build.DOCUMENT}/crashsym-")
    original = document["externalDocumentRefs"][-1]
    assert original["spdxDocument"] == build.DOCUMENT
    data = (image.folder / "in.spdx.json").read_bytes()
    assert (
        original["checksum"]["checksumValue"]
        == hashlib.sha1(data, usedforsecurity=False).hexdigest()
    )
    amends = f"{original['externalDocumentId']}:SPDXRef-DOCUMENT"
    assert build.relation2("SPDXRef-DOCUMENT", "AMENDS", amends) in document["relationships"]
    assert document["creationInfo"]["creators"][-1] == "Tool: crashsym-0.1.0"


@pytest.mark.parametrize("said", ["DESCRIBES", "DESCRIBED_BY", "documentDescribes", None])
def test_what_a_document_describes_is_said_once(image: Image, said: str | None) -> None:
    document = build.image2("app")
    ends = ["SPDXRef-DOCUMENT", document["packages"][0]["SPDXID"]]
    if said == "documentDescribes":
        document[said] = [ends[1]]
    elif said is not None:
        source, target = ends if said == "DESCRIBES" else ends[::-1]
        document["relationships"].append(build.relation2(source, said, target))
    found = image.amend(document, APP)["relationships"]
    describing = [r for r in found if r["relationshipType"].startswith("DESCRIBE")]
    assert len(describing) == (0 if said == "documentDescribes" else 1)


def test_relationships_of_nothing_lead_nowhere(tmp_path: Path) -> None:
    odd: dict[str, Any] = {"spdxElementId": [], "relatedSpdxElement": {}}
    kinds = ("CONTAINS", "CONTAINED_BY", "DESCRIBES", "DESCRIBED_BY")
    relations = [{**odd, "relationshipType": kind} for kind in kinds]
    content = build.document2(packages=[build.package2("app")], relationships=relations)
    (tmp_path / "in.json").write_text(json.dumps(content))
    amended = spdx.amend(documents.read(tmp_path / "in.json"), Manifest.of([APP]), "m.json")
    assert (amended.found, amended.added, amended.left) == (0, 1, ())


def test_to_amend_a_document_again_repeats_nothing(image: Image) -> None:
    file = build.file2(APP, 1)
    package = build.package2("app", hasFiles=[file["SPDXID"]], filesAnalyzed=True)
    package["packageVerificationCode"] = {"packageVerificationCodeValue": "0" * 40}
    once = image.amend(build.document2(packages=[package], files=[file]), APP)
    again = image.amend(once, APP)
    assert again["files"][0] == once["files"][0]
    assert again["packages"] == once["packages"]
    assert again["documentNamespace"].startswith(f"{once['documentNamespace']}/crashsym-")
