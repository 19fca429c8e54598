"""Asks both engines for a part of a symbol file."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

from crashsym.breakpad.cpus import CPUS, Cpu
from crashsym.bytesource import MemoryBytes
from crashsym.elf import ElfFile
from crashsym.engines.compiled import CompiledEngine
from crashsym.engines.protocols import Engine, Part
from crashsym.engines.reference import ReferenceEngine
from crashsym.splitpair import SplitPair

Ask = Callable[[Engine, SplitPair, Cpu], Part]


def both(ask: Ask, data: bytes, debug: bytes | None = None) -> tuple[str, bool]:
    """Return the records of a part, and whether there is damage, when both engines agree.

    ``data`` is an ELF file, ``debug`` its debug half.
    """
    found = [_answer(engine, ask, data, debug) for engine in (CompiledEngine(), ReferenceEngine())]
    assert found[0] == found[1]
    text, _, damaged = found[0]
    return text, damaged


def _answer(engine: Engine, ask: Ask, data: bytes, debug: bytes | None) -> tuple[str, int, bool]:
    """Return records, their number, and whether there is damage."""
    elf_file = _open(data)
    pair = SplitPair(elf_file, None if debug is None else _open(debug))
    part = ask(engine, pair, CPUS[elf_file.machine])
    stream = io.BytesIO()
    part.write(stream)
    return stream.getvalue().decode(), part.count, bool(part.damage)


def _open(data: bytes) -> ElfFile:
    return ElfFile(Path("subject"), MemoryBytes(data, "'subject'"))
