# SPDX-License-Identifier: MIT
"""Stack walkers read the symbols that uploads have put into a folder, from there or by HTTP.

docs/reference/upload.md says which of them read compressed ones; here they say it themselves.
"""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from corpus.build import run
from oracles.crashes import Frame, breakpad_stack, crash, install, rust_stack
from oracles.peers import rust_stackwalk
from support import REPOSITORY, crashsym, require_tool

Walker = Callable[[Path, Path], list[Frame]]
pytestmark = [pytest.mark.oracle, pytest.mark.xdist_group("minidump")]


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``minidump``, and what was uploaded as ``none``, ``gzip`` and ``zstd``."""
    for tool in ("g++", "ar", "objcopy", "strip"):
        require_tool(tool)
    folder = tmp_path_factory.mktemp("served")
    install(folder / "root")
    places = ("--store", folder / "store", "--manifest", folder / "manifest.json")
    done = crashsym("extract", folder / "root", *places)
    assert done.returncode == 0, done.stderr.decode()
    targets = [
        f'[target.{name}]\nkind = "store"\npath = "{folder}/{name}"\ncompress = "{name}"\n'
        for name in ("none", "gzip", "zstd")
    ]
    (folder / "crashsym.toml").write_text("".join(targets))
    to = [word for name in ("none", "gzip", "zstd") for word in ("--to", name)]
    done = crashsym("upload", *places, "--config", folder / "crashsym.toml", *to)
    assert done.returncode == 0, done.stderr.decode()
    crash(folder / "root", "first", folder / "dumps").rename(folder / "minidump")
    return folder


@contextmanager
def served(folder: Path, encoding: str = "") -> Iterator[str]:
    """Yield the address of a web server; it may say that its files are compressed."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *about: object) -> None:
            super().__init__(*about, directory=str(folder))  # type: ignore[arg-type]

        def end_headers(self) -> None:
            if encoding:
                self.send_header("Content-Encoding", encoding)
            super().end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def found_by_http(minidump: Path, url: str, scratch: Path) -> bool:
    """Whether rust-minidump names function and line of the crash."""
    scratch.mkdir(exist_ok=True)
    folders = ["--symbols-cache", f"{scratch}/cache", "--symbols-tmp", str(scratch)]
    places = ["--symbols-url", url, *folders]
    document = json.loads(run([str(rust_stackwalk()), "--json", *places, str(minidump)]))
    frame = document["crashing_thread"]["frames"][0]
    return bool(frame["line"]) and frame["function"].endswith("crash_here")


def test_from_a_web_server(crashed: Path, tmp_path: Path) -> None:
    with served(crashed / "none") as url:
        assert found_by_http(crashed / "minidump", url, tmp_path)


@pytest.mark.parametrize(("compress", "understood"), [("gzip", True), ("zstd", False)])
def test_compressed_from_a_web_server(
    crashed: Path, tmp_path: Path, compress: str, *, understood: bool
) -> None:
    with served(crashed / compress) as url:
        assert not found_by_http(crashed / "minidump", url, tmp_path / "a")
    with served(crashed / compress, compress) as url:
        assert found_by_http(crashed / "minidump", url, tmp_path / "b") == understood


@pytest.mark.parametrize("walker", [breakpad_stack, rust_stack])
def test_compressed_from_the_folder(crashed: Path, walker: Walker) -> None:
    assert any(frame.line for frame in walker(crashed / "minidump", crashed / "none"))
    for compress in ("gzip", "zstd"):
        assert not any(frame.line for frame in walker(crashed / "minidump", crashed / compress))


def test_the_page_says_so() -> None:
    page = (REPOSITORY / "docs/reference/upload.md").read_text()
    gzip = "from a web server that answers with `Content-Encoding: gzip`"
    assert f"| rust-minidump's minidump-stackwalk | {gzip} | no |" in page
    assert "| Breakpad's minidump_stackwalk | no | no |" in page
