# SPDX-License-Identifier: MIT
"""The HTML page in a real browser: what a reader sees and can do."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser.devtools import Browser, Tab
from browser.shown import SEEN, cards, statuses, too_wide
from builders.manifests import bare, findings, image, module
from crashsym.findings import Finding, Policy
from crashsym.manifest import Manifest, Module
from crashsym.manifestdiff import compare
from crashsym.report.page import Report, page

WIDTHS = [360, 768, 1280]
LONG = "/opt/" + "a" * 250 + "/" + "bé漢" * 60
GIF = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"  # one pixel
HOSTILE = "/</script><script>window.hacked=1</script><img src=x onerror=window.hacked=1>\u202e"


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with Browser(tmp_path_factory.mktemp("profile")) as browser:
        yield Tab(browser)


def write(file: Path, manifest: Manifest, *more: Finding, old: Manifest | None = None) -> Path:
    found = (*findings(manifest), *more)
    diff = compare(old, manifest) if old is not None else None
    file.write_bytes(page(Report("core-image", manifest, found, Policy.parse([]), diff)))
    return file


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    odd = [
        module(LONG, 9001, 300_000, package="p" * 120, recipe="r" * 120, version="v" * 80),
        module(HOSTILE, 9002, 200_000, package=HOSTILE, recipe=HOSTILE, build_id="0" * 128),
        module("/usr/bin/zero", 9003, 0),
        bare("/usr/lib/open.o", "left-out"),
    ]
    return Manifest.of([*image(400).modules, *odd])


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, manifest: Manifest) -> Path:
    """A page with everything in it: odd names, all kinds of findings, a baseline."""
    gone = [module("/gone" + LONG, 1), module("/usr/bin/zero")]
    old = Manifest.of([*image(380).modules[:-3], *gone])
    more = [
        Finding("unowned", HOSTILE, "nobody's file", f"no package has {HOSTILE}", "Package it."),
        Finding("unreadable", LONG + "/in", "cannot read", "Permission denied"),
    ]
    return write(tmp_path_factory.mktemp("page") / "page.html", manifest, *more, old=old)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("large") / "page.html", image(5000))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_window(tab: Tab, small: Path, width: int, dark: bool) -> None:
    tab.window(width, dark=dark)
    tab.open(small)
    tab.value("document.querySelectorAll('details').forEach(d => { d.open = true })")
    tab.click("#more")
    assert tab.value("innerWidth") == width
    assert tab.value("document.documentElement.scrollWidth") <= width
    assert too_wide(tab) == []
    background = tab.value("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, background[4:-1].split(","))) < 200) == dark


@pytest.mark.parametrize("width", [360, 1280])
def test_names_in_the_picture_stay_in_their_rectangles(
    tab: Tab, tmp_path: Path, width: int
) -> None:
    names = ["mmmmmm", "WWWWWWWW", "漢字漢字漢字", "@%&#MW~", "plain-name", "a", "ffi", "ǅ" * 5]
    modules = [
        module(f"/{name}/{n}", n, 9**5 + n, package=name * (n % 4 + 1))
        for n, name in enumerate(names * 12)
    ]
    tab.window(width)
    tab.open(write(tmp_path / "page.html", Manifest.of(modules)))
    outside = tab.value(
        "[...document.querySelectorAll('.map text')].filter(t => { if (!t.getClientRects().length)"
        " return false; const rect = t.parentNode.querySelector('rect');"
        " const [a, b] = [t.getBBox(), rect.getBBox()];"
        " return a.x < b.x || a.y < b.y - 1 || a.x + a.width > b.x + b.width"
        " || a.y + a.height > b.y + b.height })"
        ".map(t => t.textContent)"
    )
    assert outside == []
    assert tab.value("document.querySelectorAll('.map text').length") > 10


def test_the_page_asks_for_nothing_and_the_browser_has_no_complaint(tab: Tab, small: Path) -> None:
    tab.window(1280)
    tab.open(small)
    tab.click("#search")
    tab.type("x")
    tab.enter()
    assert tab.requests() == [small.as_uri()]
    assert tab.complaints() == []
    assert tab.value("typeof window.hacked") == "undefined"
    assert tab.value("document.images.length + document.scripts.length") == 1


def test_even_a_script_in_the_page_could_load_nothing(tab: Tab, small: Path) -> None:
    tab.window(1280)
    tab.open(small)
    outcome = (
        "new Promise(r => { const i = new Image(); i.onload = () => r('loaded');"
        f" i.onerror = () => r('refused'); i.src = 'data:image/gif;base64,{GIF}' }})"
    )
    assert tab.value(outcome) == "refused"
    assert tab.value("fetch('file:///etc/hostname').then(() => 'loaded', () => 'refused')") == (
        "refused"
    )


def test_the_numbers_that_are_shown_are_the_manifest_s(
    tab: Tab, small: Path, manifest: Manifest
) -> None:
    tab.window(1280)
    tab.open(small)
    totals = cards(tab)
    coverages = [m.symbols.coverage for m in manifest.modules if m.symbols is not None]
    assert totals["ELF files"] == f"{len(manifest.modules):,}"
    assert totals["Code"] == f"{sum(c.code for c in coverages) / 2**20:.1f} MiB"
    assert statuses(tab) == Counter(m.status for m in manifest.modules)
    tab.click("#more")
    codes = tab.value(
        "[...document.querySelectorAll('#table tbody tr')].map(r => r.cells[6].textContent)"
    )
    assert codes == [
        f"{m.symbols.coverage.code:,}" if m.symbols is not None else "—" for m in manifest.modules
    ]


def test_a_click_and_a_key_sort_the_table(tab: Tab, small: Path, manifest: Manifest) -> None:
    tab.window(1280)
    tab.open(small)
    tab.click("#more")
    with_code = [m for m in manifest.modules if m.symbols is not None]
    up = sorted(with_code, key=lambda m: m.symbols.coverage.code if m.symbols else 0)
    down = sorted(with_code, key=lambda m: -m.symbols.coverage.code if m.symbols else 0)
    state = "document.querySelector('[data-key=code]').getAttribute('aria-sort')"
    tab.click("[data-key=code] button")
    assert tab.value(state) == "ascending"
    paths = tab.value(SEEN)
    assert paths[: len(up)] == [row_text(m.path) for m in up]
    tab.enter()  # the button that was clicked has the focus
    assert tab.value(state) == "descending"
    paths = tab.value(SEEN)
    assert paths[: len(down)] == [row_text(m.path) for m in down]
    assert len(paths) == len(manifest.modules)  # those without code are last
    assert tab.value("document.querySelectorAll('[aria-sort]').length") == 1


def row_text(path: str) -> str:
    return path.replace("\u202e", "\\u202e")


def test_statuses_are_sorted_by_weight(tab: Tab, small: Path) -> None:
    tab.window(1280)
    tab.open(small, "sort=status")
    first = tab.value("document.querySelector('#table tbody tr').cells[5].textContent")
    assert first == "malformed"


def test_what_is_typed_is_searched_and_can_be_passed_on(
    tab: Tab, small: Path, manifest: Manifest
) -> None:
    tab.window(1280)
    tab.open(small)
    tab.click("#search")
    tab.type("Package-30 SO.3")
    wanted = [
        m.path
        for m in manifest.modules
        if "package-30" in m.path and "so.3" in m.path and m.package
    ]
    assert wanted
    assert tab.value(SEEN) == wanted
    assert tab.value("document.getElementById('count').value") == (
        f"{len(wanted)} of {len(manifest.modules)} files"
    )
    tab.value("new Promise(done => setTimeout(done, 500))")
    fragment = tab.value("location.hash.slice(1)")
    assert fragment == "search=Package-30+SO.3"
    tab.open(small, fragment)
    assert tab.value(SEEN) == wanted
    assert tab.value("document.getElementById('search').value") == "Package-30 SO.3"


def test_a_status_is_a_link_to_its_files(tab: Tab, small: Path, manifest: Manifest) -> None:
    tab.window(1280)
    tab.open(small)
    tab.click("a[href='#status=no-lines']")
    tab.value("new Promise(done => setTimeout(done, 100))")
    wanted = [m.path for m in manifest.modules if m.status == "no-lines"]
    assert tab.value(SEEN) == wanted
    assert tab.value("document.getElementById('status').value") == "no-lines"


def test_a_finding_leads_to_its_file_also_where_that_is_not_shown(
    tab: Tab, small: Path, manifest: Manifest
) -> None:
    last = max(n for n, m in enumerate(manifest.modules) if m.status == "no-lines")
    tab.window(1280)
    tab.open(small, "search=nothing+is+called+so")
    assert tab.value(SEEN) == []
    tab.value(f"document.querySelector('a[href=\"#f{last}\"]').click()")
    tab.value("new Promise(done => setTimeout(done, 100))")
    top = tab.value(f"document.getElementById('f{last}').getBoundingClientRect().top")
    assert 0 < top < 900
    assert manifest.modules[last].path in tab.value(SEEN)


def test_a_link_to_a_kind_of_finding_leaves_the_table_as_it_is(tab: Tab, small: Path) -> None:
    tab.window(1280)
    tab.open(small, "code-no-lines")
    assert len(tab.value(SEEN)) == 100
    top = tab.value("document.getElementById('code-no-lines').getBoundingClientRect().top")
    assert 0 <= top < 900


def test_a_click_on_a_package_shows_its_files(tab: Tab, small: Path, manifest: Manifest) -> None:
    tab.window(1280)
    tab.open(small)
    tab.click(".map.wide g[data-place=package-1] rect")
    tab.value("new Promise(done => setTimeout(done, 100))")
    assert set(tab.value(SEEN)) >= {m.path for m in manifest.modules if m.package == "package-1"}
    assert tab.value("document.getElementById('search').value") == "package-1"


def test_a_package_is_a_link_to_its_files(tab: Tab, small: Path, manifest: Manifest) -> None:
    tab.window(1280)
    tab.open(small)
    package = tab.value("document.querySelector('.packages a').innerText")
    tab.click(".packages a")
    tab.value("new Promise(done => setTimeout(done, 100))")
    assert set(tab.value(SEEN)) >= {m.path for m in manifest.modules if m.package == package}
    assert tab.value("document.getElementById('search').value") == package


@pytest.mark.parametrize("width", [360, 1280])
def test_heads_of_columns_do_not_overlap(tab: Tab, small: Path, width: int) -> None:
    tab.window(width)
    tab.open(small)
    heads = "[...document.querySelectorAll('.packages th')].filter(e => e.getClientRects().length)"
    assert tab.value(f"{heads}.length") >= 3
    assert tab.value(f"{heads}.filter(e => e.scrollWidth > e.clientWidth).length") == 0


def test_without_javascript_all_files_can_be_read(
    tab: Tab, small: Path, manifest: Manifest
) -> None:
    tab.window(1280)
    tab.ask("Emulation.setScriptExecutionDisabled", value=True)
    try:
        tab.open(small)
        assert len(tab.value(SEEN)) == len(manifest.modules)
        assert tab.value("document.getElementById('controls').getClientRects().length") == 0
    finally:
        tab.ask("Emulation.setScriptExecutionDisabled", value=False)


def test_all_files_are_printed(tab: Tab, small: Path, manifest: Manifest) -> None:
    tab.window(1280)
    tab.open(small)
    assert len(tab.value(SEEN)) == 100
    tab.window(1120, to="print")
    hidden = "[...document.querySelectorAll('details li')].filter(e => !e.checkVisibility()).length"
    assert tab.value(hidden) == 0
    tab.value("dispatchEvent(new Event('beforeprint'))")
    assert len(tab.value(SEEN)) == len(manifest.modules)
    assert tab.value("document.documentElement.scrollWidth") <= 1120
    tab.value("dispatchEvent(new Event('afterprint'))")
    assert len(tab.value(SEEN)) == 100
    pdf = base64.b64decode(tab.ask("Page.printToPDF", preferCSSPageSize=True)["data"])
    assert pdf.startswith(b"%PDF")


def _searched(module: Module) -> tuple[str | None, ...]:
    """Return what of a module is looked through, all of it in lower case here."""
    names = (module.path, module.package, module.recipe, module.version)
    return (*names, module.build_id, module.status)


def test_of_five_thousand_files_the_browser_lays_out_a_hundred_while_one_types(
    tab: Tab, large: Path
) -> None:
    tab.window(1280)
    tab.open(large)
    assert tab.value("document.getElementById('count').value") == "5,001 of 5,001 files"
    modules = image(5000).modules
    for text in ("l", "package-3", "package-300", "", "so.3"):
        tab.value(
            "(text => { const search = document.getElementById('search'); search.value = text;"
            f" search.dispatchEvent(new Event('input')); }})('{text}')"
        )
        fitting = sum(any(text in (field or "") for field in _searched(m)) for m in modules)
        found = f"{fitting:,} of 5,001 files"
        assert tab.value("document.getElementById('count').value") == found
        assert len(tab.value(SEEN)) == min(fitting, 100)
    tab.click("[data-key=lines] button")
    assert len(tab.value(SEEN)) == 100
