# SPDX-License-Identifier: MIT
"""An executable packed as UPX 4 packs one: a header, the compressed original, a stub, a trailer.

The stub does nothing: these files are read, not run. Source of the layout: UPX
src/stub/src/include/linux.h (``l_info``, ``p_info``), src/p_lx_elf.cpp, src/packhead.cpp.
"""

from __future__ import annotations

import struct
import zlib

from builders.elf import EXECUTABLE, LOAD, X86_64, Elf, Segment

MAGIC = b"UPX!"
_BASE = 0x400000
_VERSION, _FORMAT, _METHOD, _LEVEL = 14, 22, 8, 7
_L_INFO = 12


def pack(original: bytes, *, machine: int = X86_64) -> bytes:
    """Return what takes the place of a program."""
    packed = zlib.compress(original)
    sizes = struct.pack("<III", 0, len(original), len(original))
    body = struct.pack("<I4sHBB", 0, MAGIC, 0, _VERSION, _FORMAT) + sizes + packed
    body += b"\xc3" * 16 + trailer(len(original), len(packed))
    room = -(-len(original) // 4096) * 4096
    segments = (
        Segment(LOAD, 6, 0, _BASE, 0x1000, room),
        Segment(LOAD, 5, 0, _BASE + room, len(body), len(body)),
        Segment(0x6474E551, 6),  # PT_GNU_STACK
    )
    # no section headers, as UPX leaves none
    none = {"e_shoff": 0, "e_shnum": 0, "e_shstrndx": 0}
    made = Elf((), segments, machine=machine, type=EXECUTABLE, header=none).build()
    return made[: 64 + 56 * len(segments)] + body


def trailer(size: int, packed: int) -> bytes:
    """Return the header that ends a packed file, with its checksum, and the offset behind it."""
    head = struct.pack(
        "<4B5I2B", _VERSION, _FORMAT, _METHOD, _LEVEL, 1, 1, size, packed, size, 0, 0
    )
    head += b"\0"
    return MAGIC + head + bytes((sum(head) % 251,)) + struct.pack("<I", 0xF4)
