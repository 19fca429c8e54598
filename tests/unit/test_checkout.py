# SPDX-License-Identifier: MIT
"""Which files of a checkout are those of a revision; git itself is asked."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
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


def test_without_git(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(checkout))
    with pytest.raises(ToolMissingError, match="git: no such program"):
        unchanged_files(checkout, "HEAD")
