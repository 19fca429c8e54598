# SPDX-License-Identifier: MIT
"""Small SPDX documents, built as OE builds those of images: 3.0 of today, 2.2 of scarthgap."""

from __future__ import annotations

from typing import Any

from crashsym.manifest import Module

Object = dict[str, Any]
BASE = "http://spdx.org/spdxdocs/image-4a7375d9"
DOCUMENT = f"{BASE}/document/image"
ROOTFS = f"{BASE}/rootfs/image"
_CREATED = "2011-04-05T23:00:00Z"
_AGENT = "http://spdx.org/spdxdocs/bitbake-addba517/agent/OpenEmbedded"
_TOOL = "http://spdx.org/spdxdocs/bitbake-addba517/tool/oe-spdx-creator_1_0"


def creation() -> Object:
    return {
        "type": "CreationInfo",
        "created": _CREATED,
        "createdBy": [_AGENT],
        "createdUsing": [_TOOL],
        "specVersion": "3.0.1",
    }


def element(kind: str, spdx_id: str, **facts: Any) -> Object:
    return {"type": kind, "spdxId": spdx_id, "creationInfo": "_:CreationInfo0", **facts}


def file3(module: Module, **facts: Any) -> Object:
    """The element of a module's file, as the SPDX of its package has it."""
    name = module.path.lstrip("/")
    found = element("software_File", f"{BASE}/{module.package}/file/{name}", name=name)
    if module.sha256:
        hashes = [("sha256", module.sha256), ("sha512", module.sha256 * 2)]
        found["verifiedUsing"] = [
            {"type": "Hash", "algorithm": name, "hashValue": value} for name, value in hashes
        ]
    return {**found, **facts}


def package3(name: str, version: str = "1.0", purpose: str = "install") -> Object:
    facts = {"software_packageVersion": version, "software_primaryPurpose": purpose}
    return element("software_Package", f"{BASE}/{purpose}/{name}-{version}", name=name, **facts)


def contains(number: int, owner: Object, files: list[Object]) -> Object:
    ends = {"from": owner["spdxId"], "to": [found["spdxId"] for found in files]}
    spdx_id = f"{BASE}/relationship/{number}"
    return element("Relationship", spdx_id, relationshipType="contains", **ends)


def document3(*elements: Object, **facts: Any) -> Object:
    """The document of an image with these elements; ``facts`` are further ones of its head."""
    sbom, image = f"{BASE}/sbom/image", f"{BASE}/image/image_tar"
    head = {
        "type": "SpdxDocument",
        "spdxId": DOCUMENT,
        "profileConformance": ["core", "software"],
        "rootElement": [sbom],
        "creationInfo": creation(),
        "name": "image",
        **facts,
    }
    graph = [
        {"@id": "_:CreationInfo0", **creation()},
        element("Organization", _AGENT, name="OpenEmbedded"),
        element("Tool", _TOOL, name="oe-spdx-creator 1.0"),
        element("software_Package", ROOTFS, name="image"),
        element("software_File", image, name="image.tar"),
        head,
        element("software_Sbom", sbom, name="image", rootElement=[image, ROOTFS]),
        *elements,
    ]
    return {"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": graph}


def package2(name: str, version: str = "1.0", **facts: Any) -> Object:
    nobody = dict.fromkeys(("downloadLocation", "licenseConcluded", "copyrightText"), "NOASSERTION")
    return {
        "SPDXID": f"SPDXRef-Package-{name}-{version}",
        "name": name,
        "versionInfo": version,
        "licenseDeclared": "MIT",
        "supplier": "Organization: OpenEmbedded ()",
        "filesAnalyzed": False,
        **nobody,
        **facts,
    }


def file2(module: Module, number: int, **facts: Any) -> Object:
    checksums = [{"algorithm": "SHA1", "checksumValue": f"{number:040x}"}]
    if module.sha256:
        checksums.append({"algorithm": "SHA256", "checksumValue": module.sha256})
    return {
        "SPDXID": f"SPDXRef-PackagedFile-{number}",
        "fileName": module.path.lstrip("/"),
        "fileTypes": ["BINARY"],
        "checksums": checksums,
        "licenseConcluded": "NOASSERTION",
        "licenseInfoInFiles": ["NOASSERTION"],
        "copyrightText": "NOASSERTION",
        **facts,
    }


def relation2(source: str, kind: str, target: str) -> Object:
    ends = {"spdxElementId": source, "relatedSpdxElement": target}
    return {**ends, "relationshipType": kind}


def document2(version: str = "2.2", **facts: Any) -> Object:
    """The document of an image with one package, which ``facts`` may replace."""
    return {
        "SPDXID": "SPDXRef-DOCUMENT",
        "spdxVersion": f"SPDX-{version}",
        "name": "image",
        "dataLicense": "CC0-1.0",
        "documentNamespace": DOCUMENT,
        "creationInfo": {
            "created": _CREATED,
            "creators": ["Tool: OpenEmbedded Core create-spdx.bbclass", "Person: N/A ()"],
        },
        "packages": [package2("image")],
        **facts,
    }


def image2(*packages: str) -> Object:
    """What scarthgap makes of an image: its packages and their files are in other documents."""
    image = package2("image")
    references = [
        {
            "externalDocumentId": f"DocumentRef-{name}",
            "spdxDocument": f"http://spdx.org/spdxdocs/{name}-7a1b",
            "checksum": {"algorithm": "SHA1", "checksumValue": "a" * 40},
        }
        for name in packages
    ]
    relations = [
        relation2(image["SPDXID"], "CONTAINS", f"DocumentRef-{name}:SPDXRef-Package-{name}")
        for name in packages
    ]
    return document2(packages=[image], externalDocumentRefs=references, relationships=relations)
