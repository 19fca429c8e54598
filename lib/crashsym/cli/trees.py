# SPDX-License-Identifier: MIT
"""What the sub-commands share that work on a whole tree of files."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from crashsym.cache import Cache
from crashsym.cli.common import (
    ENGINES,
    add_dump_options,
    announce_engine,
    dump_options,
    path,
    refused,
    report,
)
from crashsym.cli.output import tell
from crashsym.cli.progress import ProgressLine
from crashsym.engines import engine
from crashsym.errors import ConfigError, counted, shortened
from crashsym.extract import Extraction, count_symbol_files, extract, sorted_findings
from crashsym.findings import EXCUSED, Finding, Policy
from crashsym.manifest import Manifest
from crashsym.onefile import Recipe
from crashsym.parallel import available_cpus
from crashsym.sourcelinks import SourceLinks
from crashsym.store import Store
from crashsym.texts import as_unicode
from crashsym.tree import HalfIndex, Tree

_DIGITS = 9  # more than enough for processes


def add_tree_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare where everything comes from and goes to."""
    parser.add_argument("--store", metavar="DIR", type=path, required=True, help="symbol store")
    parser.add_argument(
        "--manifest", metavar="FILE", type=file_path, required=True, help="write it here"
    )
    parser.add_argument(
        "--cache",
        metavar="DIR",
        type=path,
        help="keep what was found out about each file here, and do not read the same bytes again",
    )
    parser.add_argument(
        "--debug-root",
        metavar="DIR",
        type=path,
        action="append",
        default=[],
        help="a further tree of split or unstripped files to take debug information from; may be"
        " repeated",
    )
    parser.add_argument(
        "--exclude",
        metavar="GLOB",
        type=_target_glob,
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
    parser.add_argument(
        "--policy",
        metavar="CODE=LEVEL|FILE",
        action="append",
        default=[],
        help="make a finding an error, a warning, or ignore it (CODE may be *), or take the rules"
        " of a policy file; may be repeated, the later counts",
    )
    parser.add_argument(
        "--fail-on",
        choices=("warning", "error"),
        default="warning",
        help="exit code 3 for findings of this level and worse (default: warning)",
    )
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")
    add_dump_options(parser)


def file_path(text: str) -> Path:
    """Return the path of a file to write, which standard output is not.

    Raises:
        ArgumentTypeError: it is ``-``, or empty.
    """
    if text == "-":
        raise refused("'-' is no file; standard output is not for it, and a file '-' is './-'")
    return path(text)


def _target_glob(text: str) -> str:
    if not text.startswith(("/", "*", "?", "[")):
        raise refused(f"'{shortened(text)}' fits no file: target paths begin with '/'")
    return as_unicode(text)


def _jobs(text: str) -> int:
    if not text.isdecimal() or len(text) > _DIGITS or int(text) < 1:
        raise refused(f"'{shortened(text)}' is no number from 1 to {'9' * _DIGITS}")
    return int(text)


def read_policy(args: argparse.Namespace) -> Policy:
    """Return the policy that the arguments name; ``--strict`` goes before it."""
    return Policy.parse(args.policy + (["*=error"] if args.strict else []))


def extract_tree(
    args: argparse.Namespace, tree: Tree, recipe: Recipe, links: SourceLinks | None = None
) -> Extraction:
    """Make the symbols of a tree, whose FILE records have ``links``; a terminal shows progress."""
    announce_engine()
    with ProgressLine(sys.stderr) as line:
        return extract(
            tree,
            HalfIndex(tree.halves),
            Store(args.store),
            recipe,
            dump_options(args)._replace(links=links),
            jobs=args.jobs,
            cache=Cache(args.cache) if args.cache is not None else None,
            show=line.show,
        )


def nothing_in(root: Path) -> ConfigError:
    """Return the error for a tree without any file of use."""
    return ConfigError(
        "nothing to extract",
        where=f"'{root}'",
        why="no ELF executable or shared object below it",
        remedy="Give the root of a tree of target files, and check --exclude.",
    )


def deliver(args: argparse.Namespace, result: Extraction, tree: Tree, policy: Policy) -> bool:
    """Write the manifest and say what came out; return whether that is a failure."""
    result.manifest.write(args.manifest)
    report(sorted_findings(result.findings), policy)
    tell(_summary(result, tree, policy))
    failing = ("error", "warning") if args.fail_on == "warning" else ("error",)
    return any(policy.level(finding) in failing for finding in result.findings)


def by_status(manifest: Manifest) -> Counter[str]:
    """Return how many files there are of each status."""
    return Counter(module.status for module in manifest.modules)


def status_lines(manifest: Manifest) -> list[str]:
    """Return how many files there are of each status, and together, as lines of a table."""
    lines = [f"{number:6}  {status}" for status, number in by_status(manifest).most_common()]
    return [*lines, f"{len(manifest.modules):6}  ELF file{'s' * (len(manifest.modules) != 1)}"]


def with_findings(result: Extraction, found: Iterable[Finding], policy: Policy) -> Extraction:
    """Return what came out, which a policy has judged, with findings that say no more of it."""
    more = [policy.reminded(finding) for finding in found]
    return replace(result, findings=[*result.findings, *more])


def _summary(result: Extraction, tree: Tree, policy: Policy) -> str:
    """Return the one line that ends a run."""
    files = count_symbol_files(result.manifest)
    made = counted(files, "symbol file")
    parts = [f"{made}: {result.new} new, {files - result.new} already there"]
    parts.append(f"made by the {ENGINES[engine().name]}")
    if result.known:
        files_read = counted(len(tree.subjects), "file")
        parts.append(f"{result.known} of {files_read} known from the cache")
    if result.findings:
        levels = Counter(policy.level(finding) for finding in result.findings)
        words = {"error": "error", "warning": "warning", EXCUSED: "excused", "ignore": "ignored"}
        parts.append(", ".join(_number(levels[x], words[x]) for x in words if levels[x]))
    if tree.excluded:
        parts.append(f"{counted(tree.excluded, 'ELF file')} excluded")
    if tree.relocatable:
        parts.append(f"{counted(len(tree.relocatable), 'relocatable file')} (.o) left out")
    return "; ".join(parts)


def _number(number: int, word: str) -> str:
    return counted(number, word) if word in ("error", "warning") else f"{number} {word}"


def findings_document(result: Extraction, policy: Policy) -> list[dict[str, Any]]:
    """Return the findings as the schemas have them."""
    return [
        {
            "code": finding.code,
            "level": policy.level(finding),
            "path": finding.path,
            "message": finding.message,
        }
        for finding in sorted_findings(result.findings)
    ]
