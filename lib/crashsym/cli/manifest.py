# SPDX-License-Identifier: MIT
"""Work with manifests: join fragments of recipes, find a module by its id, compare releases."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from crashsym.cli import manifestdiff
from crashsym.cli.common import output_text, path
from crashsym.cli.output import Results, show
from crashsym.errors import ConfigError, ManifestError, counted, visible
from crashsym.manifest import Module, check_place, find, merge, module_document, read

_READELF = "'readelf -n FILE' prints the build id of an ELF file."
HELP = "join manifests, find a module by its id, compare releases"


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
    finder = commands.add_parser(
        "find",
        help="find the module with a build id or debug id",
        description="Print the modules that have an id, one on a line: build id, path, recipe and"
        " version, package, symbol file, status. Exit code 2: there is none.",
    )
    finder.add_argument("id", metavar="ID", help="a build id (8 digits or more) or a debug id")
    finder.add_argument("files", metavar="FILE", type=path, nargs="+", help="manifests")
    finder.add_argument("--json", action="store_true", help="print the modules as JSON")
    finder.set_defaults(run_manifest=_find, parser=finder)
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


def _check_id(identifier: str) -> None:
    if not re.fullmatch("[0-9a-f]{8,}", identifier.replace("-", ""), re.IGNORECASE):
        raise ConfigError(
            "cannot find a module",
            where=f"'{identifier}'",
            why="it is no id: at least 8 hexadecimal digits are needed",
            remedy=_READELF,
        )


def _find(args: argparse.Namespace) -> int:
    _check_id(args.id)
    modules = [module for file in args.files for module in find(read(file), args.id)]
    if not modules:
        raise ManifestError(
            "cannot find a module",
            where=f"'{args.id}'",
            why=f"no module in {counted(len(args.files), 'manifest')} has this id",
            remedy=_READELF,
        )
    if args.json:
        show([module_document(module) for module in modules])
    else:
        show("\n".join(_line(module) for module in dict.fromkeys(modules)))
    return 0


def _line(module: Module) -> str:
    recipe = f"{module.recipe} {module.version}" if module.recipe else "-"
    symbols = module.symbols.path if module.symbols else "-"
    fields = (module.build_id or "-", module.path, recipe, module.package or "-", symbols)
    return visible("  ".join((*fields, module.status)))
