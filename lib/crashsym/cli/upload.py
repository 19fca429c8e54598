# SPDX-License-Identifier: MIT
"""Send the symbols that a manifest names to symbol servers, and prove that they are there.

Each file ends as sent, already there, refused (with the words of the server) or failed. What a
server has acknowledged is noted in the store and not sent again, also after an interruption. The
exit code is 0 only if each module has its symbols on each target.

With '--bundle' beside '--manifest' and '--store', nothing is sent: all that targets need goes into
one archive. With '--bundle' alone, that archive is sent, from another machine.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crashsym.cli.common import FINDINGS, check_other, path
from crashsym.cli.output import show, tell
from crashsym.cli.trees import file_path
from crashsym.cli.uploadline import UploadLine
from crashsym.cli.uploadplan import Plan
from crashsym.errors import counted, visible
from crashsym.manifest import check_place
from crashsym.upload import receipts
from crashsym.upload import run as uploads
from crashsym.upload.bundle import write_bundle
from crashsym.upload.items import Item
from crashsym.upload.ledger import Ledger
from crashsym.upload.meter import Meter
from crashsym.upload.outcome import FAILED, STATES, Outcome
from crashsym.upload.run import Door
from crashsym.upload.targets import Target

HELP = "send symbols to symbol servers, and prove that they are there"
SCHEMA = "crashsym-upload/1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``crashsym upload``."""
    add_target_arguments(parser)
    parser.add_argument(
        "--verify",
        action="store_true",
        help="ask each target afterwards, and write what it has into the manifest as receipts",
    )
    parser.add_argument(
        "--bundle",
        metavar="FILE",
        type=file_path,
        help="an archive for another machine: written if there is a --manifest, else sent",
    )


