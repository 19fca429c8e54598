# SPDX-License-Identifier: MIT
"""How much work an SPDX document makes: it grows with what is there, and not faster."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from builders import spdx as build
from builders.spdximage import (
    APP,
    identifier,
)
from crashsym import spdx
from crashsym.errors import InputError
from crashsym.manifest import Manifest
from crashsym.spdx import document as documents
from crashsym.spdx.document import Document


class Seen(dict[str, Any]):
    """An object that counts how often any is looked into, or compared."""

    times = 0

    def get(self, *words: Any) -> Any:
        Seen.times += 1
        return super().get(*words)

    def values(self) -> Any:
        Seen.times += 1
        return super().values()

    def __eq__(self, other: object) -> bool:
        Seen.times += 1
        return super().__eq__(other)

    __hash__ = None


def builds(number: int) -> Manifest:
    """Return modules of the same bytes that have build ids of their own."""
    return Manifest.of(replace(APP, build_id=f"{n:040x}", path=f"/a{n}") for n in range(number))


def amended(content: Any, manifest: Manifest) -> Any:
    version = "2.3" if "spdxVersion" in content else "3.0.1"
    found = Document("'x'", version, content, "1" * 40, "2" * 64)
    return spdx.amend(found, manifest, "m.json").content


def known3() -> Any:
    known = [Seen(identifier(APP), identifier=f"known {n}") for n in range(50)]
    return build.document3(build.file3(APP, externalIdentifier=known))


def known2() -> Any:
    notes = [Seen(comment=f"known {n}") for n in range(50)]
    known = [Seen(referenceLocator=f"known {n}") for n in range(50)]
    file = build.file2(APP, 1, annotations=notes)
    package = build.package2("app", hasFiles=[file["SPDXID"]], externalRefs=known)
    return build.document2(packages=[package], files=[file])


@pytest.mark.parametrize("make", [known3, known2])
def test_more_modules_do_not_look_more_at_what_is_there(make: Callable[[], Any]) -> None:
    found = []
    for number in (1, 200):
        before = Seen.times
        text = json.dumps(amended(make(), builds(number)))
        found.append(Seen.times - before)
        assert text.count("known 49") == text.count("known 0") > 0
        assert f"{number - 1:040x}" in text
    assert found[0] == found[1] >= 50


def many_files3(number: int) -> Any:
    files = [build.file3(APP) for _ in range(number)]
    return build.document3(*({**f, "spdxId": f"urn:f:{n}"} for n, f in enumerate(files)))


def many_files2(number: int) -> Any:
    return build.document2("2.3", files=[build.file2(APP, n) for n in range(number)])


def many_packages2(number: int) -> Any:
    file = build.file2(APP, 1)
    names = [f"app{n}" for n in range(number)]
    packages = [build.package2(name, hasFiles=[file["SPDXID"]]) for name in names]
    return build.document2("2.3", packages=packages, files=[file])


@pytest.mark.parametrize(
    ("make", "key"),
    [
        (many_files3, "externalIdentifier"),
        (many_files2, "annotations"),
        (many_packages2, "externalRefs"),
    ],
)
def test_each_of_many_files_times_each_of_many_modules_is_refused(
    monkeypatch: pytest.MonkeyPatch, make: Callable[[int], Any], key: str
) -> None:
    with pytest.raises(InputError, match=f"it would get more than 100000 objects in '{key}'"):
        amended(make(1000), builds(1000))
    monkeypatch.setattr(documents, "MOST", 6)
    text = json.dumps(amended(make(2), builds(3)))
    assert text.count(f"{2:040x}") >= 2
    with pytest.raises(InputError, match="more than 6 objects"):
        amended(make(2), builds(4))
