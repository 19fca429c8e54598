# SPDX-License-Identifier: MIT
"""ELF files: sections, build id, SONAME and symbols.

Nothing here knows DWARF or Breakpad. Addresses are those of the file (not yet relative to the
load base), sizes are in bytes.
"""

from __future__ import annotations

import os
import struct

from crashsym import elfnames
from crashsym.budget import Budget
from crashsym.bytesource import FileBytes, MemoryBytes
from crashsym.elfheaders import Section, read_tables
from crashsym.elfnotes import find_build_id
from crashsym.elfsymbols import Symbol, SymbolTable, entry_layout, read_function_symbols
from crashsym.errors import MalformedError
from crashsym.ids import BuildId, text_hash
from crashsym.reader import string_at
from crashsym.value import cached_property

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Literal

    from crashsym.bytesource import ByteSource
    from crashsym.relocatable import Relocatable

__all__ = ["ElfFile", "Section", "Symbol", "SymbolTable", "find_build_id"]

_KINDS = {"ET_EXEC": "executable", "ET_DYN": "shared object"}
_OF_MODULES = (".modinfo", ".gnu.linkonce.this_module")
_PT_LOAD, _PT_DYNAMIC, _PT_NOTE = 1, 2, 4
_PF_X = 1
_DT_NULL, _DT_STRTAB, _DT_STRSZ, _DT_SONAME = 0, 5, 10, 14
_MOST_NOTES = 1 << 20  # bytes in which a build id is looked for
_HASHED = 4096  # bytes of .text that stand in for a build id


