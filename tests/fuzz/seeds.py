"""What is mutated: small ELF files made by the builders, and those of the corpus."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from builders import elf
from builders.cfi import EhFrame
from builders.dwarf import Dwarf
from builders.exidx import ARM_LE, Index, word
from crashsym.bytesource import MemoryBytes
from crashsym.elf import ElfFile
from crashsym.errors import InputError

from fuzz.programs import Style, addresses, info, line_table, ranges, strings

CORPUS = Path.home() / ".cache/meta-crashdump/corpus"
_HEADERS = "(headers)"
# How often a region is chosen, against 1 for all others.
_WEIGHTS = {
    ".debug_info": 12,
    ".debug_abbrev": 8,
    ".debug_line": 8,
    ".eh_frame": 4,
    ".debug_frame": 4,
    ".ARM.exidx": 4,
    ".ARM.extab": 4,
    ".debug_rnglists": 4,
    ".debug_ranges": 3,
    ".debug_str_offsets": 3,
    ".debug_addr": 3,
    ".debug_types": 4,
    ".debug_str": 2,
    ".debug_line_str": 2,
    ".strtab": 2,
    ".symtab": 2,
    ".debug_cu_index": 4,
    ".debug_tu_index": 4,
    _HEADERS: 2,
}


@dataclass(frozen=True)
class Region:
    """A piece of the file that is mutated as one: a section, or the headers."""

    name: str
    start: int
    size: int

    @property
    def weight(self) -> int:
        """How often it is chosen."""
        return _WEIGHTS.get(self.name.removesuffix(".dwo"), 1)


@dataclass(frozen=True)
class Seed:
    """A well-formed file; ``suffix`` is for the names of files with findings."""

    name: str
    data: bytes
    regions: tuple[Region, ...]
    little_endian: bool
    suffix: str = ".elf"


def seed_of(name: str, data: bytes) -> Seed | None:
    """Find the regions of a file; None where crashsym cannot open it."""
    try:
        file = ElfFile(Path(name), MemoryBytes(data, name))
    except InputError:
        return None
    regions = [
        Region(section.name, section.file_offset, section.size)
        for section in file.sections
        if section.has_bytes and section.size and _is_read(section.name)
    ]
    table = int.from_bytes(
        data[0x28:0x30] if file.bits == 64 else data[0x20:0x24],
        "little" if file.little_endian else "big",
    )
    if 0 < table < len(data):
        regions.append(Region(_HEADERS, table, len(data) - table))
    regions.append(Region(_HEADERS, 0, min(len(data), 256)))
    return Seed(name, data, tuple(regions), file.little_endian)


def _is_read(name: str) -> bool:
    return name.startswith((".debug_", ".zdebug_", ".gnu_debug", ".note")) or name in _OTHERS


_OTHERS = [
    ".eh_frame",
    ".ARM.exidx",
    ".ARM.extab",
    ".symtab",
    ".strtab",
    ".dynsym",
    ".dynstr",
    ".dynamic",
    ".opd",
    ".shstrtab",
]


def built() -> list[Seed]:
    """Return the seeds that need no compiler, which are the same everywhere."""
    made = [(style.name, _file(style)) for style in Style.all()]
    made += [(name, make()) for name, make in _UNWIND.items()]
    return _seeds(made)


def of_corpus(largest: int, folder: Path = CORPUS) -> list[Seed]:
    """Return the corpus' files of at most ``largest`` bytes, one of each build, by size."""
    first: dict[str, Path] = {}
    for file in sorted(folder.glob("*/corpus")):
        first.setdefault(file.parent.name.rpartition("-")[0], file)
    files = [file for file in first.values() if file.stat().st_size <= largest]
    return _seeds((file.parent.name, file.read_bytes()) for file in files)


def _seeds(files: Iterable[tuple[str, bytes]]) -> list[Seed]:
    found = [seed for name, data in files if (seed := seed_of(name, data)) is not None]
    return sorted(found, key=lambda seed: (len(seed.data), seed.name))


def _file(style: Style) -> bytes:
    dwarf = Dwarf(style.format, style.version, wide=style.wide)
    info(dwarf, style)
    symbols = elf.symbol_table(style.format, (b"_ZN1a1bEv", b"main", b"_RNvC1a1b", b"g.cold"))
    return elf.module(
        *dwarf.sections(),
        line_table(style),
        *strings(style),
        *ranges(style),
        *addresses(style),
        *symbols,
        machine=style.machine,
        fmt=style.format,
    )


def _frames() -> bytes:
    frames = EhFrame()
    cie = frames.cie()
    frames.fde(cie, 0x1000, 0x40, bytes((0x41, 0x0E, 16, 0x86, 2, 0x43, 0x0D, 6, 0x0A, 0x48, 0x0B)))
    frames.fde(
        cie, 0x1040, 0x20, bytes((0x0F, 5, 0x77, 8, 0x80, 0, 0x22, 0x44, 0x10, 3, 1, 0x77, 8))
    )
    return elf.module(frames.section())


def _index() -> bytes:
    made = Index(ARM_LE)
    table = made.words(word(0x81, 0xB1, 0x08), word(0x84, 0x80, 0xB0))
    made.entry(0x1000, 0x80A8B0B0)
    made.refer(0x1020, table)
    made.entry(0x1040, 1)
    return made.file()


_UNWIND: dict[str, Callable[[], bytes]] = {"eh_frame": _frames, "exidx": _index}
