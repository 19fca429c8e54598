# SPDX-License-Identifier: MIT
"""Places that cannot be used: current folders, targets, temporary folders; what is left there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest
from builders.uploading import LIB, Bench
from crashsym.cli.main import main
from crashsym.files import OWN, StagedFolder
from servers.base import Server
from servers.put import PutServer
from servers.sentry import Sentry, SentryServer
from servers.tecken import Tecken, TeckenServer
from support import require_tool

Printed = pytest.CaptureFixture[str]
LIMITED = """
import os, resource, sys
from crashsym.cli.main import main
import crashsym.cli.upload
open_now = len(os.listdir("/proc/self/fd")) - 1
resource.setrlimit(resource.RLIMIT_NOFILE, (open_now + int(sys.argv[1]),) * 2)
sys.exit(main(sys.argv[2:]))
"""


def without_rights(folder: Path, *line: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, without the right of root to see everything."""
    command = [sys.executable, "-m", "crashsym", *line]
    if os.getuid() == 0:
        rights = "--bounding-set=-dac_override,-dac_read_search"
        command = [require_tool("setpriv", "util-linux"), rights, "--inh-caps=-all", *command]
    env = {**os.environ, "PYTHONPATH": LIB}
    return subprocess.run(command, capture_output=True, text=True, env=env, cwd=folder, check=False)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, 2)


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Path]:
    """A folder that nobody may enter, and root only by its special right."""
    folder = tmp_path / "closed"
    folder.mkdir()
    folder.chmod(0)
    yield folder
    folder.chmod(0o700)


def test_a_current_folder_without_access(bench: Bench, closed: Path) -> None:
    """It has no file of targets that could be read."""
    if os.getuid() != 0:
        pytest.skip("only root can begin a command there")
    done = without_rights(closed, *bench.line("upload", to=f"store:{bench.folder}/out"))
    assert done.returncode == 0, done.stderr
    done = without_rights(closed, *bench.line("upload", to="server"))
    assert done.returncode == 2, done.stderr
    assert "unknown target 'server': no file of targets" in done.stderr


def test_a_target_in_a_folder_without_access(bench: Bench, closed: Path) -> None:
    done = without_rights(bench.folder, *bench.line("upload", to=f"store:{closed}/out"))
    assert done.returncode == 2, done.stderr
    assert f"cannot upload: '{closed}/out': Permission denied. Name a folder" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("place", ["x" * 300, "x/" * 3000], ids=["part", "path"])
def test_a_target_with_a_name_that_is_too_long(bench: Bench, capsys: Printed, place: str) -> None:
    assert bench.run(to=f"store:{bench.folder}/{place}") == 2
    said = capsys.readouterr().err
    assert said.startswith("crashsym: cannot upload: '")
    assert ": File name too long. Name a folder" in said
    assert said.count("\n") == 1


def test_words_of_another_locale(bench: Bench) -> None:
    env = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "TÖKEN": ""}
    text = '[target.server]\nkind = "{}"\n{}\n'
    for kind, more, why in (
        ("http", 'url = "http://127.0.0.1:9"\ntoken = {environment = "TÖKEN"}', "no token: "),
        ("http", 'url = "http://127.0.0.1:9"\ntoken = {file = "/t/Ö"}', "no token: "),
        ("http", 'url = "http://127.0.0.1:9"\ntoken = {command = ["/t/Ö"]}', "no token: "),
        ("store", 'path = "/t/Ö"', "cannot use a folder: "),
    ):
        config = bench.folder / "crashsym.toml"
        config.write_text(text.format(kind, more), encoding="utf-8")
        process = bench.start(env=env)
        said = process.communicate()[1]
        assert process.returncode == 2, said
        assert said.startswith(f"crashsym: {why}")


def test_a_variable_is_found_in_another_locale(bench: Bench) -> None:
    env = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    with TeckenServer() as server:
        bench.target("tecken", server.url, 'token = { environment = "TÖKEN" }')
        process = bench.start(env={**env, "TÖKEN": Tecken().token})
        said = process.communicate()[1]
        assert process.returncode == 0, said


# -- temporary folders

MORE = ('organization = "acme"', 'project = "firmware"')
SERVERS: dict[str, tuple[Callable[[], Server], tuple[str, ...], str]] = {
    "sentry": (SentryServer, MORE, Sentry().token),
    "tecken": (TeckenServer, (), Tecken().token),
    "http": (PutServer, ('compress = "gzip"',), "any"),
}


@pytest.mark.parametrize("kind", SERVERS)
def test_no_temporary_folder(bench: Bench, kind: str) -> None:
    cls, more, token = SERVERS[kind]
    # Python falls back to /tmp and the current folder, which have to be of no use, too.
    code = "import tempfile; tempfile._candidate_tempdir_list = lambda: ['/nonexistent']\n"
    code += "import sys; from crashsym.cli.main import main; sys.exit(main(sys.argv[1:]))"
    with cls() as server:
        bench.target(kind, server.url, *more, bench.token(token))
        done = subprocess.run(
            [sys.executable, "-c", code, *bench.line()],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": LIB, "TMPDIR": "/nonexistent"},
            check=False,
        )
        assert not server.kept
    assert done.returncode == 3, done.stderr
    assert done.stderr.count("'/nonexistent': No usable temporary directory found") == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("kind", SERVERS)
def test_too_few_open_files(bench: Bench, kind: str) -> None:
    """However few they are, nothing but messages comes of it."""
    cls, more, token = SERVERS[kind]
    codes = set()
    for number in range(1, 14):
        with cls() as server:
            bench.target(kind, server.url, *more, "patience = 0.1", bench.token(token))
            done = subprocess.run(
                [sys.executable, "-c", LIMITED, str(number), *bench.line()],
                capture_output=True,
                text=True,
                env={**os.environ, "PYTHONPATH": LIB},
                check=False,
            )
        (bench.folder / "crashsym.toml").unlink()
        codes.add(done.returncode)
        assert "Traceback" not in done.stderr, (number, done.stderr)
        assert "crashsym: " in done.stderr
    assert codes <= {0, 2, 3}
    assert 3 in codes


# -- what is left


def staged(folder: Path) -> list[Path]:
    return list(folder.glob(f"{OWN}*"))


@pytest.mark.parametrize("works", [False, True])
def test_what_a_killed_upload_has_left_is_removed(bench: Bench, works: bool) -> None:
    out = bench.folder / "out"
    out.mkdir()
    left = out / f"{OWN}{'0a' * 8}"
    left.mkdir()
    (left / "data").write_text("half")
    other: AbstractContextManager[object] = StagedFolder(out) if works else nullcontext()
    with other as folder:
        assert main(bench.line(to=f"store:{out}")) == 0
        assert staged(out) == ([Path(str(folder))] if works else [])
    assert staged(out) == []
