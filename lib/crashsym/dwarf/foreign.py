# SPDX-License-Identifier: MIT
"""What pyelftools raises on damaged bytes, turned into our own error."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager

from elftools.common.exceptions import DWARFError, ELFError
from elftools.construct import ConstructError

from crashsym.errors import MalformedError

# What pyelftools lets through when the bytes it parses are damaged (found by fuzzing it).
_FOREIGN_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ConstructError,
    DWARFError,
    ELFError,
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)


@contextmanager
def parsing(what: str, where: str) -> Iterator[None]:
    """Turn what pyelftools raises on damaged bytes into one `MalformedError`."""
    try:
        yield
    except _FOREIGN_ERRORS as error:
        raise MalformedError(what, where=where, why=_fact(error)) from error


def _fact(error: BaseException) -> str:
    if isinstance(error, KeyError):
        return f"it refers to number {error}, which is not defined"
    if isinstance(error, MemoryError):
        return "it claims more than there is memory"
    return str(error) or "it contradicts itself"
