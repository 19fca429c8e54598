# SPDX-License-Identifier: MIT
"""Build ids in SPDX documents; what comes out is read by the SPDX project's own code."""

from __future__ import annotations

import copy
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from builders import spdx as build
from builders.manifests import bare, module
from crashsym import manifest as manifests
from crashsym import spdx
from crashsym.errors import InputError
from crashsym.manifest import Manifest, Module
from crashsym.spdx import document as documents
from crashsym.spdx.document import Document
from oracles.spdx import elements, model_problems, tools_problems
from support import REPOSITORY, crashsym

APP = module("/usr/bin/app", 1)
LIBRARY = module("/usr/lib/libapp.so.1", 2)
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


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return Image(tmp_path)


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


# ---- SPDX 3.0


def test_a_file_with_the_same_bytes_gets_the_build_id(image: Image) -> None:
    files = [build.file3(APP), build.file3(LIBRARY)]
    found = by_id(image.amend(build.document3(*files), APP, LIBRARY))
    assert build_ids(found[files[0]["spdxId"]]) == [APP.build_id]
    assert build_ids(found[files[1]["spdxId"]]) == [LIBRARY.build_id]
    assert image.said == "crashsym: 2 files with a build id: the document had 2, 0 are added\n"


def test_files_without_a_build_id_are_left_as_they_are(image: Image) -> None:
    files = [build.file3(APP), build.file3(LIBRARY)]
    modules = APP, replace(LIBRARY, build_id=None), bare("/usr/lib/broken.so", "malformed")
    document = image.amend(build.document3(*files), *modules)
    assert build_ids(by_id(document)[files[1]["spdxId"]]) == []
    assert list(added(document)) == ["out.json"]


def test_an_image_without_build_ids_has_the_manifest_all_the_same(image: Image) -> None:
    document = image.amend(build.document3())
    assert list(added(document)) == ["out.json"]
    assert "0 files with a build id" in image.said


def test_the_rest_of_the_document_stays_as_it_is(image: Image) -> None:
    package = build.package3("app")
    file = build.file3(APP, externalIdentifier=[other()])
    original = build.document3(package, file, build.contains(1, package, [file]))
    document = image.amend(original, APP)
    new = {key: value for key, value in by_id(document).items() if "/crashsym-" not in key}
    expected = by_id(original)
    expected[file["spdxId"]]["externalIdentifier"].append(identifier(APP))
    del expected[build.DOCUMENT]
    assert new == expected


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


def test_an_identifier_that_is_there_already_is_not_repeated(image: Image) -> None:
    file = build.file3(APP, externalIdentifier=[identifier(APP)])
    assert build_ids(by_id(image.amend(build.document3(file), APP))[file["spdxId"]]) == [
        APP.build_id
    ]


def test_of_two_files_with_the_same_bytes_that_at_the_path_is_the_one(image: Image) -> None:
    twin = replace(APP, path="/usr/bin/twin", package="twin")
    files = [build.file3(APP), build.file3(twin)]
    found = by_id(image.amend(build.document3(*files), APP))
    assert build_ids(found[files[0]["spdxId"]]) == [APP.build_id]
    assert build_ids(found[files[1]["spdxId"]]) == []


def test_a_copy_under_another_name_is_its_file(image: Image) -> None:
    file = build.file3(APP)  # OE has files of the same bytes once
    document = image.amend(build.document3(file), APP, replace(APP, path="/usr/bin/twin"))
    assert build_ids(by_id(document)[file["spdxId"]]) == [APP.build_id]
    assert list(added(document)) == ["out.json"]


def test_a_file_without_a_hash_is_told_by_its_path(image: Image) -> None:
    file = build.file3(replace(APP, sha256=None))
    found = by_id(image.amend(build.document3(file), APP))
    assert build_ids(found[file["spdxId"]]) == [APP.build_id]


