# SPDX-License-Identifier: MIT
"""What recipes fetch, put where BitBake keeps it, as if it had been fetched."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path

from yocto.developer import Developer
from yocto.oe_build import OeBuild

Repositories = dict[str, Path]  # host and path -> the clone
IDENTITY = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "n"), ("EMAIL", "n@example.com"), ("DATE", "2020-01-01T00:00:00Z"))
}
MAIN = """\
int patched(void), second(void), table(void), extra(void), generated(void);
int main(void) { return patched() + second() + table() + extra() + generated(); }
"""


def git(clone: Path, *arguments: str, stdin: str = "") -> str:
    """Run git in a clone; after the first build it belongs to the building user."""
    command = ["git", "-c", "safe.directory=*", "-C", str(clone), *arguments]
    environment = {**os.environ, **IDENTITY}
    result = subprocess.run(
        command, env=environment, input=stdin, capture_output=True, text=True, check=True
    )
    return result.stdout.strip()


def git_repository(oe: OeBuild, name: str, files: Mapping[str, str]) -> Path:
    """Return the clone with this name, made if need be, whose branch main has these files."""
    clone = oe.build / "downloads/git2" / name
    if not clone.exists():
        clone.mkdir(parents=True)
        git(clone, "init", "--quiet", "--bare")
        for path, text in files.items():
            blob = git(clone, "hash-object", "-w", "--stdin", stdin=text)
            git(clone, "update-index", "--add", "--cacheinfo", f"100644,{blob},{path}")
        commit = git(clone, "commit-tree", "-m", "first", git(clone, "write-tree"))
        git(clone, "update-ref", "refs/heads/main", commit)
    oe.own_tree(oe.build / "downloads")
    return clone


def many_sources(developer: Developer) -> Repositories:
    """Provide what the recipe many-sources fetches."""
    oe = developer.oe
    first = {"src/main.c": MAIN, "src/patched.c": "int patched(void) { return 1; }\n"}
    second = {"lib/second.c": "int second(void) { return 2; }\n"}
    repositories = {
        "git.example.com/team/first": git_repository(oe, "git.example.com.team.first.git", first),
        "git.example.com/team/second": git_repository(
            oe, "git.example.com.8443.team.second", second
        ),
    }
    for place, clone in repositories.items():
        commit = git(clone, "rev-parse", "refs/heads/main")
        developer.set(f'SRCREV_{place.rpartition("/")[2]}:pn-many-sources = "{commit}"')
    digest = _archive(oe, "table-1.0", "table.c", b"int table(void) { return 3; }\n")
    developer.set(f'TABLE_SHA256:pn-many-sources = "{digest}"')
    return repositories


def _archive(oe: OeBuild, folder: str, name: str, data: bytes) -> str:
    """Put an archive into DL_DIR and return its SHA-256."""
    archive = oe.build / f"downloads/{folder}.tar.gz"
    if not archive.exists():
        with tarfile.open(archive, "w:gz") as made:
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(data)
            made.addfile(member, io.BytesIO(data))
        oe.own([archive])
    return hashlib.sha256(archive.read_bytes()).hexdigest()
