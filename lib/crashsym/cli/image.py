# SPDX-License-Identifier: MIT
"""Account for each ELF file of a root file system: symbols, owner, and what is wrong with it.

ROOTFS is the root file system as the device gets it. The debug halves are in it, or below the
folders given (OE: IMAGE_GEN_DEBUGFS = "1" leaves them in rootfs-dbg). Whose a file is say the
package data of the build, and the database of dpkg or opkg in ROOTFS.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import Any

from crashsym.cli.common import FINDINGS
from crashsym.cli.trees import (
    add_tree_arguments,
    deliver,
    extract_tree,
    findings_document,
    nothing_in,
    read_policy,
)
from crashsym.errors import ConfigError
from crashsym.extract import Extraction, judge
from crashsym.findings import Policy
from crashsym.image import account
from crashsym.manifest import Manifest
from crashsym.onefile import Recipe
from crashsym.owners import Owners
from crashsym.tree import scan

HELP = "account for each ELF file of a root file system"
SCHEMA = "crashsym-image/1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``crashsym image``."""
    parser.add_argument("rootfs", metavar="ROOTFS", type=Path, help="the root file system")
    add_tree_arguments(parser)
    group = parser.add_argument_group("whose the files are")
    group.add_argument(
        "--pkgdata", metavar="DIR", type=Path, help="the package data of the build (PKGDATA_DIR)"
    )
    group.add_argument(
        "--installed",
        metavar="FILE",
        type=Path,
        help="which of its packages are in the image (IMAGE_MANIFEST)",
    )


def run(args: argparse.Namespace) -> int:
    """Account for one root file system."""
    policy = read_policy(args)
    _check_places(args)
    tree = scan(args.rootfs, args.debug_root, packages=False, exclude=tuple(args.exclude))
    if not tree.subjects and not tree.findings and args.installed is None:
        raise nothing_in(args.rootfs)  # what a build gives with its list is no mistake
    made = extract_tree(args, tree, Recipe())
    owners = _owners(args)  # now, as what is known before is a burden to each process above
    result = judge(account(tree, made, owners), policy)
    reported = deliver(args, result, tree, policy)
    if args.json:
        print(json.dumps(_document(result, owners, policy), indent=1))
    else:
        print(_table(result.manifest, owners))
    return FINDINGS if reported else 0


def _check_places(args: argparse.Namespace) -> None:
    for place, is_there, why in (
        (args.installed, args.pkgdata is not None, "--installed without --pkgdata"),
        (args.pkgdata, args.pkgdata is None or args.pkgdata.is_dir(), "no such folder"),
        (args.installed, args.installed is None or args.installed.is_file(), "no such file"),
    ):
        if place is not None and not is_there:
            remedy = "Give PKGDATA_DIR and IMAGE_MANIFEST of the same build."
            raise ConfigError(
                "cannot tell whose files are", where=f"'{place}'", why=why, remedy=remedy
            )


def _owners(args: argparse.Namespace) -> Owners:
    database = Owners.from_rootfs(args.rootfs)
    if args.pkgdata is None:
        return database
    built = Owners.from_pkgdata(args.pkgdata, args.installed, args.rootfs)
    return built.with_database(database)


def _document(result: Extraction, owners: Owners, policy: Policy) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "files": len(result.manifest.modules),
        "by_status": dict(sorted(_by_status(result.manifest).items())),
        "packages": owners.packages,
        "known": result.known,
        "findings": findings_document(result, policy),
    }


def _by_status(manifest: Manifest) -> Counter[str]:
    return Counter(module.status for module in manifest.modules)


def _table(manifest: Manifest, owners: Owners) -> str:
    """Return how many files there are of each status, as lines."""
    lines = [f"{number:6}  {status}" for status, number in _by_status(manifest).most_common()]
    lines.append(f"{len(manifest.modules):6}  ELF files")
    if not owners.packages:
        lines.append("whose they are is not known: no database of packages, and no --pkgdata")
    return "\n".join(lines)
