# SPDX-License-Identifier: MIT
"""The account of an image as one HTML page."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from builders import elf
from builders.manifests import bare, findings, image, module
from crashsym.coverage import Coverage
from crashsym.errors import visible
from crashsym.findings import CODES, Finding, Policy
from crashsym.manifest import STATUSES, Manifest, Module
from crashsym.manifestdiff import Diff, compare
from crashsym.report import page as pages
from crashsym.report.explained import EXPLAINED
from crashsym.report.packages import worst_packages
from crashsym.report.page import Report, image_name, page
from crashsym.report.totals import LEVELS
from crashsym.thresholds import total
from support import crashsym

FOLDER = Path(pages.__file__).parent
CSS = (FOLDER / "report.css").read_text()
HOSTILE = (
    "/</script><script>window.hacked=1</script>",
    '/"onmouseover="window.hacked=1" x=\'y',
    "/<img src=x onerror=window.hacked=1>",
    "/\u202eevil\u2066\x1b[31m\r\n\0\u2028",
    "/&lt;b&gt;&amp;",
    "/<!--<style></title>",
)


def html(manifest: Manifest, found: tuple[Finding, ...] = (), diff: Diff | None = None) -> str:
    return page(Report("device", manifest, found, Policy.parse([]), diff)).decode()


class Parsed(HTMLParser):
    """The elements of a page, with their text."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.rows: dict[str, list[str]] = {}
        self.text = ""
        self._row: list[str] | None = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "tr":
            name = dict(attrs).get("id")
            self._row = self.rows.setdefault(name, []) if name else None
        elif tag == "td" and self._row is not None:
            self._row.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == "tr":
            self._row = None

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._row:
            self._row[-1] += data

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.tags)


def percent(covered: int, whole: int) -> str:
    return f"{covered * 1000 // whole / 10:.1f} %" if whole else "—"


def expected_row(m: Module) -> list[str]:
    """Return what the table should say of a module, from the manifest alone."""
    texts = [m.path, m.package, m.recipe, m.version, m.build_id]
    cells = ["—" if text is None else text for text in texts]
    if m.symbols is None:
        return [*cells, m.status, *["—"] * 4]
    c = m.symbols.coverage
    shares = [percent(n, c.code - c.plt) for n in (c.functions, c.lines)]
    return [*cells, m.status, f"{c.code:,}", *shares, percent(c.cfi, c.code)]


# ---- the numbers are those of the manifest


def test_the_table_says_what_the_manifest_says() -> None:
    manifest = Manifest.of(
        [
            module("/a", code=1_234_567),
            replace(module("/b", 2), package=None, recipe=None, version=None, build_id=None),
            bare("/c", "left-out"),
            module("/d", 3, code=0),
            bare("/e", "unreadable"),
        ]
    )
    rows = Parsed(html(manifest)).rows
    assert list(rows.values()) == [expected_row(m) for m in manifest.modules]
    text = [cell.strip() for row in rows.values() for cell in row]
    assert "1,234,567" in text


def test_an_excused_file_says_why() -> None:
    manifest = Manifest.of([module("/a", status="excused", reason="ticket <4711>")])
    [row] = Parsed(html(manifest)).rows.values()
    assert row[5] == "excusedticket <4711>"


def test_the_totals_are_sums_over_all_files() -> None:
    plt = Coverage(code=5000, plt=1000, functions=2000, lines=1000, cfi=4000)
    first = module("/a", code=1000)
    assert first.symbols is not None
    second = replace(module("/b", 2), symbols=replace(first.symbols, coverage=plt))
    manifest = Manifest.of([first, second, bare("/c", "malformed")])
    assert total(manifest.modules) == Coverage(6000, 1000, 2900, 1800, 5000)
    text = html(manifest)
    cards = dict(re.findall(r'<h2>([^<]*)</h2><p class="big">([^<]*)</p>', text))
    assert cards == {
        "ELF files": "3",
        "Code": "5.9 KiB",
        "Functions": "58.0 %",
        "Lines": "36.0 %",
        "Unwind rules": "83.3 %",
        "Findings": "0",
    }
    assert '<p class="note">6,000 bytes</p>' in text


