# SPDX-License-Identifier: MIT
"""C++ names, by the platform's own ``__cxa_demangle``."""

from __future__ import annotations

import ctypes
import ctypes.util
from functools import lru_cache

from crashsym.errors import ToolMissingError

# A compressed mangled name can stand for a text that is exponentially longer. Real ones of boost
# and Eigen reach some thousand characters.
_LONGEST = 8192


@lru_cache(maxsize=1)
def _libraries() -> tuple[ctypes.CDLL, ctypes.CDLL]:
    for name in ("libstdc++.so.6", "libc++abi.so.1"):
        try:
            library = ctypes.CDLL(name)
        except OSError:
            continue
        library.__cxa_demangle.restype = ctypes.c_void_p
        library.__cxa_demangle.argtypes = [ctypes.c_char_p] + [ctypes.c_void_p] * 3
        libc = ctypes.CDLL(None)
        libc.free.argtypes = [ctypes.c_void_p]
        libc.free.restype = None
        return library, libc
    raise ToolMissingError(
        "cannot demangle C++ names",
        where="libstdc++.so.6",
        why="the C++ run-time library is not installed",
        remedy="Install it (Debian: libstdc++6, OpenEmbedded: libstdc++).",
    )


@lru_cache(maxsize=65536)
def demangle(name: str) -> str | None:
    """Return the readable form of an Itanium C++ name; None when it is not one.

    Source: Itanium C++ ABI section 5.1 and 3.4 (``__cxa_demangle``).
    """
    if not name.startswith("_Z") or len(name) > _LONGEST:
        return None
    library, libc = _libraries()
    result = library.__cxa_demangle(name.encode(), None, None, None)
    if not result:
        return None
    try:
        return ctypes.string_at(result).decode("utf-8", "replace")
    finally:
        libc.free(result)
