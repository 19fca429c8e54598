# SPDX-License-Identifier: MIT
"""The option ``--baseline``: what became worse since an earlier manifest is a finding."""

from __future__ import annotations

import argparse
from pathlib import Path

from crashsym.cli.common import path
from crashsym.cli.manifestdiff import table
from crashsym.cli.output import tell
from crashsym.cli.trees import with_findings
from crashsym.extract import Extraction
from crashsym.findings import Policy
from crashsym.manifest import Manifest, read
from crashsym.manifestdiff import Diff, compare, findings_of, unrelated
from crashsym.tree import Tree


def add_baseline(parser: argparse.ArgumentParser) -> None:
    """Declare the option."""
    parser.add_argument(
        "--baseline",
        metavar="FILE",
        type=path,
        help="the manifest of an earlier release; what became worse since then is a finding",
    )


def read_baseline(args: argparse.Namespace, tree: Tree) -> Manifest | None:
    """Return the manifest that ``--baseline`` names.

    Raises:
        ManifestError: it is none, or not one of its files is in the tree.
    """
    if args.baseline is None:
        return None
    old = read(args.baseline)
    paths = [file.path for file in (*tree.subjects, *tree.relocatable)]
    here = {path.rpartition("/")[2] for path in paths}
    there = {name for m in old.modules for name in (m.path.rpartition("/")[2], m.debug_file)}
    if not here & there:
        raise unrelated(str(args.baseline), str(args.rootfs))
    return old


def with_baseline(
    result: Extraction, old: Manifest | None, policy: Policy
) -> tuple[Extraction, Diff | None]:
    """Return what came out with a finding for each file that became worse, and all that changed.

    The manifest stays as it is: what a release is does not depend on the one before.
    """
    if old is None:
        return result, None
    diff = compare(old, result.manifest)
    return with_findings(result, findings_of(diff), policy), diff


def say(baseline: Path, diff: Diff | None) -> None:
    """Print on stderr what became of the files."""
    if diff is not None:
        tell(f"compared with '{baseline}':\n{table(diff)}")