def test_files_are_counted_by_status() -> None:
    manifest = image(300)
    rows = re.findall(
        r'<tr><td><a href="#status=([\w-]+)">.*?<td class="n">([\d,]+)<td', html(manifest)
    )
    counted = Counter(m.status for m in manifest.modules)
    assert dict(rows) == {status: f"{number:,}" for status, number in counted.items()}
    assert [status for status, _ in rows][-1] == "ok"


def test_a_page_about_nothing_is_a_page() -> None:
    parsed = Parsed(html(Manifest(())))
    assert parsed.rows == {}
    assert "NaN" not in parsed.text


# ---- the picture


def drawings(text: str) -> list[tuple[list[float], dict[str, list[list[float]]]]]:
    """Return frame and rectangles by package of each drawing."""
    found = []
    for frame, inside in re.findall(
        r'<svg class="map \w+" viewBox="([^"]*)".*?>\n(.*?)</svg>', text, re.DOTALL
    ):
        groups: dict[str, list[list[float]]] = {}
        for name, group in re.findall(r'<g data-place="([^"]*)">(.*?)</g>', inside):
            rects = re.findall(r"<rect class=\S+ (.*?)>", group)
            groups[name] = [[float(n) for n in re.findall(r'"(.*?)"', rect)] for rect in rects]
        found.append(([float(n) for n in frame.split()], groups))
    return found


def test_the_picture_has_each_package_with_the_area_of_its_code() -> None:
    manifest = image(200)
    code: Counter[str] = Counter()
    for m in manifest.modules:
        if m.symbols is not None:
            code[m.package or ""] += m.symbols.coverage.code
    both = drawings(html(manifest))
    assert len(both) == 2
    for (_, _, width, height), groups in both:
        assert set(groups) == set(code)
        for package, rects in groups.items():
            area = sum(w * h for _, _, w, h in rects)
            share = width * height * code[package] / code.total()
            assert area == pytest.approx(share, rel=0.01, abs=1)


def test_nothing_in_the_picture_overlaps_or_leaves_the_frame() -> None:
    for (_, _, width, height), groups in drawings(html(image(60))):
        rects = [rect for group in groups.values() for rect in group]
        for x, y, w, h in rects:
            assert min(x, y, w, h) >= 0
            assert x + w <= width + 0.011
            assert y + h <= height + 0.011
        for (x, y, w, h), (x2, y2, w2, h2) in combinations(rects, 2):
            assert min(x + w, x2 + w2) - max(x, x2) < 0.03 or (
                min(y + h, y2 + h2) - max(y, y2) < 0.03
            )


def test_each_rectangle_says_what_it_is() -> None:
    text = html(Manifest.of([module("/a", code=1000), bare("/b", "malformed")]))
    title = "app: ok, 1 file, 1,000 bytes of code; functions 90.0 %, lines 80.0 %, rules 100.0 %"
    assert text.count(f"<title>{title}</title></rect>") == 2  # for wide and narrow windows
    assert len(re.findall(r"<rect class=\"s-[^>]*>(?!<title>)", text)) == 0
    assert "1 file without symbols or code: not shown." in text


def test_where_packages_are_not_known_the_picture_has_folders() -> None:
    modules = [module("/opt/a/x", package=None), module("/usr/bin/y", 2, package=None)]
    for _, groups in drawings(html(Manifest.of(modules))):
        assert set(groups) == {"/opt/a/", "/usr/bin/"}


def test_a_name_that_does_not_fit_is_cut_off_where_enough_of_it_is_left() -> None:
    sizes = {"libpython3.11-minimal": 60_000, "a-package-with-a-name-that-is-too-long": 30_000}
    sizes |= {f"lib-of-many-{n}": 100 for n in range(80)}
    modules = [module(f"/{name}", 1, size, package=name) for name, size in sizes.items()]
    text = html(Manifest.of(modules))
    shown = re.findall(r'<g data-place="([^"]*)">(?:(?!</g>).)*?<text [^>]*>([^<]*)</text>', text)
    assert ("libpython3.11-minimal", "libpython3.11-minimal") in shown
    cut = {(name, label) for name, label in shown if name != label}
    assert {name for name, _ in cut} >= {"a-package-with-a-name-that-is-too-long"}
    for name, label in cut:
        assert label.endswith("…")
        assert name.startswith(label[:-1])
        assert len(label) > 4
    assert len(shown) < 2 * len(sizes)  # the smallest have no name


