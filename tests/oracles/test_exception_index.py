"""STACK CFI from ``.ARM.exidx``: against readelf, against DWARF, and against libgcc's own walks."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from builders.minidump import Module, arm_minidump
from corpus.build import run
from corpus.matrix import ARM, C_AND_CXX, FIXED, THUMB, Program, program
from crashsym.elf import ElfFile
from oracles.cases import compiled, dumped_text, each_program, elf_facts
from oracles.exidx import name_personalities, rules_by_range
from oracles.frames import read_fdes
from oracles.peers import breakpad_stackwalk, rust_stackwalk
from oracles.rules import Term, callee_saved
from oracles.symfile import parse
from oracles.unwind import Rules, rules_by_address
from oracles.walk import Moment, walk
from support import crashsym, require_tool

pytestmark = pytest.mark.oracle

# Debian's own build of glibc and GCC for armhf, as its cross compilers bring it along.
WALK = Path(__file__).parent.parent / "corpus" / "walk" / "walk.cc"
SYSROOT = Path("/usr/arm-linux-gnueabihf/lib")
LIBRARIES = ("libc.so.6", "libstdc++.so.6", "libgcc_s.so.1")


@pytest.mark.parametrize("name", LIBRARIES)
def test_debians_libraries_unwind_as_readelf_decodes_them(name: str, tmp_path: Path) -> None:
    require_tool("arm-linux-gnueabihf-g++", "g++-arm-linux-gnueabihf")
    # Exit code 3: they have no debug information, which is a finding.
    blocks = parse(dumped_text(SYSROOT / name, None, exit_code=3)).cfi
    ours = {block.address: block for block in blocks}
    expected = rules_by_range(name_personalities(SYSROOT / name, tmp_path))
    unwindable = [(start, end, rules) for start, end, rules in expected if rules is not None]
    assert len(unwindable) > 10
    assert sorted(ours) == [start for start, _, _ in unwindable]
    found = rules_by_address(blocks)
    for start, end, rules in unwindable:
        assert ours[start].size == end - start, f"{start:#x}"
        assert found[start] == rules, f"{start:#x}"


TABLES = "-funwind-tables -fexceptions"
BOTH = tuple(
    program(cpu, f"{compiler}tables-{level}", f"-gdwarf-5 -{level} {TABLES}", C_AND_CXX, FIXED)
    for cpu in (ARM, THUMB)
    for compiler, level in (("", "O0"), ("", "O2"), ("clang-", "O2"))
)
_CALL = re.compile(r" *([0-9a-f]+):\t[0-9a-f ]+\tblx?\t")
_WHAT_A_CALLER_NEEDS = {".cfa", ".ra"} | callee_saved(ARM)


def calls(path: Path) -> list[int]:
    """The addresses of all instructions BL and BLX."""
    text = run(["arm-linux-gnueabihf-objdump", "--disassemble", str(path)])
    return [int(match[1], 16) for match in map(_CALL.match, text.splitlines()) if match]


def for_the_caller(rules: Rules) -> Rules:
    """What a walk needs: r3, which is pushed to align the stack, is not part of it."""
    return {
        name: term
        for name, term in rules.items()
        if name in _WHAT_A_CALLER_NEEDS and term != Term(name)
    }


@each_program(BOTH)
def test_index_and_dwarf_agree_at_call_sites(program: Program, tmp_path: Path) -> None:
    """Where both describe a call they say the same.

    They need not agree elsewhere: the index knows nothing of prologues and epilogues, and nothing
    of scratch registers. What is linked in from glibc has one or the other.
    """
    whole = compiled(program).whole
    without = tmp_path / "without-dwarf"
    run(["arm-linux-gnueabihf-objcopy", "--remove-section=.debug_frame", str(whole), str(without)])
    base = elf_facts(whole).base
    dwarf = addresses_of_fdes(whole)
    index = rules_by_address(parse(dumped_text(without, None)).cfi)
    both = rules_by_address(parse(dumped_text(whole, None)).cfi)
    compared = 0
    for address in calls(whole):
        if address not in dwarf or address - base not in index:
            continue
        compared += 1
        expected = for_the_caller(both[address - base])
        assert for_the_caller(index[address - base]) == expected, f"{address:#x}"
    assert compared > 50


def addresses_of_fdes(path: Path) -> set[int]:
    """The addresses that DWARF describes, as readelf reads it."""
    return {address for fde in read_fdes(path) for address in range(fde.begin, fde.end)}


FLAGS = {
    "arm-O0": ("arm-linux-gnueabihf-g++", "-marm", "-O0"),
    "arm-O2": ("arm-linux-gnueabihf-g++", "-marm", "-O2"),
    "thumb-O0": ("arm-linux-gnueabihf-g++", "-mthumb", "-O0"),
    "thumb-O2": ("arm-linux-gnueabihf-g++", "-mthumb", "-O2"),
    "arm-frame-pointer": ("arm-linux-gnueabihf-g++", "-marm", "-O2", "-fno-omit-frame-pointer"),
    "clang": ("clang++", "--target=arm-linux-gnueabihf", "-mthumb", "-O2"),
}


@pytest.fixture(scope="module", params=FLAGS)
def walker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program that prints how libgcc walks its stack: static, with Debian's libraries in it."""
    compiler, *flags = FLAGS[request.param]
    require_tool(compiler, "clang" if compiler == "clang++" else "g++-arm-linux-gnueabihf")
    built = tmp_path_factory.mktemp("walk") / "walk"
    every = ["-std=c++17", "-static", "-funwind-tables", "-Wl,--build-id=sha1"]
    run([compiler, *flags, *every, str(WALK), "-o", str(built)])
    run(["arm-linux-gnueabihf-strip", "--remove-section=.debug_frame", str(built)])
    return built


