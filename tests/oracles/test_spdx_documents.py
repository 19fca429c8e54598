# SPDX-License-Identifier: MIT
"""Documents of `crashsym spdx` by the SPDX project's own model, schema and validator."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from builders import spdx as build
from builders.manifests import image as manifest_of_image
from builders.manifests import module
from crashsym.manifest import Manifest
from oracles.spdx import model_problems, schema_problems, tools_problems
from support import crashsym

pytestmark = pytest.mark.oracle
APP = module("/usr/bin/app", 1)


def amended(folder: Path, document: Any, manifest: Manifest) -> Path:
    (folder / "in.json").write_text(json.dumps(document))
    manifest.write(folder / "manifest.json")
    names = "manifest.json", "in.json", "-o", "out.spdx.json", "--manifest", "out.json"
    done = crashsym("spdx", *names, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "out.spdx.json"


def test_an_image_with_files_found_added_and_changed_is_valid_spdx_3(tmp_path: Path) -> None:
    manifest = manifest_of_image(20)
    packages = sorted({m.package for m in manifest.modules if m.package})
    found, changed, *_ = manifest.modules
    files = [build.file3(found), build.file3(replace(changed, sha256="e" * 64))]
    unowned = replace(APP, package=None)
    document = build.document3(*map(build.package3, packages), *files)
    data = amended(tmp_path, document, Manifest.of([*manifest.modules, unowned])).read_bytes()
    assert model_problems(data) == []
    assert schema_problems(data) == []


@pytest.mark.parametrize("version", ["2.2", "2.3"])
def test_an_image_with_its_packages_is_valid_spdx_2(tmp_path: Path, version: str) -> None:
    manifest = manifest_of_image(20)
    names = sorted({m.package for m in manifest.modules if m.package})
    document = {**build.image2(*names), "spdxVersion": f"SPDX-{version}"}
    assert tools_problems(amended(tmp_path, document, manifest)) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("externalIdentifierType", "buildId"),
        ("identifier", None),
        ("relationshipType", "hasManifest"),
        ("contentType", "json"),
        ("hashValue", 7),
    ],
)
def test_the_model_and_the_schema_see_what_is_wrong(tmp_path: Path, key: str, value: Any) -> None:
    data = amended(tmp_path, build.document3(build.file3(APP)), Manifest.of([APP])).read_bytes()

    def damage(found: Any) -> Any:
        return {**found, key: value} if key in found else found

    damaged = json.dumps(json.loads(data, object_hook=damage)).encode()
    assert model_problems(damaged) != []
    assert schema_problems(damaged) != []


def test_the_model_sees_a_reference_that_leads_nowhere(tmp_path: Path) -> None:
    document = build.document3(build.file3(APP))
    document["@graph"].append(build.contains(1, build.package3("gone"), [build.file3(APP)]))
    data = amended(tmp_path, document, Manifest.of([APP])).read_bytes()
    assert model_problems(data) == [build.package3("gone")["spdxId"]]


def test_spdx_tools_sees_what_is_wrong(tmp_path: Path) -> None:
    file = amended(tmp_path, build.image2("app"), Manifest.of([APP]))
    document = json.loads(file.read_bytes())
    document["packages"][0]["externalRefs"][0]["referenceLocator"] = "two words"
    file.write_text(json.dumps(document))
    [problem] = tools_problems(file)
    assert "must contain no spaces" in problem