# ---- the packages


def listed_packages(text: str) -> list[tuple[str, list[str]]]:
    """Return where the link of each package leads, and the cells of its row."""
    tables = re.findall(r'<table class="packages">.*?<tbody>\n(.*?)\n</tbody>', text, re.DOTALL)
    rows = [row for inside in tables for row in inside.split("\n")]
    return [
        (re.findall(r'<a href="([^"]*)">', row)[0], re.findall(r"<td[^>]*>(?:<a.*?>)?([^<]*)", row))
        for row in rows
    ]


def test_packages_are_listed_by_how_much_of_their_code_has_no_lines() -> None:
    bad = Coverage(5000, 1000, 0, 0, 2500)
    symbols = module().symbols
    assert symbols is not None
    none = replace(symbols, coverage=bad)
    modules = [
        module("/fine", 1, 10_000, package="fine"),
        module("/bad1", 2, package="b&d", symbols=none, status="no-debug-info"),
        module("/bad2", 3, 100, package="b&d"),
        module("/vendor", 4, package="vendor", symbols=none, status="excused", reason="known"),
        bare("/broken", "malformed"),
    ]
    found = listed_packages(html(Manifest.of(modules)))
    assert found == [
        ("#search=b%26d", ["b&amp;d", "2", "5,100", "4,020", "1.9 %", "50.9 %"]),
        ("#search=fine", ["fine", "1", "10,000", "2,000", "80.0 %", "100.0 %"]),
    ]


def test_many_packages_are_in_the_list_and_few_are_shown_at_once() -> None:
    text = html(image(400))
    found = listed_packages(text)
    assert len(found) == len({m.package for m in image(400).modules if m.symbols is not None})
    assert f"<summary>{len(found) - 10} more</summary>" in text


def test_a_line_names_the_packages_that_lack_most() -> None:
    modules = [module(f"/{n}", n, n * 1_000_000, package=f"p{n}") for n in range(1, 6)]
    assert worst_packages(modules) == (
        "most code without lines: p5 976.6 KiB, p4 781.2 KiB, p3 585.9 KiB"
    )
    assert worst_packages([bare("/b", "malformed")]) == ""


def test_each_status_has_a_colour_and_a_meaning() -> None:
    coloured = set(re.findall(r"\.s-([\w-]+)(?=[, ])", CSS))
    assert coloured == set(STATUSES)
    assert set(EXPLAINED) == {*STATUSES, *CODES}


