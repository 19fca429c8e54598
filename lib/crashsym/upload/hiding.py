# SPDX-License-Identifier: MIT
"""Texts of servers without what is secret in them, which they may repeat in any form."""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from crashsym.upload.secret import LARGEST, Secret

_WINDOW = 2 * LARGEST  # characters that are looked at
_FEWEST = 6  # letters and digits of a secret that is known by them alone
NOT_SHOWN = "[not shown: the token is in it]"
# Characters as JSON, Python, URLs and HTML write them, also where one has quoted another.
# None is begun in the middle of a row of backslashes, which would take a time of its square.
_WRITTEN = re.compile(
    r"(?<!\\)\\+(?:u([0-9a-f]{4})|x([0-9a-f]{2}))|%(?:25)*([0-9a-f]{2})"
    r"|&(?:amp;)*#x0*([0-9a-f]{1,5});|&(?:amp;)*#0*([0-9]{1,6});",
    re.IGNORECASE,
)
# What has letters, and can stand between two characters of a token: colours, line breaks, tags.
_BETWEEN = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|(?<!\\)\\+[nrtbf]|<[^<>]*>|&(?:amp;)*[a-z]+;")


class Hiding:
    """What is secret at the moment, for several threads."""

    def __init__(self, *secrets: Secret) -> None:
        self._lock = threading.Lock()
        self._secrets: tuple[tuple[Secret, frozenset[str]], ...] = ()
        self.add(secrets)

    def add(self, secrets: Iterable[Secret]) -> None:
        """Hide these, too."""
        more = tuple((secret, _traces(secret.reveal())) for secret in secrets)
        with self._lock:
            self._secrets += more

    @contextmanager
    def within(self, secrets: Iterable[Secret]) -> Iterator[None]:
        """Hide these meanwhile."""
        secrets = tuple(secrets)
        self.add(secrets)
        try:
            yield
        finally:
            with self._lock:
                self._secrets = tuple(one for one in self._secrets if one[0] not in secrets)

    def hidden(self, text: str) -> str:
        """Return a text without what is secret, or that it is not shown.

        Of more than 128 KiB it is the beginning.
        """
        return self._hidden(text[:_WINDOW], is_cut=len(text) > _WINDOW)

    def beginning(self, data: bytes) -> str:
        """Return the beginning of an answer as one line, in the same way."""
        text = data[:_WINDOW].decode("utf-8", "replace")
        return " ".join(self._hidden(text, is_cut=len(data) > _WINDOW).split())

    def _hidden(self, text: str, *, is_cut: bool) -> str:
        for secret, _ in self._secrets:
            text = secret.hidden_in(text)
        plain, read = _letters(text), _letters(_read(text))
        if any(trace in plain or trace in read for _, all_of in self._secrets for trace in all_of):
            return NOT_SHOWN
        # At the end of what was cut there may be the beginning of a secret.
        return text[:-LARGEST] if is_cut else text


def _traces(text: str) -> frozenset[str]:
    """Return the letters and digits by which a secret is known in whatever stands between them."""
    data = text.encode("utf-8", "surrogatepass")
    forms = {text, _read(text), data.hex(), *(_base64(data, shift) for shift in range(3))}
    return frozenset(one for one in map(_letters, forms) if len(one) >= _FEWEST)


def _base64(data: bytes, shift: int) -> str:
    """Return what base64 makes of some bytes, ``shift`` bytes behind its beginning.

    It is without the characters that also have bits of what is before and behind.
    """
    whole = base64.b64encode(bytes(shift) + data).decode().rstrip("=")
    end = (shift + len(data)) * 8 // 6
    return whole[-(-shift * 8 // 6) : end]


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text)).lower()


def _read(text: str) -> str:
    return _BETWEEN.sub("", _WRITTEN.sub(_character, text))


def _character(found: re.Match[str]) -> str:
    *in_hex, decimal = found.groups()
    number = int(decimal) if decimal else int(next(filter(None, in_hex)), 16)
    return chr(number)
