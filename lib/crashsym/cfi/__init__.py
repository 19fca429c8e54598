# SPDX-License-Identifier: MIT
"""Unwind rows from ``.eh_frame``, ``.debug_frame`` and ``.ARM.exidx``."""

from __future__ import annotations

from crashsym.cfi.model import CfiEntry, CfiRow, CfiTable, Rule, RuleKind
from crashsym.cfi.tables import read_cfi

__all__ = ["CfiEntry", "CfiRow", "CfiTable", "Rule", "RuleKind", "read_cfi"]
