# SPDX-License-Identifier: MIT
"""Steps of upload_bundle.feature: a builder, a desk, and what is carried from one to the other."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from builders.uploading import Bench
from pytest_bdd import given, parsers, scenarios, then, when
from servers.base import Server
from servers.faults import Order, Plan, Slow
from servers.put import PutServer
from servers.sentry import Sentry, SentryServer
from support import crashsym

scenarios("upload_bundle.feature")


class Site:
    """Two places that share no folder, and two servers."""

    def __init__(self, folder: Path) -> None:
        self.builder = folder / "builder"
        self.desk = folder / "desk"
        self.builder.mkdir()
        self.desk.mkdir()
        self.stack = ExitStack()
        self.servers: list[Server] = []
        self.last: subprocess.CompletedProcess[bytes] | None = None
        self.bundle = self.builder / "release.tar"

    def configure(self, folder: Path) -> None:
        """Write the configuration of both servers."""
        (folder / "token").touch(0o600)
        (folder / "token").write_text(Sentry().token)
        tables = []
        for name, server in zip(("first", "second"), self.servers, strict=True):
            kind = "sentry" if isinstance(server, SentryServer) else "http"
            project = 'organization = "acme"\nproject = "firmware"\n' if kind == "sentry" else ""
            token = f'token = {{ file = "{folder}/token" }}\n'
            tables.append(
                f'[target.{name}]\nkind = "{kind}"\nurl = "{server.url}"\n{project}{token}'
            )
        (folder / "crashsym.toml").write_text("".join(tables))

    def run(self, folder: Path, *words: str) -> None:
        self.last = crashsym(*words, cwd=folder)
        assert b"Traceback" not in self.last.stderr, self.last.stderr.decode()

    @property
    def said(self) -> str:
        assert self.last is not None
        return self.last.stderr.decode()

    def kept(self, number: int) -> dict[str, str]:
        return {key: blob.sha256 for key, blob in self.servers[number].kept.items()}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    found = Site(tmp_path)
    with found.stack:
        yield found


BUILT = ("upload", "--manifest", "manifest.json", "--store", "store")


@given(parsers.parse("a builder with a store of {count:d} symbol files"))
def store(site: Site, count: int) -> None:
    Bench(site.builder, count)


@given(parsers.parse("two {kind} servers"))
def servers(site: Site, kind: str) -> None:
    for _ in range(2):
        sentry = SentryServer(Sentry(chunks_per_request=2))
        server: Server = sentry if kind == "sentry" else PutServer()
        site.servers.append(site.stack.enter_context(server))
    site.configure(site.builder)
    site.configure(site.desk)


@given("the token is not on the builder")
def no_token(site: Site) -> None:
    (site.builder / "token").unlink()


@given(parsers.parse('the symbol file of "{name}" is not there'))
def not_there(site: Site, name: str) -> None:
    (file,) = (site.builder / "store").glob(f"{name}/*/*.sym")
    file.unlink()


@when("the builder uploads to the first one")
def direct(site: Site) -> None:
    site.run(site.builder, *BUILT, "--to", "first")


@when(parsers.parse('the builder writes the bundle "{name}"'))
def write(site: Site, name: str) -> None:
    site.run(site.builder, *BUILT, "--to", "first", "--to", "second", "--bundle", name)


@when("only the bundle is carried to the desk")
def carry(site: Site) -> None:
    site.bundle = site.bundle.rename(site.desk / site.bundle.name)
    site.builder.rename(site.builder.with_name("out-of-reach"))


@when("only the first half of the bundle is carried to the desk")
def carry_half(site: Site) -> None:
    data = site.bundle.read_bytes()
    carry(site)
    site.bundle.write_bytes(data[: len(data) // 2])


@when(parsers.parse('a byte of "{name}" in it is another one'))
def damage(site: Site, name: str) -> None:
    data = site.bundle.read_bytes()
    word = f"function_{name[3:].partition('.')[0]}_".encode()
    place = data.index(word)
    site.bundle.write_bytes(data[:place] + b"F" + data[place + 1 :])


@when("the desk sends the bundle to the second one")
def send(site: Site) -> None:
    site.run(site.desk, "upload", "--bundle", site.bundle.name, "--to", "second")


@when("the desk begins to send the bundle to the second one, and is killed")
def send_a_part(site: Site) -> None:
    server = site.servers[1]
    server.plan = Plan([Order("*", Slow(0.05), onwards=True)])
    line = ("upload", "--bundle", site.bundle.name, "--to", "second")
    child = subprocess.Popen([sys.executable, "-m", "crashsym", *line], cwd=site.desk)
    while len(server.account.requests) < 12 and child.poll() is None:
        time.sleep(0.002)
    child.kill()
    assert child.wait() < 0, "it was not at work any more"
    assert server.account.content, "it was killed before the first file"
    server.plan = Plan([])


@then(parsers.parse("the exit code is {code:d}"))
def exit_code(site: Site, code: int) -> None:
    assert site.last is not None
    assert site.last.returncode == code, site.said


@then("both servers have the same files")
def same(site: Site) -> None:
    assert site.kept(0)
    assert site.kept(0) == site.kept(1)


@then("no byte came twice")
def once(site: Site) -> None:
    assert not any(server.account.duplicates for server in site.servers)


@then("no server was asked anything")
def nobody(site: Site) -> None:
    assert not any(server.account.connections for server in site.servers)


@then(parsers.parse('it names "{name}"'))
def names(site: Site, name: str) -> None:
    assert f"/{name}' (/usr/lib/" in site.said


@then(parsers.parse('it says "{text}"'))
def says(site: Site, text: str) -> None:
    assert text in site.said


@then(parsers.parse("the second server has {count:d} files"))
def has(site: Site, count: int) -> None:
    assert len(site.kept(1)) == count
