# SPDX-License-Identifier: MIT
"""Make the Breakpad symbol file of one ELF file.

Without -o or --store the symbol file goes to standard output. The debug half of a stripped file
is looked for in .debug/ beside it and in the folders given, and must have the same build id.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path

from crashsym.breakpad.writer import write
from crashsym.cli.common import FINDINGS, add_dump_options, dump_options, report
from crashsym.debugfiles import find_split_debug
from crashsym.dump import dump_module
from crashsym.elf import ElfFile
from crashsym.errors import UnsupportedError
from crashsym.files import write_atomically
from crashsym.findings import Policy
from crashsym.splitpair import SplitPair
from crashsym.store import Store

NAME = "dump"
HELP = "make the symbol file of one ELF file"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``crashsym dump``."""
    parser.add_argument("elf", metavar="ELF", type=Path, help="an executable or shared object")
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
    """Make one symbol file."""
    policy = Policy.parse(["*=error"] if args.strict else [])
    with ExitStack() as stack:
        elf_file = stack.enter_context(ElfFile(args.elf))
        if elf_file.kind is None:
            raise UnsupportedError(
                "cannot make symbols",
                where=f"'{args.elf}'",
                why=f"its type is {elf_file.type}",
                remedy="Give an executable or a shared object.",
            )
        place = args.debug_file or find_split_debug(elf_file, args.debug_dir)
        split_debug = stack.enter_context(ElfFile(place)) if place is not None else None
        pair = SplitPair(elf_file, split_debug)
        dump = dump_module(pair, args.elf.name, str(args.elf), dump_options(args))
    data = write(dump.symbols)
    worst = report(dump.findings, policy)
    if args.strict and worst:
        return FINDINGS
    if args.store is not None:
        Store(args.store).add(dump.symbols.module, data)
    elif args.output is not None:
        write_atomically(args.output, data)
    else:
        sys.stdout.buffer.write(data)
    return FINDINGS if worst else 0
