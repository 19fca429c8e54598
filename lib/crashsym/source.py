# SPDX-License-Identifier: MIT
"""Where the source of a module comes from, as the manifest says it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, cast

KEPT_PARAMETERS = ("protocol", "branch", "tag", "module")  # what it takes to find the revision
_TEXT = (str, type(None))
_SCHEME = re.compile(r"([\w.+-]+://|)(.*)", re.DOTALL)
_PLACE = re.compile(r"([^?#;]*)(.*)", re.DOTALL)
# Names without a dot may be those of hosts, but as well the beginning of a user or password.
_HOST = re.compile(r"[\w-]+(?:\.[\w-]+)+|\[[0-9A-Fa-f:.]+\]")
_HOST_AND_PORT = re.compile(rf"(?:{_HOST.pattern})(?::\d+)?")
_PASSWORD = re.compile(r":(?!\d*$)")  # no port follows the colon
_MOST_USERS = 16  # ends of user and password in one URI
_PARAMETER = re.compile(rf"(?:{'|'.join(KEPT_PARAMETERS)})=[^?#:&=\s]*")


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
    """Return a URI without what may be a secret: user, password, query, fragment.

    Of the parameters those stay that it takes to find a revision. Where it cannot be told what is
    user or password, more is left out, if need be all behind ``://``.
    """
    scheme, rest = cast("re.Match[str]", _SCHEME.match(uri)).groups()
    place, more = cast("re.Match[str]", _PLACE.match(_without_user(rest))).groups()
    return ";".join([scheme + place, *filter(is_public, more.split(";")[1:])])


def is_public(parameter: str) -> bool:
    """Whether a parameter of a URI, ``branch=main``, may be told."""
    return bool(_PARAMETER.fullmatch(parameter))


def _without_user(rest: str, *, had_user: bool = False) -> str:
    """Return what follows user and password, in which ``/``, ``;``, ``?`` and ``@`` may be."""
    for _ in range(_MOST_USERS):
        if "@" not in rest:
            return rest
        place = cast("re.Match[str]", _PLACE.match(rest))[1]
        authority, _, path = place.partition("/")
        user, at, _ = path.rpartition("@")
        if "@" in authority:
            rest = rest[authority.rindex("@") + 1 :]
        elif (_HOST_AND_PORT if had_user else _HOST).fullmatch(authority) and ":" not in user:
            return rest
        elif at:
            rest = rest[place.rindex("@") + 1 :]
        elif _PASSWORD.search(authority):
            rest = rest.partition("@")[2]
        else:
            return ""
        had_user = True
    return ""


def below(path: str, folder: str) -> str | None:
    """Return the rest of a path that is a folder (""), or below it; None if it is elsewhere."""
    if path == folder:
        return ""
    start = f"{folder.rstrip('/')}/" if folder else ""
    return path[len(start) :] if path.startswith(start) else None


def joined(*parts: str) -> str:
    """Return the parts of a path with slashes between them; empty ones leave no trace."""
    return "/".join(part for part in parts if part)
