# SPDX-License-Identifier: MIT
"""Where the split debug file of one ELF file may lie."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from crashsym.errors import ConfigError
from crashsym.reader import string_at

if TYPE_CHECKING:
    from crashsym.elf import ElfFile


def find_split_debug(elf_file: ElfFile, folders: list[Path]) -> Path | None:
    """Return the first debug file that is where debuggers look; None if there is none.

    Not searched for where the file has its own debug information.

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
        return None
    return next((p for p in _places(elf_file, folders) if _is_file(p)), None)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name in the file is longer than a file can be called
        return False


def _places(elf_file: ElfFile, folders: list[Path]) -> Iterator[Path]:
    path = elf_file.path.absolute()
    link = string_at(elf_file.section_bytes(".gnu_debuglink"), 0).decode("utf-8", "replace")
    names = dict.fromkeys([link.rpartition("/")[2] or path.name, path.name])
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
