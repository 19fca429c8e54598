# SPDX-License-Identifier: MIT
"""Readable names: C++, Rust and D demangled, the suffixes of clones stripped."""

from __future__ import annotations

from crashsym.demangle.names import begin_table, demangle, readable
from crashsym.demangle.suffixes import strip_suffixes

__all__ = ["begin_table", "demangle", "readable", "strip_suffixes"]