def _luminance(colour: str) -> float:
    digits = "".join(c * 2 for c in colour) if len(colour) == 3 else colour
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def test_names_in_the_picture_can_be_read() -> None:
    for statuses, colour in re.findall(r"^(\.s-.*) \{ --c: #(\w+) \}", CSS, re.MULTILINE):
        text = _luminance("ffffff" if statuses == ".s-ok" else "000000")
        light, dark = sorted((text, _luminance(colour)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, statuses


# ---- findings and changes


def test_each_finding_has_level_message_remedy_and_a_link_to_its_file() -> None:
    manifest = Manifest.of([module("/a"), module("/b", 2, status="no-lines")])
    found = (
        Finding("no-lines", "/b", "no lines", "it has none", "Compile with -g."),
        Finding("mismatch", "/a", "not used", "another build", "Rebuild it."),
        Finding("unreadable", "/gone", "cannot read", "Permission denied"),
    )
    text = html(manifest, found)
    assert re.findall(r'<article class="finding" id="code-([\w-]+)">', text) == [
        *("mismatch", "unreadable", "no-lines"),
    ]
    for code in ("mismatch", "unreadable", "no-lines"):
        assert EXPLAINED[code] in Parsed(text).text
    assert '<span class="level warning">warning</span> no lines: 1 file' in text
    assert '<p class="remedy">Compile with -g.</p>' in text
    assert '<li><a href="#f1"><code class="path">/b</code></a>: it has none' in text
    assert '<li><code class="path">/gone</code>: Permission denied' in text
    assert '<span class="level error">error 2</span>' in text


def test_every_level_of_a_policy_is_shown(tmp_path: Path) -> None:
    rules = '[[rule]]\npath = "/a"\nlevel = "excused"\nreason = "x"\nexpires = 9999-01-01\n'
    (tmp_path / "p.toml").write_text(rules)
    policy = Policy.parse(["no-lines=ignore", str(tmp_path / "p.toml")])
    found = tuple(
        Finding(code, path, "what", "why")
        for code, path in (
            *(("no-lines", "/b"), ("no-lines", "/a"), ("mismatch", "/b"), ("changed", "/b")),
        )
    )
    text = page(Report("x", Manifest(()), found, policy)).decode()
    for level in LEVELS:
        assert f'<span class="level {level}">{level} 1</span>' in text


def test_the_page_says_what_became_of_each_file() -> None:
    old = Manifest.of([module("/a"), module("/b", 2), module("/gone", 3), module("/same", 4)])
    worse = replace(module("/a", 5), symbols=None, status="malformed", version="2.0")
    new = Manifest.of([worse, module("/b", 6), module("/new", 7), module("/same", 4)])
    text = html(new, diff=compare(old, new))
    assert re.findall(r"<li><b>(\d+)</b> (\w+)", text) == [
        *(("1", "worse"), ("0", "excused"), ("0", "better")),
        *(("1", "added"), ("1", "removed"), ("2", "changed"), ("1", "unchanged")),
    ]
    worst = '<a href="#f0"><code class="path">/a</code></a>: app 1.0 → app 2.0; symbols gone'
    assert worst in text
    assert '<li><code class="path">/gone</code>: app 1.0' in text
    assert "Since the baseline" not in html(new)


# ---- names of files are data


def test_names_cannot_leave_their_place() -> None:
    names = ("package", "recipe", "version", "build_id", "reason")
    facts: list[dict[str, Any]] = [dict.fromkeys(names, path) for path in HOSTILE]
    modules = [module(path, n, status="excused", **facts[n]) for n, path in enumerate(HOSTILE)]
    manifest = Manifest.of(modules)
    found = tuple(Finding("changed", path, path, path, path) for path in HOSTILE)
    old = Manifest.of([replace(m, recipe=f"old{m.recipe}") for m in modules])
    text = page(
        Report(HOSTILE[0], manifest, found, Policy.parse([]), compare(old, manifest))
    ).decode()
    parsed, plain = Parsed(text), Parsed(html(image(10), findings(image(10))))
    assert {tag for tag, _ in parsed.tags} <= {tag for tag, _ in plain.tags} | {"small", "b"}
    assert (parsed.count("script"), parsed.count("style"), parsed.count("img")) == (1, 1, 0)
    assert not [c for c in text if not c.isprintable() and c != "\n"]
    assert not [a for _, attributes in parsed.tags for a in attributes if a.startswith("on")]
    assert {row[0] for row in parsed.rows.values()} == {visible(path) for path in HOSTILE}


def test_half_a_character_is_no_obstacle() -> None:
    assert "\\ud800" in html(Manifest.of([module("/a\ud800")]))


# ---- the page is alone in the world, and the same each time


def test_the_page_forbids_and_needs_no_request() -> None:
    text = html(image(50), findings(image(50)))
    [policy] = re.findall(r'<meta http-equiv="Content-Security-Policy" content="(.*?)">', text)
    assert policy.startswith("default-src 'none'; ")
    for kind, tag in (("style-src", "style"), ("script-src", "script")):
        [inside] = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}';" in policy
    assert text.index("Content-Security-Policy") < text.index("<style>")
    for tag, attrs in Parsed(text).tags:
        assert not {"src", "srcset", "style", "action", "data"} & set(attrs), tag
        assert (attrs.get("href") or "#").startswith("#")
    assert not re.findall(r"https?://|url\(|@import|fetch\(|XMLHttp|import\(", text)


def test_equal_input_gives_equal_bytes() -> None:
    code = (
        "import sys; from builders.manifests import *; from crashsym.findings import Policy;"
        "from crashsym.report.page import *; m = image(80);"
        "sys.stdout.buffer.write(page(Report('x', m, findings(m), Policy.parse([]))))"
    )
    made = set()
    for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo")):
        variables = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone}
        variables["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
        done = subprocess.run([sys.executable, "-c", code], env=variables, stdout=subprocess.PIPE)
        made.add(done.stdout)
    assert len(made) == 1
    assert len(made.pop()) > 10_000


def test_five_thousand_files_are_a_few_megabytes() -> None:
    manifest = image(5000)
    assert len(page(Report("x", manifest, findings(manifest), Policy.parse([])))) < 4 << 20


@pytest.mark.parametrize(
    ("manifest", "root", "name"),
    [
        ("deploy/core-image-minimal-qemuarm64.crashdump.json", "w/rootfs", None),
        ("deploy/core-image-minimal-qemuarm64.json", "w/rootfs", None),
        ("x/manifest.json", "w/core-image-minimal-qemuarm64", None),
        ("core-image-minimal-qemuarm64/manifest.json", "w/rootfs", None),
        ("x/manifest.json", "w/rootfs", "core-image-minimal-qemuarm64"),
    ],
)
def test_the_page_is_called_like_the_image(manifest: str, root: str, name: str | None) -> None:
    build = {"image": name} if name is not None else None
    found = image_name(Manifest((), build), Path("/", manifest), Path("/", root))
    assert found == "core-image-minimal-qemuarm64"


def test_the_page_says_what_was_built() -> None:
    layers = {"meta": "12ab", "local": None}
    build = {"image": "my-image", "machine": "qemuarm", "version": HOSTILE[0], "layers": layers}
    parsed = Parsed(html(Manifest((), build)))
    assert f"version {HOSTILE[0]} · machine qemuarm" in parsed.text
    assert "meta 12ab" in parsed.text
    assert "local no revision" in parsed.text
    assert "Layers" not in html(Manifest((), {"image": "my-image", "layers": 7, "machine": []}))


def test_an_image_may_have_no_name() -> None:
    assert image_name(Manifest((), {"image": 7}), Path("/m/manifest.json"), Path("/rootfs")) == "m"
    nothing = image_name(Manifest(()), Path("/manifest.json"), Path("/"))
    assert nothing == "root file system"


# ---- the option


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "app").write_bytes(elf.module())
    return tmp_path


