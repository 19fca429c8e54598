# SPDX-License-Identifier: MIT
"""What BitBake knows of a recipe's source, as plain values → `crashsym.source.Source`.

crashdump.bbclass writes them as JSON: ``sources`` are the entries of SRC_URI that are no patches,
``{"scheme", "host", "path", "parameters", "revision"}``, decoded and without user and password;
``patches`` the names of those that are; ``variables`` the values of `VARIABLES`.

Which folder an entry is unpacked to, and what the compiler was told to write in its place, is
different in each series of Yocto: both are worked out from these values alone.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crashsym.errors import ConfigError
from crashsym.source import (
    KEPT_PARAMETERS,
    Repository,
    Source,
    below,
    is_public,
    joined,
    public_uri,
)

VARIABLES = (
    *("S", "B", "WORKDIR", "UNPACKDIR", "DEBUG_PREFIX_MAP"),
    "BB_GIT_DEFAULT_DESTSUFFIX",
)
_DOWNLOADS = ("http", "https", "ftp", "ftps", "sftp", "s3", "az", "gs")
# Bitbake: lib/bb/fetch2/__init__.py, FetchMethod.unpack
_ARCHIVES = (
    *(".tar", ".tgz", ".tbz", ".tbz2", ".txz", ".tzst", ".gz", ".Z", ".z", ".bz2", ".xz", ".lz"),
    *(".7z", ".zst", ".zip", ".jar", ".rpm", ".srpm", ".deb", ".ipk"),
)
_OPTIONS = ("-ffile-prefix-map", "-fdebug-prefix-map")
_LARGEST = 16 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Checkout:
    """A git repository, and where it, or its folder ``subpath``, lies here, if anywhere."""

    repository: Repository
    folder: Path | None
    subpath: str = ""


@dataclass(frozen=True, slots=True)
class _Entry:
    """One entry of SRC_URI."""

    scheme: str
    host: str
    path: str
    parameters: Mapping[str, str]
    revision: str | None

    @property
    def is_git(self) -> bool:
        """Whether it is a git repository."""
        return self.scheme in ("git", "gitsm")


@dataclass(frozen=True, slots=True)
class _Map:
    """Paths that begin with ``old`` begin with ``new`` in debug information."""

    old: str
    new: str


def read_recipe(file: Path) -> tuple[Source, list[Checkout]]:
    """Return the source of a recipe, and its git repositories that are unpacked here.

    Raises:
        ConfigError: the file cannot be read, or is not what the class writes.
    """
    try:
        with file.open("rb") as stream:
            document = json.loads(stream.read(_LARGEST))
        entries = [_entry(value) for value in _items(document, "sources", list)]
        patches = tuple(_text(name) for name in _items(document, "patches", list))
        given = _items(document, "variables", dict)
        variables = {name: _text(given[name]) for name in VARIABLES if given.get(name) is not None}
    except OSError as error:
        raise _unusable(file, error.strerror or str(error)) from error
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise _unusable(file, str(error)) from error
    return _source(entries, patches, variables)


def _unusable(file: Path, why: str) -> ConfigError:
    return ConfigError(
        "cannot read the source of the recipe",
        where=f"'{file}'",
        why=why,
        remedy="Give the file that crashdump.bbclass writes, of the same version as crashsym.",
    )


def _items(document: Any, key: str, kind: type[list[Any] | dict[str, Any]]) -> Any:
    if not isinstance(document, dict) or not isinstance(document.get(key), kind):
        raise TypeError(f"'{key}' is missing, or no {kind.__name__}")
    return document[key]


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _entry(value: Any) -> _Entry:
    given = _items(value, "parameters", dict)
    parameters = {_text(key): _text(text) for key, text in given.items() if text is not None}
    revision = value["revision"]
    scheme, host, path = (_text(value[key]) for key in ("scheme", "host", "path"))
    return _Entry(scheme, host, path, parameters, None if revision is None else _text(revision))


def _source(
    entries: list[_Entry], patches: tuple[str, ...], variables: Mapping[str, str]
) -> tuple[Source, list[Checkout]]:
    maps, used = list(_maps(variables)), _tidy(variables.get("S", ""))
    # of S or of a folder above it; of none where the debug information has the paths as they are
    prefix = next((m.new for m in maps if below(used, m.old) is not None), None) or None
    unpacked = [(entry, _folder(entry, variables)) for entry in entries]
    of_git = any(e.is_git and folder and below(used, folder) is not None for e, folder in unpacked)
    repositories, checkouts = [], []
    for entry, folder in unpacked:
        path, inside = _place(folder, maps, prefix, used) or (None, "")
        if inside and of_git and not entry.is_git:  # S is not from this archive
            path, inside = None, ""
        subpath = _tidy(entry.parameters.get("subpath", "")) if entry.is_git else ""
        repository = Repository(_uri(entry), entry.revision, path, joined(subpath, inside))
        if repository.uri is not None or entry.revision is not None:
            repositories.append(repository)
            if entry.is_git and folder is not None:
                checkouts.append(Checkout(repository, Path(folder), subpath))
    return Source(tuple(repositories), patches, prefix), checkouts


def _uri(entry: _Entry) -> str | None:
    """Return the URI of an entry, or None if it is a place on this machine."""
    if entry.scheme == "file":
        return None if entry.path.startswith("/") else f"file://{entry.path}"
    if not entry.host:
        return None
    known = [f"{key}={entry.parameters[key]}" for key in KEPT_PARAMETERS if key in entry.parameters]
    place = public_uri(f"{entry.scheme}://{entry.host}{entry.path}")
    return ";".join([place, *filter(is_public, known)])


def _folder(entry: _Entry, variables: Mapping[str, str]) -> str | None:
    """Return where an entry is unpacked to, or, of a single file, where that lies."""
    root = variables.get("UNPACKDIR") or variables.get("WORKDIR", "")
    parameters = entry.parameters
    folder = posixpath.join(root, parameters.get("subdir", ""))
    if entry.is_git:
        if parameters.get("bareclone") == "1":
            return None
        default = variables.get("BB_GIT_DEFAULT_DESTSUFFIX") or "git"
        if "subpath" in parameters:
            default = posixpath.basename(parameters["subpath"].rstrip("/"))
        if "subdir" in parameters:
            default = ""
        return _tidy(posixpath.join(folder, parameters.get("destsuffix", default)))
    if entry.scheme != "file" and entry.scheme not in _DOWNLOADS:
        return None
    name = entry.path.lstrip("/")
    if entry.scheme != "file":
        name = parameters.get("downloadfilename") or posixpath.basename(name.partition("?")[0])
    if not name.endswith(_ARCHIVES) or parameters.get("unpack", "1") in ("0", "no", "false"):
        return _tidy(posixpath.join(folder, name))
    # What of its paths is taken off is called differently in each archive.
    return _tidy(folder) if "striplevel" not in parameters else None


def _tidy(path: str) -> str:
    return posixpath.normpath(path) if path else ""


def _maps(variables: Mapping[str, str]) -> Iterator[_Map]:
    """Yield what the compiler replaces in paths, in the order it looks: the last option first.

    A build folder apart from the source has nothing but what the build made.
    """
    apart = {_tidy(variables.get("B", ""))} - {_tidy(variables.get("S", ""))}
    for word in reversed(variables.get("DEBUG_PREFIX_MAP", "").split()):
        option, _, rest = word.partition("=")
        old, equals, new = rest.partition("=")
        known = _Map(_tidy(old), _tidy(new))
        if option in _OPTIONS and equals and known.old not in apart:
            yield known


def _place(
    folder: str | None, maps: list[_Map], prefix: str | None, source: str
) -> tuple[str, str] | None:
    """Return which folder below the prefix shows which folder of a repository.

    None where none does. A recipe may compile a part of a repository only: then what is mapped is
    below its folder, the folder S if there are several.
    """
    if folder is None or prefix is None:
        return None
    for known in maps:
        rest = below(folder, known.old)
        if rest is not None:
            path = below(joined(known.new, rest), prefix)
            return None if path is None else (path, "")
    parts = [(below(known.old, folder), known) for known in maps]
    inside = [(part, known) for part, known in parts if part is not None]
    for part, known in sorted(inside, key=lambda found: found[1].old != source):
        path = below(known.new, prefix)
        if path is not None:
            return path, part or ""
    return None
