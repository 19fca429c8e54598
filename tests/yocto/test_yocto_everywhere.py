# SPDX-License-Identifier: MIT
"""Steps of yocto_everywhere.feature."""

from __future__ import annotations

import json

import pytest
from pytest_bdd import parsers, scenarios, then, when

from yocto.developer import Developer

pytestmark = [pytest.mark.bitbake, pytest.mark.xdist_group("bitbake")]
scenarios("../features/yocto_everywhere.feature")


@when(parsers.parse('I build "{recipe}" for the machine "{machine}"'))
def _build_for(developer: Developer, recipe: str, machine: str) -> None:
    developer.set(f'MACHINE = "{machine}"')
    developer.build(recipe)


@then(parsers.parse('there are manifests of "{recipe}" below "{one}" and "{other}"'))
def _two_manifests(developer: Developer, recipe: str, one: str, other: str) -> None:
    deployed = developer.deployed(recipe)
    assert deployed.architectures() == [one, other]
    assert [store.parents[1].name for store in deployed.stores()] == [one, other]


@then(parsers.parse('there are manifests of "{recipe}" below "{only}" only'))
def _one_manifest(developer: Developer, recipe: str, only: str) -> None:
    deployed = developer.deployed(recipe)
    assert deployed.architectures() == [only]
    assert [store.parents[1].name for store in deployed.stores()] == [only]


@then(parsers.parse('both manifests list "{path}" with the same build id'))
def _both_list(developer: Developer, path: str) -> None:
    ids = set()
    for recipe in ("prebuilt", "prebuilt-twin"):
        (manifest,) = developer.deployed(recipe).manifests()
        modules = json.loads(manifest.read_text())["modules"]
        ids |= {module["build_id"] for module in modules if module["path"] == path}
    assert len(ids) == 1
    assert None not in ids


@then(parsers.parse('the symbols of "{path}" of "{recipe}" are still there'))
def _still_there(developer: Developer, path: str, recipe: str) -> None:
    deployed = developer.deployed(recipe)
    assert deployed.symbol_file(deployed.module(path)).is_file()
