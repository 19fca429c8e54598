# SPDX-License-Identifier: MIT
"""A store with a manifest, and targets of it, for the tests of uploads."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from crashsym.cli.main import main
from crashsym.manifest import Manifest
from crashsym.upload.sources import StoreFolder
from servers.base import Server, Step
from servers.faults import Fault
from servers.forms import Form
from servers.messages import Request, Response

from builders.symbolstore import fill

LIB = str(Path(__file__).parents[2] / "lib")
_CHILD = """
import resource, sys
from crashsym.cli.main import main
base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
code = main(sys.argv[1:])
print(code, base, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
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

    @property
    def source(self) -> StoreFolder:
        """The store with the manifest as it is now."""
        return StoreFolder(self.folder / "manifest.json", self.store, [])

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

    def enlarge(self, size: int) -> str:
        """Let the only file be so many zero bytes, which take no disk; return its SHA-256."""
        file = self.symbol_file()
        file.write_bytes(b"")
        os.truncate(file, size)
        zeros, digest = bytes(1 << 20), hashlib.sha256()
        for _ in range(size >> 20):
            digest.update(zeros)
        (known,) = self.wanted
        manifest = self.folder / "manifest.json"
        manifest.write_text(manifest.read_text().replace(known, digest.hexdigest()))
        return digest.hexdigest()

    def memory(self) -> int:
        """Upload in a process of its own; return by how many KiB that has grown."""
        done = subprocess.run(
            [sys.executable, "-c", _CHILD, *self.line("upload")],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONPATH": LIB},
        )
        code, base, peak = map(int, done.stdout.split())
        assert code == 0, done.stderr
        return peak - base

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


@dataclass(frozen=True)
class NotedForm:
    """A form that a server got: texts by name, and files as name, file name and SHA-256."""

    target: str
    fields: dict[str, str]
    files: tuple[tuple[str, str | None, str], ...]


def noted_forms(server: Server) -> list[NotedForm]:
    """Let a server note the forms that come."""
    seen: list[NotedForm] = []
    real = server.respond

    def respond(found: Step | None, request: Request, fault: Fault | None) -> Response:
        read = request.form

        def form() -> Form:
            made = read()
            files = tuple((part.name, part.filename, part.blob.sha256) for part in made.files)
            seen.append(NotedForm(request.target, made.fields, files))
            return made

        request.form = form  # type: ignore[method-assign]
        return real(found, request, fault)

    server.respond = respond  # type: ignore[method-assign]
    return seen


def shown(text: str) -> Any:
    """Return the document that a command has printed."""
    return json.loads(text)


def upload(
    bench: Bench, capsys: pytest.CaptureFixture[str], *options: str
) -> tuple[int, Mapping[str, Any], str]:
    """Return exit code, document and messages."""
    code = bench.run("upload", "--json", *options)
    printed = capsys.readouterr()
    return code, shown(printed.out), printed.err
