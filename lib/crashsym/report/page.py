# SPDX-License-Identifier: MIT
"""The page as a whole: one file, of which a browser needs nothing else.

Its Content-Security-Policy forbids all requests, and all styles and scripts but the two that are in
it, by their hashes. It has no time and no place of the build: equal input gives equal bytes.
"""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from crashsym import __version__
from crashsym.findings import Finding, Policy
from crashsym.manifest import Manifest
from crashsym.manifestdiff import Diff
from crashsym.report.changes import changes
from crashsym.report.markup import escaped
from crashsym.report.packages import package_list
from crashsym.report.picture import picture
from crashsym.report.problems import problems
from crashsym.report.table import row_ids, table
from crashsym.report.totals import status_list, totals

_FACTS = ("version", "machine", "distro", "series", "id")
_GENERIC = {"", "..", "manifest", "rootfs", "root", "image"}


@dataclass(frozen=True, slots=True)
class Report:
    """What the page is about; ``diff`` is None without a baseline."""

    name: str
    manifest: Manifest
    findings: tuple[Finding, ...]
    policy: Policy
    diff: Diff | None = None


def image_name(manifest: Manifest, place: Path, root: Path) -> str:
    """Return what to call an image: what the manifest says, or how its file or root is called.

    A name that any image can have (manifest.json, rootfs) gives way to that of the folder.
    """
    said = (manifest.build or {}).get("image")
    if isinstance(said, str) and said:
        return said
    place, root = place.absolute(), root.absolute()
    own = place.name.removesuffix(".json").removesuffix(".crashdump")
    for name in (own, root.name, place.parent.name, root.parent.name):
        if name not in _GENERIC:
            return name
    return "root file system"


def page(report: Report) -> bytes:
    """Return the page as HTML in UTF-8."""
    modules = report.manifest.modules
    judged = [(report.policy.level(finding), finding) for finding in report.findings]
    rows = row_ids(modules)
    parts: Iterable[str] = (
        _head(report.name),
        f"<header><h1>{escaped(report.name)}</h1>",
        *_built(report.manifest.build or {}),
        '<p class="note">Can a crash be read, whichever program it is in?</p></header>\n<main>',
        totals(modules, [level for level, _ in judged]),
        status_list(modules),
        picture(modules),
        package_list(modules),
        changes(report.diff, rows) if report.diff is not None else "",
        problems(judged, rows),
        table(modules),
        f'</main>\n<footer class="note">crashsym {__version__}</footer>',
        f"<script>{_asset('report.js')}</script>",
        "</html>\n",
    )
    return "\n".join(filter(None, parts)).encode()


def _built(build: dict[str, Any]) -> Iterator[str]:
    """Yield what was built, as far as the manifest says it: its facts, and its layers."""
    facts = [f"{escaped(name)} {escaped(build[name])}" for name in _FACTS if _is_text(build, name)]
    if facts:
        yield f'<p class="note">{" · ".join(facts)}</p>'
    layers = build.get("layers")
    if isinstance(layers, dict) and layers:
        listed = (
            f"<li>{escaped(name)} <code>{escaped(str(revision or 'no revision'))}</code></li>"
            for name, revision in layers.items()
        )
        yield f'<details class="note"><summary>Layers</summary><ul>{"".join(listed)}</ul></details>'


def _is_text(build: dict[str, Any], name: str) -> bool:
    return isinstance(build.get(name), str)


def _head(name: str) -> str:
    return "\n".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_security_policy()}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            '<meta name="referrer" content="no-referrer">',
            f"<title>{escaped(name)} — crashsym</title>",
            f"<style>{_asset('report.css')}</style>\n</head>\n<body>",
        ]
    )


def _security_policy() -> str:
    return (
        f"default-src 'none'; style-src {_hash('report.css')}; script-src {_hash('report.js')};"
        " base-uri 'none'; form-action 'none'"
    )


def _hash(name: str) -> str:
    digest = sha256(_asset(name).encode()).digest()
    return f"'sha256-{b2a_base64(digest, newline=False).decode()}'"


def _asset(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")
