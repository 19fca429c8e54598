# SPDX-License-Identifier: MIT
"""Work with manifests: join fragments of recipes, find modules, compare releases."""

from __future__ import annotations

import argparse
from pathlib import Path

from crashsym.cli import manifestdiff, manifestfind
from crashsym.cli.common import output_text, path
from crashsym.cli.output import Results
from crashsym.manifest import check_place, merge, read

HELP = "join manifests, find modules and their source, compare releases"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``crashsym manifest``."""
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    joiner = commands.add_parser(
        "merge",
        help="join fragments into one manifest",
        description="Join manifests, of recipes or images, into one; an entry that several have is"
        " in it once.",
    )
    joiner.add_argument("files", metavar="FILE", type=path, nargs="+", help="manifests")
    joiner.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        type=output_text,
        required=True,
        help="write this manifest; - is standard output",
    )
    joiner.set_defaults(run_manifest=_merge, parser=joiner)
    finder = commands.add_parser("find", help=manifestfind.HELP, description=manifestfind.__doc__)
    manifestfind.add_arguments(finder)
    finder.set_defaults(run_manifest=manifestfind.run, parser=finder)
    differ = commands.add_parser("diff", help=manifestdiff.HELP, description=manifestdiff.__doc__)
    manifestdiff.add_arguments(differ)
    differ.set_defaults(run_manifest=manifestdiff.run, parser=differ)


def run(args: argparse.Namespace) -> int:
    """Run ``merge``, ``find`` or ``diff``."""
    return int(args.run_manifest(args))


def _merge(args: argparse.Namespace) -> int:
    manifests = [read(file) for file in args.files]
    if args.output is None:
        with Results() as stdout:
            stdout.buffer.write(merge(manifests).to_bytes())
    else:
        check_place(Path(args.output))
        merge(manifests).write(Path(args.output))
    return 0
