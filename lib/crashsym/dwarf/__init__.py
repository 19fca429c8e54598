# SPDX-License-Identifier: MIT
"""DWARF → functions with their inlines and lines.

`crashsym.dwarf.inputs` says where debug information comes from, for all engines;
`crashsym.dwarf.reference` is the reference's reader, whose values are those of
`crashsym.dwarf.model`. The kernel has a reader of its own.
"""
