# SPDX-License-Identifier: MIT
"""Whose each file of a root file system is, and what its bytes were when it was packaged.

Two sources know it. The package data of a build (OE's PKGDATA_DIR) has recipes and sizes; the
database of dpkg or opkg in the root has what is installed, and dpkg's the MD5 of each file::

    built = Owners.from_pkgdata(pkgdata, image_manifest, root)
    owners = built.with_database(Owners.from_rootfs(root))

What is damaged in one package is a finding in `Owners.problems`, and the rest is kept; a source
that is of no use at all is an error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from crashsym.errors import UnreadableError
from crashsym.files import why_no_folder
from crashsym.findings import UNSUPPORTED, Finding
from crashsym.packaged import Collection, Packaged
from crashsym.pkgdata import read_pkgdata
from crashsym.rootdb import read_dpkg, read_opkg
from crashsym.targetroot import TargetRoot

__all__ = ["Owners", "Packaged"]

# Where OE and Fedora have rpm's database, and Alpine apk's.
_OTHERS = ("/var/lib/rpm", "/usr/lib/sysimage/rpm", "/lib/apk/db", "/usr/lib/apk/db")


@dataclass(frozen=True, slots=True)
class Owners:
    """Path on the target (`target_path`) → the file as it was packaged, by each of its packages.

    ``names`` are those of all packages; there are none where no source is. Folders and links are
    in ``files`` as well.
    """

    files: Mapping[str, Sequence[Packaged]] = field(default_factory=dict)
    names: frozenset[str] = frozenset()
    problems: tuple[Finding, ...] = ()

    @property
    def packages(self) -> int:
        """The number of packages; 0 means that nothing is known, not that nobody owns a file."""
        return len(self.names)

    def of(self, path: str, size: int | None = None) -> Packaged | None:
        """Return whose a file is; None if it is in no package.

        No folder of ``path`` is a link. Where several packages have it, it is the first one's in
        which it had ``size`` bytes, else the first one's.
        """
        found = self.files.get(path, ())
        fitting = (one for one in found if size is not None and one.size == size)
        return next(fitting, found[0] if found else None)

    def with_database(self, database: Owners) -> Owners:
        """Return what these, of package data, and the database of a root know together.

        The database says which packages are there and which of them a file is of; the package
        data, where it has that file in that package, says recipe, version and size. Without a
        database, it is the package data.
        """
        # That nobody reads rpm's database is no problem where package data says the same.
        passed = [one for one in database.problems if not self.names or one.code != UNSUPPORTED]
        problems = (*self.problems, *passed)
        if not database.names:
            return replace(self, problems=problems)
        files: dict[str, Sequence[Packaged]] = {}
        for path, found in self.files.items():
            # Where the list of a package that is there is damaged, the package data still knows.
            if kept := [one for one in found if one.package in database.names]:
                files[path] = kept
        for path, found in database.files.items():
            built = self.files.get(path, ())
            files[path] = [_merged(one, built) for one in found] if built else found
        return Owners(files, database.names, problems)

    @classmethod
    def from_rootfs(cls, root: Path) -> Owners:
        """Read what dpkg and opkg have noted in a root file system; without them, nothing.

        Files are where folders that are links (/lib to /usr/lib) and dpkg's diversions put them.

        Raises:
            InputError: there is a database, but it cannot be read or has no package.
        """
        _check_folder(root)
        target = TargetRoot(root)
        collection = Collection(target, target)
        read_dpkg(collection)
        read_opkg(collection)
        owners = _owners(collection)
        if owners.names:
            return owners
        other = next((path for path in _OTHERS if target.names(path)), None)
        return replace(owners, problems=(*owners.problems, _unknown(other))) if other else owners

    @classmethod
    def from_pkgdata(
        cls, folder: Path, installed: Path | None = None, root: Path | None = None
    ) -> Owners:
        """Read the package data of an OE build, PKGDATA_DIR.

        ``installed`` is IMAGE_MANIFEST; without it, all packages are taken that the build made.
        ``root`` tells which folders are links.

        Raises:
            InputError: one of them cannot be read, or they have no package in common.
        """
        _check_folder(folder)
        collection = Collection(TargetRoot(folder), TargetRoot(root))
        read_pkgdata(collection, installed)
        return _owners(collection)


def _merged(one: Packaged, built: Sequence[Packaged]) -> Packaged:
    for other in built:
        if other.package == one.package:
            return other._replace(md5=one.md5)
    return one


def _owners(collection: Collection) -> Owners:
    return Owners(collection.files, frozenset(collection.names), tuple(collection.problems))


def _check_folder(folder: Path) -> None:
    if why := why_no_folder(folder):
        remedy = "Give the root of a target, or PKGDATA_DIR."
        raise UnreadableError("cannot read packages", where=f"'{folder}'", why=why, remedy=remedy)


def _unknown(path: str) -> Finding:
    return Finding(
        UNSUPPORTED,
        path,
        "cannot tell whose files are",
        "databases other than those of dpkg and opkg are not read",
        "Give the package data of the build.",
    )