def run(folder: Path, *options: str, code: int = 3) -> str:
    done = crashsym(
        "image", "root", "--store", "s", "--manifest", "device.json", *options, cwd=folder
    )
    stderr = done.stderr.decode()
    assert done.returncode == code, stderr
    return stderr


def test_the_page_is_written_beside_the_manifest(root: Path) -> None:
    run(root, "--html", "deep/er/page.html")
    text = (root / "deep/er/page.html").read_text()
    assert "<h1>device</h1>" in text
    modules: list[dict[str, Any]] = json.loads((root / "device.json").read_bytes())["modules"]
    [row] = Parsed(text).rows.values()
    assert (row[0], row[4], row[5]) == (
        *(modules[0]["path"], modules[0]["build_id"] or "—", modules[0]["status"]),
    )
    run(root, "--html", "again.html")
    assert (root / "again.html").read_text() == text


def test_the_page_has_the_baseline_s_diff(root: Path) -> None:
    run(root)
    run(root, "--html", "page.html", "--baseline", "device.json")
    assert "<li><b>1</b> unchanged" in (root / "page.html").read_text()


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("other", "cannot write the HTML page: 'other': it is an ELF file."),
        ("root/app", "cannot write: 'root/app': it would be a part of the root file system."),
        ("device.json", "cannot write the HTML page: 'device.json': the manifest goes there."),
        ("folder", "cannot write: 'folder': Is a directory."),
        ("other/page", "cannot write: 'other/page': Not a directory."),
        ("-", "'-' is no file"),
    ],
)
def test_a_place_for_the_page_is_checked_before_the_work(root: Path, place: str, why: str) -> None:
    (root / "folder").mkdir()
    (root / "other").write_bytes((root / "root/app").read_bytes())
    assert why in run(root, "--html", place, code=2)
    assert not (root / "device.json").exists()
    assert not (root / "s").exists()
