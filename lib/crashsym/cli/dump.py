# SPDX-License-Identifier: MIT
"""Make the Breakpad symbol file of one ELF file.

Without -o or --store the symbol file goes to standard output. The debug half of a stripped file
is looked for in .debug/ beside it and in the folders given. It must have the same build id, or,
where there is none, the checksum that .gnu_debuglink says.
"""

from __future__ import annotations

import os

from crashsym.cli.common import (
    FINDINGS,
    add_dump_options,
    announce_engine,
    dump_options,
    output_text,
    path_text,
    report,
)
from crashsym.cli.output import Results
from crashsym.debugfiles import Search, find_split_debug
from crashsym.dump import dump_module
from crashsym.elf import ElfFile
from crashsym.engines import engine
from crashsym.errors import ConfigError, CrashsymError, UnsupportedError
from crashsym.files import StagedFolder, move_into_place, not_written
from crashsym.findings import Finding, Policy
from crashsym.splitpair import SplitPair
from crashsym.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from crashsym.breakpad.module import ModuleRecord
    from crashsym.cli.quick import Parser

    # arguments, the file, its debug half, where to write
    Task = tuple[argparse.Namespace, ElfFile, str | Path | None, str]

HELP = "make the symbol file of one ELF file"


def add_arguments(parser: Parser) -> None:
    """Declare the arguments of ``crashsym dump``."""
    parser.add_argument(
        "elf", metavar="ELF", type=path_text, help="an executable, shared object or kernel module"
    )
    half = parser.add_mutually_exclusive_group()
    half.add_argument(
        "--debug-file",
        metavar="FILE",
        type=path_text,
        help="its split debug file (the .debug half)",
    )
    half.add_argument(
        "--debug-dir",
        metavar="DIR",
        type=path_text,
        action="append",
        default=[],
        help="a folder with split debug files, also in .build-id/ form; may be repeated",
    )
    output = parser.add_mutually_exclusive_group()
    help_of_output = "write this file; - is standard output"
    output.add_argument("-o", "--output", metavar="FILE", type=output_text, help=help_of_output)
    output.add_argument(
        "--store", metavar="DIR", type=path_text, help="put it into this symbol store"
    )
    add_dump_options(parser)


def run(args: argparse.Namespace) -> int:
    """Make one symbol file, in a process that a damaged file can do no harm from."""
    with StagedFolder(args.store or args.output) as folder:
        return _run(args, os.path.join(folder, "symbols"))


def _run(args: argparse.Namespace, file: str) -> int:
    policy = Policy.parse(["*=error"] if args.strict else [])
    announce_engine()
    with ElfFile(args.elf) as elf_file:
        search = _find_half(args, elf_file)
        task = (args, elf_file, args.debug_file or search.found, file)
        made = _make(task) if engine().name == "kernel" else _make_apart(task)
    if isinstance(made, CrashsymError):
        raise made
    _check_output(args.output, [args.elf, task[2], *made.others])
    worst = report([*search.findings(args.elf), *made.findings], policy)
    if not (args.strict and worst):
        _deliver(args, made.module, file)
    return FINDINGS if worst else 0


def _check_output(output: str | None, inputs: list[str | Path | None]) -> None:
    """Refuse to overwrite what the symbols were made from."""
    if output is None or not os.path.exists(output):
        return
    for file in inputs:
        if file is not None and os.path.samefile(output, file):
            raise ConfigError(
                "cannot write",
                where=f"'{output}'",
                why="the symbols are made from this file",
                remedy="Name another file with -o.",
            )


def _deliver(args: argparse.Namespace, module: ModuleRecord, file: str) -> None:
    if args.store is not None:
        from crashsym.store import Store

        Store(args.store).add(module, file)
    elif args.output is not None:
        move_into_place(file, args.output)
    else:
        import shutil

        with open(file, "rb") as stream, Results() as stdout:
            shutil.copyfileobj(stream, stdout.buffer, 1 << 20)


class _Made(Value):
    """What the process sends back; the symbols are in the file that it was given."""

    module: ModuleRecord
    findings: list[Finding]
    others: tuple[Path, ...]


def _find_half(args: argparse.Namespace, elf_file: ElfFile) -> Search:
    """Look for the debug half, unless it is named."""
    if args.debug_file is not None:
        return Search(None)
    folders = []
    if args.debug_dir:
        from pathlib import Path

        folders = [Path(folder) for folder in args.debug_dir]
    return find_split_debug(elf_file, folders)


def _make_apart(task: Task) -> _Made | CrashsymError:
    """Let a process with limits do it: what the reference needs cannot be told before."""
    from crashsym.limits import Limits
    from crashsym.parallel import Died, run

    args, elf_file, place, _ = task
    size = elf_file.size + (_size(place) if place is not None else 0)
    [(_, made)] = run(_make, [task], 1, lambda _: Limits.for_bytes(size))
    if isinstance(made, Died):
        raise UnsupportedError(
            "cannot make symbols",
            where=f"'{args.elf}'",
            why=made.why,
            remedy="If the file is not damaged, report this as a bug of crashsym.",
        )
    return made


def _size(path: str | Path) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0  # opening it will say so


def _make(task: Task) -> _Made | CrashsymError:
    args, elf_file, place, file = task
    try:
        _check_kind(elf_file, args.elf)
        if place is None:
            return _made(args, SplitPair(elf_file), file)
        with ElfFile(place) as split_debug:
            return _made(args, SplitPair(elf_file, split_debug), file)
    except CrashsymError as error:
        return error
    except OSError as error:
        return not_written(args.store or args.output or os.path.dirname(file), error)


def _check_kind(elf_file: ElfFile, path: str) -> None:
    if elf_file.kind is None:
        raise UnsupportedError(
            "cannot make symbols",
            where=f"'{path}'",
            why=f"its type is {elf_file.type}",
            remedy="Give an executable, a shared object or a kernel module.",
        )


def _made(args: argparse.Namespace, pair: SplitPair, file: str) -> _Made:
    dump = dump_module(pair, os.path.basename(args.elf), args.elf, dump_options(args))
    with open(file, "wb") as stream:
        dump.write(stream)
    return _Made(dump.module, dump.findings, dump.others)
