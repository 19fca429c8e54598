# SPDX-License-Identifier: MIT
"""One way to ask a server: retried while that can help, bounded in time and memory.

urllib3's `Retry` bounds the number of attempts, not their time, and follows redirects with a token;
so the loop is here. A redirect is an answer like any other: whoever wants to follow it says so in
the configuration.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Protocol

import requests
from urllib3.exceptions import HTTPError, LocationValueError

from crashsym import __version__
from crashsym.errors import (
    AuthenticationError,
    ConfigError,
    RejectedError,
    UnavailableError,
    UploadError,
    shortened,
)
from crashsym.upload.answers import beginning
from crashsym.upload.connections import Connections
from crashsym.upload.hiding import Hiding
from crashsym.upload.outcome import Outcome
from crashsym.upload.secret import Secret, in_address
from crashsym.upload.troubles import innermost, is_refused_by_tls, tls_remedy, words_of

# Statuses that a later attempt can change: RFC 9110, 8470 (425), 4918 (507); 524 is a proxy's.
AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504, 507, 524})
DENIED = frozenset({401, 403})
# Of a server that has got too many requests: when it takes others, in seconds, from now or from
# 1970 on (Sentry's documentation of its API, "Rate Limits"; draft-ietf-httpapi-ratelimit-headers).
_RESETS = ("X-Sentry-Rate-Limit-Reset", "RateLimit-Reset", "X-RateLimit-Reset")
_A_DATE = 1e9
_FIRST, _LONGEST = 0.5, 30.0  # seconds between attempts
_SHORTEST = 0.1  # seconds that an attempt has at least
_SILENCE = 5.0  # seconds of vain attempts of which nothing is said
_LAST = 1.0  # seconds that one has after an interruption
SMALL = 1 << 20  # bytes of an answer
LARGE = 1 << 24  # of one that says of 350 000 parts of files that Sentry lacks them


class Body(Protocol):
    """What is sent: read once, of a length that is known before."""

    def __len__(self) -> int: ...

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, no more than ``size``."""
        ...

    def close(self) -> None:
        """Close what is read."""
        ...


@dataclass(frozen=True, slots=True)
class Request:
    """What a server is asked; ``step`` is how messages call it.

    ``body`` makes what is sent anew for each attempt. ``accept`` are the statuses of an answer that
    the caller understands; all others are errors. ``content`` is how many bytes of files are in it.
    Of an answer no more than ``largest`` bytes are read.
    """

    step: str
    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Callable[[], Body] | bytes | None = None
    accept: frozenset[int] = frozenset({200})
    content: int = 0
    largest: int = SMALL


class _Watched:
    """A body that says what is read of it."""

    def __init__(self, body: Body, request: Request, moved: Callable[[float], None]) -> None:
        self._body = body
        self._share = request.content / max(len(body), 1)
        self._moved = moved
        self._read = 0.0

    def __len__(self) -> int:
        return len(self._body)

    def read(self, size: int = -1) -> bytes:
        data = self._body.read(size)
        self._read += len(data) * self._share
        self._moved(len(data) * self._share)
        return data

    def again(self) -> None:
        """Take back what was said: all of it has to be sent once more."""
        self._moved(-self._read)

    def close(self) -> None:
        self._body.close()


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers and the beginning of what a server has answered."""

    status: int
    headers: Mapping[str, str]
    data: bytes


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one request may take, all attempts together, and one attempt to say something.

    What is sent is not cut short while it goes on: a slow network may need longer for a large file.
    """

    whole: float = 300.0
    attempt: float = 60.0
    connect: float = 15.0