def test_of_two_paths_without_a_hash_the_package_tells_which(image: Image) -> None:
    bare_app = replace(APP, sha256=None)
    files = [build.file3(bare_app), build.file3(replace(bare_app, package="other"))]
    packages = [build.package3("app"), build.package3("other")]
    pairs = enumerate(zip(packages, files, strict=True))
    contained = [build.contains(number, owner, [file]) for number, (owner, file) in pairs]
    found = by_id(image.amend(build.document3(*packages, *files, *contained), APP))
    assert build_ids(found[files[0]["spdxId"]]) == [APP.build_id]
    assert build_ids(found[files[1]["spdxId"]]) == []


def test_a_file_that_is_missing_is_added_to_its_package(image: Image) -> None:
    packages = [
        build.package3("app", purpose="specification"),
        build.package3("app", version="0.9"),
        build.package3("app"),
    ]
    document = image.amend(build.document3(*packages), APP, LIBRARY)
    app = added(document)["usr/bin/app"]
    assert build_ids(app) == [APP.build_id]
    [checksum] = app["verifiedUsing"]
    assert checksum == {"type": "Hash", "algorithm": "sha256", "hashValue": APP.sha256}
    library = added(document)["usr/lib/libapp.so.1"]
    [(owner, files)] = relations(document, "contains")
    assert owner == packages[2]["spdxId"]
    assert files == [app["spdxId"], library["spdxId"]]
    assert "the document had 0, 2 are added" in image.said


def test_a_file_that_could_not_be_read_is_added_without_a_hash(image: Image) -> None:
    document = image.amend(build.document3(build.package3("app")), replace(APP, sha256=None))
    assert added(document)["usr/bin/app"]["verifiedUsing"] == []


def test_a_file_that_was_changed_in_the_image_is_contained_by_the_image(image: Image) -> None:
    package, packaged = build.package3("app"), build.file3(replace(APP, sha256="e" * 64))
    original = build.document3(package, packaged, build.contains(1, package, [packaged]))
    document = image.amend(original, APP)
    assert build_ids(by_id(document)[packaged["spdxId"]]) == []
    changed = added(document)["usr/bin/app"]["spdxId"]
    assert (build.ROOTFS, [changed]) in relations(document, "contains")


def test_a_file_of_no_package_is_contained_by_the_image(image: Image) -> None:
    unowned = replace(LIBRARY, package=None)
    document = image.amend(build.document3(build.file3(APP)), APP, unowned)
    assert [owner for owner, _ in relations(document, "contains")] == [build.ROOTFS]


def test_a_file_of_a_package_that_is_not_there_is_left_out_and_said(image: Image) -> None:
    foreign = replace(LIBRARY, package="other\npackage")
    document = image.amend(build.document3(build.file3(APP)), APP, foreign, code=3)
    assert list(added(document)) == ["out.json"]
    line = "left out: '/usr/lib/libapp.so.1': neither it nor 'other\\npackage' is in the document"
    assert line in image.said.splitlines()[1]
    assert image.said.startswith("crashsym: 1 file with a build id: ")


def test_names_that_are_no_uris_make_ids_that_are(image: Image) -> None:
    odd = replace(APP, path="/opt/a b/<ä>\\xff#%")
    document = image.amend(build.document3(build.package3("app")), odd)
    found = added(document)["opt/a b/<ä>\\xff#%"]["spdxId"]
    assert found.endswith(f"/file/opt/a%20b/%3C%C3%A4%3E%5Cxff%23%25/{APP.build_id}")


def test_one_file_of_two_entries_is_added_once(image: Image) -> None:
    twice = replace(APP, recipe="again")
    document = image.amend(build.document3(build.package3("app")), APP, twice)
    [(_, files)] = relations(document, "contains")
    assert len(files) == 1


def test_the_document_names_the_manifest_and_the_manifest_the_document(image: Image) -> None:
    document = image.amend(build.document3(build.file3(APP)), APP)
    written = (image.folder / "out.json").read_bytes()
    found = added(document)["out.json"]
    assert found["verifiedUsing"][0]["hashValue"] == hashlib.sha256(written).hexdigest()
    assert found["contentType"] == "application/json"
    assert relations(document, "hasMetadata") == [(build.ROOTFS, [found["spdxId"]])]
    content = json.loads(written)
    jsonschema.validate(content, SCHEMA)
    [head] = [o for o in document["@graph"] if o["type"] == "SpdxDocument"]
    assert content["build"] == {"spdx": {"document": head["spdxId"], "version": "3.0.1"}}


