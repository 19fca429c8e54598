# SPDX-License-Identifier: MIT
"""A store of made-up symbol files, and the manifest that names them."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from crashsym.coverage import Coverage
from crashsym.manifest import Counts, Manifest, Module, Symbols

from builders import elf
from builders.encode import X64
from builders.manifests import bare


def symbol_file(number: int, size: int = 4000) -> tuple[str, str, bytes]:
    """Return debug id, build id and content of a symbol file of about so many bytes."""
    lines = "".join(f"PUBLIC {n:x} 0 function_{number}_{n}\n" for n in range(size // 30))
    return _with_head(number, lines.encode())


def _with_head(number: int, records: bytes) -> tuple[str, str, bytes]:
    build_id = hashlib.sha1(b"%d" % number, usedforsecurity=False).hexdigest()
    little = [build_id[0:8], build_id[8:12], build_id[12:16]]
    turned = "".join(
        "".join(reversed([part[i : i + 2] for i in range(0, len(part), 2)])) for part in little
    )
    debug_id = f"{turned}{build_id[16:32]}0".upper()
    head = f"MODULE Linux x86_64 {debug_id} lib{number}.so\nINFO CODE_ID {build_id.upper()}\n"
    return debug_id, build_id, head.encode() + records


def add(store: Path, number: int, size: int = 4000) -> Module:
    """Put a symbol file into a store; return the module that has it."""
    return _added(store, number, symbol_file(number, size))


def add_records(store: Path, number: int, records: bytes) -> Module:
    """Put a symbol file of these records into a store; return the module that has it."""
    return _added(store, number, _with_head(number, records))


def _added(store: Path, number: int, made: tuple[str, str, bytes]) -> Module:
    debug_id, build_id, data = made
    name = f"lib{number}.so"
    place = f"{name}/{debug_id}/{name}.sym"
    file = store / place
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    symbols = Symbols(
        place, hashlib.sha256(data).hexdigest(), Counts(0, 0, 0, 1, 0), Coverage(0, 0, 0, 0, 0)
    )
    return replace(
        bare(f"/usr/lib/{name}", "ok"),
        build_id=build_id,
        debug_id=debug_id,
        debug_file=name,
        arch="x86_64",
        symbols=symbols,
        reason=None,
    )


def add_debug_file(root: Path, module: Module) -> str:
    """Put an ELF file with the build id of a module into a tree; return its SHA-256."""
    file = root / module.path.lstrip("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    note = elf.build_id(X64, bytes.fromhex(module.build_id or ""))
    info = elf.Section(".debug_info", module.path.encode() * 50)
    data = elf.Elf((elf.text(), note, info)).build()
    file.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def fill(folder: Path, count: int, size: int = 4000) -> Manifest:
    """Make ``store`` and ``manifest.json`` with so many files in a folder."""
    manifest = Manifest.of(add(folder / "store", number, size) for number in range(count))
    manifest.write(folder / "manifest.json")
    return manifest
