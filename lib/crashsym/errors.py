# SPDX-License-Identifier: MIT
"""The exception tree.

::

    CrashsymError                 anything the user can fix
    ├── ConfigError               an option or a policy that makes no sense
    ├── ToolMissingError          a system library or program is not there
    ├── InputError                one input file
    │   ├── UnreadableError       it cannot be opened or read
    │   ├── NotElfError           it is something else than an ELF file
    │   ├── MalformedError        its structure contradicts itself
    │   ├── PackedError           the code that runs is not in it
    │   └── MismatchError         two halves that do not belong together
    ├── StoreError                the symbol store
    │   └── ConflictError         the same id with other bytes
    ├── ManifestError             a manifest that cannot be read or merged
    └── UploadError               a symbol server
        ├── AuthenticationError   it does not know the token, or that may not upload
        ├── RejectedError         it does not want this request; asking again does not help
        └── UnavailableError      it cannot be reached, or not now

Everything else that escapes is a bug in crashsym.
"""

from __future__ import annotations

_LONGEST = 5000  # characters; PATH_MAX is 4096 bytes


class CrashsymError(Exception):
    """Anything the user can fix; the text is one line: what failed: where: why. What to do."""

    def __init__(self, what: str, *, where: str = "", why: str = "", remedy: str = "") -> None:
        self.what = what
        self.where = where
        self.why = why
        self.remedy = remedy
        super().__init__(sentence(what, where, why, remedy))


def sentence(what: str, where: str, why: str, remedy: str) -> str:
    """Return the one form that all messages of this project have.

    Control characters, which a hostile file name or section may bring along, are escaped; parts
    that are longer than any path are cut off.
    """
    facts = ": ".join(shortened(part, _LONGEST) for part in (what, where, why) if part)
    text = f"{facts}. {remedy}" if remedy else facts
    return visible(text)


def written(c: str) -> str:
    r"""Return what stands for a character that cannot be shown: ``\n``, ``\x1b``, ``\u2028``."""
    if "\udc80" <= c <= "\udcff":  # a byte
        return f"\\x{ord(c) - 0xDC00:02x}"
    return c.encode("unicode_escape").decode()


def visible(text: str) -> str:
    """Return a text in one line that has only characters that can be seen."""
    return "".join(c if c.isprintable() else written(c) for c in text)


def shortened(text: str, most: int = 60) -> str:
    """Return the first ``most`` characters of a text, and how many it has if these are not all."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text)} characters)"


def described(value: object) -> str:
    """Return what a value of somebody else's document is, in few words whatever it is."""
    if isinstance(value, str):
        return repr(shortened(value))
    if isinstance(value, int) and not -(1 << 64) < value < 1 << 64:
        return "a number of many digits"
    if isinstance(value, int | float | None):
        return repr(value)
    return f"a {type(value).__name__}"


def counted(number: int, noun: str) -> str:
    """Return "1 file", "2 files"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


class ConfigError(CrashsymError):
    """An option, a policy or an environment that makes no sense."""


class ToolMissingError(CrashsymError):
    """A system library or program that is needed is not there."""


class InputError(CrashsymError):
    """One input file cannot be used; others are not affected."""


class UnreadableError(InputError):
    """The file cannot be opened or read."""


class NotElfError(InputError):
    """The file is something else than an ELF file."""


class MalformedError(InputError):
    """The structure of the file contradicts itself."""


class PackedError(InputError):
    """The code that runs is not in the file: it is unpacked in memory."""


class UnsupportedError(InputError):
    """The file is for a CPU, or in a format, that this crashsym does not know."""


class MismatchError(InputError):
    """Two halves of a split pair do not belong together."""


class StoreError(CrashsymError):
    """The symbol store cannot be read or written."""


class ConflictError(StoreError):
    """The store has other bytes for the same id."""


class ManifestError(CrashsymError):
    """A manifest cannot be read or merged."""


class UploadError(CrashsymError):
    """A symbol server has not done what it was asked for."""


class AuthenticationError(UploadError):
    """The server does not know the token, or whoever has it may not do that."""


class RejectedError(UploadError):
    """The server does not want this request; to send it again does not help."""


class UnavailableError(UploadError):
    """The server cannot be reached, or not now; all attempts have failed."""