def test_what_the_manifest_says_of_the_build_stays(tmp_path: Path) -> None:
    (tmp_path / "in.json").write_text(json.dumps(build.document3(build.file3(APP))))
    Manifest.of([APP], {"image": "core-image", "spdx": "old"}).write(tmp_path / "m.json")
    names = "m.json", "in.json", "-o", "new.json", "--manifest", "m.json"
    assert crashsym("spdx", *names, cwd=tmp_path).returncode == 0
    written = manifests.read(tmp_path / "m.json")
    assert written.build is not None
    assert written.build["image"] == "core-image"
    assert written.build["spdx"]["version"] == "3.0.1"
    assert written.modules == (APP,)


def test_the_new_document_has_an_id_of_its_own_and_names_the_old_one(image: Image) -> None:
    original = build.document3(build.file3(APP))
    about = build.element("Annotation", f"{build.BASE}/note", subject=build.DOCUMENT)
    about |= {"annotationType": "other", "statement": "x"}
    described = build.contains(7, {"spdxId": build.DOCUMENT}, [build.file3(APP)])
    original["@graph"] += [{**described, "relationshipType": "describes"}]
    document = image.amend(original, APP)
    [head] = [o for o in document["@graph"] if o["type"] == "SpdxDocument"]
    assert head["spdxId"].startswith(f"{build.DOCUMENT}/crashsym-")
    data = (image.folder / "in.spdx.json").read_bytes()
    [imported] = head["import"]
    assert imported["externalSpdxId"] == build.DOCUMENT
    assert imported["verifiedUsing"][0]["hashValue"] == hashlib.sha256(data).hexdigest()
    assert relations(document, "amendedBy") == [(build.DOCUMENT, [head["spdxId"]])]
    [(describing, _)] = relations(document, "describes")
    assert describing == head["spdxId"]
    creation = elements(image.data)[head["spdxId"]].creationInfo
    assert [tool.name for tool in creation.createdUsing] == [
        "oe-spdx-creator 1.0",
        "crashsym 0.1.0",
    ]


def test_a_list_of_all_elements_has_the_new_ones(image: Image) -> None:
    file = build.file3(APP)
    document = image.amend(build.document3(file, element=[file["spdxId"]]), APP, LIBRARY_UNOWNED)
    [head] = [o for o in document["@graph"] if o["type"] == "SpdxDocument"]
    new = [key for key in by_id(document) if key.startswith(f"{head['spdxId']}/")]
    assert head["element"] == [file["spdxId"], *new]
    assert len(new) == 6  # tool, amends, file, contains, manifest, metadata


LIBRARY_UNOWNED = replace(LIBRARY, package=None)


def test_elements_inside_of_others_are_found(image: Image) -> None:
    package, file = build.package3("app"), build.file3(replace(APP, sha256=None))
    twin = build.file3(replace(APP, sha256=None, package="twin"))
    relation = {**build.contains(1, package, []), "from": package, "to": [file]}
    document = image.amend(build.document3(relation, twin), APP)
    [found] = [o for o in document["@graph"] if o.get("relationshipType") == "contains"]
    assert build_ids(found["to"][0]) == [APP.build_id]


def test_a_document_that_names_no_root_is_itself_the_root(image: Image) -> None:
    document = build.document3(build.file3(APP))
    document["@graph"] = [o for o in document["@graph"] if o["type"] != "software_Sbom"]
    [head] = [o for o in document["@graph"] if o["type"] == "SpdxDocument"]
    del head["rootElement"]
    changed = image.amend(document, APP)
    [(owner, _)] = relations(changed, "hasMetadata")
    assert owner == next(o for o in changed["@graph"] if o["type"] == "SpdxDocument")["spdxId"]


