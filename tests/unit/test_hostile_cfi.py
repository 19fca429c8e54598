"""Call frame information that lies, and that asks for more than its size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from builders import cfi, elf
from builders.cfi import Cie, EhFrame
from builders.elf import Elf
from builders.encode import Format, uleb
from builders.limits import check_promise

FMT = Format()
_REGISTERS = b"".join(bytes((cfi.OFFSET_EXTENDED, number, 1)) for number in range(60))


def _file(frames: EhFrame, code_size: int = elf.TEXT_SIZE) -> bytes:
    return Elf((elf.code(code_size), elf.build_id(FMT), frames.section())).build()


def _one(
    instructions: bytes = b"", cie: Cie | None = None, size: int = 0x1000, length: int | None = None
) -> bytes:
    frames = EhFrame(FMT)
    frames.fde(frames.cie(cie), 0x1000, size, instructions, length=length)
    return _file(frames, 0x400000)


def _rows() -> bytes:
    registers = b"".join(bytes((0x80 | number, 2)) for number in range(16))
    program = b"".join(bytes((0x41, cfi.DEF_CFA_OFFSET, 8 + 8 * (n % 2))) for n in range(300_000))
    return _one(program, Cie(instructions=cfi.X86_64_START + registers), 0x3FF000)


def _cies_that_overlap(count: int = 20_000) -> bytes:
    """Each CIE holds all that follow it, as the operands of expressions."""
    item, frames = 16, EhFrame(FMT)
    for number in range(count):
        frames.data += FMT.numbers(4, (count - number) * item - 4, 0)
        frames.data += bytes((1, 0, 1, 0x78, 16, cfi.EXPRESSION, 0, item - 3))
    frames.data[-1] = 0
    for number in range(count):
        frames.fde(number * item, 0x1000 + number, 1)
    return _file(frames)


def _damaged_fdes() -> bytes:
    frames = EhFrame(FMT)
    cie = frames.cie()
    for number in range(20_000):
        frames.fde(cie, 0x1000 + number, 1, b"\x3f")
    return _file(frames)


COSTLY: dict[str, Callable[[], bytes]] = {
    "a million remembered states": lambda: _one(bytes((cfi.REMEMBER,)) * 1_000_000),
    "500 000 remembered states of 60 registers": lambda: _one(
        bytes((cfi.REMEMBER,)) * 500_000, Cie(instructions=cfi.X86_64_START + _REGISTERS)
    ),
    "300 000 rows of 17 registers": _rows,
    "20 000 CIEs inside of each other": _cies_that_overlap,
    "20 000 damaged FDEs": _damaged_fdes,
}

CFA, RA = "$rsp 8 +", ".cfa -8 + ^"
GOOD_START = f"STACK CFI INIT 1000 8 .cfa: {CFA} .ra: {RA}"


@pytest.mark.parametrize("make", COSTLY.values(), ids=COSTLY)
def test_small_tables_cannot_ask_for_large_work(tmp_path: Path, make: Callable[[], bytes]) -> None:
    check_promise(tmp_path, make(), codes=(0, 2, 3))


_HUGE_ULEB = uleb(1 << 60)
DAMAGED_PROGRAMS: dict[str, bytes] = {
    "an unknown instruction": b"\x3f",
    "an expression past the end": bytes((cfi.CFA_EXPRESSION,)) + uleb(1 << 40),
    "a LEB128 number of 1000 bytes": bytes((cfi.OFFSET_EXTENDED,)) + uleb(1, 1000),
    "a state that nobody remembered": bytes((cfi.RESTORE_STATE,)),
    "rows that go back": bytes((cfi.SET_LOC,)) + FMT.word(1),
    "half an operand": bytes((cfi.DEF_CFA_OFFSET, *[0x80] * 5)),
}


@pytest.mark.parametrize("program", DAMAGED_PROGRAMS.values(), ids=DAMAGED_PROGRAMS)
def test_rows_before_the_damage_are_kept(tmp_path: Path, program: bytes) -> None:
    advance = bytes((cfi.ADVANCE1, 8))
    lines = check_promise(tmp_path, _one(advance + program), codes=(3,))
    assert GOOD_START in lines


CIES: dict[str, Cie] = {
    "a length past the end": Cie(length=0x7FFFFFF0),
    "an unknown version": Cie(version=9),
    "an unknown augmentation": Cie(augmentation=b"q\xffz"),
    "augmentation data that ends early": Cie(augmentation=b"zRPL", augmentation_data=b"\xff"),
    "no mark": Cie(mark=77),
    "instructions that are damaged": Cie(instructions=b"\x3f"),
}


@pytest.mark.parametrize("cie", CIES.values(), ids=CIES)
def test_a_damaged_cie_is_reported(tmp_path: Path, cie: Cie) -> None:
    lines = check_promise(tmp_path, _one(cie=cie), codes=(3,))
    assert not any(line.startswith("STACK") for line in lines)


def test_a_damaged_entry_costs_only_itself(tmp_path: Path) -> None:
    frames = EhFrame(FMT)
    cie = frames.cie()
    first = frames.fde(cie, 0x1000, 8)
    frames.fde(first, 0x1100, 8)  # refers to an FDE
    frames.fde(-100_000, 0x1200, 8)  # refers to outside
    frames.fde(len(frames.data), 0x1300, 8)  # refers to itself
    frames.fde(cie, 0x1400, 8)
    frames.fde(cie, 0x1500, 8, length=0x7FFFFFFF)
    lines = check_promise(tmp_path, _file(frames), codes=(3,))
    assert [line for line in lines if line.startswith("STACK")] == [
        GOOD_START,
        GOOD_START.replace("INIT 1000", "INIT 1400"),
    ]


EXTREMES: dict[str, bytes] = {
    "locations that wrap": _one(bytes((cfi.ADVANCE4,)) + b"\xff" * 4 + b"\x41\x41"),
    "factors of 70 bits": _one(b"\x41\x83\x09", Cie(code_factor=1 << 70, data_factor=-(1 << 60))),
    "offsets of 80 bits": _one(b"\x83\x09", Cie(data_factor=-(1 << 80))),
    "registers of 60 bits": _one(bytes((cfi.DEF_CFA,)) + _HUGE_ULEB + _HUGE_ULEB),
    "a return column that does not exist": _one(cie=Cie(return_column=200)),
    "code that wraps around": _one(size=(1 << 64) - 1),
}


@pytest.mark.parametrize("data", EXTREMES.values(), ids=EXTREMES)
def test_extreme_numbers_give_no_malformed_record(tmp_path: Path, data: bytes) -> None:
    check_promise(tmp_path, data)
