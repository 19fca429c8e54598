# SPDX-License-Identifier: MIT
"""Root file systems of Debian's packages, with the database of dpkg, for any of Debian's CPUs."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from corpus.build import cache_root, run
from support import missing

from bench.packages import download

PACKAGES = (
    *("bash", "busybox", "coreutils", "libc-bin", "libc6", "mount", "perl-base", "systemd"),
    *("libgssapi-krb5-2", "libk5crypto3", "libkrb5-3", "libkrb5support0", "libpcre3"),
    *("libnl-3-200", "libnl-genl-3-200", "libnl-route-3-200", "syslog-ng-core", "uwsgi-core"),
    *("libpython3.11-minimal", "libpython3.11-stdlib", "python3.11-minimal", "util-linux"),
)
# Others' debug files are in an archive of their own.
HALVES = (
    *("libc6-dbg", "libkrb5-dbg", "libnl-3-200-dbg", "libpcre3-dbg", "syslog-ng-dbg"),
    "uwsgi-dbg",
)
_SCRIPTS = ("preinst", "postinst", "prerm", "postrm", "config", "triggers")


@dataclass(frozen=True)
class DebianRoot:
    """Two trees: the root file system, and the debug files of some of its packages.

    Both are made once and kept; newer versions of the packages are not fetched.
    """

    architecture: str

    def made(self) -> Path:
        """Return the folder that has ``root`` and ``debug``, after making it if need be."""
        words = (self.architecture, PACKAGES, HALVES)
        key = hashlib.sha256(repr(words).encode()).hexdigest()[:12]
        folder = cache_root() / "debian" / f"{self.architecture}-{key}"
        if not folder.is_dir():
            folder.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".unpacking-") as scratch:
                self._make(Path(scratch))
                (Path(scratch) / "done").rename(folder)
        return folder

    def _make(self, scratch: Path) -> None:
        archives = self._fetch(scratch)
        debug = [file for file in archives if file.name.partition("_")[0] in HALVES]
        (scratch / "done/debug").mkdir(parents=True)
        for file in debug:
            run(["dpkg-deb", "-x", str(file), str(scratch / "done/debug")])
        _install([file for file in archives if file not in debug], scratch / "done/root")

    def _fetch(self, folder: Path) -> list[Path]:
        try:
            return download([*PACKAGES, *HALVES], self.architecture, folder)
        except RuntimeError as error:
            missing(f"what Debian 12 has for {self.architecture}", f"apt-get says: {error}")
            raise


def _install(archives: list[Path], root: Path) -> None:
    """Let dpkg unpack packages into an empty root, without the programs of another CPU in them."""
    for folder in ("var/lib/dpkg/info", "var/lib/dpkg/updates", "usr/bin", "usr/lib", "usr/sbin"):
        (root / folder).mkdir(parents=True)
    for name in ("bin", "lib", "sbin"):  # as base-files has it, which is not unpacked first
        (root / name).symlink_to(f"usr/{name}")
    for name in ("status", "available"):
        (root / "var/lib/dpkg" / name).touch()
    words = ("dpkg", f"--root={root}", "--force-all", "--no-triggers", "--unpack")
    run([*words, *map(str, _without_scripts(archives))])


def _without_scripts(archives: list[Path]) -> Iterator[Path]:
    for archive in archives:
        folder = archive.with_suffix("")
        run(["dpkg-deb", "-R", str(archive), str(folder)])
        for name in _SCRIPTS:
            (folder / "DEBIAN" / name).unlink(missing_ok=True)
        bare = archive.with_suffix(".bare.deb")
        run(["dpkg-deb", "-Znone", "-b", str(folder), str(bare)])
        yield bare


def elf_files(root: Path) -> set[str]:
    """Return the target paths of what elfutils says are ELF files."""
    script = 'find "$1" -type f -print0 | eu-elfclassify --elf-file --stdin0 --print0'
    root = root.resolve()
    listed = run(["bash", "-o", "pipefail", "-c", script, "bash", str(root)])
    return {"/" + os.path.relpath(file, root) for file in filter(None, listed.split("\0"))}


def build_ids(root: Path, paths: list[str]) -> dict[str, str]:
    """Return what readelf says are the build ids of files, by their target paths."""
    found = {}
    path = ""
    for line in run(["readelf", "-n", *(f"{root}{path}" for path in paths)]).splitlines():
        if line.startswith("File: "):
            path = line.removeprefix(f"File: {root}")
        elif line.startswith("    Build ID: "):
            found[path] = line.removeprefix("    Build ID: ")
    return found


def has_functions(half: Path) -> bool:
    """Whether readelf finds a function with an address, which a library of data has not."""
    entries = run(["readelf", "--wide", "--debug-dump=info", str(half)]).split("\n <")
    functions = [entry for entry in entries if "(DW_TAG_subprogram)" in entry]
    return any("DW_AT_low_pc" in entry or "DW_AT_ranges" in entry for entry in functions)


def owners(root: Path) -> dict[str, tuple[str, str, str]]:
    """Return what dpkg says: target path without links → package, source and its version."""
    admin = f"--admindir={root}/var/lib/dpkg"
    fields = "${Package}\t${source:Package}\t${source:Version}\n"
    found = {}
    for line in run(["dpkg-query", admin, "-W", "-f", fields]).splitlines():
        package, source, version = line.split("\t")
        for path in run(["dpkg-query", admin, "-L", package]).splitlines():
            folder, _, name = path.rpartition("/")
            # Debian's packages have /lib/…, which is /usr/lib/… on the disk.
            place = os.path.realpath(f"{root}{folder}").removeprefix(os.path.realpath(root))
            found[f"{place}/{name}"] = (package, source, version)
    return found
