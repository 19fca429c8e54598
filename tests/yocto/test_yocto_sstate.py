# SPDX-License-Identifier: MIT
"""Steps of yocto_sstate.feature."""

from __future__ import annotations

import pytest
from pytest_bdd import given, parsers, scenarios, then

from yocto.deployed import elf_files
from yocto.developer import Developer

pytestmark = [pytest.mark.bitbake, pytest.mark.xdist_group("bitbake")]
scenarios("../features/yocto_sstate.feature")

EXAMPLE = "crashdump-example"


@then(parsers.parse('nothing of "{recipe}" is left in the deploy folder'))
def _nothing_left(developer: Developer, recipe: str) -> None:
    assert developer.deployed(recipe).contents() == {}


@then("what was deployed is what was deployed before")
def _same_as_before(developer: Developer) -> None:
    assert developer.noted[EXAMPLE]
    assert developer.deployed(EXAMPLE).contents() == developer.noted[EXAMPLE]


@then(parsers.parse('what was deployed of "{recipe}" is what was deployed before'))
def _recipe_same_as_before(developer: Developer, recipe: str) -> None:
    assert developer.noted[recipe]
    assert developer.deployed(recipe).contents() == developer.noted[recipe]


@given(parsers.parse('the symbols\' object of "{recipe}" is no longer in the cache'))
def _object_gone(developer: Developer, recipe: str) -> None:
    cache = developer.oe.build / "sstate-cache"
    objects = list(cache.rglob(f"sstate:{recipe}:*_crashdump_symbols.tar.zst*"))
    assert objects
    for path in objects:
        path.unlink()


@given(parsers.parse('"{recipe}" was changed, built, and changed back'))
def _changed_and_back(developer: Developer, recipe: str) -> None:
    change = f'CXXFLAGS:append:pn-{recipe} = " -O1"'
    developer.set(change)
    developer.build(recipe)
    developer.unset(change)
    assert elf_files(developer.work_folder(recipe) / "crashdump-unstripped")


@then(parsers.parse('do_package of "{recipe}" came from sstate'))
def _package_restored(developer: Developer, recipe: str) -> None:
    assert developer.last.restored(recipe, "package"), developer.last.output
    assert not developer.last.ran(recipe, "package"), developer.last.output
    copies = developer.work_folder(recipe) / "crashdump-unstripped"
    assert [path for path in copies.rglob("*") if path.is_file()] == []


@then("do_package was restored for no recipe")
def _no_package_restored(developer: Developer) -> None:
    assert developer.last.restored_recipes("package") == []


@then(parsers.parse('do_package was restored for "{recipe}" only'))
def _one_package_restored(developer: Developer, recipe: str) -> None:
    restored = developer.last.restored_recipes("package")
    assert [name.startswith(f"{recipe}-1.0") for name in restored] == [True]
