# SPDX-License-Identifier: MIT
"""DWARF → functions with their inlines and lines.

The rest of crashsym knows only `read_functions` and the values of `crashsym.dwarf.model`. There is
one implementation now, `crashsym.dwarf.reference`; a faster one takes its place here.
"""

from __future__ import annotations

from crashsym.dwarf.inputs import DebugInputs, Problem, SplitUnit
from crashsym.dwarf.model import Damage, Function, FunctionTable, Inline, Line
from crashsym.dwarf.reference import read_functions

__all__ = [
    "Damage",
    "DebugInputs",
    "Function",
    "FunctionTable",
    "Inline",
    "Line",
    "Problem",
    "SplitUnit",
    "read_functions",
]
