# SPDX-License-Identifier: MIT
"""The names of functions: demangled linkage names, else built from the enclosing scopes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from crashsym.demangle import demangle, readable

if TYPE_CHECKING:
    from crashsym.budget import Budget

NAMELESS = "<name omitted>"
_ANONYMOUS_NAMESPACE = "(anonymous namespace)"
_LONGEST_CHAIN = 64
_LONGEST_NAME = 1 << 16


@dataclass(frozen=True, slots=True)
class NameEntry:
    """What one debugging information entry says about its name.

    ``parent`` is the offset of the scope around it; ``origin`` that of the entry which
    DW_AT_specification or DW_AT_abstract_origin refers to.
    """

    name: str | None
    linkage_name: str | None
    parent: int | None
    origin: int | None
    namespace: bool = False


class NameTable:
    """The named entries of a file by their offset in ``.debug_info``."""

    def __init__(self, budget: Budget, *, keep_suffixes: bool = False) -> None:
        self._entries: dict[int, NameEntry] = {}
        self._names: dict[int, str] = {}
        self._budget = budget
        self._keep_suffixes = keep_suffixes

    def add(self, offset: int, entry: NameEntry) -> None:
        """Remember an entry.

        Raises:
            MalformedError: the names of this file are longer than it has a right to.
        """
        self._budget.spend(len(entry.name or "") + len(entry.linkage_name or ""), ".debug_str")
        self._entries[offset] = entry

    def function_name(self, offset: int | None) -> str:
        """Return the full name of the function whose entry is at ``offset``.

        The linkage name of the entry, or of an entry that it refers to, is demangled. Without one
        (C, or an entry that no linker sees) the name is put behind those of its scopes. References
        may lead to other units and, in damaged files, in circles.

        Raises:
            MalformedError: the names of this file are longer than it has a right to.
        """
        if offset is None:
            return NAMELESS
        known = self._names.get(offset)
        if known is None:
            known = self._names[offset] = self._find(offset)
            self._budget.spend(len(known), ".debug_info names")
        return known

    def _find(self, offset: int) -> str:
        chain = self._chain(offset)
        linkage = next((e.linkage_name for e in chain if e.linkage_name), None)
        keep = self._keep_suffixes
        plain = demangle(linkage, keep_suffixes=keep) if linkage else None
        plain = plain or self._qualified(chain)
        return plain or (readable(linkage, keep_suffixes=keep) if linkage else NAMELESS)

    def _chain(self, offset: int) -> list[NameEntry]:
        """Return the entry and those that it refers to, one after the other."""
        chain: list[NameEntry] = []
        following: int | None = offset
        while following is not None and len(chain) < _LONGEST_CHAIN:
            entry = self._entries.get(following)
            if entry is None:
                break
            chain.append(entry)
            following = entry.origin
        return chain

    def _qualified(self, chain: list[NameEntry]) -> str:
        """Join the names of the scopes and the name; the scopes are those of the last entry.

        A definition outside of its class stands at the top level and refers to the declaration
        inside, which has the scopes.
        """
        named = next((e for e in chain if e.name), None)
        if named is None or named.name is None:
            return ""
        parts, length = [named.name], len(named.name)
        scope = chain[-1].parent
        for _ in range(_LONGEST_CHAIN):
            entry = None if scope is None else self._entries.get(scope)
            if scope is None or entry is None or length >= _LONGEST_NAME:
                break
            part = self._scope_name(scope, entry)
            if part:
                parts.append(part)
                length += len(part)
            # an enclosing function that is defined out of line has its scopes at its declaration
            scope = self._chain(scope)[-1].parent
        return "::".join(reversed(parts))[:_LONGEST_NAME]

    def _scope_name(self, offset: int, entry: NameEntry) -> str:
        if entry.name or not entry.namespace:
            inherited = next((e.name for e in self._chain(offset) if e.name), None)
            return inherited or ""
        return _ANONYMOUS_NAMESPACE
