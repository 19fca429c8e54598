# SPDX-License-Identifier: MIT
"""Modules and manifests without any file behind them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from crashsym.coverage import Coverage
from crashsym.findings import Finding, Owner
from crashsym.manifest import Counts, Manifest, Module, Symbols
from crashsym.source import Repository, Source

COUNTS = Counts(functions=100, lines=1000, inlines=50, publics=10, cfi=200)
SOURCE = Source(
    (
        Repository("git://example.com/app", "b060ad20", ""),
        Repository("https://example.com/data.tar.gz", None, None),
        Repository(None, "17ad20b0", "lib", "src/lib"),
    ),
    ("0001-first.patch", "0002-second.patch"),
    "/usr/src/debug/app/1.0",
)
_STATUSES = ("no-debug-info", "no-lines", "no-unwind-info", "no-build-id", "excused", "mismatch")


def module(
    path: str = "/usr/bin/app",
    build: int = 1,
    code: int = 1000,
    *,
    counts: Counts = COUNTS,
    **facts: Any,
) -> Module:
    """A good file with ``code`` bytes of code, nine tenths of which have functions.

    ``counts`` are those of its symbol file.
    """
    name = path.rpartition("/")[2]
    coverage = Coverage(code, 0, code * 9 // 10, code * 8 // 10, code)
    found = Module(
        path=path,
        build_id=f"{build:040x}",
        debug_id=f"{build:032X}0",
        debug_file=name,
        arch="arm64",
        size=code * 2,
        sha256=f"{build:064x}",
        recipe="app",
        version="1.0",
        package="app",
        source=None,
        symbols=Symbols(f"{name}/{build}/{name}.sym", f"{build:064x}", counts, coverage),
        status="ok",
        reason=None,
    )
    return replace(found, **facts)


def bare(path: str, status: str) -> Module:
    """A file that could not be used, as `crashsym image` lists it."""
    names = ("build_id", "debug_id", "debug_file", "arch", "sha256", "symbols")
    nothing: dict[str, Any] = dict.fromkeys(names)
    return module(path, status=status, reason="it is so", **nothing)


def image(count: int) -> Manifest:
    """A root file system like those of real devices: few large packages, many small ones."""
    modules = []
    for number in range(count):
        package = f"package-{int(number**0.8)}"
        status = _STATUSES[number // 9 % 6] if number % 9 == 4 else "ok"
        path = f"/usr/lib/{package}/lib{package}-{number}.so.{number % 7}"
        code = 200 + 3_000_000 // (number + 1) + number * 7919 % 40_000
        recipe, version = f"recipe-{number % 97}", f"{number % 13}.2"
        facts: dict[str, Any] = {"package": package, "recipe": recipe, "version": version}
        reason = "ticket 4711" if status == "excused" else None
        modules.append(module(path, number, code, status=status, reason=reason, **facts))
    return Manifest.of([*modules, bare("/usr/lib/broken.so", "malformed")])


def findings(manifest: Manifest) -> tuple[Finding, ...]:
    """A finding for each file that is not ok."""
    return tuple(
        Finding(
            "no-debug-info" if m.status == "excused" else m.status,
            m.path,
            "it lacks something",
            f"no section of {m.path} has it",
            "Compile it again.",
            Owner(m.package, m.recipe),
        )
        for m in manifest.modules
        if m.status not in ("ok", "left-out")
    )
