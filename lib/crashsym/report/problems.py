# SPDX-License-Identifier: MIT
"""The findings, those that are alike together: what it means, what to do, and in which files."""

from __future__ import annotations

from collections.abc import Iterable

from crashsym.findings import CODES, Finding
from crashsym.report.explained import EXPLAINED
from crashsym.report.markup import escaped, files, number
from crashsym.report.table import link
from crashsym.report.totals import LEVELS

Judged = tuple[str, Finding]  # with its level
_FEW = 12  # files that are shown at once


def problems(judged: Iterable[Judged], rows: dict[str, str]) -> str:
    """Return the section with all findings, the errors first."""
    by_code: dict[str, list[Judged]] = {}
    for level, finding in judged:
        by_code.setdefault(finding.code, []).append((level, finding))
    if not by_code:
        return '<section><h2>Findings</h2>\n<p class="note">None.</p></section>'
    order = sorted(by_code, key=lambda code: (_worst(by_code[code]), CODES.index(code)))
    parts = [_kind(code, by_code[code], rows) for code in order]
    return "\n".join(["<section><h2>Findings</h2>", *parts, "</section>"])


def _worst(judged: Iterable[Judged]) -> int:
    return min(LEVELS.index(level) for level, _ in judged)


def _kind(code: str, judged: list[Judged], rows: dict[str, str]) -> str:
    """Return the findings of one code, by level, message and remedy."""
    groups: dict[tuple[str, str, str], list[Finding]] = {}
    for level, finding in judged:
        groups.setdefault((level, finding.what, finding.remedy), []).append(finding)
    order = sorted(groups, key=lambda group: (LEVELS.index(group[0]), group[1:]))
    parts = [
        (
            f'<article class="finding" id="code-{escaped(code)}"><h3>{escaped(code)}'
            f' <span class="note">{number(len(judged))}</span></h3>'
        ),
        f"<p>{escaped(EXPLAINED[code])}</p>",
        *(_group(group, groups[group], rows) for group in order),
        "</article>",
    ]
    return "\n".join(parts)


def _group(group: tuple[str, str, str], found: list[Finding], rows: dict[str, str]) -> str:
    level, what, remedy = group
    shown = " open" if len(found) <= _FEW and level in ("error", "warning") else ""
    advice = f'<p class="remedy">{escaped(remedy)}</p>' if remedy else ""
    items = "\n".join(f"<li>{link(one.path, rows)}: {escaped(one.why)}" for one in found)
    count = files(len({one.path for one in found}))
    return (
        f'<details{shown}><summary><span class="level {level}">{level}</span> {escaped(what)}:'
        f" {count}</summary>{advice}\n<ul>\n{items}\n</ul></details>"
    )
