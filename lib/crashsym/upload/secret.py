# SPDX-License-Identifier: MIT
"""Tokens: where they come from, and that they go nowhere but to the server.

They come from a file that nobody else can read, an environment variable, a command that prints it,
or ~/.netrc; never from the command line, which everybody on the machine can see.
"""

from __future__ import annotations

import html
import json
import netrc
import os
import re
import selectors
import stat
import subprocess
import time
from typing import IO
from urllib.parse import parse_qsl, quote, quote_plus, urlsplit

from crashsym.errors import ConfigError
from crashsym.files import open_regular

LARGEST = 1 << 16  # bytes
_LARGEST_NETRC = 1 << 20
_SECONDS = 60  # for a command
_LONG = 12  # characters of a value that may be a signature, or a key


class Secret:
    """A text that is never printed, not even by accident."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text, for a request alone."""
        return self._text

    def hidden_in(self, text: str) -> str:
        """Return another text in which this one does not occur."""
        forms = sorted(filter(None, _forms(self._text)), key=len, reverse=True)
        found = "|".join(map(re.escape, forms))
        return re.sub(found, "[token]", text, flags=re.IGNORECASE) if forms else text

    def __repr__(self) -> str:
        return "[token]"

    __str__ = __repr__

    def __reduce__(self) -> str:
        raise TypeError("a secret is not written anywhere")


def _forms(text: str) -> set[str]:
    """Return a text as URLs, JSON, HTML and Python's messages have it."""
    in_json = json.dumps(text)[1:-1]
    # A server can hand out an address with halves of characters.
    data = text.encode("utf-8", "surrogatepass")
    in_url = {quote(data, safe=""), quote(data), quote_plus(data)}
    in_page = {html.escape(text), html.escape(text, quote=False)}
    return {text, in_json, in_json.replace("/", "\\/"), repr(text)[1:-1], *in_url, *in_page}


def in_address(url: str) -> list[Secret]:
    """Return what not to show of an address that is signed: its query, and what is long in it."""
    query = urlsplit(url).query
    long = [value for _, value in parse_qsl(query) if len(value) >= _LONG]
    return [Secret(text) for text in (query, *long) if text]


def from_file(file: str) -> Secret:
    """Read a token from a file; ``~`` is a home, and blanks around the token do not count.

    Raises:
        ConfigError: it cannot be read, others can read it, or it has no token.
    """
    place = os.path.expanduser(file)  # noqa: PTH111 - a home that is not there is no error
    try:
        # A pipe in its place is not waited for.
        with os.fdopen(os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise _unusable(file, "it is no regular file")
            if status.st_mode & 0o077:
                why = f"others can use it (mode {stat.S_IMODE(status.st_mode):04o})"
                raise _unusable(file, why, f"Let nobody else: chmod 600 '{file}'.")
            data = stream.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        raise _unusable(file, getattr(error, "strerror", None) or str(error)) from error
    return _token(data, file)


def from_environment(name: str) -> Secret:
    """Read a token from an environment variable.

    Raises:
        ConfigError: it is not set, or empty.
    """
    # The file that names it is UTF-8 in every locale.
    return _token(os.environb.get(name.encode("utf-8", "surrogateescape"), b""), f"${name}")


def from_command(command: list[str], what: str = "token") -> Secret:
    """Read a token from what a command prints, like a password manager's.

    ``what`` is how messages call that.

    Raises:
        ConfigError: it cannot be run, fails, takes longer than a minute or prints nothing.
    """
    try:
        return _from_command(command)
    except ConfigError as error:
        raise ConfigError(f"no {what}", where=error.where, why=error.why) from error


def _from_command(command: list[str]) -> Secret:
    where = command[0]  # what follows may be as secret as what it prints
    try:
        with subprocess.Popen(  # noqa: S603 - whoever configures it may run it
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
        ) as process:
            try:
                data = _printed(process.stdout) if process.stdout is not None else b""
                code = process.wait(_SECONDS)
            finally:
                process.kill()
    except (TimeoutError, subprocess.TimeoutExpired) as error:
        why = f"it takes over {_SECONDS} seconds, or prints over {LARGEST} bytes"
        raise _unusable(where, why) from error
    except (OSError, ValueError) as error:
        raise _unusable(where, getattr(error, "strerror", None) or str(error)) from error
    if code != 0:
        raise _unusable(where, f"it ended with exit code {code}")
    return _token(data, where)


def _printed(stream: IO[bytes]) -> bytes:
    """Return what a command prints.

    Raises:
        TimeoutError: it is too much, or takes too long.
    """
    data = b""
    end = time.monotonic() + _SECONDS
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while len(data) <= LARGEST and selector.select(max(end - time.monotonic(), 0)):
            piece = os.read(stream.fileno(), LARGEST)
            if not piece:
                return data
            data += piece
    raise TimeoutError


def netrc_file() -> str:
    """Return the file that $NETRC names, or ~/.netrc."""
    return os.environ.get("NETRC") or os.path.expanduser("~/.netrc")  # noqa: PTH111 - as above


def from_netrc(url: str) -> Secret | None:
    """Return the password for the host of a URL in the file that $NETRC names, or ~/.netrc.

    Raises:
        ConfigError: the file cannot be read, or others can read it.
    """
    file = netrc_file()
    if not os.path.exists(file):  # noqa: PTH110 - pathlib raises where the name is too long
        return None
    try:
        with open_regular(file, follow=True) as stream:
            status = os.fstat(stream.fileno())
        if status.st_size > _LARGEST_NETRC:
            raise _unusable(file, f"it has more than {_LARGEST_NETRC} bytes")
        found = netrc.netrc(file).authenticators(urlsplit(url).hostname or "")
    except netrc.NetrcParseError as error:  # its words may be a password
        raise _unusable(file, f"line {error.lineno} is not as it has to be") from error
    except (OSError, ValueError) as error:
        raise _unusable(file, getattr(error, "strerror", None) or "it is no text") from error
    if found is None or not found[2]:
        return None
    if status.st_mode & 0o077:
        raise _unusable(file, "others can read it", f"Let nobody else: chmod 600 '{file}'.")
    return _token(found[2].encode("utf-8", "surrogateescape"), file)


def _token(data: bytes, where: str) -> Secret:
    if len(data) > LARGEST:
        raise _unusable(where, f"it has more than {LARGEST} bytes")
    try:
        text = data.decode("ascii").strip()
    except UnicodeDecodeError as error:
        raise _unusable(where, "it has other characters than ASCII") from error
    if not text:
        raise _unusable(where, "it is empty, or not set")
    if not text.isprintable() or " " in text:
        raise _unusable(where, "it is more than one word")
    return Secret(text)


def _unusable(where: str, why: str, remedy: str = "") -> ConfigError:
    return ConfigError("no token", where=f"'{where}'", why=why, remedy=remedy)
