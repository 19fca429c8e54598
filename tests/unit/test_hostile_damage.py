"""Truncation and flipped bytes: real programs and built ones, whatever byte it hits.

Only `CrashsymError` may come out, and whatever is written is a well-formed symbol file.
"""

from __future__ import annotations

import io
import subprocess
from functools import cache
from pathlib import Path
from typing import Literal

import pytest
from builders import cfi, dwarf, elf
from builders.elf import Section
from builders.encode import Format, uleb
from builders.lint import lint
from crashsym.dump import DumpOptions, dump_module
from crashsym.elf import ElfFile
from crashsym.errors import CrashsymError
from crashsym.findings import Policy
from crashsym.splitpair import SplitPair
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import require_tool

SOURCE = """
static int half(int n) { return n / 2; }
__attribute__((noinline)) int twice(int n) { return half(n) + n; }
int start(int n) { if (n) return twice(n) - half(n); return 0; }
"""
COMPILERS = {
    "x86_64": "gcc",
    "arm64": "aarch64-linux-gnu-gcc",
    "arm": "arm-linux-gnueabihf-gcc",
    "riscv": "riscv64-linux-gnu-gcc",
}
OPTIONS = ("-g", "-O2", "-fPIC", "-shared", "-nostdlib", "-Wl,--build-id", "-x", "c")
QUICK, LONG = 80, 500
_COMMON = settings(
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="session")
def programs() -> dict[str, bytes]:
    """Return small shared objects by CPU; filled by `compiled`."""
    return {}


def compiled(cpu: str, programs: dict[str, bytes], folder: Path) -> bytes:
    """Return a shared object for ``cpu``, compiled once in a run."""
    if cpu not in programs:
        compiler = require_tool(COMPILERS[cpu], f"gcc-{COMPILERS[cpu].removesuffix('-gcc')}")
        output = folder / cpu
        for version in ("4", "5"):
            command: list[str | Path] = [
                compiler,
                *OPTIONS,
                f"-gdwarf-{version}",
                "-",
                "-o",
                output,
            ]
            subprocess.run(command, input=SOURCE.encode(), check=True, capture_output=True)
            programs[f"{cpu} DWARF {version}"] = output.read_bytes()
        programs[cpu] = programs[f"{cpu} DWARF 5"]
    return programs[cpu]


@cache
def built(bits: Literal[32, 64], *, little_endian: bool) -> bytes:
    """Return a file with all sections, in formats that no compiler here makes."""
    fmt = Format(bits, little_endian)
    info = dwarf.Dwarf(fmt)
    call = dwarf.Die(
        dwarf.INLINED, [(dwarf.LOW_PC, dwarf.ADDR, 0x1008), (dwarf.HIGH_PC, dwarf.DATA1, 8)]
    )
    lines: dwarf.Attribute = (dwarf.STMT_LIST, dwarf.SEC_OFFSET, 0)
    spread = dwarf.Die(dwarf.SUBPROGRAM, [(dwarf.RANGES, dwarf.SEC_OFFSET, 0)])
    functions = [dwarf.function(0x1000, 64, b"f", call), spread]
    info.unit(dwarf.Die(dwarf.COMPILE_UNIT, [lines], functions))
    frames = cfi.EhFrame(fmt)
    row = bytes((cfi.ADVANCE1, 4, cfi.DEF_CFA_OFFSET)) + uleb(16)
    frames.fde(frames.cie(), 0x1000, 64, row)
    program = dwarf.line_program(fmt, dwarf.sequence(fmt, 0x1000, bytes((20, 90, 200))))
    ranges = fmt.word(0x1100, 0x1110, 0x1200, 0x1210, 0, 0)
    return elf.module(
        *info.sections(),
        Section(".debug_line", program),
        Section(".debug_ranges", ranges),
        frames.section(),
        *elf.symbol_table(fmt, [b"f", b"_ZN1a1bEv"]),
        *elf.soname(fmt, b"libbuilt.so.1"),
        machine=elf.AARCH64 if bits == 64 else elf.ARM,
        fmt=fmt,
    )


