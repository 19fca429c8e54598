# SPDX-License-Identifier: MIT
"""What two spellings of a function's name, or of a path, have in common.

Tools and dumpers print ``_ZN1a1bIiEEiT_.part.0``, ``int a::b<int>(int)`` and ``a::b`` for one
function. A name is compared as the tuple of its scopes: without parameters, template arguments,
return type, clone suffix, and without scopes that have no name of their own (anonymous namespaces,
lambdas). Two names agree when one tuple is the end of the other: a missing scope is no error, a
wrong one is.
"""

from __future__ import annotations

import posixpath
import re
import subprocess
from collections.abc import Iterable
from functools import lru_cache

Scopes = tuple[str, ...]

# GCC names the cold part of a function so in strict DWARF 2; elsewhere it has a suffix.
_CLONE = re.compile(
    r"^__second_sect_of_|\.(cold|constprop|isra|part|lto_priv|llvm)(\.\d+)*| \[clone [^]]*\]"
    r"|(?<=\w)@@?[\w.]+$"
)
_NAMELESS = re.compile(r"\(anonymous (namespace|class|struct)\)|<name omitted>|<lambda\([^)]*\)>")
_OPERATORS = (("operator()", "operator call"), ("operator<", "operator less"))
_LAMBDA = re.compile(r"\$_\d+|'lambda\d*'|_Z\w*|")


def normal_path(path: str) -> str:
    """``path`` without ``.`` and ``..`` steps and doubled slashes; ``""`` stays empty."""
    return posixpath.normpath(path) if path else ""


@lru_cache(maxsize=65536)
def scopes(name: str) -> Scopes:
    """Split a demangled name into its scopes, outermost first.

    ``int a::b<int>::operator()(int) const`` becomes ``("a", "b", "operator call")``.
    """
    name = _NAMELESS.sub("", _CLONE.sub("", name))
    for text, word in _OPERATORS:
        name = name.replace(text, word)
    depth = 0
    kept = []
    for letter in name:
        depth += letter in "(<{["
        if depth == 0:
            kept.append(letter)
        depth -= letter in ")>}]"
    plain = "".join(kept).removesuffix(" const").strip()
    return tuple(part for part in map(_last_word, plain.split("::")) if part)


def _last_word(part: str) -> str:
    """``part`` without a return type before it; conversion and operator names keep their words."""
    part = part.strip()
    found = re.search(r"operator\b.*$", part)
    word = found[0] if found else part.split(" ")[-1]
    return "" if _LAMBDA.fullmatch(word) else word.lstrip("*&")


def agree(left: Scopes, right: Scopes) -> bool:
    """Whether one is the end of the other; nothing agrees with an empty name."""
    shorter = min(len(left), len(right))
    return shorter > 0 and left[-shorter:] == right[-shorter:]


def demangle(names: Iterable[str]) -> dict[str, str]:
    """Every name with what ``c++filt`` makes of it."""
    wanted = sorted(set(names))
    text = "\n".join(wanted)
    done = subprocess.run(["c++filt"], input=text, capture_output=True, text=True, check=True)
    return dict(zip(wanted, done.stdout.splitlines(), strict=True))
