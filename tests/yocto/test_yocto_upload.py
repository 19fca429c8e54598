# SPDX-License-Identifier: MIT
"""Steps of yocto_upload.feature."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_bdd import given, parsers, scenarios, then, when
from servers.proxy import ProxyServer
from servers.sentry import Sentry, SentryServer

from yocto.developer import Developer

pytestmark = [pytest.mark.bitbake, pytest.mark.xdist_group("bitbake")]
scenarios("../features/yocto_upload.feature")

# All of these are among the paths that are searched.
SEARCHED = {
    "/sstate-cache/",
    ".siginfo",
    "do_crashdump_upload.sigdata",
    "/log.do_crashdump_upload",
    "/run.do_crashdump_upload",
    "/buildhistory/",
    "/deploy/images/",
    "/bitbake-cookerdaemon.log",
}
NAME = "symbols.example.test"
TOKEN = "sntrys_canary-6d1f0a7be93c"  # noqa: S105 - looked for in all that a build leaves


@pytest.fixture
def server() -> Iterator[SentryServer]:
    with SentryServer(Sentry(token=TOKEN)) as found:
        yield found


@given("a symbol server, and its token in a file that only the building user can read")
def _server(developer: Developer, server: SentryServer) -> None:
    token = developer.oe.work / "secrets/token"
    developer.oe.write(token, TOKEN)
    token.chmod(0o600)
    targets = developer.oe.build / "crashsym.toml"
    developer.oe.write(
        targets,
        f'[target.sentry]\nkind = "sentry"\nurl = "{server.url}"\norganization = "acme"\n'
        f'project = "firmware"\npatience = 5\ntoken = {{ file = "{token}" }}\n',
    )
    developer.set('BB_NO_NETWORK:forcevariable = "0"')  # the test distribution sets it
    developer.set('CRASHDUMP_TARGETS = "sentry"')
    developer.set(f'CRASHDUMP_TARGETS_FILE = "{targets}"')


@pytest.fixture
def proxy(server: SentryServer) -> Iterator[ProxyServer]:
    with ProxyServer({NAME: server.port}) as found:
        yield found


@given("the server is reached through a proxy alone")
def _behind(developer: Developer, server: SentryServer, proxy: ProxyServer) -> None:
    targets = developer.oe.build / "crashsym.toml"
    developer.oe.write(targets, targets.read_text().replace(server.url, f"http://{NAME}"))
    developer.set(f'http_proxy = "{proxy.url}"')


@then("the proxy was asked")
def _proxied(proxy: ProxyServer) -> None:
    assert proxy.seen


@given("the only file of the image that cannot have symbols is left out")
def _left_out(developer: Developer) -> None:
    developer.set('CRASHDUMP_EXCLUDE:pn-accounted-image = "/opt/vendor/bin/cut-off"')


@given("the server does not know the token any more")
def _expired(developer: Developer) -> None:
    developer.oe.write(developer.oe.work / "secrets/token", "another-token")
    (developer.oe.work / "secrets/token").chmod(0o600)


@when(parsers.parse('I upload "{recipe}"'))
def _upload(developer: Developer, recipe: str) -> None:
    developer.run_task(recipe, "crashdump_upload")


@when(parsers.parse('I try to upload "{recipe}"'))
def _try_to_upload(developer: Developer, recipe: str) -> None:
    developer.run_task(recipe, "crashdump_upload", succeeds=None)


@then("the server was asked nothing")
def _asked_nothing(server: SentryServer) -> None:
    assert server.account.requests == []


@then("nothing was sent")
def _nothing_sent(developer: Developer, server: SentryServer) -> None:
    assert developer.last.ran("accounted-image", "crashdump_upload")
    assert not server.account.duplicates
    chunks = [request for request in server.account.requests if request.step == "chunks"]
    assert len(chunks) == 1


@then(parsers.parse('the server has each symbol file of "{recipes}"'))
def _has_each(developer: Developer, server: SentryServer, recipes: str) -> None:
    files: list[Path] = []
    for recipe in recipes.split():
        if "image" in recipe:
            store = developer.image_file(recipe, "crashdump")
        else:
            (store,) = developer.deployed(recipe).stores()
        found = list(store.rglob("*.sym"))
        assert found
        files += found
    kept = {blob.sha256 for key, blob in server.kept.items() if "/" in key}
    assert kept == {hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


@then(
    "the token is neither in a log, nor in a signature, nor in sstate, nor in the build history,"
    " nor in what was deployed"
)
def _nowhere(developer: Developer) -> None:
    printed = developer.oe.bitbake("-e", "accounted-image").output
    assert "CRASHDUMP_TARGETS_FILE" in printed
    assert TOKEN not in printed + developer.last.output
    wanted = ["accounted-image", "-c", "crashdump_upload", "-S", "none"]
    signatures = developer.oe.bitbake(*wanted).output
    assert TOKEN not in signatures
    target = str(developer.oe.work / "secrets/token")  # is known to be in the configuration
    named: set[str] = set()
    for folder in (developer.oe.build, developer.oe.work / "home"):
        for file in _files(folder):
            content = _content(file)
            assert TOKEN.encode() not in content, file
            named |= {word for word in SEARCHED if word in str(file)}
            assert file.name != "crashsym.toml" or target.encode() in content
            if "do_crashdump_upload.sigdata" in file.name:
                assert b"CRASHDUMP_TARGETS" in content  # which is compressed
    assert named == SEARCHED


def _files(folder: Path) -> Iterator[Path]:
    for above, _, names in os.walk(folder):
        for name in names:
            file = Path(above, name)
            if file.is_file() and not file.is_symlink():
                yield file


def _content(file: Path) -> bytes:
    """Return what is in a file; objects of sstate and signatures are compressed."""
    content = file.read_bytes()
    if content.startswith(b"\x28\xb5\x2f\xfd"):
        return subprocess.run(["zstd", "-dcqf", file], capture_output=True, check=True).stdout
    return content


@then(parsers.parse('it says "{text}" of "{name}"'))
def _says_of(developer: Developer, text: str, name: str) -> None:
    assert [line for line in developer.last.output.splitlines() if text in line and name in line]


@then(parsers.parse('it says "{text}"'))
def _says(developer: Developer, text: str) -> None:
    assert text in developer.last.output