@pytest.mark.parametrize("document", [build.document3(build.file3(APP)), build.image2("app")])
def test_equal_input_gives_equal_bytes_and_other_input_another_id(
    image: Image, document: Any
) -> None:
    image.amend(document, APP)
    first = image.data, (image.folder / "out.json").read_bytes()
    image.amend(copy.deepcopy(document), APP)
    assert (image.data, (image.folder / "out.json").read_bytes()) == first
    name = json.loads(first[1])["build"]["spdx"]["document"]
    image.amend(document, APP, replace(APP, path="/usr/bin/copy"))
    other_name = json.loads((image.folder / "out.json").read_bytes())["build"]["spdx"]["document"]
    assert name != other_name


# ---- SPDX 2


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


# ---- how much work it is


class Seen(dict[str, Any]):
    """An object that counts how often any is looked into, or compared."""

    times = 0

    def get(self, *words: Any) -> Any:
        Seen.times += 1
        return super().get(*words)

    def values(self) -> Any:
        Seen.times += 1
        return super().values()

    def __eq__(self, other: object) -> bool:
        Seen.times += 1
        return super().__eq__(other)

    __hash__ = None


def builds(number: int) -> Manifest:
    """Return modules of the same bytes that have build ids of their own."""
    return Manifest.of(replace(APP, build_id=f"{n:040x}", path=f"/a{n}") for n in range(number))


def amended(content: Any, manifest: Manifest) -> Any:
    version = "2.3" if "spdxVersion" in content else "3.0.1"
    found = Document("'x'", version, content, "1" * 40, "2" * 64)
    return spdx.amend(found, manifest, "m.json").content


def known3() -> Any:
    known = [Seen(identifier(APP), identifier=f"known {n}") for n in range(50)]
    return build.document3(build.file3(APP, externalIdentifier=known))


def known2() -> Any:
    notes = [Seen(comment=f"known {n}") for n in range(50)]
    known = [Seen(referenceLocator=f"known {n}") for n in range(50)]
    file = build.file2(APP, 1, annotations=notes)
    package = build.package2("app", hasFiles=[file["SPDXID"]], externalRefs=known)
    return build.document2(packages=[package], files=[file])


@pytest.mark.parametrize("make", [known3, known2])
def test_more_modules_do_not_look_more_at_what_is_there(make: Callable[[], Any]) -> None:
    found = []
    for number in (1, 200):
        before = Seen.times
        text = json.dumps(amended(make(), builds(number)))
        found.append(Seen.times - before)
        assert text.count("known 49") == text.count("known 0") > 0
        assert f"{number - 1:040x}" in text
    assert found[0] == found[1] >= 50


def many_files3(number: int) -> Any:
    files = [build.file3(APP) for _ in range(number)]
    return build.document3(*({**f, "spdxId": f"urn:f:{n}"} for n, f in enumerate(files)))


def many_files2(number: int) -> Any:
    return build.document2("2.3", files=[build.file2(APP, n) for n in range(number)])


def many_packages2(number: int) -> Any:
    file = build.file2(APP, 1)
    names = [f"app{n}" for n in range(number)]
    packages = [build.package2(name, hasFiles=[file["SPDXID"]]) for name in names]
    return build.document2("2.3", packages=packages, files=[file])


@pytest.mark.parametrize(
    ("make", "key"),
    [
        (many_files3, "externalIdentifier"),
        (many_files2, "annotations"),
        (many_packages2, "externalRefs"),
    ],
)
def test_each_of_many_files_times_each_of_many_modules_is_refused(
    monkeypatch: pytest.MonkeyPatch, make: Callable[[int], Any], key: str
) -> None:
    with pytest.raises(InputError, match=f"it would get more than 100000 objects in '{key}'"):
        amended(make(1000), builds(1000))
    monkeypatch.setattr(documents, "MOST", 6)
    text = json.dumps(amended(make(2), builds(3)))
    assert text.count(f"{2:040x}") >= 2
    with pytest.raises(InputError, match="more than 6 objects"):
        amended(make(2), builds(4))


