# SPDX-License-Identifier: MIT
"""A forward proxy: CONNECT, and requests with an absolute URI (RFC 9110 9.3.6, RFC 9112 3.2.2).

It reaches servers on the loopback interface alone. A route gives a name that no resolver knows to
one of them, so that a client can only have come through the proxy.
"""

from __future__ import annotations

import base64
import selectors
import socket
import socketserver
import sys
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from typing_extensions import Self

_BLOCK = 1 << 16
_LOOPBACK = ("127.0.0.1", "localhost")
_OWN_HEADERS = ("proxy-authorization", "proxy-connection", "connection", "keep-alive")


class ProxyServer:
    """A context manager. ``seen`` has the method and the target of every request."""

    def __init__(self, routes: Mapping[str, int] | None = None, basic: str = "") -> None:
        self.routes = dict(routes or {})
        self.credentials = base64.b64encode(basic.encode()).decode() if basic else ""
        self.seen: list[tuple[str, str]] = []
        self.errors: list[BaseException] = []
        self.stopping = threading.Event()

    def __enter__(self) -> Self:
        self._tcp = _TcpServer(self)
        self._thread = threading.Thread(target=self._tcp.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._tcp.shutdown()
        self._thread.join()
        self._tcp.server_close()
        if self.errors:
            raise self.errors[0]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._tcp.server_address[1]}"

    def port_of(self, host: str, port: int) -> int | None:
        """Where ``host`` is on the loopback interface; None: this proxy does not lead there."""
        return port if host in _LOOPBACK else self.routes.get(host)


class _TcpServer(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, owner: ProxyServer) -> None:
        self.owner = owner
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        error = sys.exc_info()[1]
        if error is not None and not isinstance(error, ConnectionError):
            self.owner.errors.append(error)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Unbuffered: what follows the headers must still be in the socket for the pump.
    rbufsize = 0
    server: _TcpServer

    def log_message(self, *_: object) -> None:
        """Say nothing: ``seen`` has it."""

    def serve(self) -> None:
        owner = self.server.owner
        owner.seen.append((self.command, self.path))
        self.close_connection = True
        said = self.headers.get("Proxy-Authorization", "")
        if owner.credentials and said != f"Basic {owner.credentials}":
            self._refuse(407, 'Proxy-Authenticate: Basic realm="proxy"\r\n')
            return
        is_tunnel = self.command == "CONNECT"
        parts = urlsplit(f"//{self.path}" if is_tunnel else self.path)
        port = owner.port_of(parts.hostname or "", parts.port or 80)
        if port is None:
            self._refuse(403)
            return
        try:
            upstream = socket.create_connection(("127.0.0.1", port))
        except OSError:
            self._refuse(502)
            return
        with upstream:
            if is_tunnel:
                self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                upstream.sendall(self._head(parts.path, parts.query))
            _pump(self.connection, upstream, owner.stopping)

    def __getattr__(self, name: str) -> Callable[[], None]:
        if name.startswith("do_"):
            return self.serve
        raise AttributeError(name)

    def _refuse(self, status: int, headers: str = "") -> None:
        text = f"HTTP/1.1 {status} refused by the proxy\r\n{headers}Content-Length: 0\r\n"
        self.wfile.write(f"{text}Connection: close\r\n\r\n".encode())

    def _head(self, path: str, query: str) -> bytes:
        target = (path or "/") + (f"?{query}" if query else "")
        lines = [f"{self.command} {target} HTTP/1.1", "Connection: close"]
        lines += [f"{k}: {v}" for k, v in self.headers.items() if k.lower() not in _OWN_HEADERS]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _pump(client: socket.socket, upstream: socket.socket, stopping: threading.Event) -> None:
    """Copy both ways until one side has ended."""
    other = {client: upstream, upstream: client}
    with selectors.DefaultSelector() as selector:
        for side in other:
            selector.register(side, selectors.EVENT_READ, side)
        while not stopping.is_set():
            for key, _ in selector.select(timeout=0.1):
                sender: socket.socket = key.data
                try:
                    block = sender.recv(_BLOCK)
                    other[sender].sendall(block)
                except OSError:
                    # One side hung up within the conversation; the other sees it by our closing.
                    return
                if not block:
                    return
