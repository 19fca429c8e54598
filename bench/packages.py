# SPDX-License-Identifier: MIT
"""Files of Debian's -dbg packages, fetched with apt-get: inputs that nobody here wrote."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from corpus.build import run
from corpus.matrix import Cpu


@dataclass(frozen=True)
class DebianPackage:
    """The largest file below usr/lib/debug of one package of this system's Debian release.

    Debian compresses debug sections with zlib; ``decompress`` undoes that, so that the file is
    like one of OpenEmbedded's.
    """

    name: str
    architecture: str
    cpu: Cpu
    decompress: bool = False

    def key(self) -> str:
        """See farm.Recipe. A newer version of the package is not fetched."""
        words = (self.name, self.architecture, self.decompress)
        return hashlib.sha256(repr(words).encode()).hexdigest()[:12]

    def describe(self, path: Path) -> str:
        """See farm.Recipe."""
        version = _version_file(path).read_text(encoding="utf-8").strip()
        state = ", decompressed" if self.decompress else ""
        return f"Debian's {self.name} {version} ({self.architecture}){state}"

    def make(self, path: Path) -> None:
        """See farm.Recipe."""
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".unpacking-") as scratch:
            folder = Path(scratch)
            [archive] = download([self.name], self.architecture, folder)
            run(["dpkg-deb", "-x", str(archive), str(folder / "tree")])
            files = (folder / "tree/usr/lib/debug").rglob("*.debug")
            largest = max(files, key=lambda file: file.lstat().st_size)
            if self.decompress:
                objcopy = f"{self.cpu.triple}-objcopy"
                run([objcopy, "--decompress-debug-sections", str(largest)])
            version = run(["dpkg-deb", "-f", str(archive), "Version"])
            _version_file(path).write_text(version, encoding="utf-8")
            largest.rename(path)


def download(names: Sequence[str], architecture: str, folder: Path) -> list[Path]:
    """Return packages of an architecture, fetched into ``folder``, in no particular order."""
    options = []
    if architecture != run(["dpkg", "--print-architecture"]).strip():
        options = _private_apt(folder / "apt", architecture)
    run(["apt-get", *options, "-q", "download", *names], cwd=folder)
    return list(folder.glob("*.deb"))


def _version_file(path: Path) -> Path:
    return path.with_suffix(".version")


def _private_apt(folder: Path, architecture: str) -> list[str]:
    """Return apt-get's options for package lists of another architecture, fetched into ``folder``.

    So the system need not be told of that architecture.
    """
    for place in ("state/lists/partial", "cache/archives/partial"):
        (folder / place).mkdir(parents=True)
    (folder / "status").touch()
    settings = {
        "APT::Architecture": architecture,
        "APT::Architectures": architecture,
        "Dir::State": folder / "state",
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder / "cache",
        "APT::Sandbox::User": os.environ.get("USER", "root"),
    }
    options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
    # A source that has nothing for this architecture is no reason to stop: the download tells.
    run(["sh", "-c", 'apt-get "$@" -q update || true', "apt-get", *options])
    return options
