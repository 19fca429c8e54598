# SPDX-License-Identifier: MIT
"""Steps of yocto_remedies.feature."""

from __future__ import annotations

import json
import re

import pytest
from pytest_bdd import parsers, scenarios, then, when

from yocto.developer import Developer

pytestmark = [pytest.mark.bitbake, pytest.mark.xdist_group("bitbake")]
scenarios("../features/yocto_remedies.feature")


def said(developer: Developer, image: str) -> list[tuple[str, str, str]]:
    """Return what the account of an image warns of: level, code and message."""
    prefix = rf"^(WARNING|ERROR): {image}-\S+ do_crashdump_image: "
    found = re.findall(prefix + r"(.*'/.*)$", developer.last.output, re.MULTILINE)
    pattern = re.compile(r'CRASHDUMP_POLICY \+= "([\w-]+)=ignore"')
    return [(level.lower(), pattern.findall(text)[0], text) for level, text in found]


@then(parsers.parse('the account of "{image}" says exactly this:'))
def _says(developer: Developer, image: str, datatable: list[list[str]]) -> None:
    lines = said(developer, image)
    assert len(lines) == len(datatable) - 1, developer.last.output
    for level, file, code, remedy in datatable[1:]:
        (line,) = [line for line in lines if f": '{file}': " in line[2]]
        assert line[:2] == (level, code)
        assert remedy in line[2]
        assert ("CRASHDUMP_EXCLUDE" in line[2]) is file.startswith("/")


@when("the policy has no rule")
def _no_rule(developer: Developer) -> None:
    developer.change(developer.oe.build / "policy.toml", "")


@then(parsers.parse('the account of "{image}" says nothing'))
def _says_nothing(developer: Developer, image: str) -> None:
    assert developer.last.ran(image, "crashdump_image")
    assert said(developer, image) == [], developer.last.output


@then(parsers.parse('each of its {number:d} files has the status "{status}", symbols and an owner'))
def _all_good(developer: Developer, number: int, status: str) -> None:
    document = json.loads(developer.image_file("faulty-image", "crashdump.json").read_text())
    assert len(document["modules"]) == number
    for module in document["modules"]:
        assert (module["status"], module["recipe"]) == (status, "faulty"), module
        assert module["symbols"] is not None
