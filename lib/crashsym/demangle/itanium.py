# SPDX-License-Identifier: MIT
"""C++ names, by the platform's own ``__cxa_demangle``."""

from __future__ import annotations

import re
from contextlib import suppress
from functools import lru_cache

from crashsym.demangle.apart import Apart
from crashsym.demangle.limits import LONGEST
from crashsym.errors import ToolMissingError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ctypes

# A mangled name can stand for one that is exponentially longer: each "S_" or "T_" repeats a part,
# and may double the name; an expansion of a pack repeats its pattern for each element. Real names
# of boost and Eigen become some ten thousand characters; nearly all have 13 repetitions at most.
_LONGEST_MANGLED = 8192
_LONGEST_EXPANDED = 1 << 20  # what one may become in this process; a letter is up to 18 there
# All that repeats a part ends in "_" (S_, S12_, T0_, TL0_1_); inside of an identifier it may be no
# repetition, which does no harm. "Sa", "Ss" and the like stand for up to 72 characters of std::.
_REPETITION = re.compile(r"[ST][0-9A-Z]*_")
_ABBREVIATION = re.compile(r"S[a-z]")
_LONGEST_ABBREVIATED = 72
# Expressions, of which libstdc++ never finishes some that are malformed ("sr"), and expansions of
# anything but a parameter, with or without qualifiers. Again, letters of identifiers do no harm.
_RISKY = re.compile(r"X|D[TtOv]|A[a-z]|Dp(?![ROKPV]*T)")


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


@lru_cache(maxsize=1)
def _demangler() -> _Demangler:
    return _Demangler()


@lru_cache(maxsize=1)
def _apart() -> Apart:
    return Apart(_demangler())


def forget_names() -> None:
    """Give names that may explode another try: their limits are those of one table of one file."""
    decode.cache_clear()
    if _apart.cache_info().currsize:
        _apart().stop()
        _apart.cache_clear()


def is_harmless(name: str) -> bool:
    """Return whether a name is short, repeats so little that it cannot explode, and ends."""
    size = len(name.encode("utf-8", "surrogateescape"))
    if size > _LONGEST_MANGLED or _RISKY.search(name):
        return False
    size += _LONGEST_ABBREVIATED * len(_ABBREVIATION.findall(name))
    return size << len(_REPETITION.findall(name)) <= _LONGEST_EXPANDED


@lru_cache(maxsize=8192)
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
