# SPDX-License-Identifier: MIT
"""Add function, file and line to text that has frames as module+0xoffset.

Understands the frames of AddressSanitizer, glibc's backtrace_symbols, systemd-coredump and plain
module+0xoffset. All other text passes through unchanged.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from crashsym.cli.common import FINDINGS, path
from crashsym.cli.output import Results, tell
from crashsym.errors import ConfigError, UnreadableError
from crashsym.files import why_no_folder
from crashsym.manifest import read
from crashsym.store import Store
from crashsym.symbolicate import Outcome, Symbolicator

HELP = "add function, file and line to a log"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``crashsym symbolicate``."""
    parser.add_argument(
        "file", metavar="FILE", nargs="?", type=path, help="a text; standard input without it"
    )
    parser.add_argument(
        "--store",
        metavar="DIR",
        type=path,
        action="append",
        required=True,
        help="symbol store, a folder NAME/ID/NAME.sym; may be repeated: --store A --store B",
    )
    parser.add_argument(
        "--manifest",
        metavar="FILE",
        type=path,
        action="append",
        default=[],
        help="which build to take where the store has several, and which module a file name is;"
        " may be repeated",
    )


def run(args: argparse.Namespace) -> int:
    """Symbolicate one text."""
    for store in args.store:
        _check_store(store)
    stores = [Store(folder) for folder in args.store]
    manifests = [read(file) for file in args.manifest]
    symbolicator = Symbolicator(stores, manifests)
    with Results() as stdout:
        for raw in _raw_lines(args.file):
            stdout.buffer.write(_completed(symbolicator, raw))
    return _conclude(symbolicator.outcome, stores)


def _check_store(folder: Path) -> None:
    if why := why_no_folder(folder):
        remedy = "Give the folder that 'crashsym extract --store' has filled."
        raise ConfigError("cannot symbolicate", where=f"'{folder}'", why=why, remedy=remedy)


def _raw_lines(file: Path | None) -> Iterator[bytes]:
    """Yield the lines of a file or of standard input, with their line ends."""
    where = "standard input" if file is None else f"'{file}'"
    if file is None and sys.stdin is None:
        raise UnreadableError("cannot read", where=where, why="it is closed")
    try:
        with ExitStack() as stack:
            yield from sys.stdin.buffer if file is None else stack.enter_context(file.open("rb"))
    except OSError as error:
        why = error.strerror or str(error)
        raise UnreadableError("cannot read", where=where, why=why) from error


def _completed(symbolicator: Symbolicator, raw: bytes) -> bytes:
    """Return a line, and those that belong behind it, with its own line end."""
    line = raw.rstrip(b"\r\n")
    end = raw[len(line) :]
    shown = symbolicator.lines([line.decode("utf-8", "surrogateescape")])
    text = (end or b"\n").join(one.encode("utf-8", "surrogateescape") for one in shown)
    return text + end


def _conclude(outcome: Outcome, stores: list[Store]) -> int:
    missing = "; ".join(f"{name}: {why}" for name, why in sorted(outcome.missing.items()))
    summary = f"{outcome.named} of {outcome.frames} frames named"
    tell(f"{summary}{'; ' + missing if missing else ''}")
    if "no symbols" in outcome.missing.values() and all(store.is_empty() for store in stores):
        tell("a store is a folder that has NAME/ID/NAME.sym right below")
    return 0 if outcome.named else FINDINGS
