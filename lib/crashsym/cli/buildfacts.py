# SPDX-License-Identifier: MIT
"""The options that say what was built: they become ``build`` in the manifest."""

from __future__ import annotations

import argparse
from typing import Any

from crashsym.cli.common import refused
from crashsym.identity import Identity

FACTS = ("image", "version", "machine", "distro", "series")


def add_build_facts(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    group = parser.add_argument_group("what was built, for the manifest")
    group.add_argument(
        "--build",
        metavar="FACT=TEXT",
        type=_fact,
        action="append",
        default=[],
        help=f"FACT is {', '.join(FACTS[:-1])} or {FACTS[-1]}; may be repeated",
    )
    group.add_argument(
        "--layer",
        metavar="NAME=REVISION",
        type=_layer,
        action="append",
        default=[],
        help="a layer of the build; NAME= alone if it has no revision; may be repeated",
    )


def build_facts(args: argparse.Namespace, identity: Identity | None) -> dict[str, Any] | None:
    """Return ``build`` of the manifest, None where nothing is said.

    What a root file system says itself is in it, too; the options come before that.
    """
    own = {} if identity is None else {"image": identity.image, "version": identity.version}
    said = {**own, **dict(args.build)}
    found: dict[str, Any] = {fact: said[fact] for fact in FACTS if said.get(fact)}
    if identity is not None:
        found["id"] = identity.id
    if args.layer:
        found["layers"] = dict(sorted(args.layer))
    return found or None


def given(text: str) -> str:
    """Return a text that is an argument.

    Raises:
        ArgumentTypeError: it is empty.
    """
    if not text:
        raise refused("an empty text")
    return text


def _fact(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    if name not in FACTS or not value:
        raise refused(f"'{text}' is not FACT=TEXT, where FACT is one of {', '.join(FACTS)}")
    return name, value


def _layer(text: str) -> tuple[str, str | None]:
    name, equals, revision = text.partition("=")
    if not name or not equals:
        raise refused(f"'{text}' is not NAME=REVISION")
    return name, revision or None