class Transport:
    """Asks one server, from several threads."""

    def __init__(
        self, where: str, secret: Secret | None = None, patience: Patience | None = None
    ) -> None:
        """Take how messages call the server; the secret is what they never show."""
        self.where = where
        self.secret = secret
        self._hiding = Hiding(*filter(None, [secret]))
        self._patience = patience or Patience()
        self._connections = Connections()
        self._sessions = threading.local()
        self._stopped = threading.Event()
        self.sent_bytes = 0
        self.moved: Callable[[float], None] = _nothing  # bytes of files, as they are sent
        # Called by the thread that has sent a file, as soon as it knows how that has ended.
        self.ended: Callable[[Outcome], None] = _nothing
        # Called with a line for people when attempts go on to be in vain, until one is not.
        self.waits: Callable[[str], None] = _nothing
        self._waiting = False
        self.authorities = ""  # a file of certificates, where it is not REQUESTS_CA_BUNDLE
        self._lock = threading.Lock()

    def send(self, request: Request) -> Answer:
        """Return what the server answers.

        Raises:
            AuthenticationError: it does not know the token.
            RejectedError: it refuses; asking again would not help.
            UnavailableError: it could not be reached in time, or not was willing.
        """
        return self.ask(request.step, request.accept, lambda left: self.once(request, left))

    def ask(self, step: str, accept: Container[int], once: Callable[[float], Answer]) -> Answer:
        """Return an answer; ``once`` is an attempt, and takes how many seconds are left.

        Raises:
            UploadError: as `send`.
        """
        begin = time.monotonic()
        end = begin + self._patience.whole
        attempt = 0
        while True:
            attempt += 1
            answer, trouble = self._try(step, once, end - time.monotonic())
            if answer is not None:
                if answer.status in accept:
                    self._waiting = False
                    return answer
                if answer.status not in AGAIN:
                    raise self._refused(step, answer)
                trouble = f"HTTP {answer.status}: {self.words(answer)}"
            then = time.monotonic() + _pause(attempt, answer)
            if then < end and then - begin > _SILENCE:
                self._say_waiting(f"{step}: {self.where}: {trouble}", end)
            if then >= end or self._stopped.wait(max(then - time.monotonic(), 0)):
                raise self._unavailable(step, trouble, attempt)

    def _say_waiting(self, trouble: str, end: float) -> None:
        """Say that attempts go on, once for all that are in vain at a time."""
        with self._lock:
            if self._waiting or self.is_stopped:
                return
            self._waiting = True
        left = round(end - time.monotonic())
        self.waits(f"{trouble}. It is tried again, for {left} seconds at most.")

    def stop(self) -> None:
        """Let no attempt follow the ones that are on their way.

        A request that tidies up afterwards has one attempt, with a second for its answer.
        """
        self._stopped.set()

    def cut(self) -> None:
        """Break off what is on its way, also where an answer is waited for."""
        self._connections.cut()

    def needed_secret(self) -> Secret:
        """Return the secret of a protocol that does not do without.

        Raises:
            ConfigError: none is configured.
        """
        if self.secret is None:
            why = "this protocol needs an API key"
            remedy = "Say with 'token' where it is."
            raise ConfigError("no token", where=self.where, why=why, remedy=remedy)
        return self.secret

    @property
    def is_stopped(self) -> bool:
        """Whether nothing more is to be begun."""
        return self._stopped.is_set()

    def hide(self, secret: Secret) -> None:
        """Keep another text out of messages, like the token in the form in which it is sent."""
        self._hiding.add([secret])

    @contextmanager
    def hiding(self, url: str) -> Iterator[None]:
        """Keep what is secret in a signed address out of messages meanwhile.

        Raises:
            RejectedError: it is no address.
        """
        try:
            secrets = in_address(url)
        except ValueError:
            why = "the server has given an address that is none"
            raise RejectedError("cannot send a file", where=self.where, why=why) from None
        with self._hiding.within(secrets):
            yield

    def hidden(self, text: str) -> str:
        """Return a text without the token, which servers may repeat."""
        return self._hiding.hidden(text)

    def words(self, answer: Answer) -> str:
        """Return the beginning of an answer as text for a message."""
        return shortened(self._hiding.beginning(answer.data), 200)

    def _try(
        self, step: str, once: Callable[[float], Answer], left: float
    ) -> tuple[Answer | None, str]:
        """Return an answer, or None and why there is none."""
        try:
            return once(max(left, _SHORTEST)), ""
        except (requests.RequestException, HTTPError) as error:
            return None, self._trouble(step, error)
        except ValueError as error:  # of a name that is none, or characters that none has
            why, remedy = f"this is no request: {error}", "Check the URL of the target."
            raise self.error(RejectedError, step, why, remedy) from None
        except OSError as error:  # it is not of the network: a bundle of certificates is not there
            raise self.error(UnavailableError, step, str(error)) from None

    def _trouble(self, step: str, error: Exception) -> str:
        """Return why there is no answer, where another attempt may have one.

        Raises:
            UnavailableError: TLS says no.
            RejectedError: this is no request.
        """
        inner = innermost(error)
        if is_refused_by_tls(inner):
            raise self.error(UnavailableError, step, words_of(inner), tls_remedy(inner)) from None
        if isinstance(error, requests.exceptions.ChunkedEncodingError):
            return "the answer breaks off"
        again = (requests.ConnectionError, requests.Timeout, HTTPError)
        if not isinstance(error, again) or isinstance(error, LocationValueError):
            remedy = "Check the URL of the target."
            raise self.error(RejectedError, step, words_of(inner), remedy) from None
        return self.hidden(words_of(inner))

    def once(self, request: Request, left: float) -> Answer:
        """Make one attempt, which has so many seconds to be answered; `ask` knows its errors."""
        if not callable(request.body):
            return self._answer(request, request.body, left)
        body = _Watched(request.body(), request, self.moved)
        answer = None
        try:
            answer = self._answer(request, body, left)
        finally:
            body.close()
            if answer is None or answer.status not in request.accept:
                body.again()
        return answer

    def _answer(self, request: Request, body: _Watched | bytes | None, left: float) -> Answer:
        headers = {"User-Agent": f"crashsym/{__version__}", "Accept-Encoding": "identity"}
        left = min(left, _LAST) if self.is_stopped else left
        silence = min(self._patience.attempt, left)
        with self._session().request(
            request.method,
            request.url,
            headers={**headers, **request.headers},
            data=body,
            timeout=(min(self._patience.connect, left), silence),
            allow_redirects=False,
            stream=True,
            verify=self.authorities or None,  # None: the environment says, else the usual ones
        ) as response:
            data = beginning(response, request.largest)
            self._count(len(body) if body is not None else 0)
            return Answer(response.status_code, response.headers, data)

    def _session(self) -> requests.Session:
        found: requests.Session | None = getattr(self._sessions, "session", None)
        if found is None:
            found = self._sessions.session = self._connections.session()
        return found

    def _count(self, size: int) -> None:
        with self._lock:
            self.sent_bytes += size

    def _refused(self, step: str, answer: Answer) -> UploadError:
        why = f"HTTP {answer.status}"
        if answer.data:
            why += f": {self.words(answer)}"
        if answer.status in DENIED:
            remedy = "Check the token, and what its owner may do."
            return self.error(AuthenticationError, step, why, remedy)
        if 300 <= answer.status < 400:
            place = str(answer.headers.get("Location", "")).partition("?")[0]
            place = shortened(self.hidden(place), 200)
            remedy = f"If that is right, give '{place}' as the URL of the target."
            return self.error(RejectedError, step, f"{why} (it points elsewhere)", remedy)
        return self.error(RejectedError, step, why)

    def _unavailable(self, step: str, why: str, attempts: int) -> UploadError:
        tried = "1 attempt" if attempts == 1 else f"{attempts} attempts"
        remedy = "Repeat the command later: what has been sent is not sent again."
        return self.error(UnavailableError, step, f"{why} ({tried})", remedy)

    def error(self, kind: type[UploadError], step: str, why: str, remedy: str = "") -> UploadError:
        """Return the error of a step, without the token."""
        why, remedy = shortened(self.hidden(why), 400), self.hidden(remedy)
        return kind(step, where=self.where, why=why, remedy=remedy)


def _nothing(_: object) -> None:
    pass


def _pause(attempt: int, answer: Answer | None) -> float:
    """Return the seconds until the next attempt: what the server says, else ever longer ones."""
    said = _wanted_pause(answer) if answer is not None else None
    if said is not None:
        return max(said, _FIRST)
    longest = min(_FIRST * float(2 ** min(attempt - 1, 16)), _LONGEST)
    return longest * random.uniform(0.5, 1)  # noqa: S311 - no secret


def _wanted_pause(answer: Answer) -> float | None:
    """Return the seconds that a server wants to be left alone, if it says so."""
    said = _retry_after(answer.headers.get("Retry-After", ""))
    if said is not None or answer.status != 429:
        return said
    for name in _RESETS:
        text = answer.headers.get(name, "").strip()
        if text.isdecimal() and len(text) < 20:
            seconds = float(text)
            return max(seconds - time.time(), 0.0) if seconds > _A_DATE else seconds
    return None


def _retry_after(text: str) -> float | None:
    """Return seconds; RFC 9110 section 10.2.3 has a number, or a date."""
    if text.strip().isdecimal():
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return None
    return max((when - datetime.now(timezone.utc)).total_seconds(), 0.0) if when.tzinfo else None
