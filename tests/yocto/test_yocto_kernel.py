# SPDX-License-Identifier: MIT
"""Steps of yocto_kernel.feature."""

from __future__ import annotations

import pytest
from pytest_bdd import parsers, scenarios, then

from yocto.developer import Developer

pytestmark = [pytest.mark.bitbake, pytest.mark.xdist_group("bitbake")]
scenarios("../features/yocto_kernel.feature")


@then(parsers.parse('the log of do_crashdump_symbols of "{recipe}" says "{text}"'))
def _log_says(developer: Developer, recipe: str, text: str) -> None:
    log = developer.work_folder(recipe) / "temp/log.do_crashdump_symbols"
    assert text in log.read_text()


@then(parsers.parse('the package "{package}" has the compiled kernel'))
def _compiled(developer: Developer, package: str) -> None:
    root = developer.packages(package) / package
    (found,) = root.rglob("crashsym/kernel/*.so")
    assert found.name.startswith("joined.")


@then(parsers.parse('no package of "{recipe}" has a source of the kernel'))
def _no_source(developer: Developer, recipe: str) -> None:
    files = list(developer.packages(recipe).rglob("*"))
    assert [path for path in files if path.suffix in (".pyx", ".pxd", ".c")] == []


@then(parsers.parse('QA has no complaint about "{recipe}"'))
def _no_complaint(developer: Developer, recipe: str) -> None:
    log = developer.work_folder(recipe) / "temp/log.do_package_qa"
    assert "QA Issue" not in log.read_text()
    assert "QA Issue" not in developer.last.output
