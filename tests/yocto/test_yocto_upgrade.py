# SPDX-License-Identifier: MIT
"""Steps of yocto_upgrade.feature."""

from __future__ import annotations

import pytest
from pytest_bdd import given, parsers, scenarios, then, when

from yocto.deployed import tree
from yocto.developer import Developer

pytestmark = [pytest.mark.bitbake, pytest.mark.xdist_group("bitbake")]
scenarios("../features/yocto_upgrade.feature")


@when("a developer changes a file in lib/crashsym")
def _change_file(developer: Developer) -> None:
    path = developer.oe.layer / "lib/crashsym/dump.py"
    developer.change(path, path.read_text() + "\n# edited\n")


@when("a developer adds a file to lib/crashsym")
def _add_file(developer: Developer) -> None:
    developer.change(developer.oe.layer / "lib/crashsym/cfi/added.py", '"""New."""\n')


@when("a developer changes a source of the kernel")
def _change_kernel(developer: Developer) -> None:
    path = developer.oe.layer / "lib/crashsym/kernel/text.pyx"
    developer.change(path, path.read_text() + "\n\ndef added():\n    return 1\n")


@given("the kernel was compiled in the checkout")
def _compiled_kernel(developer: Developer) -> None:
    module = "joined.cpython-312-x86_64-linux-gnu"
    for name in (f"lib/crashsym/kernel/{module}.so", "lib/crashsym/kernel/joined.c"):
        developer.change(developer.oe.layer / name, "compiled")
    for name in ("build/kernel/joined/crashsym/kernel/joined.c", f"build/lib/{module}.so"):
        developer.change(developer.oe.layer / name, "compiled")


@given("Python left __pycache__ folders in lib/crashsym")
def _pycache(developer: Developer) -> None:
    for folder in ("lib/crashsym", "lib/crashsym/cfi"):
        compiled = developer.oe.layer / folder / "__pycache__/dump.cpython-312.pyc"
        developer.change(compiled, "compiled")


@given("the layer's checkout lies in another folder")
def _other_checkout(developer: Developer) -> None:
    developer.move_layer(developer.oe.work / "elsewhere/checkout")


@then("python3-crashsym-native was not built")
def _tool_not_built(developer: Developer) -> None:
    run = developer.last
    assert not run.ran("python3-crashsym-native", "compile"), run.output
    assert not run.ran("python3-crashsym-native", "populate_sysroot"), run.output


@given("nothing is taken from the shared state cache")
def _no_cache(developer: Developer) -> None:
    developer.use_fresh_tmpdir()
    developer.set('SSTATE_DIR = "${TMPDIR}/sstate-cache"')
    # else hash equivalence finds the packages the same, and the comparison would be with a copy
    developer.set('BB_SIGNATURE_HANDLER = "OEBasicHash"')
    developer.set('BB_HASHSERVE = ""')


def packaged(developer: Developer, recipe: str) -> dict[str, bytes]:
    """Return what is in the packages; beside them package_deb.bbclass may leave its locks."""
    found = tree(developer.packages(recipe))
    return {name: what for name, what in found.items() if "/" in name or name[-5:] != ".lock"}


@when(parsers.parse('I take note of the packages of "{recipe}"'), target_fixture="packages_before")
def _note_packages(developer: Developer, recipe: str) -> dict[str, bytes]:
    return packaged(developer, recipe)


@then(parsers.parse('do_package of "{recipe}" ran'))
def _package_ran(developer: Developer, recipe: str) -> None:
    assert developer.last.ran(recipe, "package"), developer.last.output


@then(parsers.parse('the packages of "{recipe}" are byte for byte the same'))
def _same_packages(developer: Developer, recipe: str, packages_before: dict[str, bytes]) -> None:
    assert len(packages_before) > 1
    assert packaged(developer, recipe) == packages_before
