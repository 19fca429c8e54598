# SPDX-License-Identifier: MIT
"""The tables ``.eh_frame`` and ``.debug_frame``: CIEs, FDEs and their pointers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crashsym.budget import Budget
from crashsym.cfi.exidx import find_index
from crashsym.cfi.model import CfiDamage, CfiEntry, CfiTable
from crashsym.cfi.pointers import ABSPTR, Pointers, pointers_of
from crashsym.cfi.program import Interpreter, Parameters, State, split_rows
from crashsym.codemap import CodeMap, Taken
from crashsym.errors import MalformedError
from crashsym.reader import Reader

if TYPE_CHECKING:
    from crashsym.elf import ElfFile
    from crashsym.splitpair import SplitPair

_WINDOW_MACHINES = ("EM_SPARC", "EM_SPARC32PLUS", "EM_SPARCV9")
_SMALLEST_GAP = 16
_OLD_GNU = b"eh"  # GCC before 3.0: a word for its own use stands before the factors
_NO_DATA = "SBG"  # signal frame; AArch64: pointers signed with key B, memory tagging


def read_cfi(pair: SplitPair) -> CfiTable:
    """Return the unwind rows of a module, from all its tables and both halves.

    Where both DWARF sections describe the same code, ``.eh_frame``, which the program itself
    unwinds by, has it. ``.ARM.exidx``, whose rows hold at call sites only, gets what is left: all
    gaps that begin where one of its entries begins, and of the others those of 16 bytes and more.
    Entries of discarded functions are dropped. Damage costs the entry it is in.

    Source: DWARF 5 section 6.4; LSB 5.0 "Exception Frames" for ``.eh_frame``.
    """
    entries: list[CfiEntry] = []
    damage: list[CfiDamage] = []
    taken = Taken()
    for name in (".eh_frame", ".debug_frame"):
        holder = pair.holder(name)
        if holder is None:
            continue
        try:
            table = _Table(holder, name)
        except MalformedError as error:
            damage.append(CfiDamage(error.where, error.why))
            continue
        for entry in table.entries():
            free = taken.take(entry.address, entry.address + entry.size)
            entries.extend(entry.clipped(start, end) for start, end in free)
        damage.extend(table.damage)
    index = find_index(pair)
    if index is not None:
        entries += _fill(index.entries(), taken)
        damage += index.damage
    entries.sort(key=lambda entry: entry.address)
    return CfiTable(tuple(entries), tuple(damage))


def _fill(entries: Iterable[CfiEntry], taken: Taken) -> Iterator[CfiEntry]:
    for entry in entries:
        for start, end in taken.take(entry.address, entry.address + entry.size):
            # Between two functions that DWARF describes lies padding, which nobody returns to.
            if start == entry.address or end - start >= _SMALLEST_GAP:
                yield entry.clipped(start, end)


@dataclass(frozen=True, slots=True)
class _Cie:
    """A common information entry, its instructions executed."""

    parameters: Parameters
    pointers: Pointers
    encoding: int
    augmented: bool
    return_column: int
    initial: State


class _Table:
    def __init__(self, elf_file: ElfFile, name: str) -> None:
        self._data = elf_file.section_bytes(name)
        self._little_endian = elf_file.little_endian
        self._pointers = pointers_of(elf_file, name)
        self._window = elf_file.machine in _WINDOW_MACHINES
        self._code = CodeMap(elf_file.executable_ranges)
        self._name = name
        self._eh = name == ".eh_frame"
        self._budget = Budget(len(self._data))
        self._cies: dict[int, _Cie | MalformedError] = {}
        self.damage: list[CfiDamage] = []

    def entries(self) -> Iterator[CfiEntry]:
        """Yield the entries of all FDEs; what cannot be decoded goes to `damage`."""
        reader = Reader(self._data, little_endian=self._little_endian, where=self._name)
        while reader.left >= 4:
            try:
                start = reader.offset
                length, offset_size = reader.initial_length()
                body = reader.sub(length)
            except MalformedError as error:  # where the next entry begins is not known
                self.damage.append(CfiDamage(error.where, error.why))
                return
            try:
                yield from self._entry(start, body, offset_size)
            except MalformedError as error:
                self.damage.append(CfiDamage(error.where, error.why))

    def _entry(self, start: int, body: Reader, offset_size: int) -> Iterator[CfiEntry]:
        if not body.left:  # the terminator of .eh_frame; ld leaves one in the middle now and then
            return
        pointer_at = body.offset
        pointer = body.unsigned(4 if self._eh else offset_size)
        if self._eh:
            if pointer:
                yield from self._fde(body, pointer_at - pointer)
        elif pointer != (1 << (8 * offset_size)) - 1:
            yield from self._fde(body, pointer)

    def _cie(self, offset: int) -> _Cie:
        known = self._cies.get(offset)
        if known is None:
            try:
                known = self._read_cie(offset)
            except MalformedError as error:
                known = error
            self._cies[offset] = known
        if isinstance(known, MalformedError):
            raise MalformedError(known.what, where=known.where, why=known.why)
        return known

    def _read_cie(self, offset: int) -> _Cie:
        reader = Reader(
            self._data, little_endian=self._little_endian, offset=offset, where=self._name
        )
        length, offset_size = reader.initial_length()
        body = reader.sub(length)
        self._budget.spend(length, self._name)
        mark = body.unsigned(4 if self._eh else offset_size)
        if mark != (0 if self._eh else (1 << (8 * offset_size)) - 1):
            raise body.damage("an FDE refers to this place, but no CIE begins here")
        version = body.unsigned(1)
        if version not in (1, 3, 4):
            raise body.damage(f"CIE version {version}; this crashsym reads 1, 3 and 4")
        augmentation = body.cstring()
        pointers = self._pointers
        if version == 4:
            address_size, segment_size = body.unsigned(1), body.unsigned(1)
            if address_size not in (4, 8) or segment_size:
                raise body.damage(f"address size {address_size}, segment size {segment_size}")
            pointers = pointers._replace(address_size=address_size)
        if augmentation == _OLD_GNU:
            body.unsigned(pointers.address_size)
        code_factor, data_factor = body.uleb(), body.sleb()
        return_column = body.unsigned(1) if version == 1 else body.uleb()
        encoding = self._augmentation(augmentation, body, pointers)
        parameters = Parameters(
            code_factor,
            data_factor,
            lambda reader: pointers.read(reader, encoding),
            pointers.address_size if self._window else 0,
        )
        interpreter = Interpreter(parameters, State(), 0, self._budget)
        interpreter.run(body)
        augmented = augmentation[:1] == b"z"
        return _Cie(parameters, pointers, encoding, augmented, return_column, interpreter.state)

    def _augmentation(self, text: bytes, body: Reader, pointers: Pointers) -> int:
        """Return the pointer encoding of the FDEs. Source: LSB 5.0 "CIE Augmentations"."""
        encoding = ABSPTR
        letters = text.decode("latin-1")
        data = body
        if letters.startswith("z"):
            data, letters = body.sub(body.uleb()), letters[1:]
        elif text in (_OLD_GNU, b"armcc+") or not set(letters) - set(_NO_DATA):
            return encoding
        else:
            raise body.damage(f"augmentation {letters[:8]!r} is unknown")
        for letter in letters:
            if letter == "R":
                encoding = data.unsigned(1)
            elif letter == "L":
                data.unsigned(1)
            elif letter == "P":
                pointers.skip(data, data.unsigned(1))
            elif letter not in _NO_DATA:
                break
        return encoding

    def _fde(self, body: Reader, cie_offset: int) -> Iterator[CfiEntry]:
        cie = self._cie(cie_offset)
        address = cie.pointers.read(body, cie.encoding)
        size = cie.pointers.value(body, cie.encoding & 0x07)
        if cie.augmented:
            body.take(body.uleb())
        for start, end in self._code.inside([(address, address + size)]):
            if start < end:
                yield from self._rows(cie, body, start, end)

    def _rows(self, cie: _Cie, body: Reader, start: int, end: int) -> Iterator[CfiEntry]:
        interpreter = Interpreter(cie.parameters, cie.initial, start, self._budget)
        known_end = end
        try:
            interpreter.run(body)
            interpreter.finish()
        except MalformedError as error:
            self.damage.append(CfiDamage(error.where, error.why))
            known_end = min(interpreter.location, end)
        rows = [row for row in interpreter.rows if start <= row[0] < known_end]
        for run_end, run in split_rows(rows, known_end):
            first = run[0].address
            yield CfiEntry(first, run_end - first, cie.return_column, tuple(run))
