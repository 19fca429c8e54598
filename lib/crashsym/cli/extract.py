# SPDX-License-Identifier: MIT
"""Make the symbol files and the manifest of all ELF files in a tree.

ROOT holds target files at their target paths. Debug halves in .debug/ folders and below
usr/lib/debug are paired with their files by build id.
"""

from __future__ import annotations

import argparse
from typing import Any

from crashsym.cli.common import FINDINGS, path
from crashsym.cli.output import show
from crashsym.cli.sourceoptions import add_source_options, read_source_options
from crashsym.cli.trees import (
    add_tree_arguments,
    deliver,
    extract_tree,
    findings_document,
    nothing_in,
    read_policy,
)
from crashsym.engines import engine
from crashsym.extract import Extraction, count_symbol_files, judge
from crashsym.findings import Policy
from crashsym.manifest import check_place
from crashsym.onefile import Recipe
from crashsym.tree import Tree, scan

HELP = "make symbol files and manifest of a tree"
SCHEMA = "crashsym-extract/1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``crashsym extract``."""
    parser.add_argument("root", metavar="ROOT", type=path, help="a tree of target files")
    parser.add_argument(
        "--packages",
        action="store_true",
        help="the folders right below ROOT are packages (OpenEmbedded's packages-split)",
    )
    add_tree_arguments(parser)
    group = parser.add_argument_group("for the manifest")
    group.add_argument("--recipe", metavar="NAME", help="the recipe that made the files")
    group.add_argument("--recipe-version", metavar="VERSION", help="its version")
    add_source_options(parser)


def run(args: argparse.Namespace) -> int:
    """Extract one tree."""
    policy = read_policy(args)
    check_place(args.manifest)
    source, links = read_source_options(args)
    tree = scan(args.root, args.debug_root, packages=args.packages, exclude=tuple(args.exclude))
    if not tree.subjects and not args.packages and not tree.findings:
        raise nothing_in(args.root)
    recipe = Recipe(args.recipe, args.recipe_version, source)
    result = judge(extract_tree(args, tree, recipe, links), policy)
    reported = deliver(args, result, tree, policy)
    if args.json:
        show(_document(result, tree, policy))
    return FINDINGS if reported else 0


def _document(result: Extraction, tree: Tree, policy: Policy) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "symbol_files": count_symbol_files(result.manifest),
        "new": result.new,
        "engine": engine().name,
        "relocatable": len(tree.relocatable),
        "findings": findings_document(result, policy),
    }
