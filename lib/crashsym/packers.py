# SPDX-License-Identifier: MIT
"""Packed executables: the code that runs is not in the file, it is unpacked in memory.

Only UPX is known. Source of the layouts: UPX src/stub/src/include/linux.h (``l_info``, which
follows the program headers) and src/packhead.cpp (``PackHeader``, which ends the file).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from crashsym.elf import ElfFile

_MAGIC = b"UPX!"
_L_INFO = 12  # bytes: a checksum, the magic, sizes and version
_PACK_HEADER, _OVERLAY = 32, 4  # the latter is an offset that follows the former
_MODULUS = 251


def packer_of(elf_file: ElfFile) -> str | None:
    """Return the name of the program that has packed an ELF file, None if none is known to have.

    Raises:
        UnreadableError: the operating system refuses.
    """
    return "UPX" if _begins_as_packed(elf_file) or _ends_as_packed(elf_file) else None


def _begins_as_packed(elf_file: ElfFile) -> bool:
    """Whether ``l_info`` follows the program headers, as in programs; libraries have it later."""
    start = elf_file.headers_end
    if elf_file.sections or start + _L_INFO > elf_file.size:
        return False
    return elf_file.file_bytes(start, _L_INFO, "l_info")[4:8] == _MAGIC


def _ends_as_packed(elf_file: ElfFile) -> bool:
    """Whether the file ends with a header whose checksum is right: chance does not make one."""
    start = elf_file.size - _PACK_HEADER - _OVERLAY
    if start < 0:
        return False
    head = elf_file.file_bytes(start, _PACK_HEADER, "pack header")
    return head.startswith(_MAGIC) and sum(head[4:-1]) % _MODULUS == head[-1]
