# SPDX-License-Identifier: MIT
"""kas in the test's work folder: with no network, as the building user."""

from __future__ import annotations

import subprocess
from pathlib import Path

from yocto import from_venv
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
    from_venv.copy("kas", folder / "python")
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


def _git(repository: Path, *arguments: str) -> None:
    # the clones belong to the building user
    command = ["git", "-c", "safe.directory=*", "-C", str(repository), *arguments]
    subprocess.run(command, check=True)
