# SPDX-License-Identifier: MIT
"""Ask symbol servers whether they still have the symbols that a manifest names.

What a server has is written into the manifest as a receipt; what it has no more is said, and sent
by the next 'crashsym upload'. Servers remove what no crash has asked for in a long time.

Without '--store', when that is long gone, all is asked that the manifest alone can tell: names, ids
and receipts.
"""

from __future__ import annotations

import argparse

from crashsym.cli.trees import file_path
from crashsym.cli.upload import (
    add_target_arguments,
    check_receipts,
    refuse,
    require,
    verified,
    verify_target,
)
from crashsym.cli.uploadplan import Plan

HELP = "ask symbol servers what they have"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``crashsym verify``."""
    add_target_arguments(parser)
    parser.add_argument(
        "--bundle", metavar="FILE", type=file_path, help="an archive that upload has written"
    )


def run(args: argparse.Namespace) -> int:
    """Verify all targets."""
    if args.bundle is not None:
        refuse(args, "--bundle", "manifest", "store", "debug_root")
    require(args, *(("to",) if args.bundle else ("manifest", "to")))
    check_receipts(args)
    plan = Plan.of(args, asks=True)
    results = [verify_target(plan, door) for door in plan.doors]
    return verified(args, plan, results)
