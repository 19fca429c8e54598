# SPDX-License-Identifier: MIT
"""The compiled engine: DWARF, call frame information and symbols straight to text.

It gives the same bytes as the reference (`crashsym.dwarf`, `crashsym.cfi`, `crashsym.breakpad`),
without a Python object for each record. Every read is bounded by the section that it reads from.
"""
