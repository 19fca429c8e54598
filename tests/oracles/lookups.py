"""Look addresses up with Sentry's ``symbolic``, in an ELF file or in a symbol file."""

from __future__ import annotations

import operator
import posixpath
import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from corpus.build import SOURCE_PREFIX, run
from corpus.matrix import Cpu, Program
from oracles.repairs import without_thumb_bits
from oracles.symfile import SymFile
from symbolic.debuginfo import Archive
from symbolic.symcache import SourceLocation


@dataclass(frozen=True)
class Position:
    """A place in the source: of an instruction, or of the call that was inlined there."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


UNKNOWN = Position("", 0)
# From the innermost inlined function outwards; empty where there is only a symbol, or nothing.
Chain = tuple[Position, ...]


class Lookup:
    """One file, opened by symbolic."""

    def __init__(self, path: Path) -> None:
        # The object reads from memory that the archive owns: keep both.
        self._archive = Archive.open(str(path))
        self._object = next(self._archive.iter_objects())
        self._cache = self._object.make_symcache()

    @property
    def debug_id(self) -> str:
        return str(self._object.debug_id)

    @property
    def code_id(self) -> str | None:
        code_id = self._object.code_id
        return None if code_id is None else str(code_id)

    @property
    def features(self) -> frozenset[str]:
        return frozenset(self._object.features)

    def positions(self, addresses: Iterable[int]) -> dict[int, Chain]:
        return {address: self._chain(address) for address in addresses}

    def function_name(self, address: int) -> str:
        """The name of the function, not of an inlined one, at ``address``."""
        return str(self._lookup(address)[-1].symbol)

    def _lookup(self, address: int) -> list[SourceLocation]:
        found: list[SourceLocation] = self._cache.lookup(address)  # type: ignore[no-untyped-call]
        return found

    def _chain(self, address: int) -> Chain:
        found = self._lookup(address)
        frames = tuple(_position(f.full_path or "", f.line) for f in found)
        # A symbol without debug information is a frame without a position.
        return () if frames == (UNKNOWN,) else frames


def _position(path: str, line: int) -> Position:
    # Strict DWARF 2 does not say where a call was inlined; symbolic then names a folder.
    if line == 0 and path in ("<unknown>", SOURCE_PREFIX):
        return UNKNOWN
    return Position(normal(path), line)


def normal(path: str) -> str:
    """``path`` without ``.`` steps: clang writes ``/src/./a.h``, and not every tool keeps them."""
    return posixpath.normpath(path) if "/./" in path else path


@lru_cache(maxsize=4)
def open_elf(path: Path) -> Lookup:
    """Open an ELF file; ``path`` must hold the debug information."""
    with tempfile.TemporaryDirectory() as scratch:
        return Lookup(without_thumb_bits(path, Path(scratch)))


@lru_cache(maxsize=4)
def open_symbols(text: str, cpu: Cpu) -> Lookup:
    """Open a symbol file.

    symbolic 13.9 knows no RISC-V and refuses the arch word. Lines do not depend on it, so such a
    file is given another one.
    """
    head, _, rest = text.partition("\n")
    head = head.replace(f" {cpu.arch} ", f" {cpu.symbolic_arch} ", 1)
    with tempfile.NamedTemporaryFile(suffix=".sym", mode="w", encoding="utf-8") as copy:
        copy.write(f"{head}\n{rest}")
        copy.flush()
        return Lookup(Path(copy.name))


# Functions that symbolic does not find in the ELF file. Their lines are compared with Breakpad's
# dump_syms in test_peers.py.
UNKNOWN_TO_SYMBOLIC = {
    # Strict DWARF 2 has no DW_AT_ranges, so a unit with code in two sections has neither that nor
    # DW_AT_low_pc; symbolic takes it for one that the linker discarded
    # (symbolic-debuginfo/src/dwarf.rs, DwarfUnit::from_unit).
    ("x86_64-d2-O2", "main"),
}


def known_positions(program: Program, theirs: dict[int, Chain], ours: SymFile) -> dict[int, Chain]:
    """``theirs`` without the functions that symbolic is known to miss; that it does is asserted."""
    missed: set[int] = set()
    for func in ours.functions:
        if (program.name, func.name) in UNKNOWN_TO_SYMBOLIC:
            missed |= set(range(func.address, func.address + func.size))
    assert not any(theirs[address] for address in missed), "symbolic now finds the function"
    return {address: chain for address, chain in theirs.items() if address not in missed}


def without_innermost(chains: dict[int, Chain], addresses: Iterable[int]) -> dict[int, Chain]:
    """``chains`` with only the callers left at ``addresses``."""
    return {**chains, **{address: chains[address][1:] for address in addresses}}


def differing(
    program: Program, ours: dict[int, Chain], theirs: dict[int, Chain]
) -> list[tuple[int, Chain, Chain]]:
    """The addresses of ``theirs`` at which ``ours`` says something else.

    Strict DWARF 2 gives an inlined call one range only, so a call inlined into it can lie outside.
    We widen the caller to hold it, symbolic drops it: there its chain is a part of ours.
    """
    agree = is_part if is_strict(program) else operator.eq
    return [(a, ours[a], chain) for a, chain in theirs.items() if not agree(chain, ours[a])]


def is_strict(program: Program) -> bool:
    """Whether the program has DWARF 2 without the extensions that all compilers use."""
    return any("-gstrict-dwarf" in unit.flags for unit in program.units)


def is_part(inner: Chain, whole: Chain) -> bool:
    """Whether ``inner`` is ``whole`` without some of the callers; the innermost is the same."""
    rest = iter(whole)
    return inner[:1] == whole[:1] and all(position in rest for position in inner)


# GCC calls the cold part of a function so in strict DWARF 2, elsewhere it has a suffix.
_CLONE = re.compile(
    r"^__second_sect_of_|\.(cold|constprop|isra|part|lto_priv)(\.\d+)?| \[clone [^]]*\]"
)


@cache
def unqualified_name(name: str) -> str:
    """The last part of a C++ name, without parameters, template arguments and clone suffixes."""
    name = _CLONE.sub("", name)
    if name.startswith("_Z"):
        name = run(["c++filt", name]).strip()
    for text, word in (("operator()", "operator call"), ("operator<", "operator less")):
        name = name.replace(text, word)
    depth = 0
    kept = []
    for letter in name:
        depth -= letter in ")>}"
        if depth == 0 and letter not in ")>}":
            kept.append(letter if letter not in "(<{" else "")
        depth += letter in "(<{"
    last = "".join(kept).removesuffix(" const").split("::")[-1]
    return last.split(" ")[-1]
