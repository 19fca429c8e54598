# SPDX-License-Identifier: MIT
"""Add the build ids of a manifest to the SPDX document of the same image.

Makes a new document, complete, and a manifest that names it. Files that the document has get their
build ids; other files of the manifest are added. SPDX 3.0.1, 2.3 and 2.2, in JSON.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from crashsym import manifest, spdx
from crashsym.cli.common import FINDINGS, check_other, output_text, path
from crashsym.cli.output import Results, tell
from crashsym.cli.trees import file_path
from crashsym.errors import StoreError, counted, visible
from crashsym.files import write_atomically
from crashsym.spdx.document import Amended, read
from crashsym.texts import as_unicode

HELP = "add build ids to the SPDX document of an image"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``crashsym spdx``."""
    parser.add_argument("file", metavar="MANIFEST", type=path, help="the manifest of an image")
    parser.add_argument(
        "document", metavar="DOCUMENT", type=path, help="the SPDX document of the same image"
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        type=output_text,
        required=True,
        help="write the new document; - is standard output",
    )
    parser.add_argument(
        "--manifest",
        metavar="FILE",
        type=file_path,
        required=True,
        help="write the manifest that names the new document; it may replace MANIFEST",
    )


def run(args: argparse.Namespace) -> int:
    """Write a document and a manifest that refer to each other."""
    _check_places(args)
    found, document = manifest.read(args.file), read(args.document)
    amended = spdx.amend(document, found, as_unicode(args.manifest.name))
    _write(args, amended)
    files = counted(amended.found + amended.added, "file")
    tell(f"{files} with a build id: the document had {amended.found}, {amended.added} are added")
    for module in amended.left:
        where = visible(f"'{module.path}': neither it nor '{module.package}'")
        tell(f"left out: {where} is in the document")
    return FINDINGS if amended.left else 0


def _write(args: argparse.Namespace, amended: Amended) -> None:
    """Write the document, and then the manifest: a full disk leaves the one that is there."""
    if args.output is None:
        with Results() as stdout:
            stdout.buffer.write(amended.to_bytes())
    else:
        write_atomically(args.output, amended.to_bytes())
    try:
        write_atomically(args.manifest, amended.manifest)
    except StoreError as error:
        raise StoreError(
            "cannot write the manifest",
            where=error.where,
            why=f"{error.why}; the new document is written, and names a manifest that is not there",
            remedy=f"{error.remedy} Then run this again.",
        ) from error


def _check_places(args: argparse.Namespace) -> None:
    """Refuse places that cannot be written, or where an input or the other output would be lost."""
    manifest.check_place(args.manifest)
    check_other(args.manifest, [args.document])
    if args.output is not None:
        manifest.check_place(Path(args.output), "SPDX document")
        check_other(Path(args.output), [args.document, args.file, args.manifest])
