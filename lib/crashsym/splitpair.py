# SPDX-License-Identifier: MIT
"""A stripped file and its split debug file, as one."""

from __future__ import annotations

from crashsym.codeaddr import code_symbols
from crashsym.errors import InputError, MismatchError
from crashsym.reader import string_at
from crashsym.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal, TypeVar

    from crashsym.elf import ElfFile, Symbol, SymbolTable

    OnDamage = Callable[[InputError], None]
    _Asked = TypeVar("_Asked")

_CHUNK = 1 << 20


class SplitPair:
    """An ELF file and, where there is one, the split debug file that belongs to it.

    Each question goes to the half that can answer it: ``.eh_frame``, the SONAME and ``.text`` are
    empty in a debug half, ``.debug_*`` and ``.symtab`` are not in a stripped file.
    """

    def __init__(self, elf_file: ElfFile, split_debug: ElfFile | None = None) -> None:
        if split_debug is not None:
            check_halves(elf_file, split_debug)
        self.elf_file = elf_file
        self.split_debug = split_debug

    @property
    def halves(self) -> tuple[ElfFile, ...]:
        """Both files, the debug half first."""
        return (
            (self.split_debug, self.elf_file) if self.split_debug is not None else (self.elf_file,)
        )

    def holder(self, name: str) -> ElfFile | None:
        """Return the half that has the bytes of a section, or None."""
        return next((half for half in self.halves if half.has_bytes(name)), None)

    def symbol_tables(self, on_damage: OnDamage) -> list[SymbolTable]:
        """Return the tables with the function symbols: the first of these that is there.

        1. ``.symtab`` of the debug half;
        2. ``.symtab`` of the file;
        3. ``.symtab`` of the minidebuginfo of either half, then ``.dynsym`` of either half: the
           minidebuginfo has only those that ``.dynsym`` does not have;
        4. ``.dynsym`` alone.

        A table that cannot be read counts as not there, and ``on_damage`` is told.

        Source: GDB manual, "Debugging information in a special section".
        """
        for half in self.halves:
            if table := _attempt(on_damage, half.symbol_table, ".symtab"):
                return [table]
        embedded, dynamic = self.holder(".gnu_debugdata"), self.holder(".dynsym")
        found = []
        if embedded is not None:
            found.append(_attempt(on_damage, _embedded_table, embedded))
        if dynamic is not None:
            found.append(_attempt(on_damage, dynamic.symbol_table, ".dynsym"))
        return [table for table in found if table is not None]

    def function_symbols(self, on_damage: OnDamage) -> list[Symbol]:
        """Return the function symbols of `symbol_tables`, in their order, at their code.

        Raises:
            MalformedError: names ask for more work than the file has a right to, or ``.opd`` is
                damaged.
        """
        symbols = [
            symbol
            for table in self.symbol_tables(on_damage)
            for symbol in self.elf_file.decode_symbols(table)
        ]
        return code_symbols(symbols, self.halves)


def _attempt(
    on_damage: OnDamage, read: Callable[[_Asked], SymbolTable | None], asked: _Asked
) -> SymbolTable | None:
    try:
        return read(asked)
    except InputError as error:
        on_damage(error)
        return None


def _embedded_table(holder: ElfFile) -> SymbolTable | None:
    with holder.minidebuginfo() as embedded:
        return embedded.symbol_table(".symtab")


def check_halves(elf_file: ElfFile, split_debug: ElfFile) -> None:
    """Refuse a debug half that belongs to another build.

    Equal build ids prove that both are of one build; the checksum in ``.gnu_debuglink`` is not
    computed then, which would read the whole debug file (and is wrong where a tool like dwz has
    changed the debug file afterwards). Without build ids the two belong together if that checksum
    is the debug file's, or if both have the same ``.text`` (an unstripped file).

    Raises:
        MismatchError: they do not belong together.
    """
    ours, theirs = elf_file.build_id, split_debug.build_id
    if elf_file.machine != split_debug.machine:
        why = f"made for {split_debug.machine}, wanted {elf_file.machine}"
    elif ours != theirs:
        why = f"build id {theirs or 'none'}, wanted {ours or 'none'}"
    elif elf_file.type == "ET_REL" and elf_file.executable_ranges != split_debug.executable_ranges:
        why = "the sections with code have other sizes"
    elif ours is None:
        why = _unproven(elf_file, split_debug)
    else:
        return
    if why:
        raise MismatchError(
            "cannot use the debug file",
            where=f"'{split_debug.path}' for '{elf_file.path}'",
            why=why,
            remedy="Use the debug file of the same build.",
        )


def _unproven(elf_file: ElfFile, split_debug: ElfFile) -> str:
    """Return why two files without build ids are not of one build; empty if they are."""
    link = read_debuglink(elf_file)
    found = _checksum(split_debug) if link is not None else 0
    if (link is not None and found == link.checksum) or _same(elf_file, split_debug):
        return ""
    if link is None:
        return "neither has a build id, and there is no .gnu_debuglink to vouch for it"
    return f"neither has a build id, and its CRC is {found:08x}, wanted {link.checksum:08x}"


class Debuglink(Value):
    """What ``.gnu_debuglink`` says: the name of the debug file, and the CRC-32 of its bytes."""

    name: str
    checksum: int


def read_debuglink(elf_file: ElfFile) -> Debuglink | None:
    """Return the debug link; None where there is none or it is too short for a checksum.

    The name may be any bytes; only what follows its last slash is returned.

    Source: GDB manual, "Debugging Information in Separate Files": name, zero byte, padding to 4
    bytes, CRC-32 in the byte order of the file.
    """
    data = elf_file.section_bytes(".gnu_debuglink")
    raw = string_at(data, 0)
    place = (len(raw) + 4) & ~3
    if place + 4 > len(data):
        return None
    order: Literal["little", "big"] = "little" if elf_file.little_endian else "big"
    name = raw.decode("utf-8", "surrogateescape").rpartition("/")[2]
    return Debuglink(name, int.from_bytes(data[place : place + 4], order))


def _checksum(elf_file: ElfFile) -> int:
    """Return the CRC-32 of a whole file."""
    from zlib import crc32

    checksum = 0
    for offset in range(0, elf_file.size, _CHUNK):
        size = min(_CHUNK, elf_file.size - offset)
        checksum = crc32(elf_file.file_bytes(offset, size, "contents"), checksum)
    return checksum


def _same(elf_file: ElfFile, split_debug: ElfFile) -> bool:
    text = elf_file.section_bytes(".text")
    return bool(text) and text == split_debug.section_bytes(".text")
