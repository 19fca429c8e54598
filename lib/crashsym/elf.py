# SPDX-License-Identifier: MIT
"""ELF files: sections, build id, SONAME and symbols, read through pyelftools.

Nothing here knows DWARF or Breakpad. Addresses are those of the file (not yet relative to the
load base), sizes are in bytes.
"""

from __future__ import annotations

import stat
import struct
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType

from elftools.common.exceptions import DWARFError, ELFError
from elftools.construct import ConstructError
from elftools.elf.constants import P_FLAGS, SH_FLAGS
from elftools.elf.dynamic import Dynamic
from elftools.elf.elffile import ELFFile

from crashsym.budget import Budget
from crashsym.elfcheck import check_tables
from crashsym.errors import MalformedError, NotElfError, UnreadableError
from crashsym.ids import BuildId, text_hash
from crashsym.reader import Reader, string_at

# What pyelftools lets through when the bytes it parses are damaged (found by fuzzing it).
_FOREIGN_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ConstructError,
    DWARFError,
    ELFError,
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)
_NT_GNU_BUILD_ID = 3
_ELFCOMPRESS_ZLIB = 1
# zlib cannot do better than 1032:1; debug sections reach 3 to 20. Beyond this it is a bomb.
_MAX_INFLATION = 200
_KINDS = {"ET_EXEC": "executable", "ET_DYN": "shared object"}
_BINDING_RANK = {1: 0, 2: 1}  # STB_GLOBAL, STB_WEAK
_FUNCTION_TYPES = (2, 10)  # STT_FUNC, STT_GNU_IFUNC
_SHN_UNDEF = 0


@contextmanager
def parsing(what: str, where: str) -> Iterator[None]:
    """Turn what pyelftools raises on damaged bytes into one `MalformedError`."""
    try:
        yield
    except _FOREIGN_ERRORS as error:
        raise MalformedError(what, where=where, why=_fact(error)) from error


def _fact(error: BaseException) -> str:
    if isinstance(error, KeyError):
        return f"it refers to number {error}, which is not defined"
    if isinstance(error, MemoryError):
        return "it claims more than there is memory"
    return str(error) or "it contradicts itself"


@dataclass(frozen=True, slots=True)
class Section:
    """One section header; ``has_bytes`` is false for SHT_NOBITS (the other half has them)."""

    name: str
    type: str
    address: int
    size: int
    file_offset: int
    link: int
    executable: bool
    compressed: bool

    @property
    def has_bytes(self) -> bool:
        """Whether the section occupies space in this file."""
        return self.type != "SHT_NOBITS" and self.size > 0


@dataclass(frozen=True, slots=True)
class Symbol:
    """A function symbol: its address in the file, size in bytes (0: unknown) and raw name."""

    address: int
    size: int
    name: str
    rank: int  # 0 global, 1 weak, 2 local


