# SPDX-License-Identifier: MIT
"""Print what a root file system is, as JSON for /usr/lib/crashdump/image.json in it.

A crash report of the device can then quote the id, which the manifest of the image has, too. Write
it when nothing changes the ELF files any more: the id is made of their bytes.
"""

from __future__ import annotations

import argparse

from crashsym.cli.buildfacts import given
from crashsym.cli.common import path
from crashsym.cli.output import show
from crashsym.identity import Identity, id_of

HELP = "print what a root file system is, for a file in it"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``crashsym identify``."""
    parser.add_argument("rootfs", metavar="ROOTFS", type=path, help="the root file system")
    parser.add_argument("--image", metavar="NAME", type=given, help="what the image is called")
    parser.add_argument(
        "--image-version", metavar="TEXT", type=given, help="the version of the image"
    )


def run(args: argparse.Namespace) -> int:
    """Identify one root file system."""
    show(Identity(id_of(args.rootfs), args.image, args.image_version).to_text())
    return 0
