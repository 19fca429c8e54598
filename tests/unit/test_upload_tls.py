# SPDX-License-Identifier: MIT
"""Certificates are checked, also of private authorities; proxies are those of the environment."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from builders.asking import ask, forget_environment, get, put
from crashsym.errors import UnavailableError
from servers.certificates import Certificate, make_certificate
from servers.proxy import ProxyServer
from servers.put import PutServer


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    forget_environment(monkeypatch)


# -- TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def secure(certificate: Certificate) -> Iterator[PutServer]:
    with PutServer(None, (), certificate) as server:
        yield server


def test_a_private_authority(
    secure: PutServer, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.authority))
    assert ask(put(secure.url)).status == 201


def test_an_unknown_authority_is_refused_at_once(secure: PutServer) -> None:
    with pytest.raises(UnavailableError, match="its certificate cannot be trusted") as caught:
        ask(put(secure.url), patience=60)
    assert "REQUESTS_CA_BUNDLE" in str(caught.value)
    assert secure.account.connections == 1
    assert not secure.account.requests


def test_a_certificate_of_the_past(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    past = make_certificate(tmp_path, days=0)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(past.authority))
    time.sleep(1.1)  # its end is a whole second
    with PutServer(None, (), past) as server:
        with pytest.raises(UnavailableError, match="expired"):
            ask(put(server.url), patience=60)
        assert not server.account.requests


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_a_bundle_that_is_none(
    secure: PutServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    bundle = tmp_path / "bundle.pem"
    if content is not None:
        bundle.write_bytes(content)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    with pytest.raises(UnavailableError):
        ask(put(secure.url), patience=2)
    assert not secure.account.requests


def test_a_server_without_tls_where_there_should_be() -> None:
    with PutServer() as server, pytest.raises(UnavailableError, match=r"SSL.* speaks no TLS"):
        ask(put(server.url.replace("http://", "https://")), patience=60)


# -- proxies


def test_a_proxy_for_https(
    secure: PutServer, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.authority))
    with ProxyServer() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        assert ask(put(secure.url)).status == 201
        assert proxy.seen == [("CONNECT", f"127.0.0.1:{secure.port}")]


def test_a_proxy_for_http(monkeypatch: pytest.MonkeyPatch) -> None:
    with PutServer() as server, ProxyServer({"symbols.invalid": server.port}) as proxy:
        # Only in lower case: a web server gets the other from a header (CVE-2016-5385).
        monkeypatch.setenv("http_proxy", proxy.url)
        assert ask(put("http://symbols.invalid")).status == 201
        assert proxy.seen == [("PUT", "http://symbols.invalid/file")]
        assert "file" in server.kept


def test_no_proxy_for_some_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    with PutServer() as server, ProxyServer() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        assert ask(put(server.url)).status == 201
        assert not proxy.seen


def test_a_proxy_that_wants_a_password(
    secure: PutServer, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.authority))
    with ProxyServer(basic="me:hunter2") as proxy:
        right = proxy.url.replace("http://", "http://me:hunter2@")
        monkeypatch.setenv("HTTPS_PROXY", right)
        assert ask(put(secure.url)).status == 201
        monkeypatch.setenv("HTTPS_PROXY", right.replace("hunter2", "secret3"))
        with pytest.raises(UnavailableError, match="407") as caught:
            ask(put(secure.url), patience=0.3)
    assert "secret3" not in str(caught.value)


def test_a_proxy_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    monkeypatch.setenv("http_proxy", f"http://me:hunter2@127.0.0.1:{port}")
    with pytest.raises(UnavailableError) as caught:
        ask(get("http://symbols.invalid"), patience=0.1)
    assert "hunter2" not in str(caught.value)
