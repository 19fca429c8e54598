"""What Breakpad's processor and rust-minidump make of our symbol files, CPU by CPU.

No test can crash for real on most CPUs, so the stacks are made up: functions of a program of the
corpus as if one had called the other, each frame laid out as readelf's table of its function says.
A processor that finds all of them, by rules, knows the register names and takes the rules for what
they mean. docs/reference/cpus.md says of the processors what is said here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest
from corpus.build import run
from corpus.matrix import KNOWN_TO_SYMBOLIC, PROGRAMS, Program
from elftools.elf.elffile import ELFFile
from oracles.cases import compiled, elf_facts, our_symbols, our_text
from oracles.crashes import Frame, breakpad_stack, rust_stack
from oracles.frames import Row, read_fdes
from oracles.minidumps import LAYOUTS, Minidump, Module, Stack
from oracles.peers import rust_stackwalk
from oracles.rules import return_register
from oracles.test_unwind import kept
from support import REPOSITORY
from symbolic.debuginfo import Archive
from symbolic.exceptions import SymbolicError

pytestmark = [pytest.mark.oracle, pytest.mark.xdist_group("processors")]
Walker = Callable[[Path, Path], list[Frame]]
WALKERS: dict[str, Walker] = {"Breakpad": breakpad_stack, "rust-minidump": rust_stack}
# unwinds: all frames, by our rules; names: the function of the crash, other frames are guessed by
# the processor without rules, if at all; nothing: it cannot read the registers of this CPU.
ABILITIES = {
    "i686": ("unwinds", "unwinds"),
    "x86_64": ("unwinds", "unwinds"),
    "arm": ("unwinds", "unwinds"),
    "aarch64": ("unwinds", "unwinds"),
    "mips": ("unwinds", "unwinds"),
    "mipsel": ("unwinds", "unwinds"),
    "mips64": ("unwinds", "nothing"),
    "mips64el": ("unwinds", "nothing"),
    "ppc": ("names", "names"),
    "ppc64-elfv1": ("names", "names"),
    "ppc64-elfv2": ("names", "names"),
    "riscv32": ("unwinds", "nothing"),
    "riscv64": ("unwinds", "nothing"),
    "sparc32": ("names", "names"),
    "sparc64": ("names", "names"),
}
CASES = [
    (walker, cpu, able[number])
    for cpu, able in ABILITIES.items()
    for number, walker in enumerate(WALKERS)
]
PROGRAM = {program.cpu.name: program for program in reversed(PROGRAMS) if not program.split}
STACK, STACK_SIZE = 0x7000_0000, 0x100000
BASE = 0x1000_0000
# A call is less than this far before its return address; Breakpad subtracts 16 on MIPS n64.
CALL = 24
_POINTERS = {"x86": "$esp", "x86_64": "$rsp", "mips": "$sp", "ppc": "r1", "ppc64": "r1"}
_POINTERS |= {"arm": "sp", "arm64": "sp", "riscv": "sp", "sparc": "o6", "sparcv9": "o6"}


@dataclass(frozen=True)
class Call:
    """A function, and an address in it at which its frame has ``size`` bytes.

    ``saved``: where the return address is, from the end of the frame; None: in its register.
    """

    name: str
    address: int
    size: int
    saved: int | None


def leaf(program: Program) -> Call:
    """``corpus_sink`` at its first instruction."""
    (sink,) = (func for func in our_symbols(program).functions if func.name == "corpus_sink")
    base = elf_facts(compiled(program).whole).base
    fdes = kept(read_fdes(compiled(program).whole))
    (row, *_) = (fde.rows[0] for fde in fdes if fde.begin == sink.address + base)
    size, saved = _frame(row) or (0, None)
    return Call(sink.name, sink.address, size, saved)


def callers(program: Program) -> list[Call]:
    """Four functions at places from which they could have called another."""
    found = {call.name: call for call in _inside(program) if call.saved is not None}
    chain = [call for call in found.values() if call.name != "corpus_sink"][:4]
    assert len(chain) == 4
    return chain


def _inside(program: Program) -> Iterator[Call]:
    base = elf_facts(compiled(program).whole).base
    names = {func.address + base: func.name for func in our_symbols(program).functions}
    for fde in sorted(kept(read_fdes(compiled(program).whole)), key=lambda fde: fde.begin):
        for begin, end, row in fde.rows_by_range():
            frame = _frame(row)
            if frame and fde.begin in names and end - begin > CALL:
                yield Call(names[fde.begin], begin + CALL - base, *frame)


def _frame(row: Row) -> tuple[int, int | None] | None:
    """The size of a frame and where its return address is; None: not at the stack pointer."""
    match = re.fullmatch(r"(?:sp|[re]sp|r1|r13|r29)\+(\d+)", row.cfa)
    saved = re.fullmatch(r"c(-\d+)", row.cells.get("ra", ""))
    return (int(match[1]), int(saved[1]) if saved else None) if match else None


def made_up_crash(program: Program, chain: list[Call], folder: Path) -> Path:
    """A minidump of a crash in the first function of ``chain``, which the second has called."""
    layout = LAYOUTS[program.cpu.name]
    pointer = STACK + 0x100
    registers = {"pc": BASE + chain[0].address, _POINTERS[program.cpu.arch]: pointer}
    stack = Stack(STACK, STACK_SIZE)
    for call, caller in zip(chain, [*chain[1:], None], strict=True):
        back = BASE + caller.address if caller else 0
        pointer += call.size
        if call.saved is None:
            registers[return_register(program.cpu)] = back
        else:
            word = _word_size(program)
            stack.write(pointer + call.saved, layout.number(back, word))
    path = folder / "made-up.dmp"
    path.write_bytes(Minidump(layout).build(_module(program), registers, stack))
    return path


def _word_size(program: Program) -> int:
    with compiled(program).whole.open("rb") as stream:
        return ELFFile(stream).elfclass // 8


def _module(program: Program) -> Module:
    symbols = our_symbols(program)
    (code_id,) = (info.split()[1] for info in symbols.info if info.startswith("CODE_ID "))
    return Module(symbols.name, BASE, 0x100000, bytes.fromhex(code_id))


def store(program: Program, folder: Path) -> Path:
    """A symbol store with the program's symbol file, under each id that a processor may ask for.

    rust-minidump takes the bytes of the build id as they are where the minidump is big-endian.
    """
    symbols = our_symbols(program)
    guid, age = symbols.debug_id[:32], symbols.debug_id[32:]
    swapped = UUID(bytes_le=UUID(guid).bytes).hex.upper() + age
    for debug_id in {symbols.debug_id, swapped if program.cpu.big_endian else symbols.debug_id}:
        home = folder / "store" / symbols.name / debug_id
        home.mkdir(parents=True)
        (home / f"{symbols.name}.sym").write_text(our_text(program), encoding="utf-8")
    return folder / "store"


@pytest.mark.parametrize(
    ("walker", "cpu"), [(walker, cpu) for walker, cpu, able in CASES if able == "unwinds"]
)
def test_the_processor_unwinds_by_our_rules(walker: str, cpu: str, tmp_path: Path) -> None:
    program = PROGRAM[cpu]
    chain = [leaf(program), *callers(program)]
    minidump = made_up_crash(program, chain, tmp_path)
    frames = WALKERS[walker](minidump, store(program, tmp_path))
    found = [(frame.function, frame.trust) for frame in frames if frame.trust != "inline"]
    expected = [(call.name, "cfi" if number else "context") for number, call in enumerate(chain)]
    # Breakpad for MIPS goes back from the return address by two words before it looks for 0.
    goes_on = [("", "cfi")] if walker == "Breakpad" and program.cpu.arch == "mips" else []
    assert found == expected + goes_on


@pytest.mark.parametrize(
    ("walker", "cpu"), [(walker, cpu) for walker, cpu, able in CASES if able == "names"]
)
def test_the_processor_names_the_function_of_the_crash(
    walker: str, cpu: str, tmp_path: Path
) -> None:
    program = PROGRAM[cpu]
    minidump = made_up_crash(program, [leaf(program)], tmp_path)
    first, *others = WALKERS[walker](minidump, store(program, tmp_path))
    assert (first.function, first.trust) == ("corpus_sink", "context")
    assert Path(first.file).name == "sink.c"
    assert first.line > 0
    assert not [frame for frame in others if frame.trust == "cfi"]


@pytest.mark.parametrize("cpu", [cpu for walker, cpu, able in CASES if able == "nothing"])
def test_rust_minidump_finds_no_frame(cpu: str, tmp_path: Path) -> None:
    program = PROGRAM[cpu]
    minidump = made_up_crash(program, [leaf(program)], tmp_path)
    options = ["--symbols-path", str(store(program, tmp_path))]
    assert "<no frames>" in run([str(rust_stackwalk()), *options, str(minidump)])


def test_the_page_on_cpus_says_what_these_tests_say() -> None:
    page = (REPOSITORY / "docs" / "reference" / "cpus.md").read_text(encoding="utf-8")
    words = "unwinds|names|nothing"
    rows = re.findall(rf"^\| `([\w-]+)` \|[^|\n]*\| ({words}) \| ({words}) \|", page, re.MULTILINE)
    assert {cpu: (breakpad, rust) for cpu, breakpad, rust in rows} == ABILITIES
    opened = dict(re.findall(r"^\| `([\w-]+)` \|.*\| (yes|no) \|$", page, re.MULTILINE))
    cpus = {program.cpu for program in PROGRAMS if program.cpu.name != "thumb"}
    assert opened == {cpu.name: "yes" if cpu.arch in KNOWN_TO_SYMBOLIC else "no" for cpu in cpus}


@pytest.mark.parametrize("cpu", PROGRAM)
def test_symbolic_opens_the_file_where_it_knows_the_arch_word(cpu: str, tmp_path: Path) -> None:
    path = tmp_path / "file.sym"
    path.write_text(our_text(PROGRAM[cpu]), encoding="utf-8")
    if PROGRAM[cpu].cpu.arch in KNOWN_TO_SYMBOLIC:
        (module,) = Archive.open(str(path)).iter_objects()
        assert module.arch == PROGRAM[cpu].cpu.arch
        assert module.make_cficache().is_latest_version
    else:
        with pytest.raises(SymbolicError, match="invalid architecture"):
            list(Archive.open(str(path)).iter_objects())
