# SPDX-License-Identifier: MIT
"""The databases of dpkg and opkg in a root file system: which package each file is of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from crashsym.errors import MalformedError, shortened
from crashsym.packaged import Collection, Packaged, is_name

_DPKG = "/var/lib/dpkg"
_OPKG = ("/var/lib/opkg", "/usr/lib/opkg")  # OPKGLIBDIR of OE is /var/lib; OpenWrt's is /usr/lib
_FIELD = re.compile(
    r"^(Package|Version|Source|Status|Architecture|Multi-Arch|OE):(.*)$", re.M | re.I
)
_BETWEEN = re.compile(r"\n[ \t]*\n")
_SOURCE = re.compile(r"([^\s()]+)(?:\s+\(([^\s()]+)\))?")
_MD5_LINE = re.compile(r"^([0-9a-fA-F]{32}) [ *](?:\./|/)?(.+)$", re.M)
_GONE = ("not-installed", "config-files")  # states that leave no program

_Fields = dict[str, str]
_Diverted = Mapping[str, tuple[str, str]]  # path → where it goes, whose own file stays


def read_dpkg(collection: Collection) -> None:
    """Collect what dpkg knows; nothing if it has no database.

    The field OE, which OE's packages have, names the recipe; else Source does, else the package's
    own name. Distroless images have a file for each package in status.d, and lists of MD5 only.

    Raises:
        InputError: there is a database, but it cannot be read or has no package.

    Source: dpkg 1.21 lib/dpkg/db-ctrl-access.c, db-fsys-files.c, db-fsys-digest.c; deb-control(5);
    OE-Core meta/classes-global/package_deb.bbclass.
    """
    info = collection.source.names(f"{_DPKG}/info")
    diverted = _diversions(collection)
    for fields in _status(collection, f"{_DPKG}/status"):
        packaged = _packaged(fields)
        name, arch = packaged.package, fields.get("architecture", "")
        # Packages that may be there for several architectures have it in the names of their files.
        stems = [stem for stem in (f"{name}:{arch}", name) if f"{stem}.list" in info]
        if fields.get("multi-arch") != "same":
            stems.reverse()
        stem = f"{_DPKG}/info/{stems[0] if stems else name}"
        hashes = {}
        if f"{stem}.md5sums".rpartition("/")[2] in info:
            hashes = _hashes(collection, f"{stem}.md5sums", name)
        listed = collection.text_of(f"{stem}.list", name)
        if listed is not None:
            paths = [line for line in listed.split("\n") if line]
            files = [(_place(path, name, diverted), hashes.get(path)) for path in paths]
            _add(collection, f"{stem}.list", packaged, files)
    _read_parts(collection)


def _read_parts(collection: Collection) -> None:
    folder = f"{_DPKG}/status.d"
    found = collection.source.names(folder)
    for file in sorted(name for name in found if not name.endswith(".md5sums")):
        for fields in _status(collection, f"{folder}/{file}"):
            packaged = _packaged(fields)
            if f"{file}.md5sums" in found:
                where = f"{folder}/{file}.md5sums"
                hashes = _hashes(collection, where, packaged.package)
                _add(collection, where, packaged, list(hashes.items()))


def read_opkg(collection: Collection) -> None:
    """Collect what opkg knows; nothing if it has no database.

    Its lists have a path in a line, and in newer versions, after tabs, the mode and where a link
    leads. The status has few fields: OE is in the package's own control file.

    Raises:
        InputError: there is a database, but it cannot be read or has no package.

    Source: opkg libopkg/pkg.c, pkg_write_filelist and pkg_print_status, libopkg/opkg_archive.c;
    OE-Core meta/classes-global/package_ipk.bbclass.
    """
    for base in dict.fromkeys(collection.source.follow(path) or path for path in _OPKG):
        info = collection.source.names(f"{base}/info")
        for fields in _status(collection, f"{base}/status"):
            name = fields["package"]
            if f"{name}.control" in info:
                control = collection.text_of(f"{base}/info/{name}.control", name) or ""
                fields["oe"] = _fields(control).get("oe", "")
            fields.pop("source", None)  # it is the recipe's file name in OE, a folder in OpenWrt
            where = f"{base}/info/{name}.list"
            listed = collection.text_of(where, name)
            if listed is not None:
                paths = [line.partition("\t")[0] for line in listed.split("\n") if line]
                _add(collection, where, _packaged(fields), [(path, None) for path in paths])


def _status(collection: Collection, where: str) -> Iterator[_Fields]:
    """Yield the fields, with small names, of the packages that are installed."""
    text = collection.text(where)
    if text is None or not text.strip():
        return
    found = [_fields(part) for part in _BETWEEN.split(text) if part.strip()]
    if not any(fields.get("package") for fields in found):
        raise MalformedError(
            "cannot read the database of packages",
            where=f"'{where}'",
            why="it has no line 'Package: …'",
            remedy="Make the root file system anew.",
        )
    damaged = [fields for fields in found if not is_name(fields.get("package", ""))]
    if damaged:
        names = ", ".join(repr(shortened(fields.get("package", ""))) for fields in damaged[:3])
        collection.damaged(where, f"{len(damaged)} of {len(found)} packages have no name: {names}")
    for fields in found:
        if is_name(fields.get("package", "")) and not fields.get("status", "").endswith(_GONE):
            collection.names.add(fields["package"])
            yield fields


def _fields(part: str) -> _Fields:
    return {name.lower(): value.strip() for name, value in _FIELD.findall(part)}


def _packaged(fields: _Fields) -> Packaged:
    name, version = fields["package"], fields.get("version") or None
    source = _SOURCE.fullmatch(fields.get("source", ""))
    if fields.get("oe"):
        return Packaged(name, fields["oe"], version)
    if source is None:
        return Packaged(name, name, version)
    return Packaged(name, source[1], source[2] or version)


def _hashes(collection: Collection, where: str, package: str) -> dict[str, str]:
    """Return path, which begins with a slash, → MD5 of a package's files."""
    text = collection.text_of(where, package) or ""
    found = {"/" + path: md5.lower() for md5, path in _MD5_LINE.findall(text)}
    lines = sum(1 for line in text.split("\n") if line)
    if len(found) < lines:
        collection.damaged(where, f"{lines - len(found)} of {lines} lines are no MD5", package)
    return found


