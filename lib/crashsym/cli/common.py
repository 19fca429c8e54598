# SPDX-License-Identifier: MIT
"""What several sub-commands share."""

from __future__ import annotations

import sys

from crashsym.cli.output import is_terminal, tell
from crashsym.dump import DumpOptions
from crashsym.engines import is_fallback
from crashsym.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable
    from pathlib import Path

    from crashsym.cli.quick import Parser
    from crashsym.findings import Finding, Policy

# By the names that the variable and the documents have: to a user, a kernel is Linux.
ENGINES = {"kernel": "compiled engine", "reference": "Python engine"}
MOST = 10  # lines of one kind, on a terminal
FINDINGS = 3  # exit code: finished, but some files have findings


def add_dump_options(parser: Parser) -> None:
    """Declare what goes into a symbol file."""
    parser.add_argument("--no-inlines", action="store_true", help="leave inlined functions out")
    parser.add_argument("--no-cfi", action="store_true", help="leave unwind rules out")
    parser.add_argument(
        "--keep-suffixes",
        action="store_true",
        help="let names say that the compiler cloned or split a function (.cold, .part.0)",
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help="every finding is an error, and nothing is written for a file that has one",
    )


def dump_options(args: argparse.Namespace) -> DumpOptions:
    """Return the options that `add_dump_options` declared."""
    of_tree = hasattr(args, "debug_root")
    folders = args.debug_root if of_tree else args.debug_dir
    if folders:
        from pathlib import Path  # `crashsym dump` seldom needs it, and has its arguments as text

        folders = map(Path, folders)
    return DumpOptions(
        inlines=not args.no_inlines,
        cfi=not args.no_cfi,
        strict=args.strict,
        keep_suffixes=args.keep_suffixes,
        debug_folders=tuple(folders),
        debug_options=("--debug-root",) if of_tree else ("--debug-dir", "--debug-file"),
        can_excuse=of_tree,
    )


def path_text(text: str) -> str:
    """Return a path as `pathlib` writes it (``./a//b`` is ``a/b``), mostly without that module.

    Raises:
        ArgumentTypeError: it is empty.
    """
    parts = text.split("/")
    if text and "." not in parts and "" not in parts[1:]:
        return text
    return str(path(text))


def path(text: str) -> Path:
    """Return a path that is an argument.

    Raises:
        ArgumentTypeError: it is empty, which would be the current folder.
    """
    from pathlib import Path

    if not text:
        raise refused("an empty path; give a file or a folder")
    return Path(text)


def output_text(text: str) -> str | None:
    """Return what `path_text` does of a file to write; None is standard output, ``-``."""
    return None if text == "-" else path_text(text)


def check_other(place: Path, files: Iterable[Path]) -> None:
    """Refuse a place to write to where another file of the command would be lost.

    Raises:
        ConfigError: it is the place of one.
    """
    if place.resolve() in [file.resolve() for file in files]:
        raise ConfigError(
            "cannot write",
            where=f"'{place}'",
            why="it is also the place of another file of this command",
            remedy="Name another file.",
        )


def refused(why: str) -> Exception:
    """Return what makes `argparse` refuse an argument, whose name it puts before the reason."""
    from argparse import ArgumentTypeError

    return ArgumentTypeError(why)


def report(found: Iterable[Finding], policy: Policy) -> bool:
    """Print findings to stderr, one line each; return whether there was any to print.

    A terminal, which a person reads, gets the first of each code, and how many more there are.
    """
    numbers: dict[tuple[str, str], int] = {}
    most = MOST if is_terminal(sys.stderr) else None
    for finding in found:
        level = policy.level(finding)
        if level in ("error", "warning"):
            number = numbers[level, finding.code] = numbers.get((level, finding.code), 0) + 1
            if most is None or number <= most:
                tell(f"{level}: {finding.message} [{finding.code}]")
    for (level, code), number in numbers.items():
        if most is not None and number > most:
            tell(
                f"{level}: {number - most} more [{code}]. Send stderr to a file to read all: 2>FILE"
            )
    return bool(numbers)


def announce_engine() -> None:
    """Say on stderr when the work will take long because there is no compiled engine."""
    if is_fallback():
        tell(
            "the compiled engine is missing; the Python engine, a hundred times slower, does the"
            " work"
        )
