# SPDX-License-Identifier: MIT
"""The table of all files. It is whole without JavaScript, with which it can be sorted and searched.

report.js and report.css count on the order of the columns.
"""

from __future__ import annotations

from collections.abc import Iterable

from crashsym.findings import EXCUSED
from crashsym.manifest import Module
from crashsym.report.markup import NONE, escaped, files, number, percent
from crashsym.report.totals import statuses

COLUMNS = {
    "path": "Path",
    "package": "Package",
    "recipe": "Recipe",
    "version": "Version",
    "build-id": "Build id",
    "status": "Status",
    "code": "Code bytes",
    "functions": "Functions",
    "lines": "Lines",
    "rules": "Rules",
}
_CONTROLS = """\
<div class="controls" id="controls" role="search" hidden>
<label>Search <input type="search" id="search" autocomplete="off" spellcheck="false"\
 placeholder="path, package, recipe, build id"></label>
<label>Status <select id="status"><option value="">all</option>{options}</select></label>
<output id="count" aria-live="polite">{count}</output>
</div>"""


def row_id(number: int) -> str:
    """Return the name of the row of a module, by its number in the manifest."""
    return f"f{number}"


def row_ids(modules: Iterable[Module]) -> dict[str, str]:
    """Return the names of rows by the paths of their files."""
    return {module.path: row_id(index) for index, module in enumerate(modules)}


def link(path: str, rows: dict[str, str]) -> str:
    """Return a path that leads to its row, if it has one."""
    text = f'<code class="path">{escaped(path)}</code>'
    return f'<a href="#{rows[path]}">{text}</a>' if path in rows else text


def table(modules: tuple[Module, ...]) -> str:
    """Return the section with all files."""
    options = "".join(
        f'<option value="{escaped(status)}">{escaped(status)} ({number(count)})</option>'
        for status, count in statuses(modules).items()
    )
    heads = "".join(
        f'<th scope="col" data-key="{key}"{_sorted(key)}>{label}' for key, label in COLUMNS.items()
    )
    rows = "\n".join(_row(index, module) for index, module in enumerate(modules))
    return "\n".join(
        [
            '<section id="files"><h2>Files</h2>',
            _CONTROLS.format(options=options, count=files(len(modules))),
            f'<table class="files" id="table"><thead><tr>{heads}</thead><tbody>\n{rows}\n</tbody>',
            '</table>\n<p><button type="button" id="more" hidden>Show all</button></p></section>',
        ]
    )


def _sorted(key: str) -> str:
    return ' aria-sort="ascending"' if key == "path" else ""


def _row(index: int, module: Module) -> str:
    """Return a file; end tags that HTML does not need are left out, there are so many."""
    code, *shares = _shares(module)
    texts = [
        escaped(text)
        for text in (module.path, module.package, module.recipe, module.version, module.build_id)
    ]
    status = f'<td class="s s-{module.status}">{module.status}{_reason(module)}'
    cells = [*texts[:-1], f"{texts[-1]}{status}", code, *shares]
    return f'<tr id="{row_id(index)}"><td>{"<td>".join(cells)}</tr>'


def _shares(module: Module) -> list[str]:
    if module.symbols is None:
        return [NONE] * 4
    coverage = module.symbols.coverage
    shares = [percent(coverage.percent(what)) for what in ("functions", "lines", "cfi")]
    return [number(coverage.code), *shares]


def _reason(module: Module) -> str:
    """Return why a file is excused, which no finding says."""
    if module.status != EXCUSED or module.reason is None:
        return ""
    return f"<small>{escaped(module.reason)}</small>"
