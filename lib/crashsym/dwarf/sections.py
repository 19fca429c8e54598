# SPDX-License-Identifier: MIT
"""The debug sections of one file, read once."""

from __future__ import annotations

from crashsym.reader import Reader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from crashsym.elf import ElfFile

# The only sections that functions, lines and names need.
WANTED = (
    ".debug_info",
    ".debug_types",
    ".debug_abbrev",
    ".debug_str",
    ".debug_line_str",
    ".debug_str_offsets",
    ".debug_addr",
    ".debug_ranges",
    ".debug_rnglists",
    ".debug_line",
)
_SEVERAL = (".debug_info", ".debug_types")


def read_sections(elf_file: ElfFile, suffix: str = "") -> dict[str, memoryview]:
    """Return the debug sections of ``elf_file`` by name without ``suffix``, "" or ".dwo".

    Of several ``.debug_info`` or ``.debug_types`` (object files and ``.dwo`` files have one for
    each type unit) all are taken, one behind the other; of all else the first.

    Raises:
        MalformedError: a section is truncated or cannot be inflated.
    """
    return {
        name: elf_file.joined_section_view(name + suffix)
        if name in _SEVERAL
        else elf_file.section_view(name + suffix)
        for name in WANTED
    }


class DwarfSections:
    """The bytes of the sections by name, without ``.dwo``; empty for those that are not there."""

    __slots__ = ("address_size", "bytes_by_name", "little_endian")

    def __init__(
        self, bytes_by_name: Mapping[str, bytes], little_endian: bool, address_size: int
    ) -> None:
        self.bytes_by_name = bytes_by_name
        self.little_endian = little_endian
        self.address_size = address_size

    @classmethod
    def of(cls, elf_file: ElfFile, suffix: str = "") -> DwarfSections:
        """Read and inflate the debug sections of ``elf_file``; ``suffix`` is "" or ".dwo".

        Raises:
            MalformedError: a section is truncated or cannot be inflated.
        """
        found = read_sections(elf_file, suffix)
        return cls(
            {name: bytes(view) for name, view in found.items()},
            elf_file.little_endian,
            elf_file.address_size,
        )

    def __getitem__(self, name: str) -> bytes:
        return self.bytes_by_name.get(name, b"")

    @property
    def size(self) -> int:
        """How many bytes all sections have together."""
        return sum(len(data) for data in self.bytes_by_name.values())

    def reader(self, name: str, offset: int) -> Reader:
        """Return a cursor on a section.

        Raises:
            MalformedError: ``offset`` is outside of it.
        """
        return Reader(self[name], little_endian=self.little_endian, offset=offset, where=name)
