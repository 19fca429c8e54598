# SPDX-License-Identifier: MIT
"""Releases, and a store of some of their files in any layout."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from crashsym.cli.main import main
from crashsym.manifest import Counts, Manifest, Module
from crashsym.upload.items import KINDS, Item
from crashsym.upload.layouts import LAYOUTS
from crashsym.upload.prune import Pruned, prune

from builders.symbolstore import add

Files = dict[str, bytes]


def contents(folder: Path) -> Files:
    """Return all files, of links where they lead."""
    found = {}
    for file in folder.rglob("*"):
        name = str(file.relative_to(folder))
        if file.is_symlink():
            found[name] = b"-> " + bytes(file.readlink())
        elif file.is_file():
            found[name] = file.read_bytes()
    return found


def write(folder: Path, files: Files) -> None:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def time_passes(folder: Path) -> None:
    """Return once the clock of the file system has gone on."""
    with tempfile.NamedTemporaryFile(dir=folder.parent) as file:
        before = os.fstat(file.fileno()).st_ctime_ns
        while os.fstat(file.fileno()).st_ctime_ns == before:
            os.fchmod(file.fileno(), 0o600)


def places(layout: str, modules: Sequence[Module], kinds: Sequence[str] = KINDS) -> set[str]:
    """Return where a layout has the files of modules."""
    found = set()
    for module in modules:
        assert module.debug_file is not None
        assert module.debug_id is not None
        ids = (module.debug_file, module.debug_id, module.build_id)
        found |= {LAYOUTS[layout](Item(kind, None, "", "", *ids, "", ())) for kind in kinds}
    return {place for place in found if place is not None}


def with_lines(module: Module) -> Module:
    assert module.symbols is not None
    return replace(module, symbols=replace(module.symbols, counts=Counts(1, 1, 0, 1, 0)))


class Releases:
    """Modules by number, releases that have some of them, and a store of some of their files."""

    def __init__(self, folder: Path, layout: str = "breakpad") -> None:
        self.folder = folder
        self.layout = layout
        self.store = folder / "store"
        self.store.mkdir()
        self._modules: dict[int, Module] = {}

    def modules(self, *numbers: int) -> list[Module]:
        for number in numbers:
            if number not in self._modules:
                self._modules[number] = with_lines(add(self.folder / "made", number, 60))
        return [self._modules[number] for number in numbers]

    def release(self, name: str, *numbers: int) -> Path:
        """Write the manifest of a release."""
        file = self.folder / f"{name}.json"
        Manifest.of(self.modules(*numbers)).write(file)
        return file

    def places(self, *numbers: int, kinds: Sequence[str] = KINDS) -> set[str]:
        return places(self.layout, self.modules(*numbers), kinds)

    def fill(self, *numbers: int, kinds: Sequence[str] = KINDS) -> Files:
        """Put files into the store and return them."""
        files = {place: place.encode() for place in self.places(*numbers, kinds=kinds)}
        write(self.store, files)
        time_passes(self.store)
        return files

    def prune(self, *manifests: Path, dry_run: bool = False) -> Pruned:
        read = {
            file: Manifest.of(self.modules(*map(int, file.stem.split("-")))) for file in manifests
        }
        return prune(self.store, self.layout, read, dry_run=dry_run)

    def run(self, *arguments: str | Path) -> int:
        line = ["store", "prune", "--store", str(self.store), "--layout", self.layout]
        return main([*line, *map(str, arguments)])
