# SPDX-License-Identifier: MIT
"""A server that says what a test wants, byte by byte, whether it is HTTP or not."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self

Speak = Callable[[socket.socket, threading.Event], None]


class RawServer:
    """Calls ``speak`` for each connection, in a thread of its own, after the head of a request."""

    def __init__(self, speak: Speak) -> None:
        self._speak = speak
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self.heads: list[str] = []

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join()
        for thread in self._threads:
            thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(20)
            head = b""
            try:
                while b"\r\n\r\n" not in head and (data := connection.recv(1 << 16)):
                    head += data
                self.heads.append(head.decode("latin-1"))
                self._speak(connection, self._over)
            except OSError:
                return  # the client has had enough


def answer(body: bytes, *headers: str, status: str = "200 OK") -> Speak:
    """Return what gives one answer, and closes the connection."""

    def speak(connection: socket.socket, _: threading.Event) -> None:
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close"]
        connection.sendall("\r\n".join([*lines, *headers, "", ""]).encode() + body)

    return speak
