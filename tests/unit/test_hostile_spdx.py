# SPDX-License-Identifier: MIT
"""SPDX documents that cannot be used, and places that cannot be written."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from builders import spdx as build
from builders.spdximage import (
    APP,
    LIBRARY,
    LIBRARY_UNOWNED,
    Image,
    other,
)
from crashsym import spdx
from crashsym.errors import InputError
from crashsym.manifest import Manifest
from crashsym.spdx import document as documents
from crashsym.spdx.document import Document
from oracles.spdx import model_problems
from support import crashsym


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return Image(tmp_path)


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
