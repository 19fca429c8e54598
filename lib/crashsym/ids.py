# SPDX-License-Identifier: MIT
"""Build id, debug id and code id: values and conversions, without any I/O."""

from __future__ import annotations

from crashsym.errors import ConfigError
from crashsym.value import Value

_HASH_BYTES = 16
_HASHED_BYTES = 4096


class BuildId(Value):
    """The bytes of the GNU build-id note: usually 20, any number from 1 on."""

    value: bytes

    @classmethod
    def from_hex(cls, text: str) -> BuildId:
        """Read a build id from hexadecimal digits of either case.

        Raises:
            ConfigError: the text is empty or not pairs of hexadecimal digits.
        """
        try:
            value = bytes.fromhex(text)
        except ValueError:
            value = b""
        if not value:
            raise ConfigError(
                "cannot read a build id",
                where=f"'{text}'",
                why="not pairs of hexadecimal digits",
                remedy="'readelf -n FILE' prints the build id of an ELF file.",
            )
        return cls(value)

    def __str__(self) -> str:
        return self.value.hex()

    @property
    def code_id(self) -> str:
        """The whole build id in upper-case hexadecimal digits, as in ``INFO CODE_ID``."""
        return self.value.hex().upper()

    @property
    def debug_id(self) -> str:
        """Breakpad's id: the first 16 bytes as a little-endian GUID, then age 0.

        Shorter build ids (lld's ``--build-id=fast`` makes 8 bytes) are padded with zero bytes.
        33 upper-case digits; lossy, so there is no way back to the build id.

        Source: Breakpad src/common/linux/file_id.cc, ConvertIdentifierToUUIDString.
        """
        guid = self.value[:_HASH_BYTES].ljust(_HASH_BYTES, b"\0")
        return (guid[3::-1] + guid[5:3:-1] + guid[7:5:-1] + guid[8:]).hex().upper() + "0"

    @property
    def unswapped_debug_id(self) -> str:
        """The id that symbolic and rust-minidump give a big-endian file: the bytes as they are.

        Padded and cut off as `debug_id` is, with the same age.

        Source: symbolic symbolic-debuginfo/src/elf.rs; rust-minidump minidump/src/minidump.rs.
        """
        return self.value[:_HASH_BYTES].ljust(_HASH_BYTES, b"\0").hex().upper() + "0"


def text_hash(text: bytes) -> BuildId:
    """Return the stand-in identifier of a file without build id: 16 bytes from its ``.text``.

    The first 4096 bytes are XORed onto 16 zero bytes, byte ``i`` onto byte ``i mod 16``. Breakpad
    works on whole strides of 16 and reads on behind a shorter ``.text`` whose size is no multiple
    of 16; we take the exact bytes, as symbolic does.

    Source: Breakpad src/common/linux/file_id.cc, HashElfTextSection; symbolic-debuginfo elf.rs.
    """
    mixed = bytearray(_HASH_BYTES)
    for index, byte in enumerate(text[:_HASHED_BYTES]):
        mixed[index % _HASH_BYTES] ^= byte
    return BuildId(bytes(mixed))
