# SPDX-License-Identifier: MIT
"""What compilers of other languages, assemblers and linkers make of debug information."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import require_tool

from dwarf.programs import agree_with, call, read, write_sources

pytestmark = pytest.mark.oracle

FORTRAN = """\
module shapes
contains
  subroutine scale(x)
    real, intent(inout) :: x
    x = x * 2.0
    return
    entry halve(x)
    x = x / 2.0
  end subroutine
end module
program main
  use shapes
  real :: v
  v = 3.0
  call scale(v)
  call halve(v)
  call inner()
contains
  subroutine inner()
    print *, v
  end subroutine
end program
"""
D = """\
module app;
struct Point { int x; int sum(int y) { return x + y; } }
int twice(T)(T x) { int nested(int z) { return z + cast(int) x; } return nested(2) * 2; }
extern(C) int main() { auto p = Point(3); return p.sum(twice(4)); }
"""
RUST = """\
mod deep {
    pub struct P(pub u32);
    impl P {
        #[inline(never)]
        pub fn run(&self) -> u32 { (0..self.0).map(|v| v ^ 3).sum() }
    }
}
fn main() {
    let p = deep::P(std::env::args().count() as u32);
    std::process::exit(p.run() as i32);
}
"""
ASSEMBLER = """\
 .text
 .globl typed
 .type typed, @function
typed:
 nop
 nop
 ret
 .size typed, .-typed
 .globl _start
 .type _start, @function
_start:
 call typed
 nop
 ret
 .size _start, .-_start
"""


def test_fortran_entries_and_contained_procedures(tmp_path: Path) -> None:
    (tmp_path / "f.f90").write_text(FORTRAN)
    call(tmp_path, "gfortran", "-g", "-O0", "f.f90", "-o", "f", "-Wl,--build-id")
    dump = read(tmp_path / "f")
    assert dump.codes == []
    assert {"scale", "halve", "MAIN__", "MAIN__::inner"} <= dump.names
    agree_with(tmp_path / "f", dump.symbols)


def test_d_templates_and_nested_functions(tmp_path: Path) -> None:
    (tmp_path / "d.d").write_text(D)
    call(tmp_path, "gdc", "-g", "-O0", "-fno-druntime", "d.d", "-o", "d", "-Wl,--build-id")
    dump = read(tmp_path / "d")
    assert dump.codes == []
    sizes = {f.name.partition("(")[0].rpartition(".")[2]: f.size for f in dump.symbols.functions}
    assert len(sizes) == 4
    assert all(sizes.values())
    agree_with(tmp_path / "d", dump.symbols)


def test_rust(tmp_path: Path) -> None:
    (tmp_path / "r.rs").write_text(RUST)
    call(tmp_path, "rustc", "-g", "-O", "r.rs", "-o", "r", "-C", "link-arg=-Wl,--build-id")
    dump = read(tmp_path / "r")
    assert dump.codes == []
    [run] = [f for f in dump.symbols.functions if "deep::P" in f.name]
    assert "run" in run.name
    ours = [dump.symbols.files[line.file] for line in run.lines]
    assert any(file.endswith("r.rs") for file in ours)


def test_assembler_functions(tmp_path: Path) -> None:
    (tmp_path / "s.s").write_text(ASSEMBLER)
    call(tmp_path, "gcc", "-g", "-nostdlib", "s.s", "-o", "s", "-Wl,--build-id")
    dump = read(tmp_path / "s")
    assert dump.codes == []
    assert [(f.size, f.name) for f in dump.symbols.functions] == [(3, "typed"), (7, "_start")]
    agree_with(tmp_path / "s", dump.symbols)


def test_assembler_units_without_functions_give_public_symbols(tmp_path: Path) -> None:
    """Clang's assembler, like that of binutils before 2.35, says nothing but where the unit is."""
    (tmp_path / "s.s").write_text(ASSEMBLER)
    call(tmp_path, "clang", "-g", "-nostdlib", "s.s", "-o", "s", "-Wl,--build-id")
    dump = read(tmp_path / "s")
    assert dump.codes == ["no-debug-info"]
    assert [public.name for public in dump.symbols.publics] == ["typed", "_start"]


