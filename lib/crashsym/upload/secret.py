# SPDX-License-Identifier: MIT
"""Tokens: where they come from, and that they go nowhere but to the server.

They come from a file that nobody else can read, an environment variable, a command that prints it,
or ~/.netrc; never from the command line, which everybody on the machine can see.
"""

from __future__ import annotations

import netrc
import os
import re
import stat
import subprocess
from pathlib import Path
from urllib.parse import quote, quote_plus, urlsplit

from crashsym.errors import ConfigError

_LARGEST = 1 << 16
_SECONDS = 60  # for a command


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
        forms = {self._text, quote(self._text, safe=""), quote(self._text), quote_plus(self._text)}
        longest = sorted(filter(None, forms), key=len, reverse=True)
        return re.sub("|".join(map(re.escape, longest)), "[token]", text) if longest else text

    def __repr__(self) -> str:
        return "[token]"

    __str__ = __repr__

    def __reduce__(self) -> str:
        raise TypeError("a secret is not written anywhere")


def from_file(file: Path) -> Secret:
    """Read a token from a file; blanks around it do not count.

    Raises:
        ConfigError: it cannot be read, others can read it, or nothing is in it.
    """
    try:
        with file.open("rb") as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise _unusable(str(file), "it is no regular file")
            if status.st_mode & 0o077:
                why = f"others can use it (mode {stat.S_IMODE(status.st_mode):04o})"
                raise _unusable(str(file), why, f"Let nobody else: chmod 600 '{file}'.")
            data = stream.read(_LARGEST)
    except OSError as error:
        raise _unusable(str(file), error.strerror or str(error)) from error
    return _token(data, str(file))


def from_environment(name: str) -> Secret:
    """Read a token from an environment variable.

    Raises:
        ConfigError: it is not set, or empty.
    """
    return _token(os.environb.get(os.fsencode(name), b""), f"${name}")


def from_command(command: list[str]) -> Secret:
    """Read a token from what a command prints, like a password manager's.

    Raises:
        ConfigError: it cannot be run, fails, takes longer than a minute or prints nothing.
    """
    where = " ".join(command)
    try:
        done = subprocess.run(  # noqa: S603 - whoever configures it may run it
            command, stdout=subprocess.PIPE, timeout=_SECONDS, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _unusable(where, getattr(error, "strerror", None) or "it takes too long") from error
    if done.returncode != 0:
        raise _unusable(where, f"it ended with exit code {done.returncode}")
    return _token(done.stdout, where)


def from_netrc(url: str) -> Secret | None:
    """Return the password for the host of a URL in the file that $NETRC names, or ~/.netrc.

    Raises:
        ConfigError: the file cannot be read, or others can read it.
    """
    file = Path(os.environ.get("NETRC") or Path.home() / ".netrc")
    if not file.exists():
        return None
    try:
        found = netrc.netrc(file).authenticators(urlsplit(url).hostname or "")
        mode = file.stat().st_mode
    except (OSError, netrc.NetrcParseError) as error:
        why = str(getattr(error, "strerror", None) or getattr(error, "msg", ""))
        raise _unusable(str(file), why) from error
    if found is None or not found[2]:
        return None
    if mode & 0o077:
        raise _unusable(str(file), "others can read it", f"Let nobody else: chmod 600 '{file}'.")
    return Secret(found[2])


def _token(data: bytes, where: str) -> Secret:
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
