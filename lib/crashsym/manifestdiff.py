# SPDX-License-Identifier: MIT
"""Two manifests, of a release and of the one before: what became of each file, above all the worse.

A file that was only built again is *changed*, and neither worse nor better.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeAlias

from crashsym.coverage import Coverage
from crashsym.errors import ManifestError
from crashsym.findings import EXCUSED, Finding, Owner
from crashsym.findings import WORSE as WORSE_CODE
from crashsym.manifest import LEFT_OUT, Manifest, Module

WORSE, BETTER = "worse", "better"
# What a file can have less of than before; the first here costs a reader of crashes most.
LOSSES = (
    *("symbols", "functions", "cfi", "lines", "build_id", "status"),
    *("function_share", "cfi_share", "line_share", "inlines"),
)
_COUNTS = ("functions", "cfi", "lines", "inlines")
_SHARES = {"function_share": "functions", "cfi_share": "cfi", "line_share": "lines"}
_LABELS = {
    "cfi": "unwind rules",
    "build_id": "build id",
    "function_share": "code with functions, in %:",
    "cfi_share": "code with unwind rules, in %:",
    "line_share": "code with lines, in %:",
}
# A status hides those before it: `onefile` and `image` note the last here of all that are true.
SEVERITY = (
    *("ok", LEFT_OUT, EXCUSED, "no-unwind-info", "no-lines", "no-debug-info", "no-build-id"),
    *("missing-debug-file", "mismatch", "conflict", "malformed", "unsupported", "packed"),
    *("unreadable", "crashed"),
)
_FEW = 20  # of fewer records half can go with one function
_POINTS = 10  # of 100; of a file with little code so much can go with one function


Fact: TypeAlias = str | int | None


class Change(NamedTuple):
    """What a file has less of than before, or more; None where there is none of it."""

    what: str
    old: Fact
    new: Fact

    def __str__(self) -> str:
        label = _LABELS.get(self.what, self.what)
        if self.new is None or self.old is None:
            return f"{label} {'gone' if self.new is None else 'new'}"
        return f"{label} {self.old} -> {self.new}"


class Pair(NamedTuple):
    """A file of both manifests.

    ``verdict`` is `WORSE`, `EXCUSED` (it is worse, and known and accepted), `BETTER` or None, and
    ``changes`` is why.
    """

    old: Module
    new: Module
    verdict: str | None
    changes: tuple[Change, ...]

    @property
    def changed(self) -> bool:
        """Whether it was built again, or has another path."""
        return (self.old.path, _identity(self.old)) != (self.new.path, _identity(self.new))


class Diff(NamedTuple):
    """What became of all files; ``pairs`` and the rest are in the order of manifests."""

    added: tuple[Module, ...]
    removed: tuple[Module, ...]
    pairs: tuple[Pair, ...]

    def judged(self, verdict: str) -> list[Pair]:
        """Return the files with a verdict, the worst (or the best) first."""
        return sorted((pair for pair in self.pairs if pair.verdict == verdict), key=_weight)

    @property
    def changed(self) -> list[Pair]:
        """The files that were built again, or have another path."""
        return [pair for pair in self.pairs if pair.changed]

    @property
    def totals(self) -> dict[str, int]:
        """How many files there are of each kind."""
        changed = len(self.changed)
        return {
            **{verdict: len(self.judged(verdict)) for verdict in (WORSE, EXCUSED, BETTER)},
            "added": len(self.added),
            "removed": len(self.removed),
            "changed": changed,
            "unchanged": len(self.pairs) - changed,
        }


def compare(old: Manifest, new: Manifest) -> Diff:
    """Return what became of each file of ``old``, and which ``new`` has besides."""
    partners = _partners(old.modules, new.modules)
    before = set(partners.values())
    return Diff(
        tuple(m for m in dict.fromkeys(new.modules) if m not in partners),
        tuple(m for m in dict.fromkeys(old.modules) if m not in before),
        tuple(_pair(partners[m], m) for m in dict.fromkeys(new.modules) if m in partners),
    )


def unrelated(where: str, other: str) -> ManifestError:
    """Return the error for a manifest of which not one file is in ``other``."""
    return ManifestError(
        "nothing to compare",
        where=f"'{where}'",
        why=f"not one of its files is in '{other}'",
        remedy="Give a manifest of the same image or recipe.",
    )


def findings_of(diff: Diff) -> list[Finding]:
    """Return a finding for each file that became worse."""
    remedy = (
        "Look for what its recipe, or the options of its compiler, changed since then; a policy can"
        " excuse it."
    )
    return [
        Finding(
            WORSE_CODE,
            pair.new.path,
            "worse than in the baseline",
            "; ".join(map(str, pair.changes)),
            remedy,
            Owner(pair.new.package, pair.new.recipe),
        )
        for pair in diff.judged(WORSE)
    ]


def _identity(module: Module) -> str:
    return module.build_id or module.debug_id or module.sha256 or str(module.size)


def _name(module: Module) -> str:
    return module.debug_file or module.path.rpartition("/")[2]


# What makes two entries the same file, the surest first. The last is for files whose path has a
# version in it: libx.so.1.2 and .1.3, and each kernel module.
_KEYS: tuple[Callable[[Module], tuple[str | None, ...]], ...] = (
    lambda module: (module.path, module.arch, module.package, module.build_id),
    lambda module: (module.path, module.arch, module.package),
    lambda module: (module.path, module.arch),
    lambda module: (module.path,),
    lambda module: (_name(module), module.arch, module.recipe),
)


def _partners(old: Iterable[Module], new: Iterable[Module]) -> dict[Module, Module]:
    """Return new file → old file."""
    partners: dict[Module, Module] = {}
    olds, news = set(old), set(new)
    for key in _KEYS:
        before, after = _alone(olds, key), _alone(news, key)
        found = {after[one]: before[one] for one in after.keys() & before.keys()}
        partners.update(found)
        olds.difference_update(found.values())
        news.difference_update(found)
    return partners


def _alone(
    modules: Iterable[Module], key: Callable[[Module], tuple[str | None, ...]]
) -> dict[tuple[str | None, ...], Module]:
    """Return the modules by their keys, without those that share one."""
    groups: dict[tuple[str | None, ...], list[Module]] = {}
    for module in modules:
        groups.setdefault(key(module), []).append(module)
    return {one: group[0] for one, group in groups.items() if len(group) == 1}


def _pair(old: Module, new: Module) -> Pair:
    lost = tuple(_losses(old, new))
    if lost:
        return Pair(old, new, EXCUSED if new.status == EXCUSED else WORSE, lost)
    won = tuple(Change(what, after, before) for what, before, after in _losses(new, old))
    if won and new.status != EXCUSED:  # an excuse makes nothing better
        return Pair(old, new, BETTER, won)
    return Pair(old, new, None, ())


def _losses(old: Module, new: Module) -> Iterator[Change]:
    """Yield what a file has less of than before, in the order of `LOSSES`."""
    before, after = _facts(old), _facts(new)
    for what in LOSSES:
        if what in before and what in after and _lost(what, before[what], after[what]):
            yield Change(what, before[what], after[what])


def _facts(module: Module) -> dict[str, Fact]:
    """Return what can be lost; without symbols no more is known."""
    if module.symbols is None:
        return {"symbols": None, "status": module.status}
    counts = {what: getattr(module.symbols.counts, what) for what in _COUNTS}
    ids = {"symbols": module.symbols.path, "build_id": module.build_id}
    return {**ids, "status": module.status, **counts, **_shares(module.symbols.coverage)}


def _shares(coverage: Coverage) -> dict[str, Fact]:
    """Return how much of the code is covered, in percent; of little code nothing."""
    if coverage.is_little:
        return {}
    return {name: int(coverage.percent(what) or 0) for name, what in _SHARES.items()}


def _lost(what: str, before: Fact, after: Fact) -> bool:
    if what == "status":
        return SEVERITY.index(str(after)) > SEVERITY.index(str(before))
    if isinstance(before, int) and isinstance(after, int):
        if what in _SHARES:
            return before - after >= _POINTS
        return _fell(before, after)
    return before is not None and after is None


def _fell(before: int, after: int) -> bool:
    """Whether a number of records fell to none, or by more than half."""
    return after < before and (after <= 0 or (before >= _FEW and 2 * after < before))


def _weight(pair: Pair) -> tuple[int, bool, int, str, str]:
    first = pair.changes[0]
    numbers = [n for n in (first.old, first.new) if isinstance(n, int)]
    by = max(numbers, default=0) - min(numbers, default=0)
    return LOSSES.index(first.what), 0 not in numbers, -by, pair.new.path, pair.old.path
