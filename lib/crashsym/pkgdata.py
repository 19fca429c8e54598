# SPDX-License-Identifier: MIT
"""OE's PKGDATA_DIR: the packages of a build, their recipes, and the sizes of their files."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from crashsym.errors import InputError, MalformedError, UnreadableError, shortened
from crashsym.packaged import Collection, Packaged, is_name
from crashsym.targetroot import TargetRoot

_ESCAPE = re.compile(r"\\(x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8}|.|$)", re.S)
_ESCAPED = {"\\": "\\", "n": "\n", "r": "\r", "t": "\t"}
_WANTED = ("PN", "PV", "PKGV", "PKG", "FILES_INFO")
_MAX_SIZE = 1 << 63
_GIVE = "Give PKGDATA_DIR and IMAGE_MANIFEST of the same build."


def read_pkgdata(collection: Collection, installed: Path | None) -> None:
    """Collect the packages that were made, or those that a list says are installed.

    Raises:
        InputError: the list cannot be read, or there is not one of the packages.

    Source: OE-Core meta/lib/oe/packagedata.py, emit_pkgdata, which writes runtime/PACKAGE, beside
    it PACKAGE.packaged if there is one, and the link runtime-reverse/NAME to runtime/PACKAGE, where
    NAME is what debian.bbclass or PKG made of its name; meta/classes-recipe/
    rootfs-postcommands.bbclass, write_image_manifest, for the list ("name arch version").
    """
    packages = _made(collection) if installed is None else _installed(collection, installed)
    for package in packages:
        where = f"runtime/{package}"
        text = collection.text_of(where, package)
        if text is not None:
            _add(collection, where, package, text)


def _made(collection: Collection) -> list[str]:
    found = collection.source.names("/runtime")
    made = sorted(name for name in found if f"{name}.packaged" in found)
    if not made:
        why = "'runtime' in it has no package with its file '.packaged'"
        raise _unusable(str(collection.source), why)
    return made


def _installed(collection: Collection, installed: Path) -> list[str]:
    lines = _lines(installed)
    names = [words[0] for line in lines if (words := line.split())]
    if lines == [""]:
        return []  # of an image without packages OE writes a list of no bytes
    if not names:
        raise _unusable(str(installed), "it names no package")
    packages, unknown = [], []
    for name in names:
        path = collection.source.follow(f"/runtime-reverse/{name}") if is_name(name) else None
        folder, _, package = (path or "").rpartition("/")
        if folder == "/runtime" and is_name(package):
            packages.append(package)
        else:
            unknown.append(name)
    if not packages:
        raise _unusable(
            str(installed), f"none of its {len(names)} packages is in '{collection.source}'"
        )
    if unknown:
        more = f", and {len(unknown) - 1} more like it," if len(unknown) > 1 else ""
        why = f"installed package '{unknown[0]}'{more} is not there"
        collection.damaged("runtime-reverse", why, unknown[0])
    return packages


def _lines(file: Path) -> list[str]:
    place = Path(os.path.realpath(file))  # in the deploy folder it is a link
    try:
        data = TargetRoot(place.parent).read(place.name)
        why = "no such file"
    except InputError as error:
        data, why = None, error.why
    if data is None:
        raise UnreadableError("cannot read package data", where=f"'{file}'", why=why, remedy=_GIVE)
    return data.decode("utf-8", "surrogateescape").split("\n")


def _unusable(where: str, why: str) -> MalformedError:
    return MalformedError("cannot read package data", where=f"'{where}'", why=why, remedy=_GIVE)


def _add(collection: Collection, where: str, package: str, text: str) -> None:
    try:
        values = _values(package, text)
        recipe, files = values["PN"], _files(values["FILES_INFO"])
    except KeyError as error:
        collection.damaged(where, f"it has no line '{error.args[0]}: …'", package)
        return
    except (ValueError, TypeError, RecursionError) as error:
        collection.damaged(where, str(error), package)
        return
    name = values.get("PKG", package)
    if not is_name(name):
        collection.damaged(where, f"it calls the package {shortened(name)!r}", package)
        return
    collection.names.add(name)
    version = values.get("PV") or values.get("PKGV")
    odd = collection.add(
        (path, Packaged(name, recipe, version, size if _is_size(size) else None))
        for path, size in files.items()
    )
    odd += sum(1 for size in files.values() if not _is_size(size))
    if odd:
        why = f"{odd} of {len(files)} files have a path or size that cannot be"
        collection.damaged(where, why, package)


def _values(package: str, text: str) -> dict[str, str]:
    """Return the variables of a package: lines ``VAR: value`` or ``VAR:package: value``."""
    found = {}
    for line in text.split("\n"):
        key, _, value = line.partition(": ")
        name, _, override = key.partition(":")
        if name in _WANTED and override in ("", package):
            found[name] = _unescaped(value.strip())
    return found


def _unescaped(value: str) -> str:
    """Undo Python's codec "unicode_escape", of which OE writes the values.

    Raises:
        ValueError: there is an escape that the codec does not write.
    """
    return _ESCAPE.sub(_character, value) if "\\" in value else value


def _character(match: re.Match[str]) -> str:
    escape = match[1]
    if len(escape) > 1:
        code = int(escape[1:], 16)
        if code < 0x110000:
            return chr(code)
    elif escape in _ESCAPED:
        return _ESCAPED[escape]
    raise ValueError(f"unknown escape '\\{escape}'")


def _files(text: str) -> dict[str, Any]:
    """Return path → size, which may be anything.

    Raises:
        ValueError: it is no JSON.
        TypeError: it is no object.
    """
    try:
        found = json.loads(text, parse_int=_integer)
    except ValueError as error:
        raise ValueError(f"FILES_INFO is no JSON ({error})") from error
    if not isinstance(found, dict):
        raise TypeError(f"FILES_INFO is a JSON {type(found).__name__}, no object")
    return found


def _integer(digits: str) -> int:
    return int(digits) if len(digits) < 20 else -1  # a number of many digits takes long to read


def _is_size(size: Any) -> bool:
    return type(size) is int and 0 <= size < _MAX_SIZE
