# SPDX-License-Identifier: MIT
"""C++ translation units as heavy in DWARF as those of Qt or a large application.

Each is made of a few kinds of block that use the standard library the way applications do:
containers of own types, algorithms with lambdas, variants, functions, shared pointers, and
templates of templates. Which blocks, how many, and with which types is drawn by a seeded generator,
so the same seed gives the same source. Everything stands in the namespace ``NAMESPACE``.
"""

from __future__ import annotations

import random
from string import Template

from bench.cxx_blocks import BLOCKS, PROPERTY

# A stand-in of constant length: in the object it can be replaced, byte for byte, by another name.
NAMESPACE = "Qz00000"

_HEADERS = (
    "algorithm deque functional iomanip list map memory numeric optional set sstream string tuple"
    " unordered_map variant vector"
)

_UNITS_PER_HEADER = 4
_INLINE = "[[gnu::used]] inline"  # emitted by every unit, and kept once by the linker


def translation_unit(seed: int, shared: int, own: int) -> str:
    """Return the text of one unit: ``shared`` blocks of inline functions, and ``own`` ones.

    Four units in turn have the same shared blocks, as if from a header: their types are described
    in each of the four, and of their functions the linker keeps one. A block is about 0.1 MB of
    .debug_info.
    """
    header = seed // _UNITS_PER_HEADER
    parts = [f"#include <{name}>" for name in _HEADERS.split()]
    parts += ["", f"namespace {NAMESPACE} {{"]
    parts += _blocks(f"_h{header}x", shared, _INLINE)
    parts += _blocks(f"_{seed}x", own, "")
    parts += [f"}}  // namespace {NAMESPACE}", ""]
    return "\n".join(parts)


def _blocks(name: str, count: int, linkage: str) -> list[str]:
    draw = random.Random(name)  # noqa: S311 - to vary sources, not to keep a secret
    return [_block(draw, f"{name}{number}", linkage) for number in range(count)]


def _block(draw: random.Random, name: str, linkage: str) -> str:
    words = {
        "linkage": linkage,
        "k": name,
        "number": draw.choice(("int", "long", "short", "float", "double", "unsigned")),
        "key": draw.choice(("std::string", "int", "long", "unsigned char", "char")),
        "sequence": draw.choice(("std::vector", "std::deque", "std::list")),
        "dictionary": draw.choice(("map", "unordered_map")),
        "small": str(draw.randint(3, 8)),
        "large": str(draw.randint(10, 9999)),
    }
    words |= _properties(words, draw.randint(10, 40))
    return Template(draw.choice(BLOCKS)).substitute(words)


def _properties(words: dict[str, str], count: int) -> dict[str, str]:
    """Return the parts of ``MODEL`` that stand there ``count`` times."""
    number, key = words["number"], words["key"]
    declared = "    {0} property{1}() const; void setProperty{1}({0} next, const {2}& row);"
    names = range(count)
    return {
        "declarations": "\n".join(declared.format(number, name, key) for name in names),
        "members": " ".join(f"{number} property{name}_ = {name};" for name in names),
        "definitions": "".join(Template(PROPERTY).substitute(words, n=name) for name in names),
    }