def _add(
    collection: Collection,
    where: str,
    packaged: Packaged,
    files: Sequence[tuple[str, str | None]],
) -> None:
    """Add files, path and MD5, of a package."""
    package, recipe, version = packaged.package, packaged.recipe, packaged.version
    odd = collection.add(
        (path, Packaged(package, recipe, version, None, md5) if md5 else packaged)
        for path, md5 in files
    )
    if odd:
        collection.damaged(where, f"{odd} of {len(files)} lines are no paths", package)


def _place(path: str, package: str, diverted: _Diverted) -> str:
    """Return where the file of a package is that lists it at this path."""
    to, owner = diverted.get(path, (path, package))
    return path if owner == package else to


def _diversions(collection: Collection) -> _Diverted:
    """Return path → where the files of other packages than the one that diverts it are.

    Three lines each: the path, where it goes, and the package, or ":" for the administrator.

    Source: dpkg 1.21 lib/dpkg/db-fsys-divert.c, ensure_diversions.
    """
    where = f"{_DPKG}/diversions"
    lines = (collection.text(where) or "").split("\n")
    if lines[-1] == "":
        lines.pop()
    if len(lines) % 3:
        collection.damaged(where, f"it has {len(lines)} lines, and three are one diversion")
    rest = iter(lines)
    return {path: (to, package) for path, to, package in zip(rest, rest, rest, strict=False)}
