# SPDX-License-Identifier: MIT
"""The status of a file that has findings and no symbols."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from builders import elf
from crashsym.extract import Extraction
from crashsym.findings import (
    ASKED_FOR,
    CHANGED,
    CODES,
    DUPLICATE_BUILD_ID,
    LATE_BUILD_ID,
    LOW_COVERAGE,
    OTHER_BUILD,
    UNOWNED,
    WORSE,
    Finding,
)
from crashsym.fragments import Fragments
from crashsym.image import account
from crashsym.manifest import Manifest, read
from crashsym.owners import Owners
from crashsym.store import Store
from crashsym.tree import scan
from support import REPOSITORY

SCHEMA = REPOSITORY / "docs/reference/crashsym-manifest-1.schema.json"
# These are about entries of the manifest, so the files are in it, or about no file at all.
ABOUT_ENTRIES = {
    *(CHANGED, UNOWNED, DUPLICATE_BUILD_ID, LATE_BUILD_ID, WORSE, LOW_COVERAGE, OTHER_BUILD),
    *ASKED_FOR,
}


@pytest.mark.parametrize("code", sorted(set(CODES) - ABOUT_ENTRIES))
def test_whatever_keeps_a_file_from_having_symbols_is_its_status(tmp_path: Path, code: str) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "app").write_bytes(elf.module())
    tree = scan(tmp_path / "root", [], packages=False, exclude=())
    made = Extraction(Manifest(()), findings=[Finding(code, "/app", "no symbols", "so it is")])
    made = account(tree, made, Owners(), Fragments(None), Store(tmp_path / "store"))
    made.manifest.write(tmp_path / "m.json")
    jsonschema.validate(
        json.loads((tmp_path / "m.json").read_bytes()), json.loads(SCHEMA.read_bytes())
    )
    (module,) = read(tmp_path / "m.json").modules
    assert (module.path, module.status, module.reason) == ("/app", code, "so it is")
