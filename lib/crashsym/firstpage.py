# SPDX-License-Identifier: MIT
"""What a core file has of a module: its first page, and what the program can write to.

Debuggers look for the build id there: from the ELF header they go to the program headers, and from
them to the notes.

Source: core(5), coredump_filter; Linux fs/coredump.c, vma_dump_size; elfutils
libdwfl/dwfl_segment_report_module.c.
"""

from __future__ import annotations

from crashsym.elfnotes import locate_build_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from crashsym.elf import ElfFile

PAGE = 4096  # bytes, the smallest size of a page
_PT_LOAD, _PT_NOTE = 1, 4
_PF_W = 2
_MOST_NOTES, _LARGEST_NOTES = 16, 1 << 16  # segments, of which linkers make three; bytes
_FIRST = f"a core has the first 0x{PAGE:x} bytes of the file"


def why_no_build_id(elf_file: ElfFile) -> str | None:
    """Return why a core file does not have the build id of a module, None if it does.

    Nothing is to say about what is never mapped from its beginning, as programs are: object files,
    kernels and their modules, firmware.

    Raises:
        UnreadableError: the operating system refuses.
    """
    loads = [segment for segment in elf_file.segments if segment.type == _PT_LOAD]
    if elf_file.build_id is None or all(load.file_offset >= PAGE for load in loads):
        return None
    if elf_file.headers_end > PAGE:
        return f"its program headers end at 0x{elf_file.headers_end:x}, {_FIRST}"
    note = _build_id_note(elf_file)
    if note is None:
        return "no program header of type PT_NOTE leads to it"
    # Of a file that is mapped private, a core has what was written to: ld.so fills in .dynamic.
    written = ((s.file_offset, s.file_offset + s.file_size) for s in loads if s.flags & _PF_W)
    if any(start <= note[0] and note[1] <= end for start, end in ((0, PAGE), *written)):
        return None
    return f"it is at 0x{note[0]:x} to 0x{note[1]:x}, {_FIRST}"


def _build_id_note(elf_file: ElfFile) -> tuple[int, int] | None:
    """Return where in the file the program headers say that the note with the build id is."""
    notes = [segment for segment in elf_file.segments if segment.type == _PT_NOTE]
    for segment in notes[:_MOST_NOTES]:
        start = segment.file_offset
        size = min(segment.file_size, _LARGEST_NOTES, elf_file.size - start)
        if size > 0:
            data = elf_file.file_bytes(start, size, "notes")
            found = locate_build_id(data, little_endian=elf_file.little_endian)
            if found is not None and found[0] == elf_file.build_id:
                return start + found[1], start + found[2]
    return None
