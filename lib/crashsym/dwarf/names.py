# SPDX-License-Identifier: MIT
"""The names of functions: demangled linkage names, else built from the enclosing scopes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from crashsym.demangle import demangle, readable

if TYPE_CHECKING:
    from crashsym.budget import Budget

# Which entry: the number of its section among all that are read, and its offset there. Section -1
# stands for type units by signature.
Key = tuple[int, int]
SIGNATURES = -1

NAMELESS = "<name omitted>"
_ANONYMOUS_NAMESPACE = "(anonymous namespace)"
_LONGEST_CHAIN = 64
_LONGEST_NAME = 1 << 16


@dataclass(frozen=True, slots=True)
class NameEntry:
    """What one debugging information entry says about its name.

    ``parent`` is the key of the scope around it; ``origin`` that of the entry which
    DW_AT_abstract_origin refers to, else DW_AT_specification, else DW_AT_signature.
    """

    name: str | None
    linkage_name: str | None
    parent: Key | None
    origin: Key | None
    namespace: bool = False


class NameTable:
    """The named entries of all files by their keys."""

    def __init__(self, budget: Budget, *, keep_suffixes: bool = False) -> None:
        self._keep_suffixes = keep_suffixes
        self._entries: dict[Key, NameEntry] = {}
        self._names: dict[Key, str] = {}
        self._types: dict[Key, Key] = {}
        self._budget = budget

    def add_type(self, signature: int, key: Key) -> None:
        """Remember where the type with a signature is; the first place counts."""
        self._types.setdefault((SIGNATURES, signature), key)

    def _get(self, key: Key) -> NameEntry | None:
        return self._entries.get(self._types.get(key, key))

    def add(self, key: Key, entry: NameEntry) -> None:
        """Remember an entry.

        Raises:
            MalformedError: the names of this file are longer than it has a right to.
        """
        self._budget.spend(len(entry.name or "") + len(entry.linkage_name or ""), ".debug_str")
        self._entries[key] = entry

    def function_name(self, key: Key | None) -> str:
        """Return the full name of the function whose entry has this key.

        The linkage name of the entry, or of an entry that it refers to, is demangled. Without one
        (C, or an entry that no linker sees), and where it is none that can be demangled, the name
        is put behind those of its scopes. Would that be 64 KiB or longer, the linkage name stays as
        it is. References may lead to other units and, in damaged files, in circles.

        Raises:
            MalformedError: the names of this file are longer than it has a right to.
        """
        if key is None:
            return NAMELESS
        known = self._names.get(key)
        if known is None:
            known = self._names[key] = self._find(key)
            self._budget.spend(len(known), ".debug_info names")
        return known

    def _find(self, key: Key) -> str:
        chain = self._chain(key)
        linkage = next((e.linkage_name for e in chain if e.linkage_name), None)
        if linkage is None:
            return self._qualified(chain) or NAMELESS
        plain = demangle(linkage, keep_suffixes=self._keep_suffixes) or self._qualified(chain)
        if 0 < len(plain) < _LONGEST_NAME:
            return plain
        return readable(linkage, keep_suffixes=self._keep_suffixes)

    def _chain(self, key: Key) -> list[NameEntry]:
        """Return the entry and those that it refers to, one after the other; at most 64."""
        chain: list[NameEntry] = []
        following: Key | None = key
        while following is not None and len(chain) < _LONGEST_CHAIN:
            entry = self._get(following)
            if entry is None:
                break
            chain.append(entry)
            following = entry.origin
        return chain

    def _qualified(self, chain: list[NameEntry]) -> str:
        """Join the names of the scopes and the name; the scopes are those of the last entry.

        A definition outside of its class stands at the top level and refers to the declaration
        inside, which has the scopes. At most 64 scopes are looked at, with or without a name.
        """
        named = next((e for e in chain if e.name), None)
        if named is None or named.name is None:
            return ""
        parts, length = [named.name], len(named.name)
        scope = chain[-1].parent
        for _ in range(_LONGEST_CHAIN):
            entry = self._get(scope) if scope is not None and length < _LONGEST_NAME else None
            if scope is None or entry is None:
                break
            part = self._scope_name(scope, entry)
            if part:
                parts.append(part)
                length += len(part)
            # an enclosing function that is defined out of line has its scopes at its declaration
            scope = self._chain(scope)[-1].parent
        return "::".join(reversed(parts))[:_LONGEST_NAME]

    def _scope_name(self, key: Key, entry: NameEntry) -> str:
        if entry.name or not entry.namespace:
            inherited = next((e.name for e in self._chain(key) if e.name), None)
            return inherited or ""
        return _ANONYMOUS_NAMESPACE
