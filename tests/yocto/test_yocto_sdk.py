# SPDX-License-Identifier: MIT
"""Steps of yocto_sdk.feature."""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pytest_bdd import given, parsers, scenarios, then, when
from support import REPOSITORY, crashsym

from yocto.deployed import image_elf_files
from yocto.developer import Developer

pytestmark = [pytest.mark.bitbake, pytest.mark.xdist_group("bitbake")]
scenarios("../features/yocto_sdk.feature")

SCHEMA = REPOSITORY / "docs/reference/crashsym-manifest-1.schema.json"
IMAGE = "accounted-image"


def account(developer: Developer) -> list[dict[str, Any]]:
    """Return the entries in the manifest beside the installer."""
    manifest = developer.sdk_file(IMAGE, "crashdump.json")
    assert developer.sdk_file(IMAGE, "sh").stat().st_size > 0
    document = json.loads(manifest.read_text())
    jsonschema.validate(document, json.loads(SCHEMA.read_text()))
    return list(document["modules"])


def sysroots(developer: Developer) -> list[Path]:
    """Return the sysroots of the target that became a part of the installer."""
    above = developer.work_folder(IMAGE) / "sdk/image"
    return list(above.glob("usr/local/*/sysroots/cortexa57-*"))


def sysroot(developer: Developer) -> Path:
    """Return the only one."""
    (folder,) = sysroots(developer)
    return folder


def said(developer: Developer, level: str) -> list[str]:
    """Return what do_populate_sdk said on that level."""
    prefix = rf"^{level}: \S+ do_populate_sdk: (.*)$"
    return re.findall(prefix, developer.last.output, re.MULTILINE)


@given(parsers.parse('the SDK of "{image}" was built'))
@when(parsers.parse('I build the SDK of "{image}"'))
def _build(developer: Developer, image: str) -> None:
    developer.run_task(image, "populate_sdk")


@when(parsers.parse('I try to build the SDK of "{image}"'))
def _try_to_build(developer: Developer, image: str) -> None:
    developer.run_task(image, "populate_sdk", succeeds=None)


@then("no task of the SDK ran")
def _none(developer: Developer) -> None:
    assert developer.last.started == []
    attempted, current = re.findall(r"\d+", developer.last.summary)
    assert attempted == current


@then(
    parsers.parse(
        "each of the {number:d} ELF files that os.walk and readelf find in its sysroot"
        " has exactly one entry"
    )
)
def _exactly_once(developer: Developer, number: int) -> None:
    found = [f for f in image_elf_files(sysroot(developer)) if "/.debug/" not in f]
    assert len(found) == number
    assert Counter(module["path"] for module in account(developer)) == Counter(found)


@then(parsers.parse('the store has the symbols of all but "{path}"'))
def _stored(developer: Developer, path: str) -> None:
    store = developer.sdk_file(IMAGE, "crashdump")
    symbols = {module["path"]: module["symbols"] for module in account(developer)}
    assert symbols.pop(path) is None
    files = {str(file.relative_to(store)) for file in store.rglob("*.sym")}
    assert {found["path"] for found in symbols.values()} == files


@then(parsers.parse('the symbols of "{path}" name the function "{function}" and "{source}"'))
def _named(developer: Developer, path: str, function: str, source: str) -> None:
    (module,) = [module for module in account(developer) if module["path"] == path]
    assert module["status"] == "ok"
    text = (developer.sdk_file(IMAGE, "crashdump") / module["symbols"]["path"]).read_text()
    assert re.search(rf"^FUNC .* {function}$", text, re.MULTILINE)
    assert re.search(rf"^FILE .*/{source}$", text, re.MULTILINE)


@then('"crashsym sdk" makes the same manifest of what the installer unpacks, given the same facts')
def _unpacked(developer: Developer, tmp_path: Path) -> None:
    # never run: without host tools in it, it would edit what is in the current folder
    _, _, archive = developer.sdk_file(IMAGE, "sh").read_bytes().partition(b"\nMARKER:\n")
    subprocess.run(["tar", "-xJ", "-C", tmp_path], input=archive, check=True)
    (root,) = (tmp_path / "sysroots").glob("cortexa57-*")
    manifest = developer.sdk_file(IMAGE, "crashdump.json")
    build = json.loads(manifest.read_text())["build"]
    layers = build.pop("layers")
    facts = [f"--build={fact}={text}" for fact, text in build.items()]
    facts += [f"--layer={name}={revision or ''}" for name, revision in layers.items()]
    facts += ["--pkgdata", str(developer.pkgdata)]
    facts += ["--installed", str(developer.sdk_file(IMAGE, "target.manifest"))]
    facts += ["--fragments", str(developer.fragments)]
    place = tmp_path / "m.json"
    crashsym("sdk", root, "--store", tmp_path / "store", "--manifest", place, *facts)
    assert place.read_bytes() == manifest.read_bytes()


@then("each entry of the SDK names the package and the recipe of the file")
def _owners(developer: Developer) -> None:
    recipes = {module["path"]: module["recipe"] for module in account(developer)}
    assert recipes["/usr/bin/plain"] == "plain-program"
    assert {recipes[path] for path in recipes if path.startswith("/opt/vendor/")} == {"prebuilt"}
    assert set(recipes.values()) == {"plain-program", "prebuilt", "crashdump-example"}


@then("the sysroot is gone")
def _gone(developer: Developer) -> None:
    assert developer.last.ran(IMAGE, "populate_sdk")
    assert sysroots(developer) == []


@then(parsers.parse('it says as an error of the SDK "{path}"'))
def _refused(developer: Developer, path: str) -> None:
    assert [line for line in said(developer, "ERROR") if path in line]


@then(parsers.parse('it says nothing of the SDK about "{path}"'))
def _silent(developer: Developer, path: str) -> None:
    lines = said(developer, "WARNING") + said(developer, "ERROR")
    assert [line for line in lines if path in line] == []


@then("there is neither an installer nor symbols of the SDK")
def _nothing(developer: Developer) -> None:
    assert [file for file in developer.sdk_files(IMAGE) if file.is_file()] == []


@then("there are no symbols of the SDK")
def _no_symbols(developer: Developer) -> None:
    found = [file for file in developer.sdk_files(IMAGE) if file.is_file()]  # folders may stay
    assert [file for file in found if file.suffix == ".sh"]
    assert [file for file in found if ".crashdump" in str(file)] == []


@then(parsers.parse('the account of the SDK has {number:d} entries and none below "{folder}"'))
def _deployed(developer: Developer, number: int, folder: str) -> None:
    paths = [module["path"] for module in account(developer)]
    assert len(paths) == number
    assert [path for path in paths if path.startswith(folder)] == []


@then(parsers.parse('the sysroot has "{path}"'))
def _has(developer: Developer, path: str) -> None:
    assert (sysroot(developer) / path.lstrip("/")).is_file()


@then(
    parsers.parse(
        '"crashsym sdk" finds {number:d} files of its sysroot in the image, and none of another'
        " build"
    )
)
def _same(developer: Developer, number: int, tmp_path: Path) -> None:
    image = developer.image_file(IMAGE, "crashdump.json")
    places = ("--store", tmp_path / "store", "--manifest", tmp_path / "m.json")
    done = crashsym("sdk", sysroot(developer), *places, "--image", image, "--json")
    document = json.loads(done.stdout)
    assert document["image"] == {"compared": number, "other_build": 0}
