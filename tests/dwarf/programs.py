"""Small programs, compiled on the spot, and what crashsym says of them."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from crashsym.breakpad.reader import read as parse
from crashsym.breakpad.records import SymbolFile
from crashsym.dump import DumpOptions, dump_module
from crashsym.elf import ElfFile
from crashsym.engines.compiled import CompiledEngine
from crashsym.engines.reference import ReferenceEngine
from crashsym.findings import Finding
from crashsym.splitpair import SplitPair
from support import require_tool

SOURCES = {
    "shape.h": """
struct Shape {
  int w, h;
  int area(int k) { int r = 0; for (int i = 0; i < k; i++) r += i * k; return r; }
};
inline int helper(int k) { return k * 3 + (k & 7); }
""",
    "a.cc": """
#include "shape.h"
static volatile int sink;
int work(int x) { Shape s; for (int i = 0; i < x; i++) sink += s.area(i) + helper(i); return sink; }
""",
    "b.cc": """
#include "shape.h"
static volatile int sink2;
namespace ns {
struct Outer { struct Inner { int run(int); }; };
int Outer::Inner::run(int x) { for (int i = 0; i < x; ++i) sink2 += helper(x); return sink2; }
}
extern "C" __attribute__((noinline)) int plain(int x) {
  if (__builtin_expect(x > 1000, 0)) { sink2 = x; __builtin_abort(); }
  return x + sink2;
}
int work(int);
int main(int argc, char **) { ns::Outer::Inner i; return work(argc) + i.run(argc) + plain(argc); }
""",
}


def write_sources(folder: Path) -> Path:
    """Write `SOURCES` into ``folder``."""
    for name, text in SOURCES.items():
        (folder / name).write_text(text)
    return folder


def call(
    folder: Path,
    *command: str | Path,
    environment: Mapping[str, str] | None = None,
    stdin: str | None = None,
) -> str:
    """Run a tool in ``folder``; a failure shows its own words."""
    tool = require_tool(str(command[0]))
    done = subprocess.run(
        [tool, *map(str, command[1:])],
        cwd=folder,
        env=environment,
        input=stdin,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, f"{command}: {done.stderr[-2000:]}"
    return done.stdout


@dataclass(frozen=True)
class Read:
    """What crashsym made of a file."""

    symbols: SymbolFile
    findings: Sequence[Finding]

    @property
    def codes(self) -> list[str]:
        return [finding.code for finding in self.findings]

    @property
    def names(self) -> set[str]:
        return {function.name for function in self.symbols.functions}


def read(path: Path, *folders: Path, debug: Path | None = None, cfi: bool = False) -> Read:
    """Read a file, its debug half ``debug``, and what they name, also in ``folders``."""
    options = DumpOptions(cfi=cfi, debug_folders=folders)
    with ElfFile(path) as elf_file:
        if debug is None:
            return _dump(SplitPair(elf_file), path, options)
        with ElfFile(debug) as half:
            return _dump(SplitPair(elf_file, half), path, options)


def _dump(pair: SplitPair, path: Path, options: DumpOptions) -> Read:
    """Let both engines read a module, and assert that they say the same."""
    made = []
    for engine in (ReferenceEngine(), CompiledEngine()):
        stream = io.BytesIO()
        dump = dump_module(pair, path.name, path.name, options, engine)
        dump.write(stream)
        made.append((stream.getvalue(), dump.findings))
    assert made[0][0] == made[1][0]
    assert [finding.code for finding in made[0][1]] == [finding.code for finding in made[1][1]]
    return Read(parse(made[0][0]), made[0][1])


def same_functions(left: SymbolFile, right: SymbolFile) -> None:
    """Assert that both have the same FUNC, INLINE, line, FILE and PUBLIC records."""
    assert left.functions
    assert left.files == right.files
    assert left.origins == right.origins
    assert left.functions == right.functions
    assert left.publics == right.publics


def source_lines(symbols: SymbolFile) -> dict[int, tuple[str, int]]:
    """Return the address of each line record → (file name without folder, line)."""
    return {
        line.address: (symbols.files[line.file].rpartition("/")[2], line.line)
        for function in symbols.functions
        for line in function.lines
        if line.line
    }


def addr2line(
    path: Path, addresses: Sequence[int], tool: str = "addr2line"
) -> list[tuple[str, int]]:
    """Return what another tool says: (file name without folder, line)."""
    said = call(path.parent, tool, "-e", path, *map(hex, addresses)).splitlines()
    found = []
    for text in said:
        file, _, line = text.partition(" (")[0].rpartition(":")
        number = line.partition(":")[0]
        found.append((file.rpartition("/")[2], int(number) if number.isdigit() else 0))
    return found


def agree_with(path: Path, symbols: SymbolFile, tool: str = "addr2line", base: int = 0) -> None:
    """Assert that another tool finds each of our lines; ``base`` is the address of linking."""
    ours = source_lines(symbols)
    assert len(ours) > 3
    assert addr2line(path, [base + address for address in ours], tool) == list(ours.values())
