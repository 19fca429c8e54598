# SPDX-License-Identifier: MIT
"""The code of an image as a picture: an area for each package, coloured by status."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from crashsym.errors import visible
from crashsym.manifest import Module
from crashsym.manifestdiff import SEVERITY
from crashsym.report.markup import escaped, files, number, percent, rounded
from crashsym.report.treemap import Rect, squarify
from crashsym.thresholds import total

FRAMES = {"wide": Rect(0, 0, 1200, 520), "narrow": Rect(0, 0, 340, 460)}
_LINE = 14.0  # the height of a line of text, and of the letters' frame around it
_LETTER = 7.8  # the width of most letters of a wide typeface at most, and of the others twice that
_FEWEST = 4  # letters of a name that is cut off
_NARROW = frozenset("abcdefghijklnopqrstuvxyz0123456789 -_./+:,")


@dataclass(slots=True)
class Area:
    """A package: its modules with code by status."""

    name: str
    code: int = 0
    by_status: dict[str, list[Module]] = field(default_factory=dict)


def place(module: Module) -> str:
    """Return the package of a file, or the folder where that is not known."""
    return module.package or module.path.rpartition("/")[0] + "/"


def areas(modules: Iterable[Module]) -> list[Area]:
    """Return the packages that have code, the largest first."""
    found: dict[str, Area] = {}
    for module in modules:
        code = module.symbols.coverage.code if module.symbols is not None else 0
        if code > 0:
            area = found.setdefault(place(module), Area(place(module)))
            area.code += code
            area.by_status.setdefault(module.status, []).append(module)
    return sorted(found.values(), key=lambda area: (-area.code, area.name))


def picture(modules: tuple[Module, ...]) -> str:
    """Return the section with the picture: one for wide and one for narrow windows."""
    found = areas(modules)
    if not found:
        return ""
    without = sum(1 for m in modules if m.symbols is None or m.symbols.coverage.code <= 0)
    note = f" {files(without)} without symbols or code: not shown." if without else ""
    parts = ["<section><h2>Code by package</h2>"]
    parts += [
        f'<p class="note">The area is the number of bytes of code, the colour the status.{note}</p>'
    ]
    parts += [_drawing(found, name, frame) for name, frame in FRAMES.items()]
    return "\n".join([*parts, "</section>"])


def _drawing(found: list[Area], name: str, frame: Rect) -> str:
    rects = squarify([area.code for area in found], frame)
    groups = (_group(area, rect) for area, rect in zip(found, rects, strict=True))
    return (
        f'<svg class="map {name}" viewBox="0 0 {frame.width:g} {frame.height:g}" role="img"'
        f' aria-label="Bytes of code of {len(found)} packages by status; the table below has all'
        f' numbers">\n{"".join(groups)}</svg>'
    )


def _group(area: Area, rect: Rect) -> str:
    """Return a package: a rectangle for each status, its edge, and its name if there is room."""
    parts = _by_size(area)
    sizes = [code for _, code, _ in parts]
    inner = squarify(sizes, rect)
    texts = [f'<g data-place="{escaped(area.name)}">']
    for (status, code, modules), part in zip(parts, inner, strict=True):
        title = f"<title>{escaped(_title(area, status, code, modules))}</title>"
        texts.append(f'<rect class="s-{status}" {_corners(part)}>{title}</rect>')
    texts.append(f'<path class="edge" d="{_outline(rect)}"/>')
    texts += _labels(area, parts[0][0], inner[0])
    return "".join([*texts, "</g>\n"])


def _by_size(area: Area) -> list[tuple[str, int, list[Module]]]:
    """Return status, bytes of code and modules of the parts of a package, the largest first."""
    parts = [(s, total(modules).code, modules) for s, modules in area.by_status.items()]
    return sorted(parts, key=lambda part: (-part[1], SEVERITY.index(part[0])))


def _title(area: Area, status: str, code: int, modules: list[Module]) -> str:
    coverage = total(modules)
    shares = ", ".join(
        f"{label} {percent(coverage.percent(what))}"
        for what, label in (("functions", "functions"), ("lines", "lines"), ("cfi", "rules"))
    )
    return f"{area.name}: {status}, {files(len(modules))}, {number(code)} bytes of code; {shares}"


def _corners(rect: Rect) -> str:
    x, y = round(rect.x, 2), round(rect.y, 2)
    width = round(rect.x + rect.width, 2) - x  # so that neighbours share an edge
    height = round(rect.y + rect.height, 2) - y
    return f'x="{x:.2f}" y="{y:.2f}" width="{width:.2f}" height="{height:.2f}"'


def _outline(rect: Rect) -> str:
    right, low = rect.x + rect.width, rect.y + rect.height
    return f"M{rect.x:.2f} {rect.y:.2f}H{right:.2f}V{low:.2f}H{rect.x:.2f}Z"


def _labels(area: Area, status: str, room: Rect) -> Iterator[str]:
    """Yield the lines of text that fit into a rectangle: the name, maybe cut off, and the size."""
    name = _fitting(visible(area.name), room.width - 8)
    for line, text in enumerate((name, rounded(area.code))):
        if not text or _width(text) + 8 > room.width or _LINE * (line + 1) + 4 > room.height:
            return
        y = room.y + _LINE * (line + 1)
        yield f'<text class="t-{status}" x="{room.x + 4:.2f}" y="{y:.2f}">{escaped(text)}</text>'


def _fitting(name: str, width: float) -> str:
    """Return as much of a name as is not wider; "" where that would tell nothing."""
    if _width(name) <= width:
        return name
    kept = name
    while kept and _width(f"{kept}…") > width:
        kept = kept[:-1]
    return f"{kept}…" if len(kept) >= _FEWEST else ""


def _width(text: str) -> float:
    return sum(_LETTER if c in _NARROW else 2 * _LETTER for c in text)
