# SPDX-License-Identifier: MIT
"""Trees of files: which ELF files are in them, and which debug half belongs to which."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from crashsym.elf import ElfFile
from crashsym.errors import ConfigError, InputError
from crashsym.files import why_no_folder
from crashsym.findings import UNREADABLE, UNSUPPORTED, Finding
from crashsym.splitpair import Debuglink
from crashsym.texts import target_path

_ELF_MAGIC = b"\x7fELF"
_ET_REL, _ET_CORE = 1, 4
_PACKED_MODULES = (".ko.gz", ".ko.xz", ".ko.zst")


@dataclass(frozen=True, slots=True)
class TreeFile:
    """A file of a tree: ``path`` on the target, ``file`` on this machine, its package or None.

    ``path`` is what `target_path` makes of it.
    """

    path: str
    file: Path
    size: int
    package: str | None


@dataclass(slots=True)
class Tree:
    """The ELF files of one or more trees.

    ``subjects`` are executables, shared objects and kernel modules, by path; ``halves`` the debug
    files; ``relocatable`` are object files and cores, which have no symbols to take; ``packed`` are
    the paths of compressed kernel modules, which are not taken, either. ``excluded`` is the number
    of ELF files that were to be left out.
    """

    subjects: list[TreeFile] = field(default_factory=list)
    halves: list[TreeFile] = field(default_factory=list)
    relocatable: list[TreeFile] = field(default_factory=list)
    packed: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    excluded: int = 0


def is_debug_half(path: str) -> bool:
    """Whether a target path is where OE puts split debug files.

    Source: OE-Core meta/classes-global/package.bbclass, PACKAGE_DEBUG_SPLIT_STYLE.
    """
    return "/.debug/" in path or path.startswith("/usr/lib/debug/")


def scan(root: Path, debug_roots: list[Path], *, packages: bool, exclude: tuple[str, ...]) -> Tree:
    """Find the ELF files below ``root`` and the debug halves there and below ``debug_roots``.

    Symbolic links are not followed; each hard link is a file of its own.

    Raises:
        ConfigError: one of the folders does not exist.
    """
    _check_folder(root, "cannot extract", "Give the root of a tree of target files.")
    for folder in debug_roots:
        _check_folder(folder, "cannot look for debug files", "Give --debug-root a tree of them.")
    tree = Tree()
    for path, file, package in _files(root, tree, packages=packages):
        _sort_in(tree, path, file, package, exclude)
    for debug_root in debug_roots:
        for path, file, _ in _files(debug_root, tree, packages=False):
            if (found := _elf_type(file, path, tree)) is not None:
                tree.halves.append(TreeFile(path, file, found[1], None))
    if tree.packed:
        tree.findings.append(_packed(tree.packed))
    tree.subjects.sort(key=lambda subject: (subject.path, subject.package or ""))
    return tree


def _check_folder(folder: Path, what: str, remedy: str) -> None:
    if why := why_no_folder(folder):
        raise ConfigError(what, where=f"'{folder}'", why=why, remedy=remedy)


def _files(root: Path, tree: Tree, *, packages: bool) -> Iterator[tuple[str, Path, str | None]]:
    def unreadable(error: OSError) -> None:
        where = os.path.relpath(error.filename or root, root)
        tree.findings.append(_unreadable(_on_target((where,)), error))

    for folder, folders, names in os.walk(root, onerror=unreadable):
        folders.sort()
        for name in sorted(names):
            file = Path(folder, name)
            parts = file.relative_to(root).parts
            if not packages:
                yield _on_target(parts), file, None
            elif len(parts) > 1:
                yield _on_target(parts[1:]), file, target_path(parts[0])


def _on_target(parts: tuple[str, ...]) -> str:
    """Return a path that does not depend on the locale."""
    path = os.fsencode("/" + "/".join(parts)).decode("utf-8", "surrogateescape")
    return target_path(path)


def _sort_in(
    tree: Tree, path: str, file: Path, package: str | None, exclude: tuple[str, ...]
) -> None:
    if any(fnmatchcase(path, pattern) for pattern in exclude):
        # what is wrong with it is nobody's business
        tree.excluded += _elf_type(file, path, Tree()) is not None
        return
    found = _elf_type(file, path, tree)
    if found is None:
        if path.endswith(_PACKED_MODULES):
            tree.packed.append(path)
        return
    elf_type, size = found
    entry = TreeFile(path, file, size, package)
    if is_debug_half(path):
        tree.halves.append(entry)
    elif elf_type == _ET_CORE or (elf_type == _ET_REL and not path.endswith(".ko")):
        tree.relocatable.append(entry)
    else:
        tree.subjects.append(entry)


def _elf_type(file: Path, path: str, tree: Tree) -> tuple[int, int] | None:
    """Return e_type and size of an ELF file, None for any other.

    What cannot be read is a finding.
    """
    try:
        status = file.lstat()
        if not stat.S_ISREG(status.st_mode):
            return None
        with file.open("rb") as stream:
            head = stream.read(18)
    except OSError as error:
        tree.findings.append(_unreadable(path, error))
        return None
    if head[:4] != _ELF_MAGIC:
        return None
    order: Literal["big", "little"] = "big" if head[5:6] == b"\x02" else "little"
    return int.from_bytes(head[16:18], order), status.st_size


def _packed(paths: list[str]) -> Finding:
    """Return one finding for all compressed modules: there are thousands of them, or none."""
    more = f", and {len(paths) - 1} more like it," if len(paths) > 1 else ""
    return Finding(
        UNSUPPORTED,
        paths[0],
        "no symbols",
        f"this kernel module{more} is compressed",
        "Configure the kernel with CONFIG_MODULE_COMPRESS_NONE=y, or exclude them.",
    )


def _unreadable(path: str, error: OSError) -> Finding:
    return Finding(
        UNREADABLE,
        path,
        "cannot read",
        error.strerror or str(error),
        "Give the building user the right to read it, or exclude it.",
    )


class HalfIndex:
    """Finds the debug half of a file: by build id, else by the place where it should be.

    ``largest`` is the size in bytes of the largest half; ``by_build_id`` are those that have one.
    """

    def __init__(self, halves: list[TreeFile]) -> None:
        self.by_build_id: dict[str, Path] = {}
        self._by_path: dict[str, Path] = {}
        self.largest = max((half.size for half in halves), default=0)
        for half in halves:
            self._by_path.setdefault(half.path, half.file)
            build_id, has_info = _identify(half.file)
            if build_id and has_info:
                self.by_build_id.setdefault(build_id, half.file)

    def find(
        self, subject: TreeFile, build_id: str | None, link: Debuglink | None = None
    ) -> Path | None:
        """Return the half for a file; one found by its place may turn out not to belong.

        ``link`` is the file's .gnu_debuglink: its name is looked for before the file's own.
        """
        if build_id is not None and build_id in self.by_build_id:
            return self.by_build_id[build_id]
        folder, _, name = subject.path.rpartition("/")
        places = [
            f"{folder}/.debug/{name}",
            f"/usr/lib/debug{subject.path}.debug",
            f"/usr/lib/debug{subject.path}",
            subject.path,
        ]
        if link is not None and link.name != name:
            linked = target_path(link.name)
            below = (f"{folder}/.debug/{linked}", f"/usr/lib/debug{folder}/{linked}")
            places = [*below, f"{folder}/{linked}", *places]
        return next((self._by_path[p] for p in places if p in self._by_path), None)


def _identify(file: Path) -> tuple[str | None, bool]:
    """Return the build id of a half and whether it has debug information."""
    try:
        with ElfFile(file) as half:
            build_id = str(half.build_id) if half.build_id is not None else None
            return build_id, half.has_bytes(".debug_info")
    except InputError:
        return None, False  # found by its place, it is reported for the file that needs it
