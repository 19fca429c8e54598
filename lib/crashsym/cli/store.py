# SPDX-License-Identifier: MIT
"""Look after a folder of symbols: remove what no release needs any more."""

from __future__ import annotations

import argparse
from typing import Any

from crashsym.cli.common import FINDINGS, path
from crashsym.cli.output import show, tell
from crashsym.errors import counted, visible
from crashsym.manifest import read
from crashsym.texts import as_unicode
from crashsym.upload.layouts import DEFAULT_LAYOUT, LAYOUTS
from crashsym.upload.prune import Pruned, prune

HELP = "remove symbols that no release needs any more"
SCHEMA = "crashsym-prune/1"
_PRUNE = """Remove from a folder the symbol and debug files that not one of some manifests needs.

Prints the places of these files. Whatever does not lie at a place of the layout stays. Exit code 3:
a file could not be removed, or the store has nothing of a module that has symbols.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``crashsym store``."""
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    pruner = commands.add_parser("prune", help=HELP, description=_PRUNE)
    pruner.add_argument("--store", metavar="DIR", type=path, required=True, help="the folder")
    pruner.add_argument(
        "--keep",
        metavar="MANIFEST",
        type=path,
        nargs="+",
        action="extend",
        required=True,
        help="the manifests of all releases whose files stay; may be repeated",
    )
    pruner.add_argument(
        "--layout",
        choices=tuple(LAYOUTS),
        default=DEFAULT_LAYOUT,
        help=f"default: {DEFAULT_LAYOUT}",
    )
    pruner.add_argument("--dry-run", action="store_true", help="remove nothing, only say what")
    pruner.add_argument("--json", action="store_true", help="print the outcome as JSON")
    pruner.set_defaults(run_store=_prune, parser=pruner)


def run(args: argparse.Namespace) -> int:
    """Run ``prune``."""
    return int(args.run_store(args))


def _prune(args: argparse.Namespace) -> int:
    manifests = {file: read(file) for file in args.keep}
    waiting = visible(f"an upload into '{args.store}' is at work; waiting for it")
    done = prune(
        args.store, args.layout, manifests, dry_run=args.dry_run, waiting=lambda: tell(waiting)
    )
    for place, why in done.failed:
        tell(visible(f"failed: '{place}': {why}"))
    for missing in done.missing:
        places = " nor ".join(f"'{place}'" for place in missing.places)
        tell(visible(f"missing: {', '.join(missing.paths[:3])}: the store has no {places}"))
    tell(visible(f"'{args.store}': {_summary(done, dry_run=args.dry_run)}"))
    if args.json:
        show(_document(done, args))
    elif done.removed:
        show("\n".join(visible(file.place) for file in done.removed))
    return 0 if _is_complete(done) else FINDINGS


def _is_complete(done: Pruned) -> bool:
    return not done.failed and not done.missing


def _summary(done: Pruned, *, dry_run: bool) -> str:
    size = sum(file.size for file in done.removed)
    removed = f"{len(done.removed)} {'to be removed' if dry_run else 'removed'} ({size} bytes)"
    newer = f", {done.newer} came meanwhile" if done.newer else ""
    return f"{counted(done.kept, 'file')} kept, {removed}{newer}, {len(done.missing)} missing"


def _document(done: Pruned, args: argparse.Namespace) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "complete": _is_complete(done),
        "layout": args.layout,
        "dry_run": args.dry_run,
        "kept": done.kept,
        "newer": done.newer,
        "bytes": sum(file.size for file in done.removed),
        "removed": [as_unicode(file.place) for file in done.removed],
        "missing": [{"paths": m.paths, "places": m.places} for m in done.missing],
        "failed": [{"place": as_unicode(place), "why": why} for place, why in done.failed],
    }
