# SPDX-License-Identifier: MIT
"""Runs inside gdb: answer for a list of addresses what gdb's own DWARF reader knows.

The variables QUESTION and ANSWER name files: a JSON list of addresses, and a JSON object from each
address to its frames, innermost first: function, file, line.
"""
# ruff: noqa
# mypy: ignore-errors

from __future__ import annotations

import json

import gdb


def frames(address):
    functions = []
    block = gdb.block_for_pc(address)
    while block is not None and not block.is_global and not block.is_static:
        # A method of a local class is nested in a function that does not hold its code.
        if functions and not block.start <= address < block.end:
            break
        if block.function is not None:
            functions.append(block.function.linkage_name or block.function.name)
        block = block.superblock
    if not functions:
        return []
    place = gdb.find_pc_line(address)
    file = place.symtab.fullname() if place.symtab else ""
    inner = [functions[0], file, place.line if file else 0]
    # gdb's Python has no call line of an inlined function.
    return [inner] + [[name, "", 0] for name in functions[1:]]


with open(QUESTION) as stream:
    addresses = json.load(stream)
answers = {str(address): frames(address) for address in addresses}
with open(ANSWER, "w") as stream:
    json.dump(answers, stream)
