# SPDX-License-Identifier: MIT
"""Ask symbol servers whether they still have the symbols that a manifest names.

What a server has is written into the manifest as a receipt; what it has no more is said, and sent
by the next 'crashsym upload'. Servers remove what no crash has asked for in a long time.
"""

from __future__ import annotations

import argparse

from crashsym.cli.upload import Plan, add_target_arguments, ended, verify_target
from crashsym.manifest import check_place

HELP = "ask symbol servers what they have"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``crashsym verify``."""
    add_target_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Verify all targets."""
    check_place(args.manifest)
    plan = Plan.of(args)
    results = [verify_target(plan, door) for door in plan.doors]
    plan.manifest.write(args.manifest)
    return ended(args, plan, results)
