# SPDX-License-Identifier: MIT
"""What all servers share: steps, life cycle, faults, the account, and what is kept."""

from __future__ import annotations

import re
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from servers.account import Account
from servers.certificates import Certificate
from servers.connections import HttpServer
from servers.faults import (
    LOGIN_PATH,
    Answer,
    Damage,
    ExpiredToken,
    Fault,
    Order,
    Plan,
    login_page,
)
from servers.messages import Request, Response
from servers.wire import BadRequestError, Blob, TooLargeError, damaged

if TYPE_CHECKING:
    from typing_extensions import Self

_PATIENCE = 10  # seconds until a connection must have ended after it was shut down


@dataclass(frozen=True)
class Step:
    """A kind of request of a protocol. ``stores``: content that comes with it is kept."""

    name: str
    methods: tuple[str, ...]
    pattern: re.Pattern[str]
    stores: bool
    checks_token: bool
    handle: Callable[[Any, Request], Response]


def step(
    name: str, methods: str, pattern: str, *, stores: bool = False, checks_token: bool = True
) -> Callable[[Callable[[Any, Request], Response]], Step]:
    """Make a method the step ``name`` for ``methods`` (with blanks between) and a path."""

    def made(handle: Callable[[Any, Request], Response]) -> Step:
        return Step(name, tuple(methods.split()), re.compile(pattern), stores, checks_token, handle)

    return made


class Server:
    """A server on a free port of the loopback interface, from ``__enter__`` to ``__exit__``.

    An error in a server's own code is raised in ``__exit__``: no test passes by it.
    """

    STEPS: ClassVar[tuple[Step, ...]] = ()
    # Whether the protocol knows tokens or keys that can expire.
    CHECKS_TOKENS: ClassVar[bool] = True

    def __init_subclass__(cls) -> None:
        own = tuple(value for value in vars(cls).values() if isinstance(value, Step))
        cls.STEPS = (*cls.STEPS, *own)

    def __init__(
        self, faults: Sequence[Order] = (), certificate: Certificate | None = None
    ) -> None:
        known = {step.name for step in self.STEPS} | {"*"}
        unknown = {order.step for order in faults} - known
        if unknown:
            raise ValueError(f"no such step: {sorted(unknown)}; there are {sorted(known)}")
        self.account = Account()
        self.plan = Plan(faults)
        self.certificate = certificate
        self.lock = threading.RLock()
        self.stopping = threading.Event()
        self.errors: list[BaseException] = []
        # What is kept, by the key that the account uses.
        self.kept: dict[str, Blob] = {}

    def __enter__(self) -> Self:
        self._scratch = tempfile.TemporaryDirectory(prefix="symbol-server-")
        self.folder = Path(self._scratch.name)
        self._http = HttpServer(self)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()
        still = self._http.hang_up(_PATIENCE)
        self._scratch.cleanup()
        if still:
            raise AssertionError(f"{still} connections did not end")
        if self.errors:
            raise self.errors[0]

    @property
    def port(self) -> int:
        return int(self._http.server_address[1])

    @property
    def url(self) -> str:
        """Where the server is, without a slash at the end."""
        scheme = "http" if self.certificate is None else "https"
        return f"{scheme}://127.0.0.1:{self.port}"

    def origin(self, request: Request) -> str:
        """Where the client thinks that the server is, which behind a proxy has another name."""
        host = request.header("Host")
        return f"{self.url.split(':')[0]}://{host}" if host else self.url

    def find_step(self, request: Request) -> Step | None:
        for candidate in self.STEPS:
            if request.method in candidate.methods and request.matches(candidate.pattern):
                return candidate
        return None

    def respond(self, found: Step | None, request: Request, fault: Fault | None) -> Response:
        """Return the answer to a request; the body may be left unread."""
        if isinstance(fault, Answer):
            return Response(fault.status, fault.body, fault.headers)
        if isinstance(fault, ExpiredToken):
            return self.expired()
        if request.path == LOGIN_PATH:
            page = login_page()
            return Response(page.status, page.body, page.headers)
        request.damaged = isinstance(fault, Damage)
        if found is None:
            return self.unknown(request)
        if found.checks_token:
            refused = self.refuse(request)
            if refused is not None:
                return refused
        try:
            return found.handle(self, request)
        except BadRequestError as error:
            return self.bad_request(str(error))
        except TooLargeError as error:
            return self.too_large(str(error))

    def keep(self, request: Request, key: str, blob: Blob) -> Blob:
        """Keep what came under ``key``, in place of what is there, and return what is kept."""
        kept = damaged(self.folder, blob) if request.damaged else blob
        with self.lock:
            self.kept[key] = kept
            self.account.stored(key, kept.sha256, kept.size)
        return kept

    # What each protocol says in its own words.

    def refuse(self, request: Request) -> Response | None:
        """Return the refusal of a request without a good token; None lets it pass."""
        return None

    def expired(self) -> Response:
        """The answer to a token that was good once."""
        return Response(401)

    def unknown(self, request: Request) -> Response:
        return Response(404)

    def bad_request(self, why: str) -> Response:
        return Response(400, why.encode("utf-8", "replace"))

    def too_large(self, why: str) -> Response:
        return Response(413, why.encode())
