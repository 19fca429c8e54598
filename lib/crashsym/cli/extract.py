# SPDX-License-Identifier: MIT
"""Make the symbol files and the manifest of all ELF files in a tree.

ROOT holds target files at their target paths. Debug halves in .debug/ folders and below
usr/lib/debug are paired with their files by build id.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from crashsym.cache import Cache
from crashsym.cli.common import FINDINGS, add_dump_options, announce_engine, dump_options, report
from crashsym.engines import engine
from crashsym.errors import ConfigError
from crashsym.extract import Extraction, count_symbol_files, extract, judge, sorted_findings
from crashsym.findings import EXCUSED, Policy
from crashsym.manifest import Source
from crashsym.onefile import Recipe
from crashsym.parallel import available_cpus
from crashsym.store import Store
from crashsym.tree import HalfIndex, Tree, scan

HELP = "make symbol files and manifest of a tree"
SCHEMA = "crashsym-extract/1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``crashsym extract``."""
    parser.add_argument("root", metavar="ROOT", type=Path, help="a tree of target files")
    parser.add_argument("--store", metavar="DIR", type=Path, required=True, help="symbol store")
    parser.add_argument(
        "--manifest", metavar="FILE", type=Path, required=True, help="write it here"
    )
    parser.add_argument(
        "--cache",
        metavar="DIR",
        type=Path,
        help="keep what was found out about each file here, and do not read the same bytes again",
    )
    parser.add_argument(
        "--debug-root",
        metavar="DIR",
        type=Path,
        action="append",
        default=[],
        help="a further tree of split or unstripped files to take debug information from; may be"
        " repeated",
    )
    parser.add_argument(
        "--packages",
        action="store_true",
        help="the folders right below ROOT are packages (OpenEmbedded's packages-split)",
    )
    parser.add_argument(
        "--exclude",
        metavar="GLOB",
        action="append",
        default=[],
        help="leave out target paths like this, e.g. '/usr/lib/*/ptest/*'; may be repeated",
    )
    parser.add_argument(
        "-j",
        "--jobs",
        metavar="N",
        type=_jobs,
        default=available_cpus(),
        help="files at once; default: all processors",
    )
    _add_recipe_arguments(parser)
    parser.add_argument(
        "--policy",
        metavar="CODE=LEVEL|FILE",
        action="append",
        default=[],
        help="make a finding an error, a warning, or ignore it (CODE may be *), or take the rules"
        " of a policy file; may be repeated, the later counts",
    )
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")
    add_dump_options(parser)


def _add_recipe_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("for the manifest")
    group.add_argument("--recipe", metavar="NAME", help="the recipe that made the files")
    group.add_argument("--recipe-version", metavar="VERSION", help="its version")
    group.add_argument("--source-uri", metavar="URI", help="where its source comes from")
    group.add_argument("--source-revision", metavar="REV", help="which revision of it")
    group.add_argument("--source-prefix", metavar="DIR", help="how its paths begin in DWARF")


def _jobs(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no number of 1 or more")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Extract one tree."""
    policy = Policy.parse(args.policy + (["*=error"] if args.strict else []))
    tree = scan(args.root, args.debug_root, packages=args.packages, exclude=tuple(args.exclude))
    if not tree.subjects and not args.packages and not tree.findings:
        raise ConfigError(
            "nothing to extract",
            where=f"'{args.root}'",
            why="no ELF executable or shared object below it",
            remedy="Give the root of a tree of target files, and check --exclude.",
        )
    announce_engine()
    result = judge(
        extract(
            tree,
            HalfIndex(tree.halves),
            Store(args.store),
            _recipe(args),
            dump_options(args),
            jobs=args.jobs,
            cache=Cache(args.cache) if args.cache is not None else None,
        ),
        policy,
    )
    result.manifest.write(args.manifest)
    found = list(sorted_findings(result.findings))
    reported = report(found, policy)
    print(f"crashsym: {_summary(result, tree, policy)}", file=sys.stderr)
    if args.json:
        print(json.dumps(_document(result, tree, policy), indent=1))
    return FINDINGS if reported else 0


def _recipe(args: argparse.Namespace) -> Recipe:
    facts = (args.source_uri, args.source_revision, args.source_prefix)
    return Recipe(args.recipe, args.recipe_version, Source(*facts) if any(facts) else None)


def _summary(result: Extraction, tree: Tree, policy: Policy) -> str:
    files = count_symbol_files(result.manifest)
    parts = [f"{files} symbol files: {result.new} new, {files - result.new} already there"]
    parts.append(f"made by the {engine().name}")
    if result.known:
        parts.append(f"{result.known} of {len(result.manifest.modules)} files known from the cache")
    if result.findings:
        excused = sum(policy.level(finding) == EXCUSED for finding in result.findings)
        parts.append(f"{len(result.findings)} findings" + f", {excused} excused" * (excused > 0))
    if tree.relocatable:
        parts.append(f"{tree.relocatable} relocatable files (.o) left out")
    return "; ".join(parts)


def _document(result: Extraction, tree: Tree, policy: Policy) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "symbol_files": count_symbol_files(result.manifest),
        "new": result.new,
        "engine": engine().name,
        "relocatable": tree.relocatable,
        "findings": [
            {
                "code": finding.code,
                "level": policy.level(finding),
                "path": finding.path,
                "message": finding.message,
            }
            for finding in sorted_findings(result.findings)
        ],
    }
