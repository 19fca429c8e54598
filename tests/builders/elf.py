"""An ELF writer: every field can be given a value that lies.

Source of the layouts: gABI chapters 4 and 5 (``Elf32_*`` and ``Elf64_*``).
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from builders.encode import X64, Format

X86_64, AARCH64, ARM, I386, RISCV, PPC = 62, 183, 40, 3, 243, 20
MIPS, SPARCV9, LOONGARCH = 8, 43, 258
EXECUTABLE, SHARED, RELOCATABLE = 2, 3, 1
PROGBITS, SYMTAB, STRTAB, DYNAMIC, NOTE, NOBITS, DYNSYM = 1, 2, 3, 6, 7, 8, 11
RELA, REL, SYMTAB_SHNDX = 4, 9, 18
ALLOC, EXECINSTR, COMPRESSED = 2, 4, 0x800
LOAD, PT_DYNAMIC, PT_NOTE = 1, 2, 4
DT_NULL, DT_STRTAB, DT_SONAME = 0, 5, 14
TEXT_ADDRESS, TEXT_SIZE = 0x1000, 0x10000
BUILD_ID = bytes(range(1, 21))


@dataclass(frozen=True)
class Section:
    """A section; ``size``, ``offset`` and ``name_offset`` override what is true."""

    name: str
    data: bytes = b""
    type: int = PROGBITS
    flags: int = 0
    address: int = 0
    size: int | None = None
    offset: int | None = None
    name_offset: int | None = None
    link: int | str = 0
    info: int = 0
    entry_size: int = 0
    alignment: int = 1


@dataclass(frozen=True)
class Segment:
    """A program header."""

    type: int = LOAD
    flags: int = 5
    offset: int = 0
    address: int = 0
    file_size: int = 0
    memory_size: int = 0


@dataclass(frozen=True)
class Elf:
    """A whole file. ``header`` overrides fields of the ELF header by their name (``e_shnum``)."""

    sections: Sequence[Section] = ()
    segments: Sequence[Segment] = ()
    machine: int = X86_64
    type: int = SHARED
    format: Format = X64
    header: Mapping[str, int] = field(default_factory=dict)
    null_section: Section = Section("", type=0)

    def build(self) -> bytes:
        """Return the bytes: header, program headers, contents, section headers."""
        wide = self.format.bits == 64
        start = (64 if wide else 52) + len(self.segments) * (56 if wide else 32)
        named = [*self.sections, Section(".shstrtab", b"", STRTAB)]
        names, name_offsets = _string_table([section.name for section in named])
        named[-1] = Section(".shstrtab", names, STRTAB)
        body = bytearray()
        rows = [self._section_header(self.null_section, 0, 0, {})]
        index = {section.name: number for number, section in enumerate(named, 1)}
        for section, name_offset in zip(named, name_offsets, strict=True):
            rows.append(self._section_header(section, name_offset, start + len(body), index))
            body += section.data + bytes(-len(section.data) % 8)
        head = self._elf_header(start + len(body), len(rows))
        segments = b"".join(self._segment(segment) for segment in self.segments)
        return b"".join((head, segments, body, *rows))

    def _elf_header(self, section_headers: int, count: int) -> bytes:
        fmt, wide = self.format, self.format.bits == 64
        fields = {
            "e_type": (self.type, 2),
            "e_machine": (self.machine, 2),
            "e_version": (1, 4),
            "e_entry": (0, fmt.word_size),
            "e_phoff": ((64 if wide else 52) if self.segments else 0, fmt.word_size),
            "e_shoff": (section_headers, fmt.word_size),
            "e_flags": (0, 4),
            "e_ehsize": (64 if wide else 52, 2),
            "e_phentsize": (56 if wide else 32, 2),
            "e_phnum": (len(self.segments), 2),
            "e_shentsize": (64 if wide else 40, 2),
            "e_shnum": (count, 2),
            "e_shstrndx": (count - 1, 2),
        }
        unknown = set(self.header) - set(fields)
        assert not unknown, f"no such fields: {unknown}"
        ident = b"\x7fELF" + bytes((2 if wide else 1, 1 if fmt.little_endian else 2, 1))
        return ident.ljust(16, b"\0") + b"".join(
            fmt.number(self.header.get(name, value), size) for name, (value, size) in fields.items()
        )

    def _section_header(
        self, section: Section, name: int, offset: int, index: Mapping[str, int]
    ) -> bytes:
        fmt = self.format
        link = index[section.link] if isinstance(section.link, str) else section.link
        return b"".join(
            (
                fmt.number(name if section.name_offset is None else section.name_offset, 4),
                fmt.number(section.type, 4),
                fmt.word(section.flags, section.address),
                fmt.word(offset if section.offset is None else section.offset),
                fmt.word(len(section.data) if section.size is None else section.size),
                fmt.numbers(4, link, section.info),
                fmt.word(section.alignment, section.entry_size),
            )
        )

    def _segment(self, segment: Segment) -> bytes:
        fmt = self.format
        places = fmt.word(segment.offset, segment.address, segment.address)
        sizes = fmt.word(segment.file_size, segment.memory_size)
        kind, flags, align = fmt.number(segment.type, 4), fmt.number(segment.flags, 4), fmt.word(8)
        if fmt.bits == 64:
            return kind + flags + places + sizes + align
        return kind + places + sizes + flags + align


def _string_table(names: Sequence[str]) -> tuple[bytes, list[int]]:
    table, offsets = bytearray(b"\0"), []
    for name in names:
        offsets.append(len(table))
        table += name.encode("utf-8", "surrogateescape") + b"\0"
    return bytes(table), offsets


def note(
    fmt: Format,
    descriptor: bytes,
    *,
    kind: int = 3,
    name: bytes = b"GNU\0",
    size: int | None = None,
) -> bytes:
    """Return a note; by default the build id. ``size`` is what it claims to hold."""
    head = fmt.numbers(4, len(name), len(descriptor) if size is None else size, kind)
    return head + name.ljust(-(-len(name) // 4) * 4, b"\0") + descriptor


def symbol(  # noqa: PLR0913 - the fields of Elf32_Sym and Elf64_Sym
    fmt: Format, name: int, address: int, *, size: int = 16, info: int = 0x12, index: int = 1
) -> bytes:
    """Return an entry of a symbol table; by default a global function in section 1."""
    head, tail = fmt.number(name, 4), bytes((info, 0)) + fmt.number(index, 2)
    if fmt.bits == 64:
        return head + tail + fmt.word(address, size)
    return head + fmt.word(address, size) + tail


def symbol_table(fmt: Format, names: Sequence[bytes]) -> tuple[Section, Section]:
    """Return ``.symtab`` and ``.strtab`` with functions of these names, 16 bytes apart."""
    strings, rows = bytearray(b"\0"), [symbol(fmt, 0, 0, info=0, index=0)]
    for number, name in enumerate(names):
        rows.append(symbol(fmt, len(strings), TEXT_ADDRESS + 16 * number))
        strings += name + b"\0"
    size = len(rows[0])
    return (
        Section(".symtab", b"".join(rows), SYMTAB, link=".strtab", entry_size=size),
        Section(".strtab", bytes(strings), STRTAB),
    )


def relocations(
    fmt: Format,
    target: int,
    *entries: tuple[int, int, int, int],
    addends: bool = True,
    name: str = ".rela",
) -> Section:
    """Return relocations of section ``target``: each is offset, symbol, type and addend."""
    shift = 32 if fmt.bits == 64 else 8
    rows = b"".join(
        fmt.word(offset, symbol << shift | kind, *([addend] if addends else []))
        for offset, symbol, kind, addend in entries
    )
    kind, size = (RELA, 3) if addends else (REL, 2)
    entry_size = size * fmt.word_size
    return Section(name, rows, kind, link=".symtab", info=target, entry_size=entry_size)


def soname(fmt: Format, name: bytes) -> tuple[Section, Section]:
    """Return ``.dynamic`` and ``.dynstr`` with DT_SONAME ``name``."""
    tags = fmt.word(DT_SONAME, 1, DT_NULL, 0)
    return (
        Section(".dynamic", tags, DYNAMIC, ALLOC, link=".dynstr", entry_size=2 * fmt.word_size),
        Section(".dynstr", b"\0" + name + b"\0", STRTAB, ALLOC),
    )


def compressed(  # noqa: PLR0913 - each field can lie
    fmt: Format,
    name: str,
    data: bytes,
    *,
    kind: int = 1,
    size: int | None = None,
    stream: bytes | None = None,
) -> Section:
    """Return a section with SHF_COMPRESSED; ``size`` is what it claims to inflate to.

    ``stream`` is the compressed form of ``data``, by default zlib's whatever ``kind`` says.
    """
    claimed = len(data) if size is None else size
    head = fmt.number(kind, 4) + (fmt.number(0, 4) if fmt.bits == 64 else b"")
    body = zlib.compress(data) if stream is None else stream
    return Section(name, head + fmt.word(claimed, 1) + body, flags=COMPRESSED)


def legacy_compressed(name: str, data: bytes, *, size: int | None = None) -> Section:
    """Return a ``.zdebug_*`` section; ``size`` is what it claims to inflate to."""
    claimed = len(data) if size is None else size
    return Section(name, b"ZLIB" + claimed.to_bytes(8, "big") + zlib.compress(data))


def text(size: int = TEXT_SIZE) -> Section:
    """Return ``.text``; its contents are one page, however large it claims to be in memory."""
    return Section(".text", b"\xc3" * 64, PROGBITS, ALLOC | EXECINSTR, TEXT_ADDRESS, size=size)


def code(size: int = TEXT_SIZE) -> Section:
    """Return ``.text`` as a debug half has it: addresses, but no contents."""
    return Section(".text", b"", NOBITS, ALLOC | EXECINSTR, TEXT_ADDRESS, size=size)


def build_id(fmt: Format, value: bytes = BUILD_ID) -> Section:
    """Return ``.note.gnu.build-id``."""
    return Section(".note.gnu.build-id", note(fmt, value), NOTE, ALLOC)


def module(*sections: Section, machine: int = X86_64, fmt: Format | None = None) -> bytes:
    """Return a shared object with code, a build id and ``sections``."""
    fmt = fmt or Format()
    return Elf((code(), build_id(fmt), *sections), machine=machine, format=fmt).build()
