# SPDX-License-Identifier: MIT
"""MODULE and INFO CODE_ID: fit for processors and for a store, and in agreement."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from crashsym.breakpad.cpus import CPUS
from crashsym.breakpad.lint.report import Report, quoted
from crashsym.ids import BuildId

_SYSTEMS = ("Linux", "mac", "windows")
# Breakpad src/common/linux/dump_symbols.cc (ElfArchitecture) and src/common/mac/dump_syms.cc,
# symbolic symbolic-common/src/types.rs.
_ARCH_WORDS = (
    "unknown x86 x86_64 x86_64h arm armv5 armv6 armv6m armv7 armv7f armv7s armv7k armv7m armv7em "
    "arm64 arm64v8 arm64e arm64_32 ppc ppc64 mips mips64 s390 sparc sparcv9 riscv wasm32"
)
_ARCHES = frozenset(_ARCH_WORDS.split()) | frozenset(cpu.arch for cpu in CPUS.values())
_DEBUG_ID = re.compile("[0-9A-F]{33,40}")
_LIKE_DEBUG_ID = re.compile("[0-9A-Fa-f]{33,40}")
_CODE_ID = re.compile("(?:[0-9A-F]{2})+")
_GUID_DIGITS = 32


@dataclass(frozen=True, slots=True)
class ModuleWords:
    """The words of the MODULE record; ``number`` is its line."""

    os: str
    arch: str
    debug_id: str
    debug_file: str
    number: int


def parse_module(record: bytes, number: int) -> ModuleWords | None:
    """Return the words of a MODULE record, or None if it is none."""
    words = record.decode("utf-8", "replace").split(" ", 4)
    if len(words) != 5 or not all(words):
        return None
    return ModuleWords(words[1], words[2], words[3], words[4], number)


def check_module(module: ModuleWords, path: Path | None, report: Report) -> None:
    """Check each field for itself, and against the place of the file in a store."""
    line = module.number
    if module.os not in _SYSTEMS:
        report.add("module-os", line, quoted(module.os.encode()))
    if module.arch not in _ARCHES:
        report.add("module-arch", line, quoted(module.arch.encode()))
    name = module.debug_file
    if name in (".", "..") or set(name) & set("/\\ "):
        report.add("module-name", line, quoted(name.encode()))
    if not _DEBUG_ID.fullmatch(module.debug_id):
        report.add("debug-id", line, quoted(module.debug_id.encode()))
    elif not module.debug_id[:_GUID_DIGITS].strip("0"):
        report.add("debug-id-zero", line, module.debug_id.encode())
    if path is not None and _LIKE_DEBUG_ID.fullmatch(path.parent.name):
        _check_place(module, path, report)


def _check_place(module: ModuleWords, path: Path, report: Report) -> None:
    """Source: Breakpad src/processor/simple_symbol_supplier.cc."""
    wanted = (module.debug_file, module.debug_id, f"{module.debug_file}.sym")
    found = path.absolute().parts[-3:]
    if found != wanted:
        fact = f"'{'/'.join(found)}' where MODULE asks for '{'/'.join(wanted)}'"
        report.add("store-path", module.number, fact)


def check_code_id(
    module: ModuleWords | None, code_id: tuple[str, int] | None, report: Report
) -> None:
    """Check (code id, line) against the debug id, which ELF files have from the same bytes.

    On big-endian CPUs symbolic and rust-minidump do not swap the bytes of the debug id, Breakpad
    does: both forms agree with the code id.
    """
    if module is None or module.os != "Linux":
        return
    if code_id is None:
        report.add("code-id-missing", 0, "the module is for Linux")
        return
    text, line = code_id
    if not _CODE_ID.fullmatch(text):
        report.add("code-id", line, quoted(text.encode()))
    elif _DEBUG_ID.fullmatch(module.debug_id) and module.debug_id.strip("0"):
        value = bytes.fromhex(text)
        plain = value[: _GUID_DIGITS // 2].ljust(_GUID_DIGITS // 2, b"\0").hex().upper()
        forms = (BuildId(value).debug_id[:_GUID_DIGITS], plain)
        if module.debug_id[:_GUID_DIGITS] not in forms:
            fact = f"'{text}' and '{module.debug_id}'"
            report.add("code-id-mismatch", line, fact)
