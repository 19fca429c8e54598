# SPDX-License-Identifier: MIT
"""What Sentry wants to know of a debug file: an ELF file or a Breakpad symbol file.

Source of the rules: symbolic-debuginfo, which Sentry uses (elf.rs, breakpad.rs); a test compares
with it.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from mmap import ACCESS_READ, mmap
from pathlib import Path

from servers.elffile import ElfFile, TruncatedError

_ARCHES = re.compile(
    r"x86h?|amd64|x86_64h?|arm|armv(5|6m?|7|7f|7s|7k|7m|7em|8|8m|8\.1m)|arm64(v8|e|_32|_32v8)?"
    r"|ppc(64)?|mips(64)?|wasm32|unknown"
)
_MODULE = re.compile(rb"MODULE (\S+) (\S+) (\S+) (.+)")
_DEBUG_ID = re.compile(r"([0-9A-Fa-f]{32})([0-9A-Fa-f]{1,8})")
_CODE_ID = re.compile(rb"^INFO CODE_ID ([0-9A-Fa-f]+)\b", re.MULTILINE)
_RECORDS = {
    "symtab": re.compile(rb"^PUBLIC ", re.MULTILINE),
    "debug": re.compile(rb"^FUNC ", re.MULTILINE),
    "unwind": re.compile(rb"^STACK ", re.MULTILINE),
}
_LONGEST_FIRST_LINE = 4096


class BadDebugFileError(ValueError):
    """The file is refused; the text is what Sentry gives as ``detail``."""


@dataclass(frozen=True)
class DebugFile:
    """The facts of one file. ``debug_id`` is lower-case with hyphens, ``code_id`` lower-case."""

    format: str
    arch: str
    debug_id: str
    code_id: str | None
    kind: str
    features: frozenset[str]


def read_debug_file(path: Path) -> DebugFile:
    """Return the facts of the file at ``path``.

    Raises:
        BadDebugFileError: it is of an unknown kind, or malformed.
    """
    with path.open("rb") as file:
        start = file.read(_LONGEST_FIRST_LINE)
    if start.startswith(b"\x7fELF"):
        return _read_elf(path)
    if start.startswith(b"MODULE "):
        return _read_breakpad(path, start)
    raise BadDebugFileError("Unsupported debug information file: unsupported object file format")


def hyphenated(identifier: bytes, age: int = 0) -> str:
    """Return 16 bytes in the order of a printed GUID, and an age that is not 0, as a debug id."""
    text = identifier.hex()
    parts = (text[:8], text[8:12], text[12:16], text[16:20], text[20:])
    return "-".join(parts) + (f"-{age:x}" if age else "")


def normalized_debug_id(text: str) -> str | None:
    """Return a debug id in Sentry's form, from that or from Breakpad's; None if it is none."""
    plain = text.strip()
    found = _DEBUG_ID.fullmatch(plain)
    if found:
        return hyphenated(bytes.fromhex(found[1]), int(found[2], 16))
    found = re.fullmatch(
        r"([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})"
        r"(?:-([0-9a-f]{1,8}))?",
        plain.lower(),
    )
    if not found:
        return None
    age = int(found[6] or "0", 16)
    return hyphenated(bytes.fromhex("".join(found.groups()[:5])), age)


def _read_breakpad(path: Path, start: bytes) -> DebugFile:
    module = _MODULE.fullmatch(start.split(b"\n", 1)[0].rstrip(b"\r"))
    if module is None:
        raise _malformed("breakpad", "invalid MODULE record")
    arch = module[2].decode("utf-8", "replace")
    identifier = _DEBUG_ID.fullmatch(module[3].decode("utf-8", "replace"))
    if not _ARCHES.fullmatch(arch) or identifier is None:
        raise _malformed("breakpad", "unknown architecture or identifier")
    debug_id = hyphenated(bytes.fromhex(identifier[1]), int(identifier[2], 16))
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
        found = _CODE_ID.search(content)
        code_id = found[1].decode().lower() if found else None
        features = frozenset(word for word, record in _RECORDS.items() if record.search(content))
    return DebugFile("breakpad", arch, debug_id, code_id, "dbg", features)


def _read_elf(path: Path) -> DebugFile:
    try:
        with path.open("rb") as file:
            elf = ElfFile(file)
            build_id = elf.build_id()
            text_hash = b"" if build_id else elf.text_hash()
            features = elf.features()
    except (TruncatedError, struct.error) as error:
        raise _malformed("ELF", str(error)) from error
    identifier = (build_id or text_hash)[:16].ljust(16, b"\0")
    if elf.little:
        # The first three fields of a GUID are numbers, which the bytes hold in this order.
        identifier = struct.pack("<IHH8s", *struct.unpack(">IHH8s", identifier))
    code_id = build_id.hex() if build_id else None
    return DebugFile("elf", elf.arch, hyphenated(identifier), code_id, elf.kind, features)


def _malformed(what: str, why: str) -> BadDebugFileError:
    return BadDebugFileError(f"Invalid debug information file: invalid {what} file: {why}")
