# SPDX-License-Identifier: MIT
"""Say what became of each file between the manifests of two releases, the worst first."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any, TypeAlias

from crashsym.cli.common import FINDINGS, path
from crashsym.cli.output import show
from crashsym.errors import counted, visible
from crashsym.findings import EXCUSED
from crashsym.manifest import LEFT_OUT, Module, read
from crashsym.manifestdiff import BETTER, LOSSES, WORSE, Change, Diff, Pair, compare, unrelated

HELP = "compare the manifests of two releases"
SCHEMA = "crashsym-manifest-diff/1"
_QUIET = ("ok", EXCUSED, LEFT_OUT)
_WIDEST = 60  # to this a column of the table is filled up
_FACTS = (
    *("path", "arch", "build_id", "debug_id", "recipe", "version", "package", "status", "reason"),
)
_MANY = 8  # so many files that lost the same have a line each
Row: TypeAlias = tuple[str, str, str, str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``crashsym manifest diff``."""
    parser.add_argument("old", metavar="OLD", type=path, help="the manifest of the release before")
    parser.add_argument("new", metavar="NEW", type=path, help="the manifest of this release")
    parser.add_argument("--json", action="store_true", help="print all files as JSON")
    parser.add_argument(
        "--fail-on-worse", action="store_true", help="exit code 3 if a file became worse"
    )


def run(args: argparse.Namespace) -> int:
    """Compare two manifests."""
    old, new = read(args.old), read(args.new)
    diff = compare(old, new)
    if old.modules and new.modules and not diff.pairs:
        raise unrelated(str(args.old), str(args.new))
    show(_document(diff) if args.json else table(diff))
    return FINDINGS if args.fail_on_worse and diff.judged(WORSE) else 0


def table(diff: Diff) -> str:
    """Return a diff as text, the worst first and the totals last."""
    totals = diff.totals
    if not any(number for what, number in totals.items() if what != "unchanged"):
        return f"nothing has changed: {counted(totals['unchanged'], 'file')}"
    rows = [row for verdict in (WORSE, EXCUSED, BETTER) for row in _judged(diff, verdict)]
    rows += _by_owner("added", [(_owner(m), m.path, _trouble(m)) for m in diff.added])
    rows += _by_owner("removed", [(_owner(m), m.path, "") for m in diff.removed])
    rows += _by_owner("changed", [(_owners(pair), pair.new.path, "") for pair in diff.changed])
    verdicts = {what: totals.pop(what) for what in (WORSE, EXCUSED, BETTER)}
    ends = (", ".join(f"{n} {what}" for what, n in part.items()) for part in (verdicts, totals))
    return "\n".join([*_aligned(rows), "; ".join(ends)])


def _owner(module: Module) -> str:
    return " ".join(filter(None, (module.recipe or module.package, module.version)))


def _owners(pair: Pair) -> str:
    """Return whose a file is, and which version of it came before."""
    old, new = _owner(pair.old), _owner(pair.new)
    if not old or old == new:
        return new
    if pair.old.recipe == pair.new.recipe is not None and pair.new.version:
        return f"{old} -> {pair.new.version}"
    return f"{old} -> {new or 'nobody'}"


def _judged(diff: Diff, verdict: str) -> Iterator[Row]:
    """Yield a line for each file with a verdict, or for many of one owner that lost the same."""
    groups: dict[tuple[str, ...], list[Pair]] = {}
    for pair in diff.judged(verdict):
        status = [str(change) for change in pair.changes if change.what == "status"]
        same = status or [change.what for change in pair.changes]
        place = _place(_owners(pair), pair.new.path)
        groups.setdefault((place, _excuse(pair), *same), []).append(pair)
    for (place, excuse, *_), pairs in groups.items():
        if len(pairs) > _MANY:
            yield verdict, counted(len(pairs), "file"), place, _sums(pairs) + excuse
        else:
            for pair in pairs:
                yield verdict, pair.new.path, _owners(pair), _sums([pair]) + excuse


def _excuse(pair: Pair) -> str:
    return f" ({pair.new.reason})" if pair.new.status == EXCUSED else ""


def _sums(pairs: list[Pair]) -> str:
    """Return the changes of files as text, with their counts added up."""
    changes = [change for pair in pairs for change in pair.changes]
    texts = []
    for what in sorted({change.what for change in changes}, key=LOSSES.index):
        same = [change for change in changes if change.what == what]
        counts = [(c.old, c.new) for c in same if isinstance(c.old, int) and isinstance(c.new, int)]
        total = Change(what, *map(sum, zip(*counts, strict=True))) if counts else same[0]
        texts.append(str(total))
    return "; ".join(texts)


def _trouble(module: Module) -> str:
    return "" if module.status in _QUIET else f"status {module.status}"


def _by_owner(what: str, files: list[tuple[str, str, str]]) -> Iterator[Row]:
    """Yield a line for all files of one owner, those that are nobody's by their folders."""
    groups: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for owner, file, text in files:
        groups.setdefault((text, _place(owner, file)), []).append((file, owner))
    for (text, place), group in sorted(groups.items(), key=lambda item: (not item[0][0], item[0])):
        many = len(group) > 1
        yield (what, *((counted(len(group), "file"), place) if many else group[0]), text)


def _place(owner: str, file: str) -> str:
    return owner or file.rpartition("/")[0] + "/"


def _aligned(rows: list[Row]) -> Iterator[str]:
    """Yield rows as lines; a column that is empty in all of them is left out."""
    texts = [[visible(cell) for cell in column] for column in zip(*rows, strict=True)]
    columns = [column for column in texts if any(column)]
    widths = [min(max(map(len, column)), _WIDEST) for column in columns]
    for cells in zip(*columns, strict=True):
        padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        yield "  ".join(padded).rstrip()


def _document(diff: Diff) -> dict[str, Any]:
    judged = {
        verdict: [
            {**_pair(pair), "changes": [change._asdict() for change in pair.changes]}
            for pair in diff.judged(verdict)
        ]
        for verdict in (WORSE, EXCUSED, BETTER)
    }
    return {
        "schema": SCHEMA,
        "totals": diff.totals,
        **judged,
        "added": [_facts(module) for module in diff.added],
        "removed": [_facts(module) for module in diff.removed],
        "changed": [_pair(pair) for pair in diff.changed],
    }


def _pair(pair: Pair) -> dict[str, Any]:
    return {"old": _facts(pair.old), "new": _facts(pair.new)}


def _facts(module: Module) -> dict[str, Any]:
    return {name: getattr(module, name) for name in _FACTS}
