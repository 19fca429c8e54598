# SPDX-License-Identifier: MIT
"""Where the source of a module comes from, as the manifest says it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_TEXT = (str, type(None))


@dataclass(frozen=True, slots=True)
class Repository:
    """A place that source comes from: a repository, an archive, a file beside the recipe.

    A source file whose path in the symbols is ``<prefix>/<path>/x.c``, with the prefix of the
    `Source`, is ``<subpath>/x.c`` there; both may be empty. ``path`` is None where none of its
    files is known to be below the prefix. ``uri`` is None for a place on the build machine; it has
    no user, password or token.
    """

    uri: str | None
    revision: str | None
    path: str | None
    subpath: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """All places, the names of the patches in the order they were applied, and the prefix.

    ``prefix`` is how the paths of the source begin in debug information.
    """

    repositories: tuple[Repository, ...]
    patches: tuple[str, ...]
    prefix: str | None


def read_source(value: Any) -> Source:
    """Return the source of a document, which a manifest has.

    Raises:
        TypeError: it does not follow the schema.
    """
    if not isinstance(value, dict) or set(value) != {"repositories", "patches", "prefix"}:
        raise TypeError("a source has other keys than repositories, patches, prefix")
    repositories, patches, prefix = value["repositories"], value["patches"], value["prefix"]
    if not isinstance(patches, list) or not all(isinstance(name, str) for name in patches):
        raise TypeError(f"patches of a source is {patches!r}")
    if not isinstance(repositories, list):
        raise TypeError(f"repositories of a source is {repositories!r}")
    if not isinstance(prefix, _TEXT):
        raise TypeError(f"prefix of a source is {prefix!r}")
    return Source(tuple(map(_read_repository, repositories)), tuple(patches), prefix)


def _read_repository(value: Any) -> Repository:
    keys = ("uri", "revision", "path", "subpath")
    if not isinstance(value, dict) or set(value) != set(keys):
        raise TypeError(f"a repository has other keys than {', '.join(keys)}")
    if not all(isinstance(value[key], _TEXT) for key in keys) or value["subpath"] is None:
        raise TypeError(f"a repository is {value!r}")
    return Repository(**value)


def public_uri(uri: str) -> str:
    """Return a URI without user, password and query, which may be a secret."""
    plain = re.sub(r"^([\w.+-]+://)[^/;?]*@", r"\1", uri)
    return re.sub(r"\?[^;]*", "", plain, count=1)


def below(path: str, folder: str) -> str | None:
    """Return the rest of a path that is a folder (""), or below it; None if it is elsewhere."""
    if path == folder:
        return ""
    start = f"{folder.rstrip('/')}/" if folder else ""
    return path[len(start) :] if path.startswith(start) else None


def joined(*parts: str) -> str:
    """Return the parts of a path with slashes between them; empty ones leave no trace."""
    return "/".join(part for part in parts if part)
