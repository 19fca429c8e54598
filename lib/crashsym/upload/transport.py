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
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, Protocol

import requests

from crashsym import __version__
from crashsym.errors import (
    AuthenticationError,
    RejectedError,
    UnavailableError,
    UploadError,
    shortened,
)
from crashsym.upload.secret import Secret

# Statuses that a later attempt can change: RFC 9110, 8470 (425), 4918 (507); 524 is a proxy's.
AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504, 507, 524})
DENIED = frozenset({401, 403})
_LARGEST = 1 << 20  # bytes of an answer
_FIRST, _LONGEST = 0.5, 30.0  # seconds between attempts


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
    the caller understands; all others are errors.
    """

    step: str
    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Callable[[], Body] | bytes | None = None
    accept: frozenset[int] = frozenset({200})


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers and the first MiB of what a server has answered."""

    status: int
    headers: Mapping[str, str]
    data: bytes

    def words(self) -> str:
        """Return the beginning of the answer as text for a message."""
        text = " ".join(self.data[:2000].decode("utf-8", "replace").split())
        return shortened(text, 200)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one request may take, all attempts together, and one attempt to say something."""

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
        self._patience = patience or Patience()
        self._sessions = threading.local()
        self._stopped = threading.Event()
        self.sent_bytes = 0
        self._lock = threading.Lock()

    def send(self, request: Request) -> Answer:
        """Return what the server answers.

        Raises:
            AuthenticationError: it does not know the token.
            RejectedError: it refuses; asking again would not help.
            UnavailableError: it could not be reached in time, or not was willing.
        """
        end = time.monotonic() + self._patience.whole
        attempt = 0
        while True:
            attempt += 1
            answer, trouble = self._try(request)
            if answer is not None:
                if answer.status in request.accept:
                    return answer
                if answer.status not in AGAIN:
                    raise self._refused(request, answer)
                trouble = f"HTTP {answer.status}: {answer.words()}"
            pause = _pause(attempt, answer)
            if time.monotonic() + pause >= end or self._stopped.wait(pause):
                raise self._unavailable(request, trouble, attempt)

    def stop(self) -> None:
        """Let no attempt follow the ones that are on their way."""
        self._stopped.set()

    def _try(self, request: Request) -> tuple[Answer | None, str]:
        """Return an answer, or None and why there is none."""
        body = request.body() if callable(request.body) else request.body
        try:
            return self._ask(request, body), ""
        except (requests.ConnectionError, requests.Timeout) as error:
            return None, _words(error)
        except (requests.exceptions.ChunkedEncodingError, requests.exceptions.ContentDecodingError):
            return None, "the answer breaks off"
        except requests.RequestException as error:
            remedy = "Check the URL of the target."
            raise self._error(RejectedError, request, _words(error), remedy) from None
        finally:
            if body is not None and not isinstance(body, bytes):
                body.close()

    def _ask(self, request: Request, body: Body | bytes | None) -> Answer:
        headers = {"User-Agent": f"crashsym/{__version__}", **request.headers}
        timeout = (self._patience.connect, self._patience.attempt)
        with self._session().request(
            request.method,
            request.url,
            headers=headers,
            data=body,
            timeout=timeout,
            allow_redirects=False,
            stream=True,
        ) as response:
            data = b"".join(_pieces(response))
            self._count(len(body) if body is not None else 0)
            return Answer(response.status_code, response.headers, data)

    def _session(self) -> requests.Session:
        found: requests.Session | None = getattr(self._sessions, "session", None)
        if found is None:
            found = self._sessions.session = requests.Session()
            found.auth = _as_it_is  # netrc's passwords go only where the configuration says
        return found

    def _count(self, size: int) -> None:
        with self._lock:
            self.sent_bytes += size

    def _refused(self, request: Request, answer: Answer) -> UploadError:
        why = f"HTTP {answer.status}: {answer.words()}" if answer.data else f"HTTP {answer.status}"
        if answer.status in DENIED:
            remedy = "Check the token, and what its owner may do."
            return self._error(AuthenticationError, request, why, remedy)
        if 300 <= answer.status < 400:
            place = shortened(str(answer.headers.get("Location", "")), 200)
            remedy = f"If that is right, give '{place}' as the URL of the target."
            return self._error(RejectedError, request, f"{why} (it points elsewhere)", remedy)
        return self._error(RejectedError, request, why, "")

    def _unavailable(self, request: Request, why: str, attempts: int) -> UploadError:
        tried = "1 attempt" if attempts == 1 else f"{attempts} attempts"
        remedy = "Repeat the command later: what has been sent is not sent again."
        return self._error(UnavailableError, request, f"{why} ({tried})", remedy)

    def _error(
        self, kind: type[UploadError], request: Request, why: str, remedy: str
    ) -> UploadError:
        hidden = self.secret.hidden_in if self.secret is not None else str
        return kind(request.step, where=self.where, why=hidden(why), remedy=hidden(remedy))


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _pieces(response: requests.Response) -> Iterator[bytes]:
    """Yield the beginning of an answer; the connection of a longer one is not used again."""
    left = _LARGEST
    for piece in response.iter_content(1 << 16):
        yield piece[:left]
        left -= len(piece)
        if left <= 0:
            return


def _pause(attempt: int, answer: Answer | None) -> float:
    """Return the seconds until the next attempt: what the server says, else ever longer ones."""
    said = _retry_after(answer.headers.get("Retry-After", "")) if answer is not None else None
    if said is not None:
        return said
    longest = min(_FIRST * float(2 ** min(attempt - 1, 16)), _LONGEST)
    return longest * random.uniform(0.5, 1)  # noqa: S311 - no secret


def _retry_after(text: str) -> float | None:
    """Return seconds; RFC 9110 section 10.2.3 has a number, or a date."""
    if text.strip().isdecimal():
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return max((when - datetime.now(timezone.utc)).total_seconds(), 0.0) if when.tzinfo else None


def _words(error: Any) -> str:
    """Return what went wrong in one clause; the text of `requests` has addresses of objects."""
    while True:
        inner = getattr(error, "reason", None) or (error.args[0] if error.args else None)
        if not isinstance(inner, BaseException) or inner is error:
            break
        error = inner
    if isinstance(error, OSError) and error.strerror:
        return str(error.strerror)
    text = str(inner or error)
    return shortened(text.rpartition(">: ")[2] or text, 200)


def check_no_page(where: str, step: str, answer: Answer) -> None:
    """Refuse a page for people where a program has asked: of a login, or of a captive portal.

    Raises:
        RejectedError: it is one.
    """
    if "html" in answer.headers.get("Content-Type", ""):
        why = f"a page for people answers: {answer.words()}"
        raise RejectedError(step, where=where, why=why, remedy="Check the URL of the target.")
