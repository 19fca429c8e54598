# SPDX-License-Identifier: MIT
"""Account for each ELF file of a root file system: symbols, owner, and what is wrong with it.

ROOTFS is the root file system as the device gets it. The debug halves are in it, or below the
folders given (OE: IMAGE_GEN_DEBUGFS = "1" leaves them in rootfs-dbg). Whose a file is say the
package data of the build, and the database of dpkg or opkg in ROOTFS.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

from crashsym.cli.baseline import add_baseline, read_baseline, say, with_baseline
from crashsym.cli.buildfacts import add_build_facts, build_facts
from crashsym.cli.common import FINDINGS, path
from crashsym.cli.output import show
from crashsym.cli.trees import (
    add_tree_arguments,
    by_status,
    deliver,
    extract_tree,
    file_path,
    findings_document,
    nothing_in,
    read_policy,
    status_lines,
    with_findings,
)
from crashsym.cli.whose import add_owner_arguments, check_owners, read_owners
from crashsym.coverage import SHARES, Coverage
from crashsym.errors import ConfigError
from crashsym.extract import Extraction, judge, sorted_findings
from crashsym.files import write_atomically
from crashsym.findings import Policy
from crashsym.fragments import Fragments
from crashsym.identity import identify
from crashsym.image import account
from crashsym.leftovers import leftovers
from crashsym.manifest import Manifest, check_place
from crashsym.manifestdiff import Diff
from crashsym.onefile import Recipe
from crashsym.owners import Owners
from crashsym.report.packages import worst_packages
from crashsym.report.page import Report, image_name, page
from crashsym.store import Store
from crashsym.thresholds import low, low_image, total
from crashsym.tree import scan

HELP = "account for each ELF file of a root file system"
SCHEMA = "crashsym-image/1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``crashsym image``."""
    parser.add_argument("rootfs", metavar="ROOTFS", type=path, help="the root file system")
    add_tree_arguments(parser)
    add_baseline(parser)
    parser.add_argument(
        "--html",
        metavar="FILE",
        type=file_path,
        help="write the account as one HTML page, too, for any browser",
    )
    add_owner_arguments(parser)
    add_build_facts(parser)


def run(args: argparse.Namespace) -> int:
    """Account for one root file system."""
    policy = read_policy(args)
    check_owners(args)
    _check_outputs(args)
    tree = scan(args.rootfs, args.debug_root, packages=False, exclude=tuple(args.exclude))
    if not tree.subjects and not tree.findings and args.installed is None:
        raise nothing_in(args.rootfs)  # what a build gives with its list is no mistake
    baseline = read_baseline(args, tree)
    fragments = Fragments(args.fragments)
    read_owners(args, args.rootfs)  # what is of no use is an error before the work
    made = extract_tree(args, tree, Recipe())
    owners = read_owners(args, args.rootfs)  # again: what is kept is a burden to each process above
    result = account(tree, made, owners, fragments, Store(args.store))
    result = _with_build(args, result)
    result.findings += low(result.manifest.modules, policy)
    result.findings += low_image(result.manifest.modules, policy)
    result = judge(result, policy)
    result, diff = with_baseline(result, baseline, policy)
    result = with_findings(result, leftovers(args.store, result, policy), policy)
    reported = deliver(args, result, tree, policy)
    if args.html is not None:
        _write_page(args, result, policy, diff)
    say(args.baseline, diff)
    if args.json:
        show(_document(result, owners, policy, diff))
    else:
        show(_table(result.manifest, owners, fragments=args.fragments is not None))
    return FINDINGS if reported else 0


def _with_build(args: argparse.Namespace, result: Extraction) -> Extraction:
    """Return what came out with what was built in the manifest."""
    identity, found = identify(args.rootfs)
    manifest = replace(result.manifest, build=build_facts(args, identity))
    return replace(result, manifest=manifest, findings=[*result.findings, *found])


def _check_outputs(args: argparse.Namespace) -> None:
    """Refuse, before the work, places that cannot be written."""
    _check_outside(args)
    check_place(args.manifest)
    if args.html is None:
        return
    check_place(args.html, "HTML page")
    if args.html.resolve() == args.manifest.resolve():
        raise ConfigError(
            "cannot write the HTML page",
            where=f"'{args.html}'",
            why="the manifest goes there",
            remedy="Name another file.",
        )


def _check_outside(args: argparse.Namespace) -> None:
    """Refuse to put symbols into what is shipped."""
    root = args.rootfs.resolve()
    for place in filter(None, (args.store, args.manifest, args.cache, args.html)):
        if root in (place.resolve(), *place.resolve().parents):
            raise ConfigError(
                "cannot write",
                where=f"'{place}'",
                why="it would be a part of the root file system",
                remedy="Name a place outside of it.",
            )


def _write_page(
    args: argparse.Namespace, result: Extraction, policy: Policy, diff: Diff | None
) -> None:
    name = image_name(result.manifest, args.manifest, args.rootfs)
    found = tuple(sorted_findings(result.findings))
    write_atomically(args.html, page(Report(name, result.manifest, found, policy, diff)))


def _document(
    result: Extraction, owners: Owners, policy: Policy, diff: Diff | None
) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "files": len(result.manifest.modules),
        "by_status": dict(sorted(by_status(result.manifest).items())),
        "coverage": asdict(total(result.manifest.modules)),
        "packages": owners.packages,
        "sources": _sources(result.manifest),
        "known": result.known,
        **({"baseline": diff.totals} if diff is not None else {}),
        "findings": findings_document(result, policy),
    }


def _sources(manifest: Manifest) -> int:
    """Return of how many files it is known where their source is from."""
    return sum(module.source is not None for module in manifest.modules)


def _shares(coverage: Coverage) -> Iterator[str]:
    """Yield how much of the code has what, as lines."""
    for what, name in SHARES.items():
        share = coverage.percent(what)
        if share is not None:
            yield f"{share:5} %  of {coverage.code} bytes of code have {name}"


def _table(manifest: Manifest, owners: Owners, *, fragments: bool) -> str:
    """Return how many files there are of each status, as lines."""
    lines = status_lines(manifest)
    lines += _shares(total(manifest.modules))
    sources = _sources(manifest)
    if sources or fragments:
        lines.append(f"{sources:6}  with a known source")
    if not owners.packages:
        lines.append("whose they are is not known: no database of packages, and no --pkgdata")
    lines += filter(None, [worst_packages(manifest.modules)])
    return "\n".join(lines)