# ---- what cannot be used

FILE = build.file3(APP)
HEAD = {"type": "SpdxDocument", "spdxId": "urn:x:y", "creationInfo": build.creation()}
CONTEXT = {"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"}


def graph(*found: Any) -> Any:
    return {**CONTEXT, "@graph": list(found)}


def relation(**facts: Any) -> Any:
    return {"type": "Relationship", "relationshipType": "contains", **facts}


@pytest.mark.parametrize(
    ("document", "fact"),
    [
        ([], "no SPDX document in JSON"),
        ("text", "no SPDX document in JSON"),
        ({"bomFormat": "CycloneDX"}, "no SPDX document in JSON"),
        ({"@context": ["https://schema.org", 7]}, "no SPDX document in JSON"),
        ({"spdxVersion": "SPDX-2.1"}, "SPDX 2.1, this crashsym reads 2.2, 2.3, 3.0.1"),
        ({"@context": "https://spdx.org/rdf/3.1.0/spdx-context.jsonld"}, "SPDX 3.1.0, this"),
        ({**CONTEXT}, "its '@graph' has nothing"),
        ({**CONTEXT, **HEAD}, "its '@graph' has nothing"),
        ({**CONTEXT, "@graph": {}}, "'@graph' of an object without a name is no list of objects"),
        (graph("text"), "'@graph' of an object without a name is no list of objects"),
        (graph({}), "it has 0 elements of type SpdxDocument, not 1"),
        (graph(HEAD, HEAD), "it has 2 elements of type SpdxDocument, not 1"),
        (graph({**HEAD, "spdxId": 7}), "'spdxId' of a SpdxDocument is no text"),
        (graph({**HEAD, "creationInfo": "_:gone"}, FILE), "SpdxDocument has no creationInfo"),
        (graph({**HEAD, "creationInfo": {"createdUsing": "x"}}, FILE), "'createdUsing' of"),
        (graph({**HEAD, "import": 7}, FILE), "'import' of 'urn:x:y' is no list of objects"),
        (graph({**HEAD, "element": [7]}, FILE), "'element' of 'urn:x:y' is no list of texts"),
        (graph({**HEAD, "rootElement": 7}), "'rootElement' of a SpdxDocument is no list"),
        (graph(HEAD, {"type": "software_Package", "name": "app"}), "'spdxId' of 'app' is no"),
        (graph(HEAD, {**build.file3(APP), "verifiedUsing": 7}), "is no list of objects"),
        (
            graph(HEAD, {**build.file3(APP), "verifiedUsing": [{"algorithm": "sha256"}]}),
            "'hashValue' of an object without a name is no text",
        ),
        (graph(HEAD, {**build.file3(APP), "externalIdentifier": [7]}), "'externalIdentifier' of"),
        (
            graph(HEAD, build.package3("app"), relation(**{"from": build.package3("app")}, to=7)),
            "'to' of a Relationship is no list",
        ),
        (build.document2(documentNamespace=7), "'documentNamespace' of 'SPDXRef-DOCUMENT' is no"),
        (build.document2(creationInfo=7), "it has no creationInfo"),
        (build.document2(creationInfo={}, files=[build.file2(APP, 1)]), "'created' of an object"),
        (build.document2(packages=[]), "it has no package"),
        (build.document2(packages=[{"name": "app"}]), "'SPDXID' of 'app' is no text"),
        (build.document2(packages=[{"name": []}]), "'name' of an object without a name is no text"),
        (build.document2(packages={}), "'packages' of 'SPDXRef-DOCUMENT' is no list of objects"),
        (build.document2(files=[{"SPDXID": "SPDXRef-1"}]), "'fileName' of 'SPDXRef-1' is no text"),
        (build.document2(files=[{"fileName": "x"}]), "'SPDXID' of 'x' is no text"),
        (build.document2(relationships=[7]), "'relationships' of 'SPDXRef-DOCUMENT' is no list"),
        (build.document2(documentDescribes=[[]]), "'documentDescribes' of"),
        (build.document2(packages=[build.package2("app", externalRefs=7)]), "'externalRefs' of"),
        (build.document2(packages=[build.package2("app", hasFiles=7)]), "'hasFiles' of"),
        (
            build.document2(packages=[build.package2("app")], externalDocumentRefs=7),
            "'externalDocumentRefs' of",
        ),
        (
            {**build.image2("app"), "creationInfo": {"created": "2026", "creators": [7]}},
            "'creators' of an object without a name is no list of texts",
        ),
    ],
)
def test_a_document_that_does_not_follow_spdx_is_refused(
    tmp_path: Path, document: Any, fact: str
) -> None:
    said = refused(tmp_path, json.dumps(document).encode())
    assert said.startswith(f"cannot use the SPDX document: '{tmp_path}/in.spdx.json': ")
    assert fact in said


