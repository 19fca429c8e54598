# SPDX-License-Identifier: MIT
"""Which files of a checkout are those of a revision; git itself is asked."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import zlib
from hashlib import sha1
from pathlib import Path
from typing import Any

import pytest
from crashsym import checkout as module
from crashsym.checkout import unchanged_files
from crashsym.errors import ConfigError, ToolMissingError
from support import require_tool


def git(folder: Path, *arguments: str) -> str:
    """Run git."""
    identity = ("-c", "user.name=n", "-c", "user.email=n@example.com")
    command = [require_tool("git"), *identity, "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with a few files, some of which have changed since the commit."""
    folder = tmp_path / "checkout"
    (folder / "src").mkdir(parents=True)
    for name in ("same.c", "patched.c", "gone.c", "ä b.c", "[x].c"):
        (folder / "src" / name).write_text(f"{name}\n")
    (folder / "src/link.c").symlink_to("same.c")
    (folder / "top.c").write_text("top\n")
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "first")
    (folder / "src/patched.c").write_text("another\n")
    (folder / "src/gone.c").unlink()
    (folder / "generated.c").write_text("generated\n")
    os.utime(folder / "src/same.c", (0, 0))  # looks changed, but is not
    return folder


def test_only_what_the_revision_has_and_nobody_changed(checkout: Path) -> None:
    before = sorted((path, path.lstat().st_mtime_ns) for path in checkout.rglob("*"))
    expected = {"src/same.c", "src/ä b.c", "src/[x].c", "top.c"}
    assert unchanged_files(checkout, git(checkout, "rev-parse", "HEAD")) == expected
    assert sorted((path, path.lstat().st_mtime_ns) for path in checkout.rglob("*")) == before


def test_a_patch_that_was_committed_is_a_change_of_the_revision(checkout: Path) -> None:
    revision = git(checkout, "rev-parse", "HEAD")
    git(checkout, "commit", "--quiet", "-a", "-m", "patch")
    assert "src/patched.c" not in unchanged_files(checkout, revision)
    assert "src/patched.c" in unchanged_files(checkout, git(checkout, "rev-parse", "HEAD"))


def test_a_checkout_of_one_folder(checkout: Path, tmp_path: Path) -> None:
    # as BitBake's git fetcher does it for the parameter subpath
    part = tmp_path / "part"
    git(tmp_path, "clone", "--quiet", "--no-checkout", str(checkout), str(part))
    revision = git(checkout, "rev-parse", "HEAD")
    git(part, "read-tree", f"{revision}:src")
    git(part, "checkout-index", "--quiet", "--all", "--force")
    (part / "patched.c").write_text("another\n")
    expected = {f"src/{name}" for name in ("same.c", "gone.c", "ä b.c", "[x].c")}
    assert unchanged_files(part, revision, "src") == expected


@pytest.mark.parametrize(
    ("folder", "revision", "fact"),
    [
        ("checkout", "0" * 40, "git says: fatal:"),
        ("checkout", "--output=x", "'--output=x' is no revision"),
        ("checkout/src", "HEAD", "not a git repository"),  # the one above it is another's
        ("nowhere", "HEAD", "cannot change to"),
        ("checkout", "a\0b", "git cannot be asked: embedded null byte"),
        ("check\0out", "HEAD", "git cannot be asked: embedded null byte"),
        ("checkout", "\ud800", "git cannot be asked: 'utf-8' codec can't encode"),
        ("checkout", "a" * 200_000, "git cannot be asked: Argument list too long"),
    ],
    ids=[
        "not there",
        "an option",
        "a folder below",
        "no folder",
        "byte 0",
        "byte 0 in the folder",
        "surrogate",
        "too long",
    ],
)
def test_what_is_no_checkout_of_the_revision(
    checkout: Path, folder: str, revision: str, fact: str
) -> None:
    with pytest.raises(ConfigError, match="cannot link sources") as error:
        unchanged_files(checkout.parent / folder, revision)
    assert fact in error.value.why


