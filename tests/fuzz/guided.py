"""Coverage-guided fuzzing, with atheris, of what is written in Python.

usage: python tests/fuzz/guided.py TARGET [OPTIONS OF LIBFUZZER]
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["crashsym", "elftools"]):
    from crashsym.breakpad.cpus import CPUS
    from crashsym.breakpad.lint import lint
    from crashsym.breakpad.reader import read
    from crashsym.bytesource import MemoryBytes
    from crashsym.cfi import ehabi
    from crashsym.demangle import readable
    from crashsym.elf import ElfFile
    from crashsym.engines import NoFunctions
    from crashsym.engines.reference import ReferenceEngine
    from crashsym.errors import InputError
    from crashsym.reader import Reader
    from crashsym.splitpair import SplitPair

_PATH = Path("/nonexistent/fuzzed")


def elf(data: bytes) -> None:
    """Put a file through the ELF layer, the symbols and the unwind rules of the reference."""
    with suppress(InputError):
        file = ElfFile(_PATH, MemoryBytes(data, str(_PATH)))
        _ = file.build_id, file.identifier, file.kind, file.executable_ranges
        _ = file.soname
        pair = SplitPair(file)
        if file.machine in CPUS:
            engine, cpu = ReferenceEngine(), CPUS[file.machine]
            engine.cfi(pair, cpu).write(io.BytesIO())
            engine.publics(pair, cpu, NoFunctions(), keep_suffixes=False).write(io.BytesIO())
        file.minidebuginfo()


def unwinding(data: bytes) -> None:
    """Execute unwind instructions of Arm."""
    reader = Reader(data, little_endian=True, offset=0, end=len(data), where="input")
    with suppress(InputError):
        ehabi.execute(reader)


def names(data: bytes) -> None:
    """Demangle a name."""
    readable(data.decode("utf-8", "replace"), keep_suffixes=len(data) % 2 == 0)


def symbols(data: bytes) -> None:
    """Read a symbol file, and check it."""
    with suppress(InputError):
        read(data)
    lint(io.BytesIO(data))


TARGETS: dict[str, Callable[[bytes], None]] = {
    "elf": elf,
    "names": names,
    "symbols": symbols,
    "unwinding": unwinding,
}


def main() -> None:
    """Fuzz one target until libFuzzer's options say stop, or a bug is found."""
    target = TARGETS[sys.argv.pop(1)]
    atheris.Setup(sys.argv, lambda data: target(bytes(data)))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
