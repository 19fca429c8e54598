# SPDX-License-Identifier: MIT
"""Suffixes that a compiler puts behind a symbol's name when it clones or splits the function."""

from __future__ import annotations

import re

from crashsym.demangle.limits import LONGEST

# With a number, after which more may follow: ".constprop.0", ".part.0.1".
_NUMBERED = frozenset(
    (
        "isra",  # GCC: parameters replaced or removed
        "part",  # GCC: the function without the part that was inlined
        "constprop",  # GCC: some parameters have a known value
        "clone",  # GCC up to 4.5: any of the above
        "lto_priv",  # GCC: made unique among the static functions of several objects
        "specialized",  # LLVM: some parameters have a known value
        "__uniq",  # Clang: -funique-internal-linkage-names
    )
)
# With or without numbers: ".cold", ".cold.1".
_PLAIN = frozenset(
    (
        "cold",  # GCC, LLVM, BOLT: the part that is seldom run
        "warm",  # BOLT: the part that is neither hot nor cold
        "localalias",  # GCC: a second name of the same code
        "argelim",  # LLVM: parameters removed
        "argprom",  # LLVM: parameters passed by value
        "retelim",  # LLVM: the result removed
    )
)
# LLVM: ThinLTO made a static function global; its number is a decimal hash, and in Rust's names
# upper-case hexadecimal digits with "@" (rustc-demangle: src/lib.rs).
_LLVM = "llvm"
_NUMBER = re.compile(r"[0-9A-F@]+")
# No name of C, nor a mangled one, has these characters; Go's names have them, and a method named
# "cold" is none of the compiler's.
_GO = re.compile(r"[/(*\[:]")
_GROUP = re.compile(r"\.llvm\.[0-9A-F@]+|[.$][A-Za-z0-9_@]+(?:\.[0-9]+(?![^.]))*")


def strip_suffixes(name: str) -> str:
    """Return a symbol's name without the suffixes of clones; other suffixes stay.

    Suffixes are taken from the end as long as the last one is a known word, for most with a
    number: ``f.isra.0.cold`` becomes ``f``. What marks another function stays, and what stands
    before it: parts of coroutines (``.resume``, ``.destroy``, ``.cleanup``, ``.actor``), OpenMP's
    bodies (``._omp_fn.0``), versions for CPUs (``.avx2.0``, ``.resolver``), nested functions and
    LLVM's renamed ones (``f.0``). At least one character is left.

    Source: gcc: cgraphclones.cc (clone_function_name) and its callers; llvm: HotColdSplitting.cpp,
    FunctionSpecialization.cpp, DeadArgumentElimination.cpp, ArgumentPromotion.cpp,
    UniqueInternalLinkageNames.cpp, FunctionImportUtils.cpp.
    """
    if "." not in name:
        return name
    end = len(name)
    while True:
        start = _last_suffix(name, end)
        if start <= 0:
            break
        end = start
    return name if end == len(name) or _GO.search(name) else name[:end]


def _last_suffix(name: str, end: int) -> int:
    """Return where the last suffix before ``end`` begins; 0 when there is none to strip."""
    decimal = True
    stop = end
    while (dot := name.rfind(".", 0, stop)) > 0:
        word = name[dot + 1 : stop]
        numbered = stop < end
        if decimal and (word in _PLAIN or (numbered and word in _NUMBERED)):
            return dot
        if numbered and word == _LLVM:
            return dot
        if not _NUMBER.fullmatch(word):
            return 0
        decimal = decimal and word.isdigit()
        stop = dot
    return 0


def render_suffix(suffix: str) -> str | None:
    """Return " [clone .part.0] [clone .cold]" for ".part.0.cold"; None when it is no suffix.

    A word and the numbers after it are one clone. The form is that of GNU's demangler, for the
    names of all languages.

    Source: binutils: libiberty/cp-demangle.c (d_clone_suffix), which knows no upper-case letters.
    """
    if len(suffix) > LONGEST:
        return None
    rendered = []
    at = 0
    while at < len(suffix):
        group = _GROUP.match(suffix, at)
        if group is None:
            return None
        rendered.append(f" [clone {group[0]}]")
        at = group.end()
    return "".join(rendered)