class ElfFile:
    """An ELF executable, shared object or kernel module, open for reading; a context manager.

    ``machine`` and ``type`` are names (``EM_ARM``, ``ET_DYN``), or the number in hex where it has
    none here; ``flags`` is e_flags; ``load_base`` the address of the first PT_LOAD segment, or
    that of ``.text`` in a relocatable file, whose sections get addresses here. ``headers_end`` is
    the offset in the file behind the program headers.
    """

    def __init__(self, path: str | os.PathLike[str], source: ByteSource | None = None) -> None:
        """Open ``path``, or read ``source`` in its place, of which ``path`` is then only a name."""
        self._path = os.fspath(path)
        self._source = FileBytes(path) if source is None else source
        self.size = self._source.size
        self._budget = Budget(self.size)
        try:
            self._read_headers()
        except BaseException:
            self._source.close()
            raise

    def _read_headers(self) -> None:
        header, self.sections, self.segments = read_tables(self._source, self._budget)
        self.bits = header.bits
        self.machine = elfnames.machine(header.machine)
        self.type = elfnames.file_type(header.type)
        self.flags = header.flags
        self.little_endian = header.order == "<"
        self.headers_end = header.program_offset + header.program_count * header.program_entry
        loads = [segment for segment in self.segments if segment.type == _PT_LOAD]
        self.load_base = loads[0].address if loads else 0
        self._relocatable: Relocatable | None = None
        if self.type == "ET_REL":
            self._place()

    def _place(self) -> None:
        """Give the sections of a relocatable file addresses."""
        from crashsym import relocatable

        self.sections = relocatable.place_sections(self.sections, self.bits, self._source.where)
        self.load_base = relocatable.BASE
        facts = (self._source.where, self.machine, self.bits, self.byte_order, self.sections)
        file = relocatable.RelocatableFile(*facts, self._stored, self._budget)
        self._relocatable = relocatable.Relocatable(file)

    def __enter__(self) -> ElfFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._source.close()

    @cached_property
    def path(self) -> Path:
        """The file, or the file that it is embedded in."""
        from pathlib import Path  # for files that belong to this one, which few have

        return Path(self._path)

    @property
    def kind(self) -> str | None:
        """``executable``, ``shared object``, ``kernel module``; None for all else (.o, cores).

        Source: for modules, Linux scripts/module.lds.S and scripts/mod/modpost.c.
        """
        if self.type == "ET_REL" and any(self.section(name) for name in _OF_MODULES):
            return "kernel module"
        return _KINDS.get(self.type)

    @property
    def address_size(self) -> int:
        """The size of an address in bytes: 4 or 8."""
        return self.bits // 8

    @property
    def byte_order(self) -> Literal["<", ">"]:
        """The byte order as `struct` names it."""
        return "<" if self.little_endian else ">"

    @cached_property
    def executable_ranges(self) -> tuple[tuple[int, int], ...]:
        """Where code can lie, as sorted (start, end) pairs that do not overlap.

        From the section headers, which even a debug half keeps, so that functions that the linker
        discarded (address 0, 1 or all ones) are told from code; from the program headers where a
        tool has removed the section headers. Nothing lies below the load base, from which addresses
        are counted; nothing reaches beyond the last address.
        """
        spans = [(s.address, s.address + s.size) for s in self.sections if s.executable and s.size]
        segments = [
            (s.address, s.address + s.memory_size)
            for s in self.segments
            if s.type == _PT_LOAD and s.flags & _PF_X
        ]
        last = (1 << self.bits) - 1
        found = ((max(start, self.load_base), min(end, last)) for start, end in spans or segments)
        merged: list[tuple[int, int]] = []
        for start, end in sorted(span for span in found if span[0] < span[1]):
            if merged and start < merged[-1][1]:
                start, end = merged[-1][0], max(end, merged.pop()[1])
            merged.append((start, end))
        return tuple(merged)

    @cached_property
    def _by_name(self) -> dict[str, int]:
        """The number of the first section of each name."""
        found: dict[str, int] = {}
        for number, section in enumerate(self.sections):
            found.setdefault(section.name, number)
        return found

    @cached_property
    def _with_bytes(self) -> dict[str, int]:
        """The number of the first section of each name that has contents in this file."""
        found: dict[str, int] = {}
        for number, section in enumerate(self.sections):
            if section.has_bytes:
                found.setdefault(section.name, number)
        return found

    def section(self, name: str) -> Section | None:
        """Return the first section of that name, or None; ``.zdebug_x`` counts as ``.debug_x``."""
        number = _named(self._by_name, name)
        return None if number is None else self.sections[number]

    def has_bytes(self, name: str) -> bool:
        """Whether this file has the section and its contents."""
        return _named(self._with_bytes, name) is not None

    def section_view(self, name: str) -> memoryview:
        """Return the contents of a section; empty where this file has none.

        They are inflated, and those of a relocatable file relocated (see `crashsym.relocatable`;
        symbol tables then have addresses, too). The view is read-only, not a copy where the file
        has the bytes as they are, and stays valid when the file is closed. Each call maps,
        inflates and relocates anew: ask once and keep it as long as needed, the memory is given
        back with it.

        Raises:
            MalformedError: the section runs past the end of the file, or cannot be inflated or
                relocated.
            UnreadableError: the operating system refuses.
        """
        number = _named(self._with_bytes, name)
        return memoryview(b"") if number is None else self._view_of(number)

    def joined_section_view(self, name: str) -> memoryview:
        """Return the contents of all sections of that name, one behind the other.

        Object files have several: one for each type unit, in a group of its own.

        Raises:
            MalformedError: as `section_view`; or together they are larger than the file.
        """
        found = [n for n, s in enumerate(self.sections) if s.name == name and s.has_bytes]
        if len(found) <= 1:
            return self.section_view(name)
        if sum(self.sections[number].size for number in found) > self.size:
            raise MalformedError(
                "cannot read ELF",
                where=f"'{self.path}' {name}",
                why=f"{len(found)} sections are larger than the file's 0x{self.size:x} bytes",
            )
        return memoryview(b"".join(self._view_of(number) for number in found))

    def section_bytes(self, name: str) -> bytes:
        """Return a copy of what `section_view` returns."""
        return bytes(self.section_view(name))

    def _view_of(self, number: int) -> memoryview:
        data = self._stored(number)
        return data if self._relocatable is None else self._relocatable.placed(number, data)

    def _stored(self, number: int) -> memoryview:
        section = self.sections[number]
        if not section.has_bytes:
            return memoryview(b"")
        data = self._source.view(section.file_offset, section.size, section.name)
        return self._inflated(section, data)

    def _inflated(self, section: Section, data: memoryview) -> memoryview:
        legacy = section.name.startswith(".zdebug_")
        if not section.compressed and not legacy:
            return data
        from crashsym.inflate import inflate_legacy, inflate_section

        where = f"{self._source.where} {section.name}"
        if section.compressed:
            return inflate_section(data, where, bits=self.bits, byte_order=self.byte_order)
        return inflate_legacy(data, where)

    def file_bytes(self, file_offset: int, size: int, what: str) -> bytes:
        """Return a piece of the file.

        Raises:
            MalformedError: the piece runs past the end of the file.
            UnreadableError: the operating system refuses.
        """
        return self._source.read(file_offset, size, what)

    @cached_property
    def build_id(self) -> BuildId | None:
        """The GNU build id, or None; an empty note and one of zeros only count as none.

        The section is read first, then the PT_NOTE segments, for files without section headers; of
        all no more than a megabyte, a thousand times what there is in real files.

        Source: Breakpad src/common/linux/file_id.cc, FindElfBuildIDNote.
        """
        left = _MOST_NOTES
        for file_offset, size in self._note_places():
            size = min(size, left)
            left -= size
            self._budget.spend(size, f"{self._source.where} notes")
            notes = self.file_bytes(file_offset, size, "notes")
            found = find_build_id(notes, little_endian=self.little_endian)
            if found is not None:
                return found
        return None

    def _note_places(self) -> list[tuple[int, int]]:
        name = ".note.gnu.build-id"
        named = [s for s in self.sections if s.name == name]
        others = [s for s in self.sections if s.type == "SHT_NOTE" and s.name != name]
        places = [(s.file_offset, s.size) for s in (*named, *others) if s.has_bytes]
        if not self.sections:
            places = [(s.file_offset, s.file_size) for s in self.segments if s.type == _PT_NOTE]
        return places

    @cached_property
    def identifier(self) -> BuildId | None:
        """The build id, else the hash of ``.text``, else None (there is nothing to hash)."""
        if self.build_id is not None:
            return self.build_id
        for name in (".text", "text"):
            if self.has_bytes(name):
                return text_hash(bytes(self.section_view(name)[:_HASHED]))
        return None

    @property
    def alternate_debug_id(self) -> str | None:
        """The debug id of the other family of processors, None where both agree.

        Breakpad reads the build id as a little-endian GUID whatever the file is; symbolic and
        rust-minidump do not swap it for a big-endian file.

        Source: Breakpad src/common/linux/file_id.cc; symbolic symbolic-debuginfo/src/elf.rs.
        """
        if self.little_endian or self.identifier is None:
            return None
        return self.identifier.unswapped_debug_id

    @cached_property
    def soname(self) -> str | None:
        """DT_SONAME, or None; a debug half does not have it (its .dynamic is SHT_NOBITS).

        Raises:
            MalformedError: it is outside of its string table.

        Source: gABI "Dynamic Section".
        """
        tags, names = self._dynamic()
        order = self.byte_order + ("QQ" if self.bits == 64 else "II")
        entries = struct.Struct(order).iter_unpack(tags[: len(tags) - len(tags) % (self.bits // 4)])
        values: dict[int, int] = {}
        for tag, value in entries:
            if tag == _DT_NULL:
                break
            values.setdefault(tag, value)
        if _DT_SONAME not in values:
            return None
        if names is None:
            names = self._at_address(values.get(_DT_STRTAB, 0), values.get(_DT_STRSZ, 0))
        if values[_DT_SONAME] >= len(names):
            raise MalformedError(
                "cannot read ELF",
                where=f"{self._source.where} DT_SONAME",
                why=f"it is at 0x{values[_DT_SONAME]:x} of 0x{len(names):x} bytes of strings",
            )
        return string_at(names, values[_DT_SONAME]).decode("utf-8", "replace") or None

    def _dynamic(self) -> tuple[memoryview, bytes | None]:
        """Return the dynamic table and its strings; None: they are where DT_STRTAB says."""
        for number, section in enumerate(self.sections):
            if section.type == "SHT_DYNAMIC":
                if section.link >= len(self.sections):
                    return self._view_of(number), b""
                return self._view_of(number), bytes(self._view_of(section.link))
        if not self.sections:
            for segment in self.segments:
                if segment.type == _PT_DYNAMIC:
                    place = (segment.file_offset, segment.file_size)
                    return self._source.view(*place, ".dynamic"), None
        return memoryview(b""), b""

    def _at_address(self, address: int, size: int) -> bytes:
        """Return what the program headers load at an address; empty where they load nothing."""
        for segment in self.segments:
            start = address - segment.address
            if segment.type == _PT_LOAD and start >= 0 and start + size <= segment.file_size:
                return self.file_bytes(segment.file_offset + start, size, "strings")
        return b""

    def symbol_table(self, name: str) -> SymbolTable | None:
        """Return the bytes of the table ``name``, .symtab or .dynsym, and of its names.

        None where this file has no such table, or its string table is not there.

        Raises:
            MalformedError: a section runs past the end of the file, or cannot be inflated.
        """
        number = _named(self._with_bytes, name)
        if number is None or self.sections[number].link >= len(self.sections):
            return None
        names = self._view_of(self.sections[number].link)
        return SymbolTable(self._view_of(number), names, f"{self._source.where} {name}")

    def decode_symbols(self, table: SymbolTable) -> list[Symbol]:
        """Return the defined function symbols of a table of this file, or of one embedded in it.

        Raises:
            MalformedError: see `read_function_symbols`, which also says which those are.
        """
        return read_function_symbols(table, entry_layout(self.bits, self.byte_order), self._budget)

    def function_symbols(self, name: str) -> list[Symbol]:
        """Return the function symbols of the table ``name``; raises as the two above do."""
        table = self.symbol_table(name)
        return [] if table is None else self.decode_symbols(table)

    def minidebuginfo(self) -> ElfFile:
        """Open the ELF file in ``.gnu_debugdata``, which has function symbols in its ``.symtab``.

        Raises:
            InputError: it cannot be inflated, is no ELF file, or one of another kind than this.

        Source: GDB manual, "Debugging information in a special section".
        """
        from crashsym.inflate import inflate_xz

        where = f"{self._source.where} .gnu_debugdata"
        data = inflate_xz(self.section_view(".gnu_debugdata"), where)
        found = ElfFile(self._path, MemoryBytes(data, where))
        if (found.machine, found.bits, found.byte_order) != (
            self.machine,
            self.bits,
            self.byte_order,
        ):
            raise MalformedError(
                "cannot read ELF",
                where=where,
                why=f"it is for {found.machine}, {found.bits} bit, the file around it is not",
            )
        return found


def _named(sections: dict[str, int], name: str) -> int | None:
    """Look a section up; the old name of a compressed one stands for the usual one."""
    found = sections.get(name)
    if found is None and name.startswith(".debug_"):
        return sections.get(f".z{name[1:]}")
    return found
