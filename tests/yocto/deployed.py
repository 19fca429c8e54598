# SPDX-License-Identifier: MIT
"""What the class leaves in the deploy folder, and what lies in packages."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import NoteSection


@dataclass(frozen=True)
class Deployed:
    """The symbols and manifests of one recipe below deploy/crashdump."""

    root: Path
    recipe: str

    def manifests(self) -> list[Path]:
        """Return the recipe's manifest fragments, one for each architecture."""
        return sorted(self.root.glob(f"*/manifests/{self.recipe}.json"))

    def architectures(self) -> list[str]:
        """Name the package architectures that the recipe was built for."""
        return [manifest.parents[1].name for manifest in self.manifests()]

    def modules(self) -> list[dict[str, Any]]:
        """Return the entries of the only manifest."""
        (manifest,) = self.manifests()
        return list(json.loads(manifest.read_text())["modules"])

    def module(self, path: str) -> dict[str, Any]:
        """Return the entry of one target path."""
        (found,) = [module for module in self.modules() if module["path"] == path]
        return found

    def stores(self) -> list[Path]:
        """Return the recipe's symbol stores, one for each architecture; empty folders are none."""
        folders = sorted(self.root.glob(f"*/symbols/{self.recipe}"))
        return [folder for folder in folders if any(folder.rglob("*.sym"))]

    def symbol_file(self, module: dict[str, Any]) -> Path:
        """Return the symbol file of a module of the only manifest."""
        (store,) = self.stores()
        return store / str(module["symbols"]["path"])

    def contents(self) -> dict[str, bytes]:
        """Return all files of the recipe by their place below the deploy folder."""
        files = [path for store in self.stores() for path in store.rglob("*.sym")]
        return {str(p.relative_to(self.root)): p.read_bytes() for p in [*files, *self.manifests()]}


def is_elf(path: Path) -> bool:
    """Tell whether ``path`` itself, not what it points to, is an ELF file."""
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as candidate:
        return candidate.read(4) == b"\x7fELF"


def build_id(path: Path) -> str:
    """Return the GNU build id of an ELF file."""
    with path.open("rb") as stream:
        section = ELFFile(stream).get_section_by_name(".note.gnu.build-id")
        assert isinstance(section, NoteSection), path
        (note,) = section.iter_notes()
        return str(note["n_desc"])


def elf_files(packages: Path) -> dict[tuple[str, str], Path]:
    """Return the packaged ELF files by (package, path on the target), .debug halves left out."""
    found = {}
    for package in packages.iterdir():
        for path in package.rglob("*"):
            if ".debug" not in path.parts and is_elf(path):
                found[package.name, "/" + str(path.relative_to(package))] = path
    return found


def image_elf_files(root: Path) -> list[str]:
    """Return what os.walk and readelf find below a root; nothing of ours has a part in it."""
    found = []
    for folder, _, names in os.walk(root):
        for path in (Path(folder, name) for name in names):
            if path.is_symlink() or not path.is_file():
                continue
            done = subprocess.run(["readelf", "-h", path], capture_output=True, check=False)
            if b"ELF Header:" in done.stdout:
                found.append(f"/{path.relative_to(root)}")
    return sorted(found)


def debug_halves(packages: Path) -> list[Path]:
    """Return the split debug files in all packages."""
    return [path for path in packages.rglob(".debug/*") if is_elf(path)]


def tree(root: Path) -> dict[str, bytes]:
    """Return what is below ``root``: of files mode and SHA-256, of links the target."""
    found = {}
    for path in sorted(root.rglob("*")):
        if path.is_symlink():
            described = str(path.readlink())
        elif path.is_file():
            mode = oct(path.stat().st_mode)
            described = f"{mode} {hashlib.sha256(path.read_bytes()).hexdigest()}"
        else:
            described = oct(path.stat().st_mode)
        found[str(path.relative_to(root))] = described.encode()
    return found
