"""Compile the programs of the corpus, once: a cache by content keeps what was built.

The key is a hash of the sources, of what the compilers say of their version, and of every command
line, so a changed source or an upgraded compiler builds anew and nothing binary is ever committed.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from corpus.matrix import BARE_COMPILER, BARE_LINKER, Cpu, Program, Unit

SOURCES = Path(__file__).parent / "sources"
# What the compiler writes instead of the folder of the checkout: equal bytes wherever that is.
SOURCE_PREFIX = "/usr/src/corpus"
DEFINES = {
    "inlines.cc": "WITH_INLINES",
    "plain.c": "WITH_PLAIN",
    "hotcold.c": "WITH_HOTCOLD",
    "assembler.S": "WITH_ASSEMBLER",
    "marked.c": "WITH_MARKED",
}


@dataclass(frozen=True)
class Binary:
    """A compiled program.

    ``shipped`` is what runs on the target. It is ``whole`` itself, or for a split pair the
    stripped file, and then ``debug`` is its other half.
    """

    program: Program
    whole: Path
    shipped: Path
    debug: Path | None


def cache_root() -> Path:
    """The user's cache folder of this project."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "meta-crashdump"


def required_tools(program: Program) -> tuple[str, ...]:
    """The commands that building ``program`` needs."""
    if program.cpu.bare:
        return (BARE_COMPILER, BARE_LINKER)
    triple = program.cpu.triple
    tools = (f"{triple}-gcc", f"{triple}-g++", f"{triple}-objcopy", f"{triple}-strip")
    return (*tools, "clang") if "clang" in program.compilers else tools


def build(program: Program, cache: Path | None = None) -> Binary:
    """Return ``program`` compiled, from the cache where it is there."""
    folder = (cache or cache_root() / "corpus") / f"{program.name}-{_key(program)}"
    if not folder.is_dir():
        _build_into(folder, program)
    name = "libcorpus-file.so" if program.shared else "corpus"
    if not program.split:
        return Binary(program, folder / name, folder / name, None)
    return Binary(program, folder / "whole" / name, folder / name, folder / ".debug" / name)


def run(command: Sequence[str], cwd: Path | None = None) -> str:
    """Run ``command`` and return its output; a failure shows the tool's own words."""
    environment = {**os.environ, "LC_ALL": "C", "SOURCE_DATE_EPOCH": "0"}
    done = subprocess.run(
        command, cwd=cwd, env=environment, check=False, capture_output=True, text=True
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr}")
    return done.stdout


def _key(program: Program) -> str:
    digest = hashlib.sha256()
    for source in sorted(SOURCES.iterdir()):
        digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    for command in _commands(program):
        digest.update("\0".join(command).encode() + b"\n")
    for tool in required_tools(program):
        digest.update(_version(tool).encode())
    return digest.hexdigest()[:16]


@cache
def _version(tool: str) -> str:
    return run([tool, "--version"])


def _build_into(folder: Path, program: Program) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".building-") as scratch:
        done = Path(scratch) / "done"
        done.mkdir()
        for command in _commands(program):
            run([word.replace("{out}", str(done)) for word in command], cwd=SOURCES)
        for rubbish in done.glob("*.o"):
            rubbish.unlink()
        try:
            done.rename(folder)
        except OSError:
            # Another test process was quicker; its result is the same.
            if not folder.is_dir():
                raise


def _commands(program: Program) -> list[list[str]]:
    """Every command line; ``{out}`` stands for the folder that receives the files."""
    commands = [_compile(program, unit) for unit in program.units]
    name = "libcorpus-file.so" if program.shared else "corpus"
    commands.append(_link(program, name))
    if program.split:
        commands += _split(program, name)
    return commands


def _compile(program: Program, unit: Unit) -> list[str]:
    driver = _driver(program.cpu, unit)
    defines = sorted({f"-D{DEFINES[u.source]}" for u in program.units if u.source in DEFINES})
    prefix = f"-fdebug-prefix-map={SOURCES}={SOURCE_PREFIX}"
    output = ["-c", unit.source, "-o", "{out}/" + unit.source + ".o"]
    return [*driver, *program.cpu.flags, *unit.flags, *defines, prefix, *output]


def _driver(cpu: Cpu, unit: Unit) -> list[str]:
    plus = unit.source.endswith(".cc")
    if cpu.bare:
        return [BARE_COMPILER, f"--target={cpu.triple}"]
    if unit.compiler == "clang":
        return ["clang++" if plus else "clang", f"--target={cpu.triple}"]
    return [f"{cpu.triple}-{'g++' if plus else 'gcc'}"]


def _link(program: Program, name: str) -> list[str]:
    objects = ["{out}/" + unit.source + ".o" for unit in program.units]
    if program.cpu.bare:
        linker = [BARE_LINKER, "--build-id=sha1"]
        return [*linker, *objects, *program.link, "-o", "{out}/" + name]
    driver = [f"{program.cpu.triple}-g++", *program.cpu.flags, "-Wl,--build-id=sha1"]
    return [*driver, *objects, *program.link, "-o", "{out}/" + name]


def _split(program: Program, name: str) -> list[list[str]]:
    """OE's steps: keep the whole file aside, cut the debug half off, link it, strip."""
    triple = program.cpu.triple
    out = "{out}/" + name
    debug = "{out}/.debug/" + name
    strip = [f"{triple}-strip", "--remove-section=.comment", "--remove-section=.note"]
    unneeded = ["--strip-unneeded"] if program.shared else []
    return [
        ["mkdir", "-p", "{out}/whole", "{out}/.debug"],
        ["cp", out, "{out}/whole/" + name],
        [f"{triple}-objcopy", "--only-keep-debug", out, debug],
        [f"{triple}-objcopy", f"--add-gnu-debuglink={debug}", out],
        [*strip, *unneeded, out],
    ]
