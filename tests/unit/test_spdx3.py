# SPDX-License-Identifier: MIT
"""Build ids in SPDX 3.0 documents; what comes out is read by the SPDX project's own code."""

from __future__ import annotations

import copy
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from builders import spdx as build
from builders.manifests import bare
from builders.spdximage import (
    APP,
    LIBRARY,
    LIBRARY_UNOWNED,
    SCHEMA,
    Image,
    added,
    build_ids,
    by_id,
    identifier,
    other,
    relations,
)
from crashsym import manifest as manifests
from crashsym.manifest import Manifest
from oracles.spdx import elements
from support import crashsym


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return Image(tmp_path)


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
