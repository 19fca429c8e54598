# SPDX-License-Identifier: MIT
"""Requests and answers that are JSON; a 200 with anything else is no success."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from crashsym.errors import RejectedError
from crashsym.upload.transport import SMALL, Answer, Request, Transport


def json_request(
    step: str, url: str, document: Any, headers: Mapping[str, str], largest: int = SMALL
) -> Request:
    """Return a POST of a document, whose answer has no more than ``largest`` bytes."""
    data = json.dumps(document).encode()
    headers = {**headers, "Content-Type": "application/json"}
    return Request(step, "POST", url, headers, data, largest=largest)


def document_of(transport: Transport, step: str, answer: Answer) -> dict[str, Any]:
    """Return the JSON object that a server has answered.

    Raises:
        RejectedError: it has answered something else.
    """
    found = parsed(answer)
    if not isinstance(found, dict):
        raise not_of_this_protocol(transport, step, answer)
    return found


def list_of(transport: Transport, step: str, answer: Answer) -> list[Any]:
    """Return the JSON list that a server has answered.

    Raises:
        RejectedError: it has answered something else.
    """
    found = parsed(answer)
    if not isinstance(found, list):
        raise not_of_this_protocol(transport, step, answer)
    return found


def parsed(answer: Answer) -> Any:
    """Return what a server has answered in JSON; None if that is none."""
    try:
        return json.loads(answer.data)
    except (ValueError, RecursionError):
        return None


def not_of_this_protocol(transport: Transport, step: str, answer: Answer) -> RejectedError:
    """Return the error for an answer that makes no sense."""
    why = f"the answer is not one of this protocol: {transport.words(answer)}"
    remedy = "Check the URL of the target: a proxy or a login page may have answered."
    return RejectedError(step, where=transport.where, why=why, remedy=remedy)
