# SPDX-License-Identifier: MIT
"""The files that are measured: compiled in place, or taken from Debian's -dbg packages."""

from __future__ import annotations

import hashlib
import sys
import tempfile
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Protocol

from corpus.build import run
from corpus.matrix import AARCH64, THUMB, X86_64, Cpu
from elftools.elf.elffile import ELFFile

from bench import c_sources, cxx_sources
from bench.objects import Sources, bench_cache, compiled, copies
from bench.packages import DebianPackage

_CXX_SEEDS = 16
_SHARED_BLOCKS = 8
_OWN_BLOCKS = 6
_C_SEEDS = 400


class Recipe(Protocol):
    """How one file of the farm is made."""

    def key(self) -> str:
        """A short hash of all that the file's content follows from."""

    def make(self, path: Path) -> None:
        """Make the file ``path``, whose folder exists."""

    def describe(self, path: Path) -> str:
        """Say in a few words what the made file ``path`` is."""


@dataclass(frozen=True)
class FarmFile:
    """One file to measure; ``quick`` ones are small."""

    name: str
    cpu: Cpu
    recipe: Recipe
    quick: bool = False

    def path(self) -> Path:
        """Return where the file is, after making it if it is not there yet."""
        path = bench_cache() / "farm" / self.recipe.key() / self.name
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            print(f"bench: making {self.name}", file=sys.stderr, flush=True)
            self.recipe.make(path)
        return path


@dataclass(frozen=True)
class Facts:
    """What is measured against: bytes of .debug_info after decompression."""

    debug_info: int
    compressed: bool


def facts(path: Path) -> Facts:
    """Look into the ELF file ``path``."""
    with path.open("rb") as stream:
        section = ELFFile(stream).get_section_by_name(".debug_info")
        if section is None:
            return Facts(0, compressed=False)
        return Facts(int(section.data_size), bool(section.compressed))


@dataclass(frozen=True)
class Library:
    """A shared library linked of ``units`` renamed copies of ``sources``."""

    sources: Sources
    units: int
    flags: tuple[str, ...] = ()

    def key(self) -> str:
        """See Recipe."""
        words = (self.sources.key(), self.units, self.flags)
        return hashlib.sha256(repr(words).encode()).hexdigest()[:12]

    def make(self, path: Path) -> None:
        """See Recipe."""
        objects = compiled(self.sources)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".linking-") as scratch:
            folder = Path(scratch)
            names = copies(objects, self.sources.stand_in, self.units, folder)
            listing = folder / "objects.txt"
            listing.write_text("\n".join(map(str, names)), encoding="utf-8")
            made = folder / path.name
            options = ["-shared", f"-Wl,--build-id,-soname,{path.name}", *self.flags]
            run([self.sources.compiler, *options, f"@{listing}", "-o", str(made)])
            made.rename(path)

    def describe(self, path: Path) -> str:
        """See Recipe."""
        language = {"c": "C", "cc": "C++"}[self.sources.suffix]
        units = "unit" if self.units == 1 else "units"
        return " ".join((f"{language},", f"{self.units} {units}", *self.flags))


@cache
def _cxx(cpu: Cpu) -> Sources:
    unit = partial(cxx_sources.translation_unit, shared=_SHARED_BLOCKS, own=_OWN_BLOCKS)
    texts = tuple(unit(seed) for seed in range(_CXX_SEEDS))
    return Sources(f"{cpu.triple}-g++", "cc", texts, cxx_sources.NAMESPACE)


@cache
def _c(cpu: Cpu) -> Sources:
    texts = (c_sources.translation_unit(seed) for seed in range(_C_SEEDS))
    return Sources(f"{cpu.triple}-gcc", "c", tuple(texts), c_sources.PREFIX)


def _library(name: str, cpu: Cpu, units: int, *flags: str, quick: bool = False) -> FarmFile:
    return FarmFile(name, cpu, Library(_cxx(cpu), units, flags), quick)


def _c_library(name: str, cpu: Cpu, units: int) -> FarmFile:
    return FarmFile(name, cpu, Library(_c(cpu), units))


def _debian(name: str, cpu: Cpu, package: str, architecture: str, *, plain: bool) -> FarmFile:
    return FarmFile(name, cpu, DebianPackage(package, architecture, cpu, plain))


FILES = (
    _library("libcxx-x86_64-1.so", X86_64, 1, quick=True),
    _library("libcxx-x86_64-4.so", X86_64, 4, quick=True),
    _library("libcxx-x86_64-20.so", X86_64, 16),
    _library("libcxx-x86_64-20-zlib.so", X86_64, 16, "-Wl,--compress-debug-sections=zlib"),
    _library("libcxx-x86_64-93.so", X86_64, 76),
    _library("libcxx-x86_64-200.so", X86_64, 162),
    _library("libcxx-x86_64-381.so", X86_64, 310),
    _library("libcxx-arm-4.so", THUMB, 4, quick=True),
    _library("libcxx-arm-55.so", THUMB, 49),
    _library("libcxx-aarch64-4.so", AARCH64, 4, quick=True),
    _library("libcxx-aarch64-93.so", AARCH64, 76),
    _c_library("libc-units-x86_64.so", X86_64, 4000),
    _c_library("libc-units-arm.so", THUMB, 4000),
    _debian("libc6-amd64.debug", X86_64, "libc6-dbg", "amd64", plain=True),
    _debian("libc6-armhf.debug", THUMB, "libc6-dbg", "armhf", plain=True),
    _debian("libc6-arm64.debug", AARCH64, "libc6-dbg", "arm64", plain=True),
    _debian("libjvm-amd64.debug", X86_64, "openjdk-17-dbg", "amd64", plain=True),
    _debian("libjvm-amd64-zlib.debug", X86_64, "openjdk-17-dbg", "amd64", plain=False),
)
# For the start-up of the commands; smaller than the files that speed is judged by.
TINY = _c_library("libtiny-x86_64.so", X86_64, 1)
