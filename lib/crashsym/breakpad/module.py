# SPDX-License-Identifier: MIT
"""The record that all symbol files begin with; see `crashsym.breakpad.records` for the others."""

from __future__ import annotations

from crashsym.value import Value


class ModuleRecord(Value):
    """``MODULE`` and ``INFO CODE_ID``: which file the symbols belong to."""

    os: str
    arch: str
    debug_id: str
    debug_file: str
    code_id: str