def refused(folder: Path, data: bytes) -> str:
    """Return what is said of a file that is no document to use: one line."""
    file = folder / "in.spdx.json"
    file.write_bytes(data)
    with pytest.raises(InputError) as caught:
        spdx.amend(documents.read(file), Manifest.of([APP]), "manifest.json")
    assert str(caught.value).isprintable()
    return str(caught.value)


@pytest.mark.parametrize(
    ("data", "fact"),
    [
        (b"", "it is no JSON"),
        (b'{"spdxVersion": "SPDX-2.2"', "it is no JSON"),
        (b'{"spdxVersion": NaN}', "it is no JSON (NaN is no number)"),
        (b'{"spdxVersion": 1e999}', "it is no JSON (1e999 is no number)"),
        (b"[" * 100_000, "it is no JSON"),
        (b'{"spdxVersion": "SPDX-2.2", "x": ' + b"[" * 200 + b"]" * 200 + b"}", "100 levels"),
        (b"\x28\xb5\x2f\xfd" + bytes(40), "it is compressed. Unpack it ('tar --zstd -xf FILE')"),
        (b'{"spdxVersion": "\xff"}', "it is no JSON"),
        (b'{"spdxVersion": "SPDX-' + b"9" * 5000 + b'"}', "its version is SPDX 999"),
        (b'{"spdxVersion": "SPDX-\\n\\u001b[2J"}', "SPDX \\n\\x1b[2J, this"),
    ],
)
def test_what_is_no_document_is_refused(tmp_path: Path, data: bytes, fact: str) -> None:
    assert fact in refused(tmp_path, data)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to each value in a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, found in inner:
        yield (*path, key)
        if isinstance(found, dict | list):
            yield from places(found, (*path, key))