def survive(file: Path, data: bytes) -> bool:
    """Dump ``data``; whether symbols came out. All but a printable `CrashsymError` is a bug."""
    file.write_bytes(data)
    try:
        with ElfFile(file) as elf_file:
            dump = dump_module(SplitPair(elf_file), file.name, str(file), DumpOptions())
            symbols = io.BytesIO()
            dump.write(symbols)
    except CrashsymError as error:
        message = str(error)
    else:
        message = ""
        lint(symbols.getvalue())
        for finding in dump.findings:
            assert finding.message.isprintable()
            assert Policy.parse([]).level(finding) in ("error", "warning")
    assert message == "" or message.isprintable()
    return not message


def damaged(data: bytes, flips: list[tuple[float, int]]) -> bytes:
    """Return ``data`` with some bytes replaced; places are fractions of its size."""
    result = bytearray(data)
    for place, value in flips:
        result[int(place * len(data))] = value
    return bytes(result)


PLACES = st.floats(0, 1, exclude_max=True)
FLIPS = st.lists(
    st.tuples(PLACES, st.one_of(st.integers(0, 255), st.sampled_from([0, 0x7F, 0x80, 0xFF]))),
    min_size=1,
    max_size=6,
)
FORMATS = st.sampled_from([(32, True), (32, False), (64, True), (64, False)])


def _truncated(file: Path, data: bytes, place: float) -> None:
    survive(file, data[: int(place * len(data))])


def test_the_undamaged_programs_give_symbols(tmp_path: Path, programs: dict[str, bytes]) -> None:
    assert survive(tmp_path / "x", compiled("x86_64", programs, tmp_path))
    for bits, little_endian in ((32, True), (32, False), (64, True), (64, False)):
        fmt_bits: Literal[32, 64] = 32 if bits == 32 else 64
        assert survive(tmp_path / "x", built(fmt_bits, little_endian=little_endian))


@given(fmt=FORMATS, flips=FLIPS)
@settings(_COMMON, max_examples=QUICK)
def test_flipped_bytes_of_built_files(
    tmp_path: Path, fmt: tuple[Literal[32, 64], bool], flips: list[tuple[float, int]]
) -> None:
    survive(tmp_path / "x", damaged(built(fmt[0], little_endian=fmt[1]), flips))


@given(fmt=FORMATS, place=PLACES)
@settings(_COMMON, max_examples=QUICK)
def test_truncated_built_files(
    tmp_path: Path, fmt: tuple[Literal[32, 64], bool], place: float
) -> None:
    _truncated(tmp_path / "x", built(fmt[0], little_endian=fmt[1]), place)


@pytest.mark.parametrize("cpu", COMPILERS)
@given(flips=FLIPS)
@settings(_COMMON, max_examples=QUICK // 2)
def test_flipped_bytes_of_compiled_programs(
    tmp_path: Path, programs: dict[str, bytes], cpu: str, flips: list[tuple[float, int]]
) -> None:
    survive(tmp_path / "x", damaged(compiled(cpu, programs, tmp_path), flips))


@pytest.mark.slow
@pytest.mark.parametrize("version", ["4", "5"])
@pytest.mark.parametrize("cpu", COMPILERS)
@given(flips=FLIPS, cut=st.one_of(st.none(), PLACES))
@settings(_COMMON, max_examples=LONG)
def test_much_damage_to_compiled_programs(  # noqa: PLR0913 - fixtures, parameters and examples
    tmp_path: Path,
    programs: dict[str, bytes],
    cpu: str,
    version: str,
    flips: list[tuple[float, int]],
    cut: float | None,
) -> None:
    compiled(cpu, programs, tmp_path)
    data = damaged(programs[f"{cpu} DWARF {version}"], flips)
    survive(tmp_path / "x", data if cut is None else data[: int(cut * len(data))])


@pytest.mark.slow
@pytest.mark.parametrize("little_endian", [True, False])
@pytest.mark.parametrize("bits", [32, 64])
def test_built_files_cut_off_at_every_byte(
    tmp_path: Path, bits: Literal[32, 64], little_endian: bool
) -> None:
    data = built(bits, little_endian=little_endian)
    for size in range(len(data)):
        survive(tmp_path / "x", data[:size])
