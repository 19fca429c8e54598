# SPDX-License-Identifier: MIT
"""A root file system with the database of dpkg, and the account that the command makes of it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import jsonschema
from support import REPOSITORY, crashsym

from builders import elf
from builders.elf import Elf
from builders.encode import Format

SCHEMAS = REPOSITORY / "docs/reference"


def module(number: int, names: tuple[bytes, ...] = (b"f",)) -> bytes:
    """A shared object with a build id of its own and one function for each name."""
    fmt = Format()
    table = elf.symbol_table(fmt, names)
    parts = (elf.code(), elf.build_id(fmt, bytes([number] * 20)), *table)
    return Elf(parts, machine=elf.X86_64, format=fmt).build()


class Root:
    """A root file system with the database of dpkg."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "root"
        self.root.mkdir()
        self._files: dict[str, dict[str, str]] = {}

    def put(self, path: str, data: bytes, package: str | None = None) -> Path:
        """Write a file, which ``package`` has had in this form."""
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        if package is not None:
            digest = hashlib.md5(data, usedforsecurity=False).hexdigest()
            self._files.setdefault(package, {})[path] = digest
        return file

    def write_database(self) -> None:
        info = self.root / "var/lib/dpkg/info"
        info.mkdir(parents=True)
        status = []
        for package, files in self._files.items():
            status.append(
                f"Package: {package}\nStatus: install ok installed\nArchitecture: amd64\n"
                f"Source: {package}-source (2.0)\nVersion: 2.0-1\n"
            )
            (info / f"{package}.list").write_text("".join(f"{path}\n" for path in files))
            sums = "".join(f"{md5}  {path.lstrip('/')}\n" for path, md5 in files.items())
            (info / f"{package}.md5sums").write_text(sums)
        (info.parent / "status").write_text("\n".join(status))

    def run(self, *options: str | Path, code: int = 3) -> dict[str, Any]:
        """Run the command; return what it prints as JSON."""
        places = ("--store", self.folder / "store", "--manifest", self.folder / "m.json")
        done = crashsym("image", self.root, *places, "--json", *options)
        assert done.returncode == code, done.stderr.decode()
        document: dict[str, Any] = json.loads(done.stdout)
        schema = json.loads((SCHEMAS / "crashsym-image-1.schema.json").read_text())
        jsonschema.validate(document, schema)
        return document

    def manifest(self) -> dict[str, dict[str, Any]]:
        document = json.loads((self.folder / "m.json").read_bytes())
        schema = json.loads((SCHEMAS / "crashsym-manifest-1.schema.json").read_text())
        jsonschema.validate(document, schema)
        found = {entry["path"]: entry for entry in document["modules"]}
        assert len(found) == len(document["modules"])
        return found
