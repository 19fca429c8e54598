# SPDX-License-Identifier: MIT
"""Send the symbols that a manifest names to symbol servers, and prove that they are there.

Each file ends as sent, already there, refused (with the words of the server) or failed. What a
server has acknowledged is noted in the store and not sent again, also after an interruption. The
exit code is 0 only if each module has its symbols on each target.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crashsym.cli.common import FINDINGS, path
from crashsym.cli.output import show, tell
from crashsym.errors import ConfigError, counted, visible
from crashsym.manifest import LEFT_OUT, Manifest, Module, check_place, read
from crashsym.tree import HalfIndex, scan
from crashsym.upload import run as uploads
from crashsym.upload import targets
from crashsym.upload.extent import Extent
from crashsym.upload.items import (
    DEBUG,
    Item,
    StoreFolder,
    Unusable,
    debug_items,
    symbol_items,
)
from crashsym.upload.ledger import Ledger
from crashsym.upload.outcome import FAILED, STATES, Outcome
from crashsym.upload.run import Door
from crashsym.upload.targets import Target

HELP = "send symbols to symbol servers, and prove that they are there"
SCHEMA = "crashsym-upload/1"
_NEEDLESS = (LEFT_OUT, "excused")
_CONFIG = Path("crashsym.toml")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``crashsym upload``."""
    add_target_arguments(parser)
    parser.add_argument(
        "--verify",
        action="store_true",
        help="ask each target afterwards, and write what it has into the manifest as receipts",
    )


