# SPDX-License-Identifier: MIT
"""Uploads to Apache's WebDAV: folders are made, nothing is overwritten, a password is asked for."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
from builders.uploading import Bench, shown, states
from support import require_tool

pytestmark = pytest.mark.oracle

MODULES = Path("/usr/lib/apache2/modules")
LOADED = (
    *("mpm_event", "authn_core", "authn_file", "authz_core", "authz_user", "auth_basic"),
    *("dav", "dav_fs"),
)
NOBODY = 65534
USER, PASSWORD = "builder", "a-password-of-the-tests"
CONFIGURATION = """\
ServerName localhost
Listen 127.0.0.1:{port}
PidFile {folder}/apache.pid
ErrorLog {folder}/error.log
DocumentRoot {folder}/dav
DavLockDB {folder}/locks
User #{user}
Group #{group}
<Directory {folder}/dav>
    Dav On
    AuthType Basic
    AuthName symbols
    AuthUserFile {folder}/passwords
    Require valid-user
</Directory>
"""


@pytest.fixture
def apache() -> Iterator[tuple[str, Path]]:
    """Yield the address of a server, and its folder."""
    program = require_tool("apache2")
    with tempfile.TemporaryDirectory(prefix="crashsym-apache-") as name:
        folder = Path(name)
        port = free_port()
        configure(folder, port)
        command = [program, "-f", str(folder / "apache.conf"), "-X"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            wait_for(port, process)
            yield f"http://127.0.0.1:{port}", folder / "dav"
            process.terminate()


def configure(folder: Path, port: int) -> None:
    """Write what the server needs, which does not serve as root."""
    (folder / "dav").mkdir()
    digest = b64encode(hashlib.sha1(PASSWORD.encode(), usedforsecurity=False).digest())
    (folder / "passwords").write_text(f"{USER}:{{SHA}}{digest.decode()}\n")
    modules = [f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in LOADED]
    user, group = os.getuid() or NOBODY, os.getgid() or NOBODY
    settings = CONFIGURATION.format(port=port, folder=folder, user=user, group=group)
    (folder / "apache.conf").write_text("\n".join([*modules, settings]))
    for path in (folder, *folder.iterdir()):
        os.chown(path, user, group)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def wait_for(port: int, process: subprocess.Popen[str]) -> None:
    while process.poll() is None:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    assert process.stderr is not None
    pytest.fail(process.stderr.read())


def target(bench: Bench, url: str, password: str = PASSWORD) -> None:
    (bench.folder / "crashsym.toml").unlink(missing_ok=True)
    bench.target("http", url, f'user = "{USER}"', bench.token(password))


def test_all_files_arrive_in_their_folders(
    tmp_path: Path, apache: tuple[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    url, folder = apache
    bench = Bench(tmp_path, 20)
    target(bench, url)
    assert bench.run("upload", "--verify", "--json") == 0
    assert states(shown(capsys.readouterr().out)) == ["sent"] * 20
    kept = {
        file.relative_to(folder): file.read_bytes() for file in folder.rglob("*") if file.is_file()
    }
    stored = bench.store.glob("*/*/*.sym")
    assert kept == {file.relative_to(bench.store): file.read_bytes() for file in stored}


def test_nothing_is_overwritten(
    tmp_path: Path, apache: tuple[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    url, folder = apache
    bench = Bench(tmp_path, 3)
    there = bench.symbol_file(1).relative_to(bench.store)
    (folder / there).parent.mkdir(parents=True)
    (folder / there).write_text("older")
    target(bench, url)
    assert bench.run() == 3
    assert "there is another file of 5 bytes" in capsys.readouterr().err
    assert (folder / there).read_text() == "older"
    assert len(list(folder.glob("*/*/*.sym"))) == 3


def test_another_password_is_an_error(
    tmp_path: Path, apache: tuple[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    url, folder = apache
    bench = Bench(tmp_path, 3)
    target(bench, url, "wrong")
    assert bench.run() == 3
    said = capsys.readouterr().err
    assert "HTTP 401" in said
    assert "wrong" not in said
    assert not list(folder.iterdir())
