# SPDX-License-Identifier: MIT
"""The ``crashsym`` command.

Exit codes: 0 done; 1 a bug (with a traceback); 2 something the user can fix; 3 finished, but files
have findings or failed, each listed on stderr; 130 interrupted. Only `main` decides them, and after
SIGTERM and SIGHUP these end the process.
"""

from __future__ import annotations

import gc
import os
import sys

from crashsym import __version__
from crashsym.cli.output import tell
from crashsym.cli.signals import end_as_asked, interrupt_on_signals
from crashsym.errors import CrashsymError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

_COMMANDS = (
    *("dump", "extract", "image", "sdk", "identify", "manifest", "spdx", "upload", "verify"),
    *("store", "symbolicate", "lint"),
)
_USER_ERROR, _INTERRUPTED = 2, 130


def build_parser(commands: tuple[str, ...] = _COMMANDS) -> argparse.ArgumentParser:
    """Return the parser of the command line; ``commands`` are those that it has to know."""
    from importlib import import_module

    from crashsym.cli.parser import CommandParser

    parser = CommandParser(
        prog="crashsym",
        formatter_class=_formatter,
        description="Make every crash of an embedded Linux device readable.",
        epilog="Exit codes: 0 done; 1 a bug in crashsym; 2 something you can fix; 3 finished, "
        "some files have findings (listed on stderr); 130 interrupted.",
    )
    parser.add_argument("--version", action="version", version=f"crashsym {__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in commands:
        command = import_module(f"crashsym.cli.{name}")
        sub = subparsers.add_parser(
            name, help=command.HELP, description=command.__doc__, formatter_class=_formatter
        )
        command.add_arguments(sub)
        sub.set_defaults(run=command.run, parser=sub)
    return parser


def _formatter(prog: str) -> argparse.HelpFormatter:
    """Return the formatter that argparse makes for each argument, to see whether it could.

    Without a width that one asks `shutil` (the rules here are its), whose import takes a
    noticeable part of a small file's time.
    """
    import argparse

    columns = os.environ.get("COLUMNS", "")
    width = int(columns) if columns.isdecimal() else 0
    if not width:
        try:
            width = os.get_terminal_size(sys.__stdout__.fileno()).columns  # type: ignore[union-attr]
        except (AttributeError, ValueError, OSError):  # there is none, or it is no terminal
            width = 0
    return argparse.HelpFormatter(prog, width=(width or 80) - 2)


def _parse(argv: list[str]) -> argparse.Namespace:
    """Parse the command line; only the command that it names is imported."""
    if argv == ["--version"]:
        return build_parser(()).parse_args(argv)
    if argv[:1] == ["dump"]:
        quick = _parse_dump(argv[1:])
        if quick is not None:
            return quick
    wanted = tuple(name for name in _COMMANDS if argv[:1] == [name])
    args, others = build_parser(wanted or _COMMANDS).parse_known_args(argv)
    if others:
        args.parser.error(f"unrecognized arguments: {' '.join(others)}")
    return args


def _parse_dump(argv: list[str]) -> argparse.Namespace | None:
    """Parse a line of ``crashsym dump`` if that is quickly done."""
    from crashsym.cli import dump
    from crashsym.cli.quick import QuickParser

    parser = QuickParser()
    dump.add_arguments(parser)
    args = parser.parse(argv)
    if args is not None:
        args.run = dump.run
    return args


def _parse_own() -> argparse.Namespace:
    """Parse the command line of this process.

    What is imported meanwhile is never garbage: the collector, which would go through it several
    times while it grows and once more in the end, passes it over.
    """
    interrupt_on_signals()
    gc.disable()
    args = _parse(sys.argv[1:])
    gc.freeze()
    gc.enable()
    return args


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    try:
        args = _parse_own() if argv is None else _parse(argv)
        return int(args.run(args))
    except CrashsymError as error:
        tell(str(error))
        return _USER_ERROR
    except MemoryError:
        tell("not enough memory. Give it more, or smaller files.")
        return _USER_ERROR
    except KeyboardInterrupt:
        tell("interrupted")
        end_as_asked()
        return _INTERRUPTED
