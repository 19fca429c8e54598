# SPDX-License-Identifier: MIT
"""Make the symbol files and the manifest of all target files in an SDK.

DIR is where an SDK or an extensible SDK is installed, or moved to, or one of its target sysroots.
Its files environment-setup-* say which sysroots it has; that of the host's tools is left alone. The
debug halves come from the -dbg packages that an SDK has by default.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

from crashsym.cli.buildfacts import add_build_facts, build_facts
from crashsym.cli.common import FINDINGS, path
from crashsym.cli.output import show
from crashsym.cli.trees import (
    add_tree_arguments,
    by_status,
    deliver,
    extract_tree,
    findings_document,
    nothing_in,
    read_policy,
    status_lines,
    with_findings,
)
from crashsym.cli.whose import add_owner_arguments, check_owners, read_owners
from crashsym.errors import visible
from crashsym.extract import Extraction, judge
from crashsym.findings import Policy
from crashsym.fragments import Fragments
from crashsym.manifest import Manifest, check_place, read
from crashsym.manifestdiff import unrelated
from crashsym.onefile import Recipe
from crashsym.sdk import (
    Comparison,
    Sysroot,
    compare_with_image,
    completed,
    find_sysroots,
    joined,
)
from crashsym.tree import Tree, scan

HELP = "make symbol files and manifest of an SDK's target files"
SCHEMA = "crashsym-sdk/1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``crashsym sdk``."""
    parser.add_argument("sdk", metavar="DIR", type=path, help="an installed SDK, or a sysroot")
    add_tree_arguments(parser)
    parser.add_argument(
        "--image",
        metavar="FILE",
        type=path,
        help="the manifest of an image; a file that is of another build there is a finding",
    )
    add_owner_arguments(parser)
    add_build_facts(parser)


def run(args: argparse.Namespace) -> int:
    """Extract the target sysroots of one SDK."""
    policy = read_policy(args)
    check_owners(args)
    check_place(args.manifest)
    sysroots = find_sysroots(args.sdk)
    tree, trees = _scan(args, sysroots)
    image = _read_image(args, tree)
    fragments = Fragments(args.fragments)
    found = zip(trees, [read_owners(args, sysroot.folder) for sysroot in sysroots], strict=True)
    results = [
        judge(completed(tree, extract_tree(args, tree, Recipe()), owners, fragments), policy)
        for tree, owners in found
    ]
    sizes = [(s.name, len(r.manifest.modules)) for s, r in zip(sysroots, results, strict=True)]
    together = joined(results)
    manifest = replace(together.manifest, build=build_facts(args, None))
    result, comparison = _compared(args, replace(together, manifest=manifest), image, policy)
    reported = deliver(args, result, tree, policy)
    if args.json:
        show(_document(result, sizes, len(tree.relocatable), comparison, policy))
    else:
        show(_table(result.manifest, sizes, comparison))
    return FINDINGS if reported else 0


def _scan(args: argparse.Namespace, sysroots: list[Sysroot]) -> tuple[Tree, list[Tree]]:
    """Return the files of all sysroots together, and those of each.

    Raises:
        ConfigError: there are none.
    """
    exclude = tuple(args.exclude)
    trees = [scan(s.folder, args.debug_root, packages=False, exclude=exclude) for s in sysroots]
    if not any(tree.subjects or tree.findings for tree in trees):
        raise nothing_in(args.sdk)
    together = Tree(
        subjects=[file for tree in trees for file in tree.subjects],
        relocatable=[file for tree in trees for file in tree.relocatable],
        excluded=sum(tree.excluded for tree in trees),
    )
    return together, trees


def _read_image(args: argparse.Namespace, tree: Tree) -> Manifest | None:
    """Return the image's manifest.

    Raises:
        ManifestError: it is none, or not one of its files is in the SDK.
    """
    if args.image is None:
        return None
    image = read(args.image)
    here = {file.path for file in tree.subjects}
    if here.isdisjoint(module.path for module in image.modules):
        raise unrelated(str(args.image), str(args.sdk))
    return image


def _compared(
    args: argparse.Namespace, result: Extraction, image: Manifest | None, policy: Policy
) -> tuple[Extraction, Comparison | None]:
    """Return what came out with a finding for each file that is of another build in the image.

    Raises:
        ManifestError: not one could be compared, as those of the same path are for another CPU.
    """
    if image is None:
        return result, None
    comparison = compare_with_image(result.manifest.modules, image, str(args.image))
    if not comparison.compared:
        raise unrelated(str(args.image), str(args.sdk))
    return with_findings(result, comparison.findings, policy), comparison


def _document(
    result: Extraction,
    sizes: list[tuple[str, int]],
    left_out: int,
    comparison: Comparison | None,
    policy: Policy,
) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "sysroots": [{"path": name, "files": number} for name, number in sizes],
        "files": len(result.manifest.modules),
        "by_status": dict(sorted(by_status(result.manifest).items())),
        "relocatable": left_out,
        "known": result.known,
        **({"image": _counts(comparison)} if comparison is not None else {}),
        "findings": findings_document(result, policy),
    }


def _counts(comparison: Comparison) -> dict[str, int]:
    return {"compared": comparison.compared, "other_build": len(comparison.findings)}


def _table(manifest: Manifest, sizes: list[tuple[str, int]], comparison: Comparison | None) -> str:
    """Return how many files there are of each status, and in each sysroot, as lines."""
    lines = status_lines(manifest)
    lines += [f"{number:6}  in the sysroot {visible(name)}" for name, number in sizes]
    if comparison is not None:
        others = len(comparison.findings)
        lines.append(f"{comparison.compared:6}  in the image, too; {others} of another build")
    return "\n".join(lines)
