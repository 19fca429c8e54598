# SPDX-License-Identifier: MIT
"""Addresses that a server hands out for one file: whoever sees one could write there."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from crashsym.errors import RejectedError
from crashsym.upload.bodies import FileBody
from crashsym.upload.pages import check_no_page
from crashsym.upload.transport import DENIED, Answer, Request, Transport


def put_signed(
    transport: Transport,
    url: str,
    body: Callable[[], FileBody],
    headers: Mapping[str, str],
    content: int,
) -> None:
    """PUT a file of ``content`` bytes to such an address, which is in no message, without a token.

    Raises:
        RejectedError: it is not taken; that the address is good no more is no matter of the token.
        UnavailableError: the server could not be reached in time, or not was willing.
    """
    headers = {"Content-Type": "application/octet-stream", **headers}
    request = Request("PUT", "PUT", url, headers, body, frozenset({200, *DENIED}), content)
    with transport.hiding(url):
        answer = transport.send(request)
        check_not_denied(transport, "PUT", answer)
        check_no_page(transport, "PUT", answer)


def check_not_denied(transport: Transport, step: str, answer: Answer) -> None:
    """Refuse what a signed address refuses, which says nothing of the token, nor of other files.

    Raises:
        RejectedError: the answer is 401 or 403.
    """
    if answer.status in DENIED:
        why = f"HTTP {answer.status}: {transport.words(answer)}"
        raise RejectedError(step, where=transport.where, why=why)
