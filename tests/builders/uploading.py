# SPDX-License-Identifier: MIT
"""A store with a manifest, and targets of it, for the tests of uploads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from crashsym.cli.main import main
from crashsym.manifest import Manifest
from servers.base import Server

from builders.symbolstore import fill

LIB = str(Path(__file__).parents[2] / "lib")
CANARY = "sntrys_C4n/ry+t0ken=\"do\\not'print"


class Bench:
    """A folder with ``store``, ``manifest.json`` and ``crashsym.toml``."""

    def __init__(self, folder: Path, files: int = 3, size: int = 4000) -> None:
        self.folder = folder
        self.manifest: Manifest = fill(folder, files, size)
        self.wanted = {m.symbols.sha256 for m in self.manifest.modules if m.symbols is not None}
        self.bundle = folder / "bundle.tar"

    @property
    def store(self) -> Path:
        return self.folder / "store"

    def symbol_file(self, number: int = 0) -> Path:
        """Return the file of a module."""
        symbols = self.manifest.modules[number].symbols
        assert symbols is not None
        return self.store / symbols.path

    def token(self, text: str) -> str:
        """Write a token to a file and return what a target says of it."""
        file = self.folder / "token"
        file.write_text(text)
        file.chmod(0o600)
        return f'token = {{ file = "{file}" }}'

    def target(self, kind: str, url: str, *more: str, name: str = "server") -> None:
        """Add a target to the configuration."""
        lines = [f"[target.{name}]", f'kind = "{kind}"', f'url = "{url}"', *more]
        with (self.folder / "crashsym.toml").open("a") as stream:
            stream.write("\n".join([*lines, ""]))

    def line(self, command: str = "upload", *more: str, to: str = "server") -> list[str]:
        """Return the arguments of a command."""
        config = self.folder / "crashsym.toml"
        places = ["--manifest", str(self.folder / "manifest.json"), "--store", str(self.store)]
        chosen = ["--config", str(config)] if config.exists() else []
        return [command, *places, *chosen, "--to", to, *more]

    def bundle_line(self, *more: str) -> list[str]:
        """Return the arguments that write a bundle."""
        places = ["--manifest", str(self.folder / "manifest.json"), "--store", str(self.store)]
        return ["upload", *places, "--bundle", str(self.bundle), *more]

    def run(self, command: str = "upload", *more: str, to: str = "server") -> int:
        return main(self.line(command, *more, to=to))

    def start(
        self, *more: str, to: str = "server", env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """Begin an upload in a process of its own."""
        line = [sys.executable, "-m", "crashsym", *self.line("upload", *more, to=to)]
        return subprocess.Popen(
            line,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": LIB, **(env or {})},
        )

    def ledger(self) -> str:
        """Return all that the store has noted."""
        folder = self.store / ".crashsym-uploads"
        return "".join(file.read_text() for file in sorted(folder.glob("*.jsonl")))


def states(document: Mapping[str, Any], target: int = 0) -> list[str]:
    """Return how the files of a target have ended."""
    return [file["state"] for file in document["targets"][target]["files"]]


def kept(server: Server) -> set[str]:
    """Return the SHA-256 of the files that a server keeps."""
    return {blob.sha256 for blob in server.kept.values()}


def shown(text: str) -> Any:
    """Return the document that a command has printed."""
    return json.loads(text)
