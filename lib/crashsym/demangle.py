# SPDX-License-Identifier: MIT
"""C++ names, by the platform's own ``__cxa_demangle``."""

from __future__ import annotations

import ctypes
from contextlib import suppress
from functools import lru_cache

from crashsym.errors import ToolMissingError

# A mangled name can stand for one that is exponentially longer: each "S_" repeats a part. Real
# names of boost and Eigen become some ten thousand characters.
_LONGEST_MANGLED = 8192
_LONGEST = 1 << 16
# A name with few repetitions cannot: 30 of them triple it ten times at most.
_FEW_REPETITIONS = 30


class _Demangler:
    def __init__(self) -> None:
        self._function = _load()["__cxa_demangle"]
        self._function.restype = ctypes.c_void_p
        self._function.argtypes = [ctypes.c_char_p] + [ctypes.c_void_p] * 3
        self._libc = ctypes.CDLL(None)
        self._libc.free.argtypes = [ctypes.c_void_p]
        self._libc.free.restype = None

    def __call__(self, name: str) -> str | None:
        result = self._function(name.encode(), None, None, None)
        if not result:
            return None
        readable = ctypes.string_at(result)
        self._libc.free(result)
        return readable.decode("utf-8", "replace") if len(readable) <= _LONGEST else None


def _load() -> ctypes.CDLL:
    for name in ("libstdc++.so.6", "libc++abi.so.1"):
        with suppress(OSError):
            return ctypes.CDLL(name)
    raise ToolMissingError(
        "cannot demangle C++ names",
        where="libstdc++.so.6",
        why="the C++ run-time library is not installed",
        remedy="Install it (Debian: libstdc++6, OpenEmbedded: libstdc++).",
    )


@lru_cache(maxsize=1)
def _demangler() -> _Demangler:
    return _Demangler()


def demangle(name: str) -> str | None:
    """Return the readable form of an Itanium C++ name; None when it is not one.

    Also None for a name that becomes longer than 64 KiB. Demangling cannot be stopped from inside:
    names that are not `is_harmless` belong into a process with a limit of its own.

    Source: Itanium C++ ABI section 5.1 and 3.4 (``__cxa_demangle``).
    """
    if not name.startswith("_Z") or len(name) > _LONGEST_MANGLED:
        return None
    return _demangler()(name)


def is_harmless(name: str) -> bool:
    """Whether demangling this name cannot take long, whoever made it up."""
    return name.count("S") + name.count("T") <= _FEW_REPETITIONS
