"""A writer of ``.eh_frame``: CIEs and FDEs (LSB 5.0 "Exception Frames", DWARF 5 section 6.4)."""

from __future__ import annotations

from dataclasses import dataclass, field

from builders.elf import ALLOC, PROGBITS, Section
from builders.encode import X64, Format, sleb, uleb

NOP, SET_LOC, ADVANCE1, ADVANCE4, OFFSET_EXTENDED = 0x00, 0x01, 0x02, 0x04, 0x05
REMEMBER, RESTORE_STATE, DEF_CFA, DEF_CFA_OFFSET = 0x0A, 0x0B, 0x0C, 0x0E
CFA_EXPRESSION, EXPRESSION, SAME_VALUE, VAL_OFFSET = 0x0F, 0x10, 0x08, 0x14
# DW_CFA_def_cfa r7 (rsp) 8; DW_CFA_offset r16 (return address) 1
X86_64_START = bytes((DEF_CFA, 7, 8, 0x80 | 16, 1))
EH_FRAME_ADDRESS = 0x100000


@dataclass(frozen=True)
class Cie:
    """The fields of a CIE; ``length`` and ``mark`` lie where they are given."""

    version: int = 1
    augmentation: bytes = b""
    augmentation_data: bytes = b""
    code_factor: int = 1
    data_factor: int = -8
    return_column: int = 16
    instructions: bytes = X86_64_START
    length: int | None = None
    mark: int = 0


@dataclass
class EhFrame:
    """The section under construction; pointers are absolute (DW_EH_PE_absptr)."""

    format: Format = X64
    data: bytearray = field(default_factory=bytearray)

    def cie(self, cie: Cie | None = None) -> int:
        """Append a CIE and return its offset."""
        cie = cie or Cie()
        start, fmt = len(self.data), self.format
        column = uleb(cie.return_column) if cie.version != 1 else bytes((cie.return_column,))
        body = fmt.number(cie.mark, 4) + bytes((cie.version,)) + cie.augmentation + b"\0"
        body += uleb(cie.code_factor) + sleb(cie.data_factor) + column
        if cie.augmentation[:1] == b"z":
            body += uleb(len(cie.augmentation_data)) + cie.augmentation_data
        self._append(body + cie.instructions, cie.length)
        return start

    def fde(
        self,
        cie: int,
        address: int,
        size: int,
        instructions: bytes = b"",
        *,
        length: int | None = None,
    ) -> int:
        """Append an FDE that refers to the CIE at offset ``cie``, and return its offset."""
        start = len(self.data)
        pointer = self.format.number(start + 4 - cie, 4)
        self._append(pointer + self.format.word(address, size) + instructions, length)
        return start

    def _append(self, body: bytes, length: int | None) -> None:
        body += bytes(-len(body) % 4)
        self.data += self.format.number(len(body) if length is None else length, 4) + body

    def section(self) -> Section:
        """Return ``.eh_frame``."""
        return Section(".eh_frame", bytes(self.data), PROGBITS, ALLOC, EH_FRAME_ADDRESS)