@pytest.mark.parametrize("way", ["plain", "signal", "siginfo"])
def test_rules_walk_a_stack_as_libgcc_does(walker: Path, way: str) -> None:
    emulator = require_tool("qemu-arm", "qemu-user")
    moment = Moment.read(run([emulator, str(walker), way]))
    blocks = parse(dumped_text(walker, None, exit_code=3)).cfi
    found = walk(moment, blocks, elf_facts(walker).base)
    assert len(found) > 15
    # The innermost pc is where each of the two began.
    assert found[1:] == moment.frames[1:]
    assert found[0][1] == moment.frames[0][1]


def breakpad_pcs(minidump: Path, store: Path) -> list[tuple[int, str]]:
    """(pc, how it was found) of each frame that Breakpad's minidump_stackwalk prints."""
    text = run([str(breakpad_stackwalk()), str(minidump), str(store)])
    pattern = r"pc = 0x([0-9a-f]+)\n(?:.*\n)*?    Found by: (.*)"
    return [(int(pc, 16) & ~1, how) for pc, how in re.findall(pattern, text)]


def rust_pcs(minidump: Path, store: Path) -> list[tuple[int, str]]:
    """The same of rust-minidump's, which gives the address that it looked up: pc - 2."""
    options = ["--json", "--symbols-path", str(store)]
    document = json.loads(run([str(rust_stackwalk()), *options, str(minidump)]))
    frames = document["crashing_thread"]["frames"]
    found = [(int(frame["offset"], 16) & ~1, frame["trust"]) for frame in frames]
    return [found[0], *((address + 2, trust) for address, trust in found[1:])]


PROCESSORS = {"Breakpad": (breakpad_pcs, "call frame info"), "rust-minidump": (rust_pcs, "cfi")}


# Not "signal": both processors end a walk at a frame of no size that is not the innermost one.
@pytest.mark.parametrize("processor", PROCESSORS)
@pytest.mark.parametrize("way", ["plain", "siginfo"])
def test_processors_of_minidumps_walk_as_libgcc_does(
    walker: Path, tmp_path: Path, way: str, processor: str
) -> None:
    moment = Moment.read(run([require_tool("qemu-arm", "qemu-user"), str(walker), way]))
    store, minidump = tmp_path / "store", tmp_path / "minidump"
    assert crashsym("dump", walker, "--store", store).returncode == 3
    with ElfFile(walker) as elf_file:
        assert elf_file.build_id is not None
        module = Module(str(walker), elf_facts(walker).base, 0x100000, elf_file.build_id.value)
    minidump.write_bytes(arm_minidump(moment.registers, moment.memory, module))
    pcs, by_rules = PROCESSORS[processor]
    found = pcs(minidump, store)
    expected = [pc for pc, _ in moment.frames[1:]]
    assert found[1 : len(expected) + 1] == [(pc, by_rules) for pc in expected]
