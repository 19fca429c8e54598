# SPDX-License-Identifier: MIT
"""Answers with a good status that are no success: pages for people, and errors."""

from __future__ import annotations

import re

from crashsym.errors import RejectedError
from crashsym.upload.jsonbody import parsed
from crashsym.upload.transport import Answer, Transport

_PAGE = re.compile(
    rb"[\xef\xbb\xbf\s]*(?:<!--.{0,2000}?-->\s*)?<(?:!doctype\s+)?html\b",
    re.IGNORECASE | re.DOTALL,
)
_ERRORS = ("error", "errors")


def check_no_page(transport: Transport, step: str, answer: Answer) -> None:
    """Refuse a page for people where a program has asked: of a login, or of a captive portal.

    A document that names an error is none of success, either.

    Raises:
        RejectedError: it is one.
    """
    if "html" in answer.headers.get("Content-Type", "").lower() or _PAGE.match(answer.data):
        why = f"a page for people answers: {transport.words(answer)}"
        remedy = "Check the URL of the target."
        raise RejectedError(step, where=transport.where, why=why, remedy=remedy)
    document = parsed(answer) if answer.data.lstrip()[:1] == b"{" else None
    if isinstance(document, dict) and any(document.get(name) for name in _ERRORS):
        why = f"HTTP {answer.status}, but the answer is an error: {transport.words(answer)}"
        raise RejectedError(step, where=transport.where, why=why)
