# SPDX-License-Identifier: MIT
"""Make the Breakpad symbol file of one ELF file.

Without -o or --store the symbol file goes to standard output. The debug half of a stripped file
is looked for in .debug/ beside it and in the folders given. It must have the same build id, or,
where there is none, the checksum that .gnu_debuglink says.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from crashsym.breakpad.module import ModuleRecord
from crashsym.cli.common import FINDINGS, add_dump_options, announce_engine, dump_options, report
from crashsym.debugfiles import Search, find_split_debug
from crashsym.dump import dump_module
from crashsym.elf import ElfFile
from crashsym.engines import engine
from crashsym.errors import CrashsymError, StoreError, UnsupportedError
from crashsym.files import move_into_place, staged_folder
from crashsym.findings import Finding, Policy
from crashsym.limits import Limits
from crashsym.splitpair import SplitPair
from crashsym.store import Store

HELP = "make the symbol file of one ELF file"
Task = tuple[argparse.Namespace, Path | None, Path]  # arguments, debug half, where to write


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``crashsym dump``."""
    parser.add_argument(
        "elf", metavar="ELF", type=Path, help="an executable, shared object or kernel module"
    )
    half = parser.add_mutually_exclusive_group()
    half.add_argument(
        "--debug-file", metavar="FILE", type=Path, help="its split debug file (the .debug half)"
    )
    half.add_argument(
        "--debug-dir",
        metavar="DIR",
        type=Path,
        action="append",
        default=[],
        help="a folder with split debug files, also in .build-id/ form; may be repeated",
    )
    output = parser.add_mutually_exclusive_group()
    output.add_argument("-o", "--output", metavar="FILE", type=Path, help="write this file")
    output.add_argument("--store", metavar="DIR", type=Path, help="put it into this symbol store")
    add_dump_options(parser)


def run(args: argparse.Namespace) -> int:
    """Make one symbol file, in a process that a damaged file can do no harm from."""
    near = args.store or args.output or Path(tempfile.gettempdir(), "symbols")
    with staged_folder(near) as work:
        return _run(args, work / "symbols")


def _run(args: argparse.Namespace, file: Path) -> int:
    policy = Policy.parse(["*=error"] if args.strict else [])
    announce_engine()
    search = _find_half(args)
    place = search.found
    size = sum(_size(path) for path in (args.elf, place) if path is not None)
    task = (args, place, file)
    made = _make(task) if engine().name == "kernel" else _make_apart(task, size)
    if isinstance(made, CrashsymError):
        raise made
    worst = report([*search.findings(str(args.elf)), *made.findings], policy)
    if not (args.strict and worst):
        _deliver(args, made.module, file)
    return FINDINGS if worst else 0


def _deliver(args: argparse.Namespace, module: ModuleRecord, file: Path) -> None:
    if args.store is not None:
        Store(args.store).add(module, file)
    elif args.output is not None:
        move_into_place(file, args.output)
    else:
        with file.open("rb") as stream:
            shutil.copyfileobj(stream, sys.stdout.buffer, 1 << 20)


@dataclass(frozen=True, slots=True)
class _Made:
    """What the process sends back; the symbols are in the file that it was given."""

    module: ModuleRecord
    findings: list[Finding]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # opening it will say so


def _find_half(args: argparse.Namespace) -> Search:
    if args.debug_file is not None:
        return Search(Path(args.debug_file))
    with ElfFile(args.elf) as elf_file:
        return find_split_debug(elf_file, args.debug_dir)


def _make_apart(
    task: tuple[argparse.Namespace, Path | None, Path], size: int
) -> _Made | CrashsymError:
    """Let a process with limits do it: what the reference needs cannot be told before."""
    from crashsym.parallel import Died, run

    [(_, made)] = run(_make, [task], 1, lambda _: Limits.for_bytes(size))
    if isinstance(made, Died):
        raise UnsupportedError(
            "cannot make symbols",
            where=f"'{task[0].elf}'",
            why=made.why,
            remedy="If the file is not damaged, report this as a bug of crashsym.",
        )
    return made


def _make(task: Task) -> _Made | CrashsymError:
    args, place, file = task
    try:
        with ExitStack() as stack:
            elf_file = stack.enter_context(ElfFile(args.elf))
            if elf_file.kind is None:
                return UnsupportedError(
                    "cannot make symbols",
                    where=f"'{args.elf}'",
                    why=f"its type is {elf_file.type}",
                    remedy="Give an executable, a shared object or a kernel module.",
                )
            split_debug = stack.enter_context(ElfFile(place)) if place is not None else None
            pair = SplitPair(elf_file, split_debug)
            dump = dump_module(pair, args.elf.name, str(args.elf), dump_options(args))
            with file.open("wb") as stream:
                dump.write(stream)
        return _Made(dump.module, dump.findings)
    except CrashsymError as error:
        return error
    except OSError as error:
        return StoreError("cannot write", where=f"'{file}'", why=error.strerror or str(error))
