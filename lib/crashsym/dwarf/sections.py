# SPDX-License-Identifier: MIT
"""The debug sections of one file, read once, and pyelftools' view of them."""

from __future__ import annotations

import inspect
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from elftools.dwarf.dwarfinfo import DebugSectionDescriptor, DwarfConfig, DWARFInfo

from crashsym.reader import Reader

if TYPE_CHECKING:
    from crashsym.elf import ElfFile

# The only sections that functions, lines and names need; pyelftools wants .debug_loclists as well,
# to read past attributes that refer to it.
_WANTED = (
    ".debug_info",
    ".debug_abbrev",
    ".debug_str",
    ".debug_line_str",
    ".debug_str_offsets",
    ".debug_addr",
    ".debug_ranges",
    ".debug_rnglists",
    ".debug_loclists",
    ".debug_line",
)


@dataclass(frozen=True)
class DwarfSections:
    """The bytes of the sections by name; empty for those that the file does not have."""

    bytes_by_name: dict[str, bytes]
    little_endian: bool
    address_size: int

    @classmethod
    def of(cls, elf_file: ElfFile) -> DwarfSections:
        """Read and inflate the debug sections of ``elf_file``.

        Raises:
            MalformedError: a section is truncated or cannot be inflated.
        """
        found = {name: elf_file.section_bytes(name) for name in _WANTED}
        return cls(found, elf_file.little_endian, elf_file.address_size)

    def __getitem__(self, name: str) -> bytes:
        return self.bytes_by_name[name]

    def reader(self, name: str, offset: int) -> Reader:
        """Return a cursor on a section.

        Raises:
            MalformedError: ``offset`` is outside of it.
        """
        return Reader(self[name], little_endian=self.little_endian, offset=offset, where=name)

    def dwarf_info(self) -> DWARFInfo:
        """Return pyelftools' object over the same bytes.

        Its constructor has got new section arguments with nearly every release; those that we do
        not read are None, under whatever names the installed release has.
        """
        descriptors: dict[str, DebugSectionDescriptor | None] = {
            name: None
            for name in inspect.signature(DWARFInfo.__init__).parameters
            if name.endswith("_sec")
        }
        for name in _WANTED:
            data, argument = self[name], f"{name[1:]}_sec"
            if data and argument in descriptors:
                descriptors[argument] = DebugSectionDescriptor(
                    stream=io.BytesIO(data), name=name, global_offset=0, size=len(data), address=0
                )
        config = DwarfConfig(
            little_endian=self.little_endian,
            machine_arch="",
            default_address_size=self.address_size,
        )
        return DWARFInfo(config=config, **descriptors)
