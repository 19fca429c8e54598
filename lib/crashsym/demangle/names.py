# SPDX-License-Identifier: MIT
"""Which decoder a name is for.

The rules, in this order, on a name of which (unless they are kept) suffixes have been stripped:

1. ``_ZN…17h<16 digits>E`` is legacy Rust (`rust_legacy.hash_end` has the exact rule).
2. ``_Z`` is C++; what follows the first "." is a suffix.
3. ``_R`` is Rust v0; what follows the first "." or "$" is a suffix.
4. ``_D`` is D; what follows the first "." is a suffix.
5. Everything else (C, Go, assembler) is readable as it is.

A suffix that stays is shown as " [clone .suffix]" behind a name that could be demangled. A name
that its decoder refuses, or whose readable form would be longer than 64 KiB, stays mangled.
"""

from __future__ import annotations

from functools import lru_cache

from crashsym.demangle import itanium, rust_legacy
from crashsym.demangle.limits import LONGEST
from crashsym.demangle.suffixes import render_suffix, strip_suffixes


def readable(name: str, *, keep_suffixes: bool = False) -> str:
    """Return what to call the symbol ``name`` in a symbol file: demangled, else without suffixes.

    Suffixes of clones stay with ``keep_suffixes``.
    """
    return demangle(name, keep_suffixes=keep_suffixes) or (
        name if keep_suffixes else strip_suffixes(name)
    )


@lru_cache(maxsize=8192)
def demangle(name: str, *, keep_suffixes: bool = False) -> str | None:
    """Return the readable form of a mangled name; None when it is not mangled.

    Also None for a name that becomes longer than 64 KiB, that is out of all proportion to its
    mangled form, or that takes too long. The suffixes of clones (`strip_suffixes`) are left out,
    or shown as `render_suffix` does; those that mark another function are always shown.

    Source: see the decoders; the rules are those of this module's docstring.
    """
    if name[:2] not in ("_Z", "_R", "_D") or "\0" in name:
        return None
    whole = name if keep_suffixes else strip_suffixes(name)
    hash_end = rust_legacy.hash_end(whole)
    end = hash_end or _end(whole)
    shown = render_suffix(whole[end:])
    if shown is None:
        return None
    plain = (rust_legacy.decode(whole[:end]) if hash_end else None) or _decode(whole[:end])
    return None if plain is None or len(plain) + len(shown) > LONGEST else plain + shown


def begin_table() -> None:
    """Say that the names of another table follow, which have limits of their own."""
    demangle.cache_clear()
    itanium.forget_names()


def _end(name: str) -> int:
    """Return where the mangled part of a name ends."""
    ends = [name.find(".")]
    if name.startswith("_R"):
        ends.append(name.find("$"))
    return min((end for end in ends if end > 0), default=len(name))


def _decode(mangled: str) -> str | None:
    """Return what a name without suffix stands for; few files need the decoders loaded here."""
    if mangled.startswith("_R"):
        from crashsym.demangle import rust_v0

        return rust_v0.decode(mangled)
    if mangled.startswith("_D"):
        from crashsym.demangle import dlang

        return dlang.decode(mangled)
    return itanium.decode(mangled)
