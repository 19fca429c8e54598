# SPDX-License-Identifier: MIT
"""The packages that lack most: where to begin."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote_plus

from crashsym.coverage import Coverage
from crashsym.errors import visible
from crashsym.findings import EXCUSED
from crashsym.manifest import Module
from crashsym.report.markup import escaped, number, percent, rounded
from crashsym.report.picture import place
from crashsym.thresholds import total

_FEW = 10  # packages that are shown at once
_MOST = 3  # packages in a line
_HEADS = ("Package", "Files", "Code bytes", "Bytes without lines", "Lines", "Rules")


@dataclass(frozen=True, slots=True)
class Package:
    """What the files of a package, or of a folder where that is not known, have together."""

    name: str
    files: int
    coverage: Coverage

    @property
    def without_lines(self) -> int:
        """The bytes of its code that no source line is known for."""
        return max(self.coverage.code - self.coverage.plt - self.coverage.lines, 0)


def packages(modules: Iterable[Module]) -> list[Package]:
    """Return the packages, those first that have most code without lines.

    Files that the policy accepts as they are do not count, nor those without symbols.
    """
    found: dict[str, list[Module]] = {}
    for module in modules:
        if module.symbols is not None and module.status != EXCUSED:
            found.setdefault(place(module), []).append(module)
    listed = [Package(name, len(own), total(own)) for name, own in found.items()]
    return sorted(listed, key=lambda package: (-package.without_lines, package.name))


def package_list(modules: Iterable[Module]) -> str:
    """Return the section with all packages, the worst first."""
    found = packages(modules)
    if not found:
        return ""
    parts = [
        "<section><h2>Packages</h2>",
        '<p class="note">Those first that have most code without lines.</p>',
    ]
    parts.append(_table(found[:_FEW]))
    if more := found[_FEW:]:
        parts.append(
            f"<details><summary>{number(len(more))} more</summary>{_table(more)}</details>"
        )
    return "\n".join([*parts, "</section>"])


def _table(found: list[Package]) -> str:
    heads = "".join(f'<th scope="col"{" class=n" * (n > 0)}>{h}' for n, h in enumerate(_HEADS))
    rows = "\n".join(map(_row, found))
    return f'<table class="packages"><thead><tr>{heads}</thead><tbody>\n{rows}\n</tbody></table>'


def _row(package: Package) -> str:
    coverage = package.coverage
    numbers = (
        number(package.files),
        number(coverage.code),
        number(package.without_lines),
        percent(coverage.percent("lines")),
        percent(coverage.percent("cfi")),
    )
    link = f"#search={quote_plus(package.name, errors='replace')}"
    name = f'<a href="{link}">{escaped(package.name)}</a>'
    return f"<tr><td>{name}" + "".join(f'<td class="n">{text}' for text in numbers) + "</tr>"


def worst_packages(modules: Iterable[Module]) -> str:
    """Return the packages that have most code without lines, as a line of text; "" if none has."""
    found = [package for package in packages(modules) if package.without_lines]
    texts = [f"{visible(one.name)} {rounded(one.without_lines)}" for one in found[:_MOST]]
    return f"most code without lines: {', '.join(texts)}" if texts else ""