class ElfFile:
    """An ELF executable or shared object, open for reading. Use it as a context manager."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):
                raise NotElfError("cannot read", where=f"'{path}'", why="it is no regular file")
            self._stream = path.open("rb")
            self.size = status.st_size
        except OSError as error:
            raise UnreadableError(
                "cannot read", where=f"'{path}'", why=error.strerror or str(error)
            ) from error
        try:
            self._read_headers()
        except BaseException:
            self._stream.close()
            raise

    def __enter__(self) -> ElfFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stream.close()

    def _read_headers(self) -> None:
        if self.file_bytes(0, min(self.size, 4), "ELF header") != b"\x7fELF":
            raise NotElfError(
                "cannot read", where=f"'{self.path}'", why="it does not begin with the ELF magic"
            )
        self._budget = Budget(self.size)
        check_tables(self.file_bytes, self.size, f"'{self.path}'", self._budget)
        with self._parsing():
            self._elf = ELFFile(self._stream)
            self.machine = str(self._elf["e_machine"])
            self.type = str(self._elf["e_type"])
            self.bits = int(self._elf.elfclass)
            self.little_endian = bool(self._elf.little_endian)
            self.sections = self._read_sections()
            self._read_segments()

    def _parsing(self) -> AbstractContextManager[None]:
        return parsing("cannot read ELF", f"'{self.path}'")

    def _read_sections(self) -> tuple[Section, ...]:
        return tuple(
            Section(
                name=section.name,
                type=str(section["sh_type"]),
                address=section["sh_addr"],
                size=section["sh_size"],
                file_offset=section["sh_offset"],
                link=section["sh_link"],
                executable=bool(section["sh_flags"] & SH_FLAGS.SHF_EXECINSTR)
                and bool(section["sh_flags"] & SH_FLAGS.SHF_ALLOC),
                compressed=bool(section["sh_flags"] & SH_FLAGS.SHF_COMPRESSED),
            )
            for section in self._elf.iter_sections()
        )

    def _read_segments(self) -> None:
        loads = [s for s in self._elf.iter_segments() if s["p_type"] == "PT_LOAD"]
        self.load_base = int(loads[0]["p_vaddr"]) if loads else 0
        self._executable_segments = tuple(
            (s["p_vaddr"], s["p_vaddr"] + s["p_memsz"])
            for s in loads
            if s["p_flags"] & P_FLAGS.PF_X
        )

    @property
    def kind(self) -> str | None:
        """``executable``, ``shared object``, or None for all else (``.o``, ``.ko``, cores)."""
        return _KINDS.get(self.type)

    @property
    def address_size(self) -> int:
        """The size of an address in bytes: 4 or 8."""
        return self.bits // 8

    @cached_property
    def executable_ranges(self) -> tuple[tuple[int, int], ...]:
        """Where code can lie, as sorted (start, end) pairs.

        From the section headers, which even a debug half keeps, so that functions that the linker
        discarded (address 0, 1 or all ones) are told from code; from the program headers where a
        tool has removed the section headers. Nothing lies below the load base, from which addresses
        are counted.
        """
        spans = [(s.address, s.address + s.size) for s in self.sections if s.executable and s.size]
        found = ((max(start, self.load_base), end) for start, end in spans)
        segments = ((max(start, self.load_base), end) for start, end in self._executable_segments)
        return tuple(sorted(span for span in (found if spans else segments) if span[0] < span[1]))

    def section(self, name: str) -> Section | None:
        """Return the first section of that name, or None."""
        return next((s for s in self.sections if s.name == name), None)

    def has_bytes(self, name: str) -> bool:
        """Whether this file has the section and its contents."""
        return any(s.name == name and s.has_bytes for s in self.sections)

    def section_bytes(self, name: str) -> bytes:
        """Return the contents of a section, inflated; empty where this file has none.

        Raises:
            MalformedError: the section runs past the end of the file, or cannot be inflated.
        """
        section = next((s for s in self.sections if s.name == name and s.has_bytes), None)
        return b"" if section is None else self._bytes_of(section)

    def _bytes_of(self, section: Section) -> bytes:
        if not section.has_bytes:
            return b""
        data = self.file_bytes(section.file_offset, section.size, section.name)
        return self._inflate(section, data) if section.compressed else data

    def file_bytes(self, file_offset: int, size: int, what: str) -> bytes:
        """Return a piece of the file.

        Raises:
            MalformedError: the piece runs past the end of the file.
            UnreadableError: the operating system refuses.
        """
        if file_offset + size > self.size:
            raise MalformedError(
                "cannot read ELF",
                where=f"'{self.path}' {what}",
                why=f"it ends at 0x{file_offset + size:x}, the file at 0x{self.size:x}",
                remedy="The file is truncated or damaged; make it anew.",
            )
        try:
            self._stream.seek(file_offset)
            return self._stream.read(size)
        except OSError as error:
            raise UnreadableError(
                "cannot read", where=f"'{self.path}'", why=error.strerror or str(error)
            ) from error

    def _inflate(self, section: Section, data: bytes) -> bytes:
        """Undo SHF_COMPRESSED. Source: gABI "Section Compression", Elf32_Chdr and Elf64_Chdr."""
        where = f"'{self.path}' {section.name}"
        header = Reader(data, little_endian=self.little_endian, where=where)
        kind = header.unsigned(4)
        if self.bits == 64:
            header.take(4)
        size = header.unsigned(self.address_size)
        header.take(self.address_size)
        if kind != _ELFCOMPRESS_ZLIB:
            raise MalformedError(
                "cannot inflate",
                where=where,
                why=f"compression type {kind}; this crashsym reads type 1, zlib",
                remedy="Undo it with 'objcopy --decompress-debug-sections'.",
            )
        if size > _MAX_INFLATION * len(data):
            raise MalformedError(
                "cannot inflate",
                where=where,
                why=f"it claims to grow from {len(data)} to {size} bytes",
            )
        inflater = zlib.decompressobj()
        try:
            inflated = inflater.decompress(header.take(header.left), size + 1)
        except zlib.error as error:
            raise MalformedError("cannot inflate", where=where, why=str(error)) from error
        if len(inflated) != size:
            raise MalformedError(
                "cannot inflate", where=where, why=f"not the {size} bytes that it claims to hold"
            )
        return inflated

    @cached_property
    def build_id(self) -> BuildId | None:
        """The GNU build id, or None; an empty note and one of zeros only count as none.

        The section is read first, then the PT_NOTE segments, for files without section headers.

        Source: Breakpad src/common/linux/file_id.cc, FindElfBuildIDNote.
        """
        for file_offset, size in self._note_places():
            self._budget.spend(size, f"'{self.path}' notes")
            notes = self.file_bytes(file_offset, size, "notes")
            found = find_build_id(notes, little_endian=self.little_endian)
            if found is not None:
                return found
        return None

    def _note_places(self) -> list[tuple[int, int]]:
        named = [s for s in self.sections if s.name == ".note.gnu.build-id"]
        others = [s for s in self.sections if s.type == "SHT_NOTE" and s not in named]
        places = [(s.file_offset, s.size) for s in (*named, *others) if s.has_bytes]
        if not self.sections:
            with self._parsing():
                places += [
                    (s["p_offset"], s["p_filesz"])
                    for s in self._elf.iter_segments()
                    if s["p_type"] == "PT_NOTE"
                ]
        return places

    @cached_property
    def identifier(self) -> BuildId | None:
        """The build id, else the hash of ``.text``, else None (there is nothing to hash)."""
        if self.build_id is not None:
            return self.build_id
        for name in (".text", "text"):
            if self.has_bytes(name):
                return text_hash(self.section_bytes(name))
        return None

    @cached_property
    def soname(self) -> str | None:
        """DT_SONAME, or None; a debug half does not have it (its .dynamic is SHT_NOBITS)."""
        with self._parsing():
            parts = self._elf.iter_sections() if self.sections else self._elf.iter_segments()
            holder = next((part for part in parts if isinstance(part, Dynamic)), None)
            if holder is not None:
                for tag in holder.iter_tags("DT_SONAME"):
                    return str(tag.soname) or None  # type: ignore[attr-defined]  # set per tag
        return None

    def function_symbols(self, name: str) -> list[Symbol]:
        """Return the defined function symbols of the table ``name``: .symtab or .dynsym.

        Mapping symbols (``$a``, ``$t``, ``$x``) are STT_NOTYPE and so not among them.

        Raises:
            MalformedError: the symbol table is damaged.

        Source: gABI "Symbol Table".
        """
        table = self.section(name)
        if table is None or table.link >= len(self.sections):
            return []
        data = self.section_bytes(name)
        names = self._bytes_of(self.sections[table.link])
        order = "<" if self.little_endian else ">"
        layout = struct.Struct(order + ("IBBHQQ" if self.bits == 64 else "IIIBBH"))
        found = []
        for values in layout.iter_unpack(data[: len(data) - len(data) % layout.size]):
            if self.bits == 64:
                start, info, _, index, address, size = values
            else:
                start, address, size, info, _, index = values
            if info & 0xF not in _FUNCTION_TYPES or index == _SHN_UNDEF:
                continue
            text = string_at(names, start)
            self._budget.spend(len(text), f"'{self.path}' {name}")
            if text:
                rank = _BINDING_RANK.get(info >> 4, 2)
                found.append(Symbol(address, size, text.decode("utf-8", "replace"), rank))
        return found


def find_build_id(notes: bytes, *, little_endian: bool) -> BuildId | None:
    """Return the build id among ELF notes, or None.

    Source: gABI "Note Section"; name and descriptor are padded to 4 bytes.
    """
    reader = Reader(notes, little_endian=little_endian, where="notes")
    while reader.left >= 12:  # three words: name size, descriptor size, type
        name_size, size, kind = (reader.unsigned(4) for _ in range(3))
        if _padded(name_size) + size > reader.left:
            return None
        name = reader.take(_padded(name_size))[:name_size]
        value = reader.take(size)
        reader.take(min(_padded(size) - size, reader.left))
        if kind == _NT_GNU_BUILD_ID and name == b"GNU\0" and any(value):
            return BuildId(value)
    return None


def _padded(size: int) -> int:
    return (size + 3) & ~3
