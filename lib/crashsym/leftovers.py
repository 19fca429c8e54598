# SPDX-License-Identifier: MIT
"""What is left over: symbols in the store of no file of the image, and excuses for nothing.

Both are findings of `ASKED_FOR`: they are looked for where a rule names them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from crashsym.errors import shortened
from crashsym.extract import Extraction
from crashsym.findings import EXCUSED, STALE, UNUSED_EXCUSE, Finding, Policy, Rule
from crashsym.store import Store
from crashsym.texts import target_path


def leftovers(store: Path, result: Extraction, policy: Policy) -> Iterator[Finding]:
    """Yield the findings of both kinds that a policy asks for, now that the store has a result.

    Raises:
        StoreError: the store cannot be read.
    """
    if policy.asks_for(STALE):
        yield from _stale(Store(store), result)
    if policy.asks_for(UNUSED_EXCUSE):
        yield from _unused(result, policy)


def _stale(store: Store, result: Extraction) -> Iterator[Finding]:
    # Of what the store refused it has something else, which is a finding of its own.
    modules = (*result.manifest.modules, *result.refused)
    used = {module.symbols.path for module in modules if module.symbols is not None}
    for path in map(str, store.files()):
        if path not in used:
            yield Finding(
                STALE,
                target_path(path),
                "symbols of another build",
                "the store has them, and no file of this image does",
                "Remove them, or give each image a store of its own.",
            )


def _unused(result: Extraction, policy: Policy) -> Iterator[Finding]:
    for rule in (*policy.rules, *policy.expired):
        if rule.level == EXCUSED and not any(rule.fits(found) for found in result.findings):
            yield Finding(
                UNUSED_EXCUSE,
                target_path(rule.file),
                "an excuse for nothing",
                f"rule {rule.number} ({_patterns(rule)}) fits no finding of this image;"
                f" its reason was: {shortened(rule.reason)}",
                "Delete the rule, or correct its patterns.",
            )


def _patterns(rule: Rule) -> str:
    """Return what a rule is about, as its file has it."""
    names = ("code", "path", "package", "recipe")
    given = {name: getattr(rule, name) for name in names}
    return ", ".join(f"{name} '{shortened(text)}'" for name, text in given.items() if text != "*")
