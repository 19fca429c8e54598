# SPDX-License-Identifier: MIT
"""The options that say whose the files of a root or a sysroot are, and where sources are from."""

from __future__ import annotations

import argparse
from pathlib import Path

from crashsym.cli.common import path
from crashsym.errors import ConfigError
from crashsym.files import why_no_folder
from crashsym.owners import Owners


def add_owner_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    group = parser.add_argument_group("whose the files are")
    group.add_argument(
        "--pkgdata", metavar="DIR", type=path, help="the package data of the build (PKGDATA_DIR)"
    )
    group.add_argument(
        "--installed",
        metavar="FILE",
        type=path,
        help="which of its packages are there (IMAGE_MANIFEST, SDK_TARGET_MANIFEST)",
    )
    group.add_argument(
        "--fragments",
        metavar="DIR",
        type=path,
        help="what recipes that inherit crashdump have noted, their sources above all"
        " (CRASHDUMP_DEPLOY_DIR)",
    )


def check_owners(args: argparse.Namespace) -> None:
    """Refuse, before the work, places that cannot tell whose files are.

    Raises:
        ConfigError: there is no such folder, or a list without one.
    """
    alone = "" if args.pkgdata is not None else "--installed without --pkgdata"
    for place, why in (
        (args.installed, alone),
        (args.pkgdata, why_no_folder(args.pkgdata) if args.pkgdata is not None else ""),
    ):
        if place is not None and why:
            remedy = "Give PKGDATA_DIR and the list of packages of the same build."
            raise ConfigError(
                "cannot tell whose files are", where=f"'{place}'", why=why, remedy=remedy
            )


def read_owners(args: argparse.Namespace, root: Path) -> Owners:
    """Return whose the files of a root are.

    Raises:
        InputError: a source of it is of no use.
    """
    database = Owners.from_rootfs(root)
    if args.pkgdata is None:
        return database
    built = Owners.from_pkgdata(args.pkgdata, args.installed, root)
    return built.with_database(database)
