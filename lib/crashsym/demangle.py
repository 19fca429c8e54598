# SPDX-License-Identifier: MIT
"""C++ names, by the platform's own ``__cxa_demangle``."""

from __future__ import annotations

import ctypes
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from crashsym.errors import ToolMissingError

# A mangled name can stand for one that is exponentially longer: each "S_" repeats a part. Real
# names of boost and Eigen become some ten thousand characters.
_LONGEST_MANGLED = 8192
_LONGEST = 1 << 16
# A name with fewer repetitions than this cannot become large; for the others the memory that
# demangling may take is limited, since it cannot be stopped in another way.
_HARMLESS_REPETITIONS = 10
_MEMORY = 16 << 20
_NO_MEMORY = -1
_PATIENCE = 20


class _Demangler:
    def __init__(self) -> None:
        self._function = _load()["__cxa_demangle"]
        self._function.restype = ctypes.c_void_p
        self._function.argtypes = [ctypes.c_char_p] + [ctypes.c_void_p] * 3
        self._libc = ctypes.CDLL(None)
        self._libc.free.argtypes = [ctypes.c_void_p]
        self._libc.free.restype = None
        self._patience = _PATIENCE

    def __call__(self, name: str) -> str | None:
        if name.count("_") <= _HARMLESS_REPETITIONS:
            return self._demangle(name)
        if self._patience == 0:
            return None
        with _limited_memory():
            return self._demangle(name)

    def _demangle(self, name: str) -> str | None:
        status = ctypes.c_int(0)
        result = self._function(name.encode(), None, None, ctypes.byref(status))
        readable = b""
        if result:
            readable = ctypes.string_at(result)
            self._libc.free(result)
        if status.value == _NO_MEMORY or len(readable) > _LONGEST:
            self._patience -= 1
            return None
        return readable.decode("utf-8", "replace") or None


def _load() -> ctypes.CDLL:
    for name in ("libstdc++.so.6", "libc++abi.so.1"):
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    raise ToolMissingError(
        "cannot demangle C++ names",
        where="libstdc++.so.6",
        why="the C++ run-time library is not installed",
        remedy="Install it (Debian: libstdc++6, OpenEmbedded: libstdc++).",
    )


@contextmanager
def _limited_memory() -> Iterator[None]:
    """Let this process grow by a little only; ``malloc`` then fails, and demangling gives up."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_bytes().split()[0])
    limit = pages * resource.getpagesize() + _MEMORY
    if soft != resource.RLIM_INFINITY and soft < limit:
        limit = soft
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@lru_cache(maxsize=1)
def _demangler() -> _Demangler:
    return _Demangler()


def demangle(name: str) -> str | None:
    """Return the readable form of an Itanium C++ name; None when it is not one.

    Also None for a name that becomes longer than 64 KiB; after a number of names that explode
    none of that kind is tried any more.

    Source: Itanium C++ ABI section 5.1 and 3.4 (``__cxa_demangle``).
    """
    if not name.startswith("_Z") or len(name) > _LONGEST_MANGLED:
        return None
    return _demangler()(name)
