# SPDX-License-Identifier: MIT
"""C++ names, by the platform's own ``__cxa_demangle``."""

from __future__ import annotations

import re
from contextlib import suppress
from functools import lru_cache

from crashsym.demangle.limits import LONGEST
from crashsym.errors import ToolMissingError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ctypes
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

# A mangled name can stand for one that is exponentially longer: each "S_" repeats a part. Real
# names of boost and Eigen become some ten thousand characters.
_LONGEST_MANGLED = 8192
# Names with few repetitions are taken as harmless. Real ones of several hundred letters have 20.
_FEW_REPETITIONS = 30
# All that repeats a part ends in "_" (S_, S12_, T0_, TL0_1_); inside of an identifier it may be no
# repetition, which does no harm. "Sa", "Ss" and the like stand for up to 72 characters of std::.
_REPETITION = re.compile(r"[ST][0-9A-Z]*_")
_ABBREVIATION = re.compile(r"S[a-z]")
_LONGEST_ABBREVIATED = 72
# What the process for the others may use: seconds for all of them, and bytes.
_LONGEST_LIFE, _MEMORY = 3600, 24 << 20


class _Demangler:
    def __init__(self) -> None:
        import ctypes  # many files have no C++ names

        self._function = _load()["__cxa_demangle"]
        self._function.restype = ctypes.c_void_p
        self._function.argtypes = [ctypes.c_char_p] + [ctypes.c_void_p] * 3
        self._string_at = ctypes.string_at
        self._libc = ctypes.CDLL(None)
        self._libc.free.argtypes = [ctypes.c_void_p]
        self._libc.free.restype = None

    def __call__(self, name: str) -> str | None:
        result = self._function(name.encode("utf-8", "surrogateescape"), None, None, None)
        if not result:
            return None
        readable = self._string_at(result)
        self._libc.free(result)
        return readable.decode("utf-8", "replace") if len(readable) <= LONGEST else None


def _load() -> ctypes.CDLL:
    import ctypes

    for name in ("libstdc++.so.6", "libc++abi.so.1"):
        with suppress(OSError):
            return ctypes.CDLL(name)
    raise ToolMissingError(
        "cannot demangle C++ names",
        where="libstdc++.so.6",
        why="the C++ run-time library is not installed",
        remedy="Install it (Debian: libstdc++6, OpenEmbedded: libstdc++).",
    )


class _Apart:
    """Demangles in a process of its own, which may take a second or two for each name.

    Demangling cannot be stopped from inside. After a few names that explode it does no more.
    """

    def __init__(self) -> None:
        self._patience = 3
        self._running: tuple[BaseProcess, Connection] | None = None

    def __call__(self, name: str) -> str | None:
        if self._patience == 0:
            return None
        if self._running is None:
            self._running = self._start()
        process, connection = self._running
        try:
            connection.send(name)
            return str(connection.recv()) or None
        except (EOFError, OSError):  # the name has ended it
            connection.close()
            process.join()
            self._running = None
            self._patience -= 1
            return None

    def _start(self) -> tuple[BaseProcess, Connection]:
        import multiprocessing  # few files have such names

        context = multiprocessing.get_context("fork")
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, ours), daemon=True)
        process.start()
        theirs.close()
        return process, ours


def _serve(connection: Connection, other_end: Connection) -> None:
    import resource

    from crashsym.limits import Limits

    other_end.close()
    demangle_here = _Demangler()
    Limits(_LONGEST_LIFE, _MEMORY).apply()
    with suppress(EOFError):
        while True:
            name = connection.recv()
            usage = resource.getrusage(resource.RUSAGE_SELF)
            _, hard = resource.getrlimit(resource.RLIMIT_CPU)
            limit = int(usage.ru_utime + usage.ru_stime) + 2
            if hard == resource.RLIM_INFINITY or limit < hard:
                resource.setrlimit(resource.RLIMIT_CPU, (limit, hard))
            connection.send(demangle_here(name) or "")


@lru_cache(maxsize=1)
def _demangler() -> _Demangler:
    return _Demangler()


@lru_cache(maxsize=1)
def _apart() -> _Apart:
    return _Apart()


def is_harmless(name: str) -> bool:
    """Return whether a name is short and repeats so little that it cannot explode."""
    size = len(name.encode("utf-8", "surrogateescape"))
    if size <= _LONGEST_MANGLED and name.count("S") + name.count("T") <= _FEW_REPETITIONS:
        return True  # as most names
    size += _LONGEST_ABBREVIATED * len(_ABBREVIATION.findall(name))
    return size <= _LONGEST_MANGLED and len(_REPETITION.findall(name)) <= _FEW_REPETITIONS


def decode(mangled: str) -> str | None:
    """Return the readable form of an Itanium C++ name; None when it is not one.

    ``mangled`` has no suffix. Also None for a name that becomes longer than 64 KiB, for one of
    more than 8192 bytes, and for one that takes too long.

    Source: Itanium C++ ABI section 5.1 and 3.4 (``__cxa_demangle``).
    """
    if is_harmless(mangled):
        return _demangler()(mangled)
    if len(mangled) > _LONGEST_MANGLED:
        return None
    return _apart()(mangled)
