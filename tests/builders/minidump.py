"""A writer of minidumps of a stopped 32-bit Arm process: one thread, one module.

Source: Breakpad src/google_breakpad/common/minidump_format.h and minidump_cpu_arm.h.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

_THREADS, _MODULES, _EXCEPTION, _SYSTEM = 3, 4, 6, 7
_ARM, _LINUX = 5, 0x8201
_CONTEXT_ARM_INTEGER = 0x40000002
_CV_ELF = 0x4270454C
_SIGSEGV = 11
THREAD = 77
REGISTERS = (*(f"r{number}" for number in range(13)), "sp", "lr", "pc")


@dataclass(frozen=True)
class Module:
    """An ELF file in memory."""

    path: str
    base: int
    size: int
    build_id: bytes


class _File:
    """Bytes with a place for each piece; offsets count from the begin of the file."""

    def __init__(self, streams: int) -> None:
        self.data = bytearray(32 + 12 * streams)
        self.directory: list[tuple[int, int, int]] = []

    def add(self, piece: bytes) -> int:
        self.data += bytes(-len(self.data) % 8)
        self.data += piece
        return len(self.data) - len(piece)

    def stream(self, kind: int, piece: bytes) -> None:
        self.directory.append((kind, len(piece), self.add(piece)))

    def text(self, words: str) -> int:
        encoded = words.encode("utf-16-le")
        return self.add(struct.pack("<I", len(encoded)) + encoded + b"\0\0")

    def finish(self) -> bytes:
        head = struct.pack("<IIIIIIQ", 0x504D444D, 0xA793, len(self.directory), 32, 0, 0, 0)
        rows = b"".join(struct.pack("<III", *row) for row in self.directory)
        self.data[: len(head) + len(rows)] = head + rows
        return bytes(self.data)


def arm_minidump(registers: Mapping[str, int], memory: Mapping[int, int], module: Module) -> bytes:
    """Return a minidump: ``memory`` holds the words of the stack, without gaps."""
    file = _File(streams=4)
    values = [registers[name] for name in REGISTERS]
    context = struct.pack("<I16II", _CONTEXT_ARM_INTEGER, *values, 0) + bytes(8 + 256 + 32)
    where = (len(context), file.add(context))
    words = [memory[place] for place in sorted(memory)]
    stack = struct.pack(f"<{len(words)}I", *words)
    area = (min(memory), len(stack), file.add(stack))
    file.stream(_THREADS, struct.pack("<IIIIIQQIIII", 1, THREAD, 0, 0, 0, 0, *area, *where))
    record = struct.pack("<IIIIQQII", THREAD, 0, _SIGSEGV, 0, 0, registers["pc"], 0, 0)
    file.stream(_EXCEPTION, record + bytes(15 * 8) + struct.pack("<II", *where))
    file.stream(_MODULES, struct.pack("<I", 1) + _module(file, module))
    version = file.text("")
    numbers = struct.pack("<HHHBBIIIIIHH", _ARM, 7, 0, 1, 0, 0, 0, 0, _LINUX, version, 0, 0)
    file.stream(_SYSTEM, numbers + bytes(24))
    return file.finish()


def _module(file: _File, module: Module) -> bytes:
    identity = struct.pack("<I", _CV_ELF) + module.build_id
    place, name = file.add(identity), file.text(module.path)
    head = struct.pack("<QIIII", module.base, module.size, 0, 0, name)
    return head + bytes(52) + struct.pack("<II", len(identity), place) + bytes(8 + 16)
