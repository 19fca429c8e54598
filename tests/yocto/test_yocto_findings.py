# SPDX-License-Identifier: MIT
"""Steps of yocto_findings.feature."""

from __future__ import annotations

import re

import pytest
from pytest_bdd import parsers, scenarios, then

from yocto.developer import Developer

pytestmark = [pytest.mark.bitbake, pytest.mark.xdist_group("bitbake")]
scenarios("../features/yocto_findings.feature")


def said(developer: Developer, level: str) -> list[str]:
    """Return what do_crashdump_symbols said on that level, without BitBake's own prefix."""
    prefix = rf"^{level.upper()}: \S+ do_crashdump_symbols: (.*)$"
    return re.findall(prefix, developer.last.output, re.MULTILINE)


@then(parsers.parse("it says as {level}:"))
def _says(developer: Developer, level: str, datatable: list[list[str]]) -> None:
    lines = said(developer, level)
    others = said(developer, "error" if level == "warning" else "warning")
    for path, reason, remedy in datatable[1:]:
        (line,) = [line for line in lines if path in line]
        assert reason in line
        assert remedy in line
        assert not [line for line in others if path in line]


@then(parsers.parse('it says nothing about "{path}"'))
def _silent(developer: Developer, path: str) -> None:
    assert [line for line in said(developer, "warning") if path in line] == []
    assert [line for line in said(developer, "error") if path in line] == []
    # it was looked at, and not just left out
    assert developer.deployed("prebuilt").modules()


@then(parsers.parse('the manifest lists "{path}" with status "{status}"'))
def _status(developer: Developer, path: str, status: str) -> None:
    assert developer.deployed("prebuilt").module(path)["status"] == status


@then(parsers.parse('the task for symbols says "{text}"'))
def _task_says(developer: Developer, text: str) -> None:
    assert "do_crashdump_symbols: " in developer.last.output
    assert text in developer.last.output
