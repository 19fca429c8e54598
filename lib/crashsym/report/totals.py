# SPDX-License-Identifier: MIT
"""The head of the page: how many files, and how much of their code is covered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from crashsym.coverage import Coverage
from crashsym.manifest import Module
from crashsym.manifestdiff import SEVERITY
from crashsym.report.explained import EXPLAINED
from crashsym.report.markup import NONE, escaped, number, percent, rounded, status_mark
from crashsym.thresholds import total

LEVELS = ("error", "warning", "excused", "ignore")
SHARES = {"functions": "Functions", "lines": "Lines", "cfi": "Unwind rules"}
_SHARE_HELP = {
    "functions": "code that a function is known for",
    "lines": "code that a source line is known for",
    "cfi": "code that a stack can be walked through",
}


def statuses(modules: Iterable[Module]) -> dict[str, int]:
    """Return how many modules there are of each status that occurs, the worst first."""
    found = Counter(module.status for module in modules)
    return {status: found[status] for status in reversed(SEVERITY) if found[status]}


def totals(modules: tuple[Module, ...], levels: Iterable[str]) -> str:
    """Return the numbers of files, findings and code, with how much of it is covered."""
    coverage = total(modules)
    found = Counter(levels)
    parts = [
        '<section class="cards" aria-label="Totals">',
        _card("ELF files", number(len(modules))),
        _card("Code", rounded(coverage.code), _note(f"{number(coverage.code)} bytes")),
        *(_share(what, label, coverage) for what, label in SHARES.items()),
        _card("Findings", number(found.total()), _levels(found)),
        "</section>",
    ]
    return "\n".join(parts)


def _card(label: str, value: str, more: str = "") -> str:
    return f'<div class="card"><h2>{label}</h2><p class="big">{value}</p>{more}</div>'


def _share(what: str, label: str, coverage: Coverage) -> str:
    """Return a share of all code as number and bar; the bar ends at 100 %."""
    share = coverage.percent(what)
    width = min(share or 0.0, 100.0)
    bar = (
        '<svg class="bar" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect width="{width:.1f}" height="1"/></svg>'
    )
    return _card(label, percent(share), bar + _note(_SHARE_HELP[what]))


def _note(text: str) -> str:
    return f'<p class="note">{text}</p>'


def _levels(found: Counter[str]) -> str:
    texts = [
        f'<span class="level {level}">{level} {number(found[level])}</span>'
        for level in LEVELS
        if found[level]
    ]
    return _note(" ".join(texts) or "nothing to say")


def status_list(modules: tuple[Module, ...]) -> str:
    """Return the statuses that occur with their numbers, colours and meanings."""
    rows = "\n".join(_status_rows(modules))
    return (
        '<section><h2>Status</h2>\n<table class="statuses"><thead><tr><th scope="col">Status'
        '<th scope="col" class="n">Files<th scope="col" class="n">Code bytes'
        f'<th scope="col">Meaning</thead><tbody>\n{rows}\n</tbody></table></section>'
    )


def _status_rows(modules: tuple[Module, ...]) -> Iterator[str]:
    for status, count in statuses(modules).items():
        own = [module for module in modules if module.status == status]
        known = any(module.symbols is not None for module in own)
        code = number(total(own).code) if known else NONE
        yield (
            f'<tr><td><a href="#status={escaped(status)}">{status_mark(status)}</a>'
            f'<td class="n">{number(count)}<td class="n">{code}'
            f"<td>{escaped(EXPLAINED[status])}</tr>"
        )
