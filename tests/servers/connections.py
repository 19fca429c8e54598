# SPDX-License-Identifier: MIT
"""HTTP/1.1 for the servers: connections, TLS, one request after the other, faults on the wire."""

from __future__ import annotations

import select
import socket
import socketserver
import ssl
import sys
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from servers.account import Exchange
from servers.faults import CloseBeforeReading, CutAnswer, CutRequest, Fault, Slow
from servers.messages import Request, Response
from servers.wire import BadRequestError, Blob, Body, CutError

if TYPE_CHECKING:
    from servers.base import Server

_NO_BODY = (204, 304)


class HttpServer(ThreadingHTTPServer):
    """The listening socket; a thread for each connection."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, owner: Server) -> None:
        self.owner = owner
        self.open_sockets: set[socket.socket] = set()
        self.sockets_lock = threading.Lock()
        self._tls = None if owner.certificate is None else owner.certificate.context()
        super().__init__(("127.0.0.1", 0), Handler)

    def server_bind(self) -> None:
        # HTTPServer's own asks the resolver for a name, which can take seconds.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", int(self.server_address[1])

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        connection, address = super().get_request()
        if self._tls is not None:
            # The handshake is made in the connection's own thread.
            connection = self._tls.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        return connection, address

    def handle_error(self, request: object, client_address: object) -> None:
        error = sys.exc_info()[1]
        if isinstance(error, (ConnectionError, ssl.SSLError)):
            self.owner.account.connection_dropped()
        elif error is not None:
            self.owner.errors.append(error)

    def hang_up(self, patience: float) -> int:
        """End all connections; return how many have not ended after ``patience`` seconds."""
        until = time.monotonic() + patience
        while True:
            with self.sockets_lock:
                for connection in self.open_sockets:
                    _shut(connection)
                left = len(self.open_sockets)
            if not left or time.monotonic() > until:
                return left
            time.sleep(0.005)


def _shut(connection: socket.socket) -> None:
    try:
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
    except OSError:
        # The client has ended it already.
        return


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: HttpServer

    def setup(self) -> None:
        super().setup()
        self.owner = self.server.owner
        with self.server.sockets_lock:
            self.server.open_sockets.add(self.connection)
        self.owner.account.connection_opened()

    def finish(self) -> None:
        try:
            super().finish()
        finally:
            self.owner.account.connection_closed()
            with self.server.sockets_lock:
                self.server.open_sockets.discard(self.connection)

    def handle(self) -> None:
        if isinstance(self.connection, ssl.SSLSocket):
            try:
                self.connection.do_handshake()
            except (ssl.SSLError, OSError):
                self.owner.account.handshake_failed()
                return
        super().handle()

    def log_message(self, *_: object) -> None:
        """Say nothing: the account has it."""

    def serve(self) -> None:
        """Answer one request, whatever its method is."""
        request = Request(self.command, self.path, self.headers, self.owner)
        found = self.owner.find_step(request)
        name = "unknown" if found is None else found.name
        fault = self.owner.plan.next_fault(name)
        self.exchange = Exchange(
            name, self.command, self.path, None, 0, 0, type(fault).__name__ if fault else ""
        )
        if isinstance(fault, CloseBeforeReading):
            self._break_off(request)
            return
        try:
            request.body = Body(self.rfile, self.headers, cut=isinstance(fault, CutRequest))
            response = self.owner.respond(found, request, fault)
            request.body.drain()
            self.close_connection = self.close_connection or request.body.broken
        except BadRequestError as error:
            self.close_connection = True
            response = self.owner.bad_request(str(error))
        except (CutError, ConnectionError, ssl.SSLError):
            self._break_off(request)
            return
        self._answer(request, response, fault)

    def __getattr__(self, name: str) -> Callable[[], None]:
        if name.startswith("do_"):
            return self.serve
        raise AttributeError(name)

    def _answer(self, request: Request, response: Response, fault: Fault | None) -> None:
        if isinstance(fault, Slow):
            self.owner.stopping.wait(fault.seconds)
            if self._client_has_gone():
                self._break_off(request)
                return
        if isinstance(fault, CutAnswer):
            self._break_off(request)
            self.wfile.write(self._half(response))
            return
        # Noted first: a client that has the answer must find it in the account.
        sent = 0 if self.command == "HEAD" else response.size
        self._note(request, response.status, sent)
        self.wfile.write(self._head(response) + self._small_body(response))
        if isinstance(response.body, Blob) and self.command != "HEAD":
            for block in response.body.blocks():
                self.wfile.write(block)

    def _client_has_gone(self) -> bool:
        if not select.select([self.connection], [], [], 0)[0]:
            return False
        # The plain socket below a TLS connection can be looked into without taking anything.
        return socket.socket.recv(self.connection, 1, socket.MSG_PEEK) == b""

    def _break_off(self, request: Request) -> None:
        self._note(request, None, 0)
        self.owner.account.connection_dropped()
        self.close_connection = True

    def _note(self, request: Request, status: int | None, sent: int) -> None:
        received = request.body.received if hasattr(request, "body") else 0
        before = self.exchange
        exchange = Exchange(
            before.step, before.method, before.path, status, received, sent, before.fault
        )
        self.owner.account.answered(exchange, request.content)

    def _half(self, response: Response) -> bytes:
        head = self._head(response)
        body = response.body.read() if isinstance(response.body, Blob) else response.body
        if not body or self.command == "HEAD":
            # Within the first line: Python's http.client takes the end for that of the headers.
            return head[: len("HTTP/1.")]
        return head + body[: len(body) // 2]

    def _head(self, response: Response) -> bytes:
        try:
            phrase = HTTPStatus(response.status).phrase
        except ValueError:
            phrase = "Unknown"
        lines = [f"HTTP/1.1 {response.status} {phrase}"]
        lines += [f"{name}: {value}" for name, value in response.headers.items()]
        if response.status not in _NO_BODY:
            lines.append(f"Content-Length: {response.size}")
        if self.close_connection:
            lines.append("Connection: close")
        return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")

    def _small_body(self, response: Response) -> bytes:
        if self.command == "HEAD" or isinstance(response.body, Blob):
            return b""
        return response.body