@pytest.mark.parametrize(
    "compiler", [("g++", "-fuse-ld=bfd"), ("clang++", "-fuse-ld=lld")], ids=["g++", "clang++"]
)
@pytest.mark.parametrize("version", ["4", "5"])
def test_link_time_optimization(tmp_path: Path, compiler: tuple[str, str], version: str) -> None:
    require_tool("ld.lld", "lld")
    write_sources(tmp_path)
    flags = ("-g", f"-gdwarf-{version}", "-O2", "-flto", "-Wl,--build-id")
    call(tmp_path, *compiler, *flags, "a.cc", "b.cc", "-o", "lto")
    dump = read(tmp_path / "lto")
    assert dump.codes == []
    assert "main" in dump.names
    # main has work() of the other unit, and in that what stands in the header
    origins = set(dump.symbols.origins)
    assert {"work(int)", "ns::Outer::Inner::run(int)"} <= origins
    [main] = [f for f in dump.symbols.functions if f.name == "main"]
    assert any(call.depth == 1 for call in main.inlines)
    agree_with(tmp_path / "lto", dump.symbols, "llvm-addr2line")


FOLDED = """
extern "C" int one(int x) { return x * 7 + 1; }
extern "C" int two(int x) { return x * 7 + 1; }
extern "C" int other(int x) { return x * 7 + 2; }
int main(int argc, char **) { return one(argc) + two(argc) + other(argc); }
"""


@pytest.mark.parametrize("linker", ["gold", "lld"])
def test_identical_code_folding(tmp_path: Path, linker: str) -> None:
    """The linker leaves one of two functions; which of the names that has is not known."""
    require_tool(f"ld.{linker}", "lld" if linker == "lld" else "binutils")
    (tmp_path / "i.cc").write_text(FOLDED)
    flags = ("-g", "-O1", "-fno-ipa-icf", "-fno-inline", "-ffunction-sections")
    link = (f"-fuse-ld={linker}", "-Wl,--icf=all", "-Wl,--build-id")
    call(tmp_path, "g++", *flags, *link, "i.cc", "-o", "i")
    table = call(tmp_path, "nm", "i").splitlines()
    places = {words[2]: int(words[0], 16) for words in map(str.split, table) if len(words) == 3}
    assert places["one"] == places["two"], "the linker has not folded them"
    found = {f.name: f.multiple for f in read(tmp_path / "i").symbols.functions}
    [folded] = {"one", "two"} & set(found)
    assert found == {folded: True, "other": False, "main": False}


ALIASES = """
#include <stddef.h>
int base(int x) { return x * 3; }
int other_name(int x) __attribute__((alias("base")));
static int chosen(int x) { return x * 5; }
static int (*resolve(void))(int) { return chosen; }
int indirect(int x) __attribute__((ifunc("resolve")));
int alone(int x) { return x; }
"""


def _library(tmp_path: Path, *flags: str) -> Path:
    (tmp_path / "p.c").write_text(ALIASES)
    call(tmp_path, "gcc", *flags, "-O1", "-shared", "-fPIC", "p.c", "-o", "p.so", "-Wl,--build-id")
    return tmp_path / "p.so"


def test_aliases_of_functions_mark_them(tmp_path: Path) -> None:
    symbols = read(_library(tmp_path, "-g")).symbols
    found = {function.name: function.multiple for function in symbols.functions}
    assert found == {"base": True, "chosen": False, "resolve": True, "alone": False}
    starts = {function.address for function in symbols.functions}
    assert starts.isdisjoint(public.address for public in symbols.publics)


def test_aliases_and_ifuncs_are_public(tmp_path: Path) -> None:
    _library(tmp_path)
    found = {public.name: public.multiple for public in read(tmp_path / "p.so").symbols.publics}
    assert found["base"] is True
    assert "other_name" not in found
    assert found["alone"] is False
    # an IFUNC is where its resolver is: two names
    assert found["indirect"] is True
