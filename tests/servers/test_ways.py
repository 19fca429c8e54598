"""Ways to a server: TLS with a private authority, and proxies."""

from __future__ import annotations

import base64
import http.client
import ssl
from pathlib import Path

import pytest

from servers.certificates import Certificate, make_certificate
from servers.client import SYMBOLS, Got, Sent, exchange, send
from servers.proxy import ProxyServer
from servers.put import PutServer

NAME = "symbols.example.test"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


def over_tls(server: PutServer, authority: Path | None, host: str = "127.0.0.1") -> Got:
    context = ssl.create_default_context(cafile=authority)
    # As in Python 3.13 and newer.
    context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    connection = http.client.HTTPSConnection(host, server.port, timeout=60, context=context)
    try:
        return exchange(connection, Sent("PUT", "/a", SYMBOLS))
    finally:
        connection.close()


def test_a_client_that_knows_the_authority_gets_through(certificate: Certificate) -> None:
    with PutServer(certificate=certificate) as server:
        assert server.url.startswith("https://127.0.0.1:")
        assert over_tls(server, certificate.authority).status == 201
        assert over_tls(server, certificate.authority, "localhost").status == 204
        assert server.account.failed_handshakes == 0


def test_another_client_does_not(certificate: Certificate) -> None:
    wanted = pytest.raises(ssl.SSLCertVerificationError)
    with PutServer(certificate=certificate) as server, wanted:
        over_tls(server, None)
    assert server.account.failed_handshakes == 1
    assert server.account.requests == []


def test_a_certificate_can_be_out_of_date(tmp_path: Path) -> None:
    expired = make_certificate(tmp_path, days=-1)
    wanted = pytest.raises(ssl.SSLCertVerificationError, match="expired")
    with PutServer(certificate=expired) as server, wanted:
        over_tls(server, expired.authority)


def test_a_plain_request_to_a_tls_server_is_no_request(certificate: Certificate) -> None:
    wanted = pytest.raises((OSError, http.client.HTTPException))
    with PutServer(certificate=certificate) as server, wanted:
        send(server, Sent("GET", "/a"))


def by_proxy(proxy: ProxyServer, target: str, headers: dict[str, str] | None = None) -> Got:
    connection = http.client.HTTPConnection("127.0.0.1", int(proxy.url.split(":")[2]), timeout=60)
    try:
        return exchange(connection, Sent("PUT", target, SYMBOLS, headers or {}))
    finally:
        connection.close()


def test_a_request_with_an_absolute_uri_goes_through_the_proxy() -> None:
    with PutServer() as server, ProxyServer({NAME: server.port}) as proxy:
        answer = by_proxy(proxy, f"http://{NAME}/a?x=1", {"Proxy-Connection": "keep-alive"})
        assert answer.status == 201
        assert server.account.requests[-1].path == "/a?x=1"
        assert server.kept["a"].read() == SYMBOLS
        assert proxy.seen == [("PUT", f"http://{NAME}/a?x=1")]


def test_a_tunnel_goes_through_the_proxy(certificate: Certificate) -> None:
    with PutServer(certificate=certificate) as server, ProxyServer() as proxy:
        context = ssl.create_default_context(cafile=certificate.authority)
        port = int(proxy.url.split(":")[2])
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=60, context=context)
        connection.set_tunnel("127.0.0.1", server.port)
        assert exchange(connection, Sent("PUT", "/a", SYMBOLS)).status == 201
        # The connection is kept, as it is without a proxy.
        assert exchange(connection, Sent("GET", "/a")).body == SYMBOLS
        connection.close()
        assert proxy.seen == [("CONNECT", f"127.0.0.1:{server.port}")]


def test_the_proxy_leads_nowhere_else() -> None:
    with ProxyServer() as proxy:
        assert by_proxy(proxy, "http://other.example.test/a").status == 403
    with PutServer() as server:
        port = server.port
    with ProxyServer({NAME: port}) as proxy:
        assert by_proxy(proxy, f"http://{NAME}/a").status == 502


def test_the_proxy_can_want_a_password() -> None:
    word = {"Proxy-Authorization": "Basic " + base64.b64encode(b"user:secret").decode()}
    with PutServer() as server, ProxyServer({NAME: server.port}, "user:secret") as proxy:
        refused = by_proxy(proxy, f"http://{NAME}/a")
        assert refused.status == 407
        assert refused.headers["Proxy-Authenticate"] == 'Basic realm="proxy"'
        assert by_proxy(proxy, f"http://{NAME}/a", word).status == 201
        assert server.account.connections == 1
