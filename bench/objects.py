# SPDX-License-Identifier: MIT
"""Compile sources once, and make of each object as many different ones as a file needs.

Compiling 400 MB of .debug_info takes half an hour of CPU. Instead a few units are compiled, and
each copy of one differs from it in a name of constant length that is part of all its own names:
the namespace in C++, the prefix in C. In an object such a name stands only in string tables
(symbols, section names, .debug_str, .debug_line_str), where nothing else depends on its bytes. So a
copy has the code and the DWARF that the compiler would write for the renamed source, and the linker
keeps both. What a copy lacks is a *shape* of its own: abbreviation tables and line programs repeat.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from corpus.build import cache_root, run

FLAGS = ("-g", "-O2", "-fPIC")


@dataclass(frozen=True)
class Sources:
    """Texts to compile with one compiler; ``stand_in`` is the name that copies replace."""

    compiler: str
    suffix: str
    texts: tuple[str, ...]
    stand_in: str

    def key(self) -> str:
        """The hash of the texts, the flags and the compiler's version."""
        digest = hashlib.sha256(repr((self.compiler, FLAGS, self.texts)).encode())
        digest.update(run([self.compiler, "--version"]).encode())
        return digest.hexdigest()[:16]


def bench_cache() -> Path:
    """The folder of everything that the benchmark makes and keeps."""
    return cache_root() / "bench"


def compiled(sources: Sources) -> list[Path]:
    """Return one object per text of ``sources``, compiled now or earlier."""
    home = bench_cache() / "objects" / f"{sources.compiler}-{sources.key()}"
    if not home.is_dir():
        home.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home.parent, prefix=".compiling-") as scratch:
            folder = Path(scratch) / "done"
            folder.mkdir()
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                jobs = range(len(sources.texts))
                list(pool.map(lambda number: _compile(sources, number, folder), jobs))
            folder.rename(home)
    return sorted(home.glob("*.o"))


def _compile(sources: Sources, number: int, folder: Path) -> None:
    stem = f"{sources.stand_in}_{number:04}"
    name = f"{stem}.{sources.suffix}"
    (folder / name).write_text(sources.texts[number], encoding="ascii")
    where = f"-fdebug-prefix-map={folder}=/usr/src/bench"
    command = [sources.compiler, *FLAGS, where, "-c", name, "-o", f"{stem}.o"]
    run(command, cwd=folder)


def copies(objects: Sequence[Path], stand_in: str, count: int, folder: Path) -> Iterator[Path]:
    """Write ``count`` objects, in turn renamed from ``objects``, and yield their paths.

    Each round of all objects has a name of its own, so what the objects share they still share.
    """
    old = stand_in.encode()
    for number in range(count):
        source = objects[number % len(objects)]
        new = f"Qz{number // len(objects):05}"
        copy = folder / f"{number:05}.o"
        copy.write_bytes(source.read_bytes().replace(old, new.encode()))
        yield copy
