# SPDX-License-Identifier: MIT
"""Find modules by build id, debug id, path or name, and where their source is.

Prints each module on a line: build id, path, recipe and version, package, symbol file, status;
below it each place that its source comes from: URI, revision, and how the paths of these files
begin in the symbols; and the patches in the order they were applied. First come the modules with
such an id, then those with such a path, then those of which the file, the SONAME, the package or
the recipe is called so. Exit code 2: there is none.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from crashsym.cli.common import path, refused
from crashsym.cli.output import show
from crashsym.errors import ManifestError, counted, visible
from crashsym.manifest import Manifest, Module, module_document, read
from crashsym.manifestfind import find
from crashsym.source import Repository, Source, joined

HELP = "find modules by id, path or name, and their source"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``crashsym manifest find``."""
    parser.add_argument(
        "wanted",
        metavar="WHAT",
        type=_wanted,
        help="a build id (8 digits or more), a debug id, a path on the target, or the name of a"
        " file, a package or a recipe; * and ? fit any part of paths and names",
    )
    parser.add_argument("files", metavar="FILE", type=path, nargs="+", help="manifests")
    parser.add_argument("--json", action="store_true", help="print the modules as JSON")


def _wanted(text: str) -> str:
    if not text:
        raise refused("it is empty; give an id, a path or a name")
    return text


def run(args: argparse.Namespace) -> int:
    """Find modules in some manifests."""
    manifests = {str(file): read(file) for file in args.files}
    modules = find((m for one in manifests.values() for m in one.modules), args.wanted)
    if not modules:
        raise ManifestError(
            "cannot find a module",
            where=f"'{args.wanted}'",
            why=f"no module in {counted(len(args.files), 'manifest')} has this id, path or name",
            remedy="'readelf -n FILE' prints the build id of an ELF file, of which 8 digits are"
            " enough; a path begins with '/'.",
        )
    if args.json:
        show([module_document(module) for module in modules])
    else:
        several = {}
        if len(manifests) > 1:
            several = {name: (one, frozenset(one.modules)) for name, one in manifests.items()}
        lines = (line for m in modules for line in (*_lines(m), *_places(m, several)))
        show("\n".join(map(visible, lines)))
    return 0


def _places(
    module: Module, manifests: dict[str, tuple[Manifest, frozenset[Module]]]
) -> Iterator[str]:
    """Yield which of several manifests have a module, and of what they are."""
    for name, (manifest, modules) in manifests.items():
        if module in modules:
            build = manifest.build or {}
            facts = [str(build[fact]) for fact in ("image", "version") if build.get(fact)]
            yield f"    in  {name}{'  ' * bool(facts)}{' '.join(facts)}"


def _lines(module: Module) -> Iterator[str]:
    recipe = f"{module.recipe} {module.version}" if module.recipe else "-"
    symbols = module.symbols.path if module.symbols else "-"
    fields = (module.build_id or "-", module.path, recipe, module.package or "-", symbols)
    yield "  ".join((*fields, module.status))
    if module.source is None:
        return
    for repository in module.source.repositories or (Repository(None, None, ""),):
        yield "    source  " + "  ".join(_origin(module.source, repository))
    for name in module.source.patches:
        yield f"    patch  {name}"


def _origin(source: Source, repository: Repository) -> Iterator[str]:
    yield repository.uri or "-"
    yield repository.revision or "-"
    if source.prefix is None or repository.path is None:
        yield "-"
        return
    inside = f" ({repository.subpath}/)" if repository.subpath else ""
    yield joined(source.prefix, repository.path) + inside
