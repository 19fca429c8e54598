"""A writer of minidumps: one thread that crashed, one module, the registers and the stack.

For CPUs on which no test can crash for real. Layouts: google/breakpad,
src/google_breakpad/common/minidump_format.h and minidump_cpu_*.h; the offsets follow from the
declarations there.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

_HEADER, _DIRECTORY_ROW = 32, 12
_LINUX = 0x8201
_SEGV = 11
THREAD_LIST, MODULE_LIST, MEMORY_LIST, EXCEPTION, SYSTEM_INFO = 3, 4, 5, 6, 7


@dataclass(frozen=True)
class Layout:
    """What a minidump says of a CPU; ``registers`` is by name: where in the context it stands."""

    architecture: int
    flags: int
    size: int
    word: int
    registers: Mapping[str, int]
    big_endian: bool = False
    flags_at: int = 0
    flags_word: int = 4

    def number(self, value: int, size: int) -> bytes:
        """Encode ``value`` in ``size`` bytes, in the byte order of the CPU."""
        return value.to_bytes(size, "big" if self.big_endian else "little")


def _row(names: str, first: int, word: int) -> dict[str, int]:
    return {name: first + number * word for number, name in enumerate(names.split())}


_MIPS_REGISTERS = _row(
    "$zero $at $v0 $v1 $a0 $a1 $a2 $a3 $t0 $t1 $t2 $t3 $t4 $t5 $t6 $t7 "
    "$s0 $s1 $s2 $s3 $s4 $s5 $s6 $s7 $t8 $t9 $k0 $k1 $gp $sp $fp $ra",
    8,
    8,
) | {"pc": 312}
_RISCV = (
    "pc ra sp gp tp t0 t1 t2 s0 s1 a0 a1 a2 a3 a4 a5 a6 a7 s2 s3 s4 s5 s6 s7 s8 s9 s10 s11 "
    "t3 t4 t5 t6"
)
_ARM = " ".join((*(f"r{number}" for number in range(13)), "sp lr pc"))
_ARM64 = " ".join((*(f"x{number}" for number in range(31)), "sp pc"))
_GPR = " ".join(f"r{number}" for number in range(32))
_PPC = {"pc": 4, **_row(_GPR, 12, 4), "lr": 148}
_PPC64 = {"pc": 8, **_row(_GPR, 24, 8), "lr": 296}
_WINDOWS = " ".join(f"{letter}{number}" for letter in "goli" for number in range(8))
LAYOUTS = {
    "i686": Layout(0, 0x00010003, 716, 4, {"$ebp": 180, "pc": 184, "$esp": 196}),
    "x86_64": Layout(9, 0x00100003, 1232, 8, {"$rsp": 152, "$rbp": 160, "pc": 248}, flags_at=48),
    "arm": Layout(5, 0x40000002, 368, 4, _row(_ARM, 4, 4)),
    "thumb": Layout(5, 0x40000002, 368, 4, _row(_ARM, 4, 4)),
    "aarch64": Layout(12, 0x00400003, 912, 8, _row(_ARM64, 8, 8)),
    "mips": Layout(1, 0x00040002, 600, 8, _MIPS_REGISTERS, big_endian=True),
    "mipsel": Layout(1, 0x00040002, 600, 8, _MIPS_REGISTERS),
    "mips64": Layout(0x8004, 0x00080002, 600, 8, _MIPS_REGISTERS, big_endian=True),
    "mips64el": Layout(0x8004, 0x00080002, 600, 8, _MIPS_REGISTERS),
    "riscv32": Layout(0x8005, 0x00800001, 268, 4, _row(_RISCV, 8, 4)),
    "riscv64": Layout(0x8006, 0x08000001, 528, 8, _row(_RISCV, 8, 8)),
    "ppc": Layout(3, 0x20000001, 1004, 4, _PPC, big_endian=True),
    "ppc64-elfv1": Layout(0x8002, 0x01000001, 1160, 8, _PPC64, big_endian=True, flags_word=8),
    "ppc64-elfv2": Layout(0x8002, 0x01000001, 1160, 8, _PPC64, flags_word=8),
    "sparc32": Layout(
        0x8001, 0x10000003, 584, 8, {"pc": 272, **_row(_WINDOWS, 8, 8)}, big_endian=True
    ),
    "sparc64": Layout(
        0x8001, 0x10000003, 584, 8, {"pc": 272, **_row(_WINDOWS, 8, 8)}, big_endian=True
    ),
}


@dataclass(frozen=True)
class Module:
    """The program, loaded at ``base``."""

    name: str
    base: int
    size: int
    build_id: bytes


class Minidump:
    """The bytes of a minidump under construction."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._order = ">" if layout.big_endian else "<"
        self._body = bytearray()
        self._streams: list[tuple[int, int, int]] = []
        self._reserved = _HEADER + 5 * _DIRECTORY_ROW

    def build(self, module: Module, registers: Mapping[str, int], stack: Stack) -> bytes:
        """Return the file."""
        context = self._location(self._context(registers))
        memory = self._pack("Q", stack.address) + self._location(stack.data)
        thread = self._pack("IIIIQ", 1, 0, 0, 0, 0) + memory + context
        self._stream(SYSTEM_INFO, self._system())
        self._stream(THREAD_LIST, self._pack("I", 1) + thread)
        self._stream(MEMORY_LIST, self._pack("I", 1) + memory)
        self._stream(MODULE_LIST, self._pack("I", 1) + self._module(module))
        self._stream(EXCEPTION, self._exception(registers["pc"]) + context)
        head = self._pack("IIIIIIQ", 0x504D444D, 0xA793, len(self._streams), _HEADER, 0, 0, 0)
        rows = b"".join(self._pack("III", *row) for row in self._streams)
        return head + rows + bytes(self._body)

    def _pack(self, form: str, *values: int) -> bytes:
        return struct.pack(self._order + form, *values)

    def _place(self, data: bytes) -> int:
        place = self._reserved + len(self._body)
        self._body += data + bytes(-len(data) % 8)
        return place

    def _location(self, data: bytes) -> bytes:
        return self._pack("II", len(data), self._place(data))

    def _stream(self, kind: int, data: bytes) -> None:
        self._streams.append((kind, len(data), self._place(data)))

    def _string(self, text: str) -> int:
        data = text.encode("utf-16-be" if self._layout.big_endian else "utf-16-le")
        return self._place(self._pack("I", len(data)) + data + b"\0\0")

    def _context(self, registers: Mapping[str, int]) -> bytes:
        layout = self._layout
        data = bytearray(layout.size)
        places = [(layout.flags_at, layout.flags, layout.flags_word)]
        places += [
            (layout.registers[name], value, layout.word) for name, value in registers.items()
        ]
        for offset, value, size in places:
            data[offset : offset + size] = layout.number(value, size)
        return bytes(data)

    def _system(self) -> bytes:
        fields = (self._layout.architecture, 0, 0, 1, 0, 5, 0, 0, _LINUX, self._string("5.0"), 0, 0)
        return self._pack("HHHBBIIIIIHH", *fields) + bytes(24)

    def _module(self, module: Module) -> bytes:
        record = self._location(self._pack("I", 0x4270454C) + module.build_id)
        name = self._string(f"/usr/bin/{module.name}")
        head = self._pack("QIIII", module.base, module.size, 0, 0, name)
        return head + bytes(52) + record + bytes(8 + 16)

    def _exception(self, address: int) -> bytes:
        return self._pack("IIIIQQII", 1, 0, _SEGV, 0, 0, address, 0, 0) + bytes(15 * 8)


class Stack:
    """A piece of memory, written word by word."""

    def __init__(self, address: int, size: int) -> None:
        self.address = address
        self.data = bytes(size)

    def write(self, address: int, value: bytes) -> None:
        """Put ``value`` at ``address``, which must be inside."""
        start = address - self.address
        assert 0 <= start <= len(self.data) - len(value), hex(address)
        self.data = self.data[:start] + value + self.data[start + len(value) :]
