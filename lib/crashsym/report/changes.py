# SPDX-License-Identifier: MIT
"""What became of the files since the baseline."""

from __future__ import annotations

from collections.abc import Iterator

from crashsym.findings import EXCUSED
from crashsym.manifest import Module
from crashsym.manifestdiff import BETTER, WORSE, Diff, Pair
from crashsym.report.markup import escaped, files, number
from crashsym.report.table import link

_MEANINGS = {
    WORSE: "less than before; the worst first",
    EXCUSED: "less than before, and the policy accepts it",
    BETTER: "more than before",
    "added": "not in the baseline",
    "removed": "only in the baseline",
    "changed": "another build id or path",
}


def changes(diff: Diff, rows: dict[str, str]) -> str:
    """Return the section about the baseline."""
    items = {
        **{verdict: [_judged(p, rows) for p in diff.judged(verdict)] for verdict in _VERDICTS},
        "added": [_item(m.path, rows, [_owner(m), f"status {m.status}"]) for m in diff.added],
        "removed": [_item(m.path, {}, [_owner(m)]) for m in diff.removed],
        "changed": [_item(p.new.path, rows, _owners(p)) for p in diff.changed],
    }
    totals = "".join(
        f"<li><b>{number(count)}</b> {escaped(what)}" for what, count in diff.totals.items()
    )
    parts = ["<section><h2>Since the baseline</h2>", f'<ul class="totals">{totals}</ul>']
    parts += [_details(what, lines) for what, lines in items.items() if lines]
    return "\n".join([*parts, "</section>"])


_VERDICTS = (WORSE, EXCUSED, BETTER)


def _details(what: str, lines: list[str]) -> str:
    shown = " open" if what == WORSE else ""
    items = "\n".join(lines)
    return (
        f"<details{shown}><summary>{what}: {files(len(lines))}"
        f' <span class="note">{_MEANINGS[what]}</span></summary>\n<ul>\n{items}\n</ul></details>'
    )


def _judged(pair: Pair, rows: dict[str, str]) -> str:
    reasons = [pair.new.reason or ""] if pair.verdict == EXCUSED else []
    return _item(pair.new.path, rows, [*_owners(pair), *map(str, pair.changes), *reasons])


def _owners(pair: Pair) -> Iterator[str]:
    """Yield whose a file is, and what was different before."""
    old, new = _owner(pair.old), _owner(pair.new)
    yield new if old == new else f"{old or 'nobody'} → {new or 'nobody'}"
    if pair.old.path != pair.new.path:
        yield f"was {pair.old.path}"


def _owner(module: Module) -> str:
    return " ".join(filter(None, (module.recipe or module.package, module.version)))


def _item(path: str, rows: dict[str, str], facts: list[str] | Iterator[str]) -> str:
    text = "; ".join(escaped(fact) for fact in facts if fact)
    return f"<li>{link(path, rows)}" + (f": {text}" if text else "")
