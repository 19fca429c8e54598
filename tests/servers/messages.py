# SPDX-License-Identifier: MIT
"""A request as the protocols see it, and their answers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from servers.account import Account
from servers.forms import Form, read_form
from servers.wire import BadRequestError, Blob, Body, write_blob

_MOST_JSON = 1 << 26


@dataclass(frozen=True)
class Response:
    """An answer; a blob is sent from the disk."""

    status: int
    body: bytes | Blob = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return self.body.size if isinstance(self.body, Blob) else len(self.body)


def json_response(status: int, value: object, headers: Mapping[str, str] | None = None) -> Response:
    content = json.dumps(value).encode()
    return Response(status, content, {"Content-Type": "application/json", **(headers or {})})


def text_response(status: int, text: str) -> Response:
    return Response(status, text.encode(), {"Content-Type": "text/plain"})


class Keeper(Protocol):
    """What a request needs of its server: a folder for its content, and the account."""

    folder: Path
    account: Account


class Request:
    """One request. ``path`` is percent-decoded; ``words`` are the groups of the step's pattern."""

    def __init__(self, method: str, target: str, headers: Message, keeper: Keeper) -> None:
        parts = urlsplit(target)
        self.method = method
        self.target = target
        self.path = unquote(parts.path, errors="surrogateescape")
        self.query = parse_qs(parts.query, keep_blank_values=True)
        self.headers = headers
        self.folder = keeper.folder
        self.account = keeper.account
        self.words: dict[str, str] = {}
        # Keys and digests of the content that a good answer acknowledges.
        self.content: list[tuple[str, str]] = []
        # Whether a fault was ordered: what is stored shall not be what came.
        self.damaged = False
        self.body: Body

    def header(self, name: str) -> str:
        return str(self.headers.get(name, ""))

    def argument(self, name: str) -> str | None:
        """The last value of a name in the query."""
        return self.query[name][-1] if name in self.query else None

    def matches(self, pattern: re.Pattern[str]) -> bool:
        found = pattern.fullmatch(self.path)
        self.words = {key: value or "" for key, value in found.groupdict().items()} if found else {}
        return found is not None

    def form(self) -> Form:
        return read_form(self.body.blocks(), self.headers, self.folder)

    def json(self) -> object:
        """Return the body as JSON.

        Raises:
            BadRequestError: it is none.
        """
        try:
            value: object = json.loads(self.body.read(_MOST_JSON))
        except (ValueError, RecursionError) as error:
            raise BadRequestError(f"not JSON: {error}") from error
        return value

    def spool(self, limit: int | None = None) -> Blob:
        """Write the body to the disk; raises TooLargeError above ``limit`` bytes."""
        return write_blob(self.folder, self.body.blocks(), limit)

    def deliver(self, key: str, blob: Blob) -> None:
        """Note for the account that the content of a file came in completely."""
        self.account.delivered(key, blob.sha256, blob.size)
        self.content.append((key, blob.sha256))