def test_variables_of_another_repository_do_not_lead_astray(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    assert "top.c" in unchanged_files(checkout, "HEAD")


def test_no_program_that_the_repository_names_is_run(checkout: Path, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    with (checkout / ".git/config").open("a") as config:
        config.write("[core]\nrepositoryformatversion = 1\n[extensions]\npartialClone = origin\n")
        config.write(f'[remote "origin"]\nurl = {tmp_path}\npromisor = true\n')
        config.write(f'uploadpack = "touch {marker}; false"\n')
    folder = git(checkout, "rev-parse", "HEAD:src")
    (checkout / ".git/objects" / folder[:2] / folder[2:]).unlink()
    fetching = subprocess.run(
        [require_tool("git"), "-C", str(checkout), "ls-tree", "-r", "HEAD"],
        check=False,
        capture_output=True,
    )
    assert fetching.returncode
    assert marker.exists()  # git alone does run it
    marker.unlink()
    with pytest.raises(ConfigError, match="git says: error: Could not read"):
        unchanged_files(checkout, "HEAD")
    assert not marker.exists()


@pytest.mark.parametrize("number", ["_MOST_ENTRIES", "_MOST_BYTES"])
def test_a_repository_with_too_many_paths(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, number: str
) -> None:
    monkeypatch.setattr(module, number, 6)
    with pytest.raises(ConfigError, match=r"it has more than .* paths, or more than .* bytes"):
        unchanged_files(checkout, "HEAD")


def test_a_small_repository_that_has_more_paths_than_any_disk(checkout: Path) -> None:
    mode, inner = "100644", git(checkout, "rev-parse", "HEAD:top.c")
    for _ in range(7):
        names = [f"{mode} {name}".encode() + b"\0" + bytes.fromhex(inner) for name in "abcdefgh"]
        mode, inner = "40000", store_tree(checkout, b"".join(names))
    with pytest.raises(ConfigError, match="it has more than 1000000 paths"):
        unchanged_files(checkout, inner)


def test_git_that_waits_for_ever_is_ended(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    started: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def start(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
        started.append(popen(*arguments, **options))
        return started[-1]

    os.mkfifo(tmp_path / "fifo")
    with (checkout / ".git/config").open("a") as config:
        config.write(f"[include]\npath = {tmp_path}/fifo\n")
    monkeypatch.setattr(module, "_PATIENCE", 0.2)
    monkeypatch.setattr(subprocess, "Popen", start)
    with pytest.raises(ConfigError, match=r"git has not finished in 0\.2 seconds"):
        unchanged_files(checkout, "HEAD")
    assert [process.returncode for process in started] == [-9]


def test_git_ends_with_a_process_that_is_killed(checkout: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with (checkout / ".git/config").open("a") as config:
        config.write(f"[include]\npath = {tmp_path}/fifo\n")
    code = f"from crashsym.checkout import *; unchanged_files(Path({str(checkout)!r}), 'HEAD')"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", code], env=environment) as process:
        fifo = os.open(tmp_path / "fifo", os.O_WRONLY)  # git has it open for reading now
        process.kill()
    ended = select.poll()
    ended.register(fifo, select.POLLERR)
    assert [event for _, event in ended.poll(60_000)] == [select.POLLERR]  # nobody has, any more
    os.close(fifo)


def test_a_folder_that_is_a_link_is_not_looked_into(checkout: Path, tmp_path: Path) -> None:
    assert "src/same.c" in unchanged_files(checkout, "HEAD")
    (checkout / "src").rename(tmp_path / "out")
    (checkout / "src").symlink_to("../out")
    assert unchanged_files(checkout, "HEAD") == {"top.c"}


@pytest.mark.parametrize("name", ["../secret", "./top.c", "linked//top.c", "/{}/secret", ".."])
def test_names_that_lead_out_of_a_checkout(checkout: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").write_text("top\n")
    (checkout / "linked").mkdir()
    (checkout / "linked/top.c").write_text("top\n")
    blob = bytes.fromhex(git(checkout, "rev-parse", "HEAD:top.c"))
    entries = [name.format(str(tmp_path).lstrip("/")), "top.c"]
    data = b"".join(f"100644 {name}".encode() + b"\0" + blob for name in entries)
    assert unchanged_files(checkout, store_tree(checkout, data)) == {"top.c"}


def store_tree(checkout: Path, data: bytes) -> str:
    """Put a tree into a repository that git itself would not make."""
    whole = b"tree %d\0" % len(data) + data
    name = sha1(whole, usedforsecurity=False).hexdigest()
    file = checkout / ".git/objects" / name[:2] / name[2:]
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(zlib.compress(whole))
    return name


def test_git_that_cannot_be_started(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/git").write_text("#!/bin/sh\n")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(ToolMissingError, match="git: it cannot be started: Permission denied"):
        unchanged_files(checkout, "HEAD")


def test_without_git(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(checkout))
    with pytest.raises(ToolMissingError, match="git: no such program"):
        unchanged_files(checkout, "HEAD")
