# SPDX-License-Identifier: MIT
"""kas in the test's work folder: with no network, as the building user."""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import subprocess
import sys
from pathlib import Path

from support import missing

from yocto.oe_build import BuildRun, OeBuild, copy_layer

UPSTREAM = "https://git.openembedded.org"
OFFLINE = """\
header:
  version: 14
distro: offline
repos:
  meta-offline:
    path: {work}/meta-offline
  meta-testing:
    path: {work}/meta-testing
local_conf_header:
  offline: |
    BB_NUMBER_THREADS = "2"
    BBMASK += "/openembedded-core/meta/recipes-"
    SSTATE_DIR = "{work}/build/sstate-cache"
"""


def prepare(oe: OeBuild) -> Path:
    """Make a folder with kas, a committed copy of the layer, and clones in place of the servers."""
    folder = oe.work / "kas"
    if folder.exists():
        return folder
    folder.mkdir()
    _copy_kas(folder / "python")
    for name, clone in (("openembedded-core", "oe-core"), ("bitbake", "bitbake")):
        _git(oe.work / clone, "update-ref", "refs/heads/master", "HEAD")
        instead = f'[url "file://{oe.work / clone}"]\n\tinsteadOf = {UPSTREAM}/{name}\n'
        with (folder / "gitconfig").open("a") as config:
            config.write(f"{instead}[safe]\n\tdirectory = *\n")
    layer = folder / "meta-crashdump"
    copy_layer(layer)
    (layer / "kas/offline.yml").write_text(OFFLINE.format(work=oe.work))
    _git(layer, "init", "--quiet", "--initial-branch", "main")
    _git(layer, "add", "--all")
    _git(layer, "-c", "user.name=n", "-c", "user.email=n@example.com", "commit", "-qm", "layer")
    subprocess.run(["chown", "-R", "--reference", str(oe.build), str(folder)], check=True)
    return folder


def run(oe: OeBuild, name: str, *arguments: str) -> BuildRun:
    """Run kas with a work folder called ``name``."""
    folder = prepare(oe)
    work = folder / name
    work.mkdir()
    oe.own([work])
    environment = {
        "GITCONFIG_FILE": str(folder / "gitconfig"),
        "GIT_CONFIG_GLOBAL": str(folder / "gitconfig"),
        "KAS_WORK_DIR": str(work),
        "PYTHONPATH": str(folder / "python"),
        "PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    }
    return oe.run("/usr/bin/python3", "-m", "kas", *arguments, environment=environment)


def _copy_kas(target: Path) -> None:
    """Copy kas to where the building user, and the distribution's Python, can read it."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    command = ["/usr/bin/python3", "--version"]
    host = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[1]
    if not host.startswith(f"{version}."):
        missing(f"A virtual environment of /usr/bin/python3 ({host})", "Make .venv with it.")
    wanted, seen = ["kas"], set()
    while wanted:
        name = wanted.pop()
        if name in seen:
            continue
        seen.add(name)
        try:
            package = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            if name == "kas":
                missing("kas", "Install it with 'pip install .[yocto]'.")
            continue  # a requirement of another platform or another Python
        wanted += [re.split(r"[^\w.-]", needed)[0] for needed in package.requires or []]
        for file in package.files or []:
            if ".." not in file.parts:
                (target / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(Path(str(file.locate())), target / file)


def _git(repository: Path, *arguments: str) -> None:
    # the clones belong to the building user
    command = ["git", "-c", "safe.directory=*", "-C", str(repository), *arguments]
    subprocess.run(command, check=True)
