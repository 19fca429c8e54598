# SPDX-License-Identifier: MIT
"""The supplementary file, which holds what several files have in common (``dwz -m``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from crashsym.debugfiles import supplementary_places
from crashsym.dwarf.sections import DwarfSections
from crashsym.elf import ElfFile
from crashsym.errors import InputError, MalformedError, MismatchError
from crashsym.limits import allow_more
from crashsym.reader import Reader


@dataclass(frozen=True, slots=True)
class SupplementLink:
    """The path of the supplementary file and its id; ``standard``: by ``.debug_sup`` (DWARF 5)."""

    name: str
    identity: bytes
    standard: bool

    @property
    def digits(self) -> str:
        """The id in hexadecimal digits."""
        return self.identity.hex()


def read_link(elf_file: ElfFile) -> SupplementLink | None:
    """Return the link of a file, or None; ``.gnu_debugaltlink`` first, then ``.debug_sup``.

    Raises:
        MalformedError: the link is cut off, or has no id.

    Source: dwz(1) and GDB: path, zero byte, build id; DWARF 5 section 7.3.6 for ``.debug_sup``.
    """
    data = elf_file.section_bytes(".gnu_debugaltlink")
    if data:
        reader = Reader(data, little_endian=True, where=f"'{elf_file.path}' .gnu_debugaltlink")
        name, identity, standard = reader.cstring(), reader.take(reader.left), False
    else:
        own = read_own_id(elf_file)
        if own is None or own.is_supplementary:
            return None
        name, identity, standard = own.name, own.identity, True
    if not name or not identity:
        raise MalformedError(
            "cannot decode", where=f"'{elf_file.path}'", why="a link without path or id"
        )
    return SupplementLink(name.decode("utf-8", "surrogateescape"), identity, standard)


@dataclass(frozen=True, slots=True)
class SupSection:
    """The contents of ``.debug_sup``."""

    is_supplementary: bool
    name: bytes
    identity: bytes


def read_own_id(elf_file: ElfFile) -> SupSection | None:
    """Decode ``.debug_sup``; None where the file has none (DWARF 5 section 7.3.6).

    Raises:
        MalformedError: it is cut off, or of another version than 5.
    """
    data = elf_file.section_bytes(".debug_sup")
    if not data:
        return None
    where = f"'{elf_file.path}' .debug_sup"
    reader = Reader(data, little_endian=elf_file.little_endian, where=where)
    version = reader.unsigned(2)
    if version != 5:
        raise reader.damage(f"version {version}; this crashsym reads 5")
    is_supplementary, name = reader.unsigned(1) == 1, reader.cstring()
    return SupSection(is_supplementary, name, reader.take(reader.uleb()))


def find_supplement(
    elf_file: ElfFile, paths: Sequence[Path], folders: Sequence[Path]
) -> tuple[SupplementLink | None, Path | None, DwarfSections | None]:
    """Return the link of a file, and the first file with that id and its sections, if there is one.

    Raises:
        MismatchError: there are files of that name, but none has the id, or it is the file itself.
        InputError: the link, or a file that it leads to, cannot be read.
    """
    link = read_link(elf_file)
    if link is None:
        return None, None, None
    trouble: InputError | None = None
    for place in supplementary_places(link.name, link.digits, paths, folders):
        try:
            with ElfFile(place) as file:
                why = _objection(file, elf_file, link)
                if why is None:
                    allow_more(file.size)
                    return link, file.path, DwarfSections.of(file)
            error: InputError = MismatchError(
                "cannot use the supplementary file", where=f"'{place}'", why=why
            )
        except InputError as unusable:
            error = unusable
        trouble = trouble or error
    if trouble is not None:
        raise trouble
    return link, None, None


def _objection(file: ElfFile, elf_file: ElfFile, link: SupplementLink) -> str | None:
    if file.path.samefile(elf_file.path):
        return "the file names itself as its supplementary file"
    if link.standard:
        own = read_own_id(file)
        found = own.identity.hex() if own is not None and own.is_supplementary else None
    else:
        found = str(file.build_id) if file.build_id is not None else None
    if found != link.digits:
        return f"its id is {found or 'none'}, wanted {link.digits}"
    if file.little_endian != elf_file.little_endian:
        return "it has another byte order"
    return None
