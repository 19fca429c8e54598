# SPDX-License-Identifier: MIT
"""Where the split debug file of one ELF file may lie."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from crashsym.elf import ElfFile
from crashsym.errors import ConfigError, InputError, MismatchError, UnreadableError
from crashsym.findings import MALFORMED, MISMATCH, UNREADABLE, Finding
from crashsym.splitpair import check_halves, read_debuglink

_CODES = ((MismatchError, MISMATCH), (UnreadableError, UNREADABLE))


class Search(NamedTuple):
    """The debug file that belongs to a file, or None; and why others that were there do not."""

    found: Path | None
    refused: tuple[InputError, ...] = ()

    def findings(self, path: str) -> list[Finding]:
        """Return a finding about ``path`` for the first that was refused, if none was found."""
        if self.found is not None:
            return []
        return [
            Finding(
                next((code for kind, code in _CODES if isinstance(error, kind)), MALFORMED),
                path,
                "its debug file is not used",
                f"{error.where}: {error.why}",
                error.remedy,
            )
            for error in self.refused[:1]
        ]


def find_split_debug(elf_file: ElfFile, folders: list[Path]) -> Search:
    """Return the first debug file that is where debuggers look and belongs to ``elf_file``.

    Not searched for where the file has its own debug information. One that is of another build
    (see `check_halves`: other build id, or none and another CRC than in .gnu_debuglink), or that
    cannot be read, is refused, and the search goes on; so it does, without a word, past another
    stripped copy of the file.

    Raises:
        ConfigError: one of ``folders`` does not exist.

    Source: GDB manual, "Debugging Information in Separate Files".
    """
    for folder in folders:
        if not folder.is_dir():
            raise ConfigError(
                "cannot look for debug files", where=f"'{folder}'", why="no such folder"
            )
    if elf_file.has_bytes(".debug_info"):
        return Search(None)
    refused: list[InputError] = []
    for place in dict.fromkeys(_places(elf_file, folders)):
        if not _is_other_file(place, elf_file.path):
            continue
        try:
            with ElfFile(place) as split_debug:
                check_halves(elf_file, split_debug)
                if any(split_debug.has_bytes(name) for name in (".debug_info", ".symtab")):
                    return Search(place, tuple(refused))
        except InputError as error:
            refused.append(error)
    return Search(None, tuple(refused))


def _is_other_file(place: Path, subject: Path) -> bool:
    """Whether there is a file, and not the one whose debug file is wanted."""
    try:
        return place.is_file() and not place.samefile(subject)
    except OSError:  # a name in the file is longer than a file can be called
        return False


def _places(elf_file: ElfFile, folders: list[Path]) -> Iterator[Path]:
    path = elf_file.path.absolute()
    link = read_debuglink(elf_file)
    names = dict.fromkeys([link.name if link and link.name else path.name, path.name])
    for folder in folders:
        if elf_file.build_id is not None:
            digits = str(elf_file.build_id)
            yield folder / ".build-id" / digits[:2] / f"{digits[2:]}.debug"
        for name in names:
            below = folder / path.parent.relative_to("/")
            yield from (below / name, below / ".debug" / name, folder / name)
            yield from (folder / f"{name}.debug", folder / ".debug" / name)
    for name in names:
        yield path.parent / ".debug" / name
        if name != path.name:
            yield path.parent / name