def add_target_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what is uploaded, and where to."""
    _add_source_arguments(parser)
    parser.add_argument(
        "--to",
        metavar="TARGET",
        action="append",
        default=[],
        help="a target of the configuration, or a URL: sentry+https://HOST/ORGANIZATION/PROJECT,"
        " tecken+https://..., https://... (PUT), s3://BUCKET/PREFIX, store:DIR and others; may be"
        " repeated",
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
    _add_outcome_arguments(parser)


def _add_source_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--manifest", metavar="FILE", type=path, help="what to send")
    parser.add_argument("--store", metavar="DIR", type=path, help="symbol store")
    parser.add_argument(
        "--debug-root",
        metavar="DIR",
        type=path,
        action="append",
        default=[],
        help="a tree with the debug files for targets that want these; may be repeated",
    )
    parser.add_argument(
        "--allow-empty",
        action="store_true",
        help="a manifest of which nothing is to be sent to a target is no error",
    )


def _add_outcome_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        type=file_path,
        help="write the manifest with receipts to this file, and leave the other as it is",
    )
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")


def require(args: argparse.Namespace, *names: str) -> None:
    """Refuse a command line that lacks one of these options."""
    missing = [f"--{name}" for name in names if not getattr(args, name)]
    if missing:
        args.parser.error(f"the following arguments are required: {', '.join(missing)}")


def refuse(args: argparse.Namespace, option: str, *names: str) -> None:
    """Refuse a command line that has one of these options beside another one."""
    for name in names:
        if getattr(args, name):
            shown = f"--{name.replace('_', '-')}"
            args.parser.error(f"argument {shown}: not allowed with argument {option}")


def run(args: argparse.Namespace) -> int:
    """Upload to all targets, or write a bundle."""
    if args.bundle is not None and (args.manifest or args.store or args.debug_root):
        return _write_bundle(args)
    require(args, *(("to",) if args.bundle else ("manifest", "store", "to")))
    if not args.verify and args.output:
        args.parser.error("argument -o/--output: there are no receipts without --verify")
    if args.verify:
        check_receipts(args)
    plan = Plan.of(args)
    results = [_upload(plan, door) for door in plan.doors]
    if not args.verify:
        return ended(args, plan, results)
    results += [verify_target(plan, door) for door in plan.doors]
    return verified(args, plan, results)


def verified(args: argparse.Namespace, plan: Plan, results: list[Result]) -> int:
    """Write the receipts, print the outcome in any case, and return the exit code."""
    try:
        write_receipts(args, plan, results)
    finally:
        code = ended(args, plan, results)
    return code


def _write_bundle(args: argparse.Namespace) -> int:
    require(args, "manifest", "store")
    refuse(args, "--bundle", "verify", "output")
    check_place(args.bundle, "bundle")
    check_other(args.bundle, filter(None, (args.manifest, args.config, args.token_file)))
    plan = Plan.of(args, sends=False)
    files = [*plan.symbols, *plan.debug]
    size = write_bundle(args.bundle, plan.source.manifest, files)
    tell(visible(f"'{args.bundle}': {counted(len(files), 'file')}, {size} bytes"))
    return ended(args, plan, [])


def check_receipts(args: argparse.Namespace) -> None:
    """Refuse, before the work, a place where the manifest with receipts cannot go.

    Raises:
        CrashsymError: it cannot be written, or is that of another file.
    """
    place = args.output or args.manifest
    if place is not None:
        check_place(place)
        check_other(place, filter(None, (args.bundle, args.config, args.token_file)))


def write_receipts(args: argparse.Namespace, plan: Plan, results: list[Result]) -> None:
    """Write the manifest with receipts; one that is in a bundle stays as it is.

    Raises:
        ManifestError: meanwhile it is none any more.
        StoreError: the operating system refuses.
    """
    place = args.output or args.manifest
    if place is None:
        return
    found = [(one.target.name, one.outcomes) for one in results if one.verified]
    if args.manifest is None or place.resolve() != args.manifest.resolve():
        receipts.with_all(plan.source.manifest, found).write(place)
        return
    waiting = f"another command is at work in the folder of '{place}'; waiting for it"
    receipts.update(place, plan.source.manifest, found, lambda: tell(visible(waiting)))


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
    if not items:  # there may be no store either
        return Result(target, [], 0)
    with (
        _ledger(plan.ledger, target) as ledger,
        closing(uploads.upload(door, items, ledger)) as found,
    ):
        outcomes = _told(door, items, found)
    return Result(target, outcomes, door.sent_bytes)


def _ledger(folder: Path, target: Target) -> Ledger:
    waiting = f"another upload from '{folder}' to '{target.name}' is at work; waiting for it"
    return Ledger(folder, target.identity, lambda: tell(visible(waiting)))


def verify_target(plan: Plan, door: Door) -> Result:
    """Ask one target for all files."""
    target = door.target
    items = uploads.wanted(target, plan.symbols, plan.debug)
    folder = plan.source.ledger if items else None
    ledger = _ledger(folder, target) if folder is not None else None
    with ledger or nullcontext():
        outcomes = _told(door, items, uploads.verify(door, items, ledger))
    return Result(target, outcomes, 0, verified=True)


def _told(door: Door, items: Sequence[Item], outcomes: Iterator[Outcome]) -> list[Outcome]:
    """Return how all have ended; say what goes wrong, and on a terminal how far it is."""
    meter = Meter(items)
    ended = []
    with UploadLine(sys.stderr, door.target.name, meter) as line:
        door.watch(meter, lambda text: line.say(visible(text)))
        for outcome in outcomes:
            meter.ended(outcome)
            ended.append(outcome)
            if not outcome.is_there:
                paths = ", ".join(outcome.item.paths[:3])
                about = f"'{outcome.item.name}' ({paths}): {door.target.name}: {outcome.why}"
                line.tell(visible(f"{outcome.state}: {about}"))
    return ended


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
        said = f"{result.target.name}: verified: {numbers['present']} of {files} are there"
        unsure = sum(outcome.is_there and outcome.why != "" for outcome in result.outcomes)
        unknown = sum(not (one.is_there or one.is_absent) for one in result.outcomes)
        said += f", {unsure} by name or id alone" if unsure else ""
        return said + (f", {unknown} could not be asked for" if unknown else "")
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
