# SPDX-License-Identifier: MIT
"""The connections of a transport: an answer has an end, and all can be broken off at once.

The time that `requests` takes is one of silence, so that a byte now and then keeps an attempt going
for ever: `http.client` reads what is before a body (any number of ``100 Continue``), chunk sizes
and trailers by itself. So it reads from what knows when the answer has to be there.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import logging
import os
import socket
import threading
import time
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from weakref import WeakSet

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection

MOST = 1 << 25  # bytes of an answer with its head, chunk sizes and trailers


def _no_record(_: logging.LogRecord) -> bool:
    return False


# Their messages have whole addresses, and some protocols want a key in these.
for _name in list(logging.root.manager.loggerDict):
    if _name.partition(".")[0] in ("urllib3", "requests"):
        logging.getLogger(_name).addFilter(_no_record)


class _Ending(io.RawIOBase):
    """What is read of a socket until a moment, no more than `MOST` bytes."""

    def __init__(self, sock: socket.socket) -> None:
        """Take a socket, whose time for silence becomes that for all."""
        self._sock = sock
        self._stream = sock.makefile("rb", buffering=0)
        self._silence = sock.gettimeout()
        self._end = time.monotonic() + self._silence if self._silence is not None else None
        self._size = 0

    def makefile(self, *_: object) -> io.BufferedReader:
        """Return what `http.client` reads an answer from."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read what is there.

        Raises:
            OSError: the time is over, or it is too much.
        """
        left = None if self._end is None else self._end - time.monotonic()
        if self._size > MOST or (left is not None and left <= 0):
            raise ConnectionAbortedError("the answer does not end")
        self._sock.settimeout(left)
        try:
            size = self._stream.readinto(buffer)
        except TimeoutError:
            if self._size:
                raise ConnectionAbortedError("the answer does not end") from None
            raise
        self._sock.settimeout(self._silence)
        self._size += size or 0
        return size

    def close(self) -> None:
        self._stream.close()
        super().close()


class _Answer(http.client.HTTPResponse):
    """An answer that is read from `_Ending`: also that of a proxy that is to make a tunnel."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        # of a socket it calls `makefile` alone
        super().__init__(_Ending(sock), *args, **kwargs)  # type: ignore[arg-type]


class Connections:
    """Those that are open, of several threads."""

    def __init__(self) -> None:
        self._open: WeakSet[HTTPConnection] = WeakSet()
        self._lock = threading.Lock()

    def session(self) -> requests.Session:
        """Return a session, for one thread alone."""
        return _Session(_Adapter(self))

    def add(self, connection: HTTPConnection) -> None:
        """Take a connection that is about to be opened."""
        with self._lock:
            self._open.add(connection)

    def cut(self) -> None:
        """Break off all of them, also where a thread waits for one."""
        with self._lock:
            for connection in self._open:
                _shut_down(connection.sock)


def _shut_down(sock: socket.socket | None) -> None:
    """End a connection below TLS, which would wait for its end."""
    with contextlib.suppress(OSError, ValueError):  # it is not open, or not any more
        if sock is not None:
            with socket.socket(fileno=os.dup(sock.fileno())) as same:
                same.shutdown(socket.SHUT_RDWR)


class _Session(requests.Session):
    """Keeps nothing of a server: no cookies, and no address that it points to."""

    def __init__(self, adapter: HTTPAdapter) -> None:
        super().__init__()
        self.auth = _as_it_is  # netrc's passwords go only where the configuration says
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        self.mount("http://", adapter)
        self.mount("https://", adapter)

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Say that there is none: also unfollowed it would be made a request, all of it read."""


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


class _Adapter(HTTPAdapter):
    """Makes connections that `Connections` knows, directly and through proxies."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self._watch(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        self._watch(manager)
        return manager

    def _watch(self, manager: Any) -> None:
        """Let a manager of pools make the same kinds as before, but watched."""
        kinds = manager.pool_classes_by_scheme
        if not any(hasattr(kind.ConnectionCls, "watched_by") for kind in kinds.values()):
            manager.pool_classes_by_scheme = {
                scheme: _watched(kind, self._connections) for scheme, kind in kinds.items()
            }


def _watched(pool: Any, connections: Connections) -> type:
    parts = (_Watched, pool.ConnectionCls)
    connection = type("WatchedConnection", parts, {"watched_by": connections})
    return type("WatchedPool", (pool,), {"ConnectionCls": connection})


class _Watched(HTTPConnection):
    """A connection of any kind, before that kind's own methods."""

    watched_by: Connections
    response_class = _Answer

    def connect(self) -> None:
        self.watched_by.add(self)
        super().connect()