def changed(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Return a copy in which the value at a place is another."""
    found = copy.deepcopy(document)
    holder = found
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    return found


def whole3() -> Any:
    package, file = build.package3("app"), build.file3(APP, externalIdentifier=[other()])
    return build.document3(package, file, build.contains(1, package, [file]), element=[])


def whole2() -> Any:
    file = build.file2(APP, 1, annotations=[])
    package = build.package2("app", hasFiles=[file["SPDXID"]], externalRefs=[])
    links = [build.relation2("SPDXRef-DOCUMENT", "DESCRIBES", package["SPDXID"])]
    return build.document2(packages=[package], files=[file], relationships=links)


@pytest.mark.parametrize("document", [whole3(), whole2()])
@pytest.mark.parametrize("value", [None, 7, "", [], {}, [[]], [{}], {"type": [{}]}])
def test_any_value_at_any_place_is_read_or_refused(document: Any, value: Any) -> None:
    manifest = Manifest.of([APP, LIBRARY, LIBRARY_UNOWNED])
    ways = {True: 0, False: 0}
    for path in places(document):
        content = changed(document, path, value)
        version = "2.2" if "spdxVersion" in document else "3.0.1"
        try:
            found = Document("'x'", version, content, "1" * 40, "2" * 64)
            assert spdx.amend(found, manifest, "m.json").to_bytes()
            ways[True] += 1
        except InputError:
            ways[False] += 1
    assert min(ways.values()) > 5


def test_a_document_that_cannot_be_used_leaves_everything_as_it_was(image: Image) -> None:
    image.amend({"spdxVersion": "SPDX-2.1"}, APP, code=2)
    assert image.said.startswith("crashsym: cannot use the SPDX document: 'in.spdx.json': its ")
    assert image.said.count("\n") == 1
    assert {file.name for file in image.folder.iterdir()} == {"in.spdx.json", "manifest.json"}


def test_a_document_that_is_too_large_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "_LARGEST", 1000)
    file = tmp_path / "large.json"
    file.write_bytes(bytes(1001))
    with pytest.raises(InputError, match="more than 1000 bytes"):
        documents.read(file)


def test_a_document_that_is_not_there_is_said(image: Image) -> None:
    Manifest.of([APP]).write(image.folder / "manifest.json")
    image.run(2)
    assert "'in.spdx.json': No such file or directory. Give the SPDX document" in image.said


@pytest.mark.parametrize("document", [build.document3(), build.document2()])
def test_a_manifest_of_another_image_is_refused(image: Image, document: Any) -> None:
    image.amend(document, APP, replace(LIBRARY, package=None), code=2)
    assert "nothing to refer to: 'in.spdx.json': it has not one file or package" in image.said


@pytest.mark.parametrize(
    ("output", "manifest"),
    [("doc.json", "new.json"), ("m.json", "new.json"), ("x.json", "x.json"), ("x", "doc.json")],
)
def test_no_input_is_lost_and_no_output(tmp_path: Path, output: str, manifest: str) -> None:
    (tmp_path / "doc.json").write_text(json.dumps(build.document3(build.file3(APP))))
    Manifest.of([APP]).write(tmp_path / "m.json")
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    names = "m.json", "./doc.json", "-o", output, "--manifest", manifest
    done = crashsym("spdx", *names, cwd=tmp_path)
    assert done.returncode == 2
    assert b"it is also the place of another file of this command" in done.stderr
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_the_document_goes_to_standard_output(tmp_path: Path) -> None:
    (tmp_path / "doc.json").write_text(json.dumps(build.document3(build.file3(APP))))
    Manifest.of([APP]).write(tmp_path / "m.json")
    names = "m.json", "doc.json", "-o", "-", "--manifest", "m.json"
    done = crashsym("spdx", *names, cwd=tmp_path)
    assert done.returncode == 0
    assert model_problems(done.stdout) == []


def of_one_file(folder: Path) -> dict[str, bytes]:
    """Write a document and a manifest that fit; return them by name."""
    (folder / "doc.json").write_text(json.dumps(build.document3(build.file3(APP))))
    Manifest.of([APP]).write(folder / "m.json")
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.mark.parametrize("output", ["/dev/full", "-"])
def test_a_document_that_cannot_be_written_leaves_the_manifest(tmp_path: Path, output: str) -> None:
    before = of_one_file(tmp_path)
    command = [sys.executable, "-m", "crashsym", "spdx", "m.json", "doc.json", "-o", output]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*command, "--manifest", "m.json"],
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 2
    assert b"No space left on device" in done.stderr
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_a_manifest_that_cannot_be_written_after_its_document_is_said(tmp_path: Path) -> None:
    of_one_file(tmp_path)
    names = "m.json", "doc.json", "-o", "new.json", "--manifest", "/dev/full"
    done = crashsym("spdx", *names, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.decode() == (
        "crashsym: cannot write the manifest: '/dev/full': No space left on device; the new"
        " document is written, and names a manifest that is not there. Make room there, or name"
        " another place. Then run this again.\n"
    )
    assert (tmp_path / "new.json").exists()


def test_the_manifest_does_not_go_to_standard_output(tmp_path: Path) -> None:
    before = of_one_file(tmp_path)
    done = crashsym("spdx", "m.json", "doc.json", "-o", "x", "--manifest", "-", cwd=tmp_path)
    assert done.returncode == 2
    assert b"argument --manifest: '-' is no file; standard output is not for it" in done.stderr
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before
