# SPDX-License-Identifier: MIT
"""The options that say where the source of the files comes from."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable

from crashsym.checkout import unchanged_files
from crashsym.cli.common import path
from crashsym.cli.output import tell
from crashsym.errors import ConfigError
from crashsym.recipesource import Checkout, read_recipe
from crashsym.source import Repository, Source, public_uri
from crashsym.sourcelinks import SourceLinks, linked_folder

_COMMIT = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")


def add_source_options(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    group = parser.add_argument_group("where the source comes from")
    group.add_argument("--source-uri", metavar="URI", help="the repository")
    group.add_argument("--source-revision", metavar="REV", help="which revision of it")
    group.add_argument("--source-prefix", metavar="DIR", help="how its paths begin in DWARF")
    group.add_argument(
        "--source-checkout",
        metavar="DIR",
        type=path,
        help="a git checkout of it; only files that are unchanged there have links",
    )
    group.add_argument(
        "--source-recipe",
        metavar="FILE",
        type=path,
        help="instead of these: what BitBake knows of it; crashdump.bbclass writes that",
    )
    group.add_argument(
        "--source-links",
        action="store_true",
        help="name source files by repository, path and revision in the symbol files"
        " (git:HOST/REPOSITORY:PATH:REVISION), where they are known",
    )


def read_source_options(args: argparse.Namespace) -> tuple[Source | None, SourceLinks | None]:
    """Return the source for the manifest, and links if they are wanted.

    Raises:
        ConfigError: options contradict each other or are no text, or there can be no links.
        ToolMissingError: there is no git to look into a checkout.
    """
    if args.source_recipe is not None:
        _check_alone(args)
        source, checkouts = read_recipe(args.source_recipe)
        return source, _links(source, checkouts, must=False) if args.source_links else None
    if args.source_checkout is not None and not args.source_links:
        raise _refused("--source-checkout", "it is of use with --source-links only")
    _check_text(args)
    uri = public_uri(args.source_uri) if args.source_uri else None
    revision, prefix = args.source_revision, args.source_prefix
    repository = Repository(uri, revision, None if prefix is None else "")
    source = Source((repository,) if uri or revision else (), (), prefix)
    if not args.source_links:
        return source if uri or revision or prefix else None, None
    if revision is not None and not _COMMIT.fullmatch(revision):
        raise _refused(
            f"'{revision}'", "it can become another one; give the commit, all 40 or 64 digits of it"
        )
    links = _links(source, [Checkout(repository, args.source_checkout)], must=True)
    if not links.folders:
        raise _refused("--source-links", "URI, revision or prefix of a git repository are missing")
    return source, links


def _links(source: Source, checkouts: Iterable[Checkout], *, must: bool) -> SourceLinks:
    """Return the links; ``must``: it is an error if a checkout is of no use.

    Recipes move or strip what was unpacked for them: stderr says so, and there are no links.
    """
    folders = []
    for known in checkouts:
        folder = linked_folder(source, known.repository)
        if folder is None:
            continue
        if known.folder is not None:
            try:
                files = unchanged_files(known.folder, folder.revision, known.subpath)
            except ConfigError as error:
                if must:
                    raise
                tell(str(error))
                continue
            folder = folder._replace(files=files)
        folders.append(folder)
    return SourceLinks.of(folders)


def _check_alone(args: argparse.Namespace) -> None:
    for name in ("uri", "revision", "prefix", "checkout"):
        if getattr(args, f"source_{name}") is not None:
            raise ConfigError(
                "options contradict each other",
                where=f"--source-{name}",
                why="--source-recipe says that, too",
                remedy="Leave one of them out.",
            )


def _check_text(args: argparse.Namespace) -> None:
    for name in ("uri", "revision", "prefix"):
        text = getattr(args, f"source_{name}")
        if text is not None and not text.isprintable():
            raise ConfigError(
                "cannot note the source",
                where=f"--source-{name}",
                why="it has control characters, or is no UTF-8",
                remedy="Give text that can be printed.",
            )


def _refused(option: str, why: str) -> ConfigError:
    return ConfigError(
        "cannot link sources",
        where=option,
        why=why,
        remedy="Give --source-links, --source-uri, --source-revision and --source-prefix.",
    )