def add_target_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what is uploaded, and where to."""
    parser.add_argument("--manifest", metavar="FILE", type=path, required=True, help="what to send")
    parser.add_argument("--store", metavar="DIR", type=path, required=True, help="symbol store")
    parser.add_argument(
        "--to",
        metavar="TARGET",
        action="append",
        required=True,
        help="a target of the configuration, or a URL; may be repeated",
    )
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=path,
        help="the file with the targets (default: crashsym.toml, if there is one)",
    )
    parser.add_argument(
        "--token-file",
        metavar="FILE",
        type=path,
        help="a file that only you can read, with the token for targets that do not name another"
        " place",
    )
    parser.add_argument(
        "--debug-root",
        metavar="DIR",
        type=path,
        action="append",
        default=[],
        help="a tree with the debug files for targets that want these; may be repeated",
    )
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")


@dataclass
class Plan:
    """What is to be where: the files, those that cannot be sent, and the targets."""

    manifest: Manifest
    store: Path
    doors: list[Door]
    symbols: list[Item]
    debug: list[Item]
    unusable: list[Unusable]

    @classmethod
    def of(cls, args: argparse.Namespace) -> Plan:
        """Read what the arguments name.

        Raises:
            CrashsymError: one of them is of no use, or there is nothing to send.
        """
        manifest = read(args.manifest)
        config = args.config or (_CONFIG if _CONFIG.exists() else None)
        found = targets.find(args.to, config, args.token_file)
        symbols, unusable = symbol_items(manifest.modules, StoreFolder(args.store))
        unusable += _without(manifest.modules)
        if not symbols and not unusable:
            raise ConfigError(
                "nothing to upload",
                where=f"'{args.manifest}'",
                why="not one of its modules has symbols",
                remedy="Give the manifest of the store.",
            )
        halves: dict[str, Extent] = {}
        if any(DEBUG in target.send for target in found):
            halves = _halves(args.debug_root)
        debug, unreadable = debug_items(symbols, halves)
        unusable += unreadable
        # All of them before the first file is sent: a token that is not there is known at once.
        doors = [uploads.door(target) for target in found]
        return cls(manifest, args.store, doors, symbols, debug, unusable)


def _without(modules: Sequence[Module]) -> list[Unusable]:
    """Return the modules that should have symbols and have none."""
    return [
        Unusable(module.path, (module.path,), f"it has no symbols: {module.status}")
        for module in modules
        if module.symbols is None and module.status not in _NEEDLESS
    ]


def _halves(roots: list[Path]) -> dict[str, Extent]:
    if not roots:
        remedy = "Name the tree with --debug-root, or take 'debug-files' out of 'send'."
        raise ConfigError("no debug files to upload", why="a target wants them", remedy=remedy)
    trees = [scan(root, [], packages=False, exclude=()) for root in roots]
    files = [file for tree in trees for file in (*tree.halves, *tree.subjects)]
    sizes = {file.file: file.size for file in files}
    found = HalfIndex(files).by_build_id
    return {build_id: Extent(file, 0, sizes[file]) for build_id, file in found.items()}


def run(args: argparse.Namespace) -> int:
    """Upload to all targets."""
    if args.verify:
        check_place(args.manifest)
    plan = Plan.of(args)
    results = [_upload(plan, door) for door in plan.doors]
    if args.verify:
        results += [verify_target(plan, door) for door in plan.doors]
        plan.manifest.write(args.manifest)
    return ended(args, plan, results)


@dataclass
class Result:
    """How all files of one target have ended, and how many bytes went over the wire."""

    target: Target
    outcomes: list[Outcome]
    sent_bytes: int
    verified: bool = False


def _upload(plan: Plan, door: Door) -> Result:
    target = door.target
    items = uploads.wanted(target, plan.symbols, plan.debug)
    waiting = f"another upload from '{plan.store}' to '{target.name}' is at work; waiting for it"
    with Ledger(plan.store, target.identity, lambda: tell(waiting)) as ledger:
        outcomes = list(_told(target, uploads.upload(door, items, ledger)))
    return Result(target, outcomes, door.sent_bytes)


def verify_target(plan: Plan, door: Door) -> Result:
    """Ask one target for all files, and put receipts into the manifest of the plan."""
    target = door.target
    items = uploads.wanted(target, plan.symbols, plan.debug)
    with Ledger(plan.store, target.identity) as ledger:
        outcomes = list(_told(target, uploads.verify(door, items, ledger)))
    plan.manifest = uploads.with_receipts(plan.manifest, target.name, outcomes)
    return Result(target, outcomes, 0, verified=True)


def _told(target: Target, outcomes: Iterator[Outcome]) -> Iterator[Outcome]:
    """Say what went wrong as it does."""
    for outcome in outcomes:
        if not outcome.is_there:
            paths = ", ".join(outcome.item.paths[:3])
            about = f"'{outcome.item.name}' ({paths}): {target.name}: {outcome.why}"
            tell(visible(f"{outcome.state}: {about}"))
        yield outcome


def ended(args: argparse.Namespace, plan: Plan, results: list[Result]) -> int:
    """Print the outcome and return the exit code."""
    for unusable in plan.unusable:
        about = f"'{unusable.file}' ({', '.join(unusable.paths[:3])}): {unusable.why}"
        tell(visible(f"{FAILED}: {about}"))
    for result in results:
        tell(visible(_summary(result)))
    if args.json:
        show(_document(plan, results))
    return 0 if _is_complete(plan, results) else FINDINGS


def _is_complete(plan: Plan, results: list[Result]) -> bool:
    there = all(outcome.is_there for result in results for outcome in result.outcomes)
    return there and not plan.unusable


_WORDS = {"sent": "sent", "present": "already there", "refused": "refused", "failed": "failed"}


def _summary(result: Result) -> str:
    numbers = Counter(outcome.state for outcome in result.outcomes)
    files = counted(len(result.outcomes), "file")
    if result.verified:
        return f"{result.target.name}: verified: {numbers['present']} of {files} are there"
    parts = ", ".join(f"{numbers[state]} {_WORDS[state]}" for state in STATES)
    return f"{result.target.name}: {files}: {parts}; {result.sent_bytes} bytes sent"


def _document(plan: Plan, results: list[Result]) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "complete": _is_complete(plan, results),
        "targets": [
            {
                "name": result.target.name,
                "kind": result.target.kind,
                "verified": result.verified,
                "bytes": result.sent_bytes,
                "files": [_file(outcome) for outcome in result.outcomes],
            }
            for result in results
        ],
        "unusable": [
            {"file": one.file, "paths": list(one.paths), "why": one.why} for one in plan.unusable
        ],
    }


def _file(outcome: Outcome) -> dict[str, Any]:
    item = outcome.item
    return {
        "kind": item.kind,
        "name": item.name,
        "debug_id": item.debug_id,
        "build_id": item.build_id,
        "sha256": item.sha256,
        "state": outcome.state,
        "id": outcome.id,
        "why": outcome.why,
    }
