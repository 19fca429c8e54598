# SPDX-License-Identifier: MIT
"""What the C++ run-time library makes of a mangled name."""

from __future__ import annotations

import ctypes
from functools import lru_cache


@lru_cache(maxsize=1)
def _functions() -> tuple[ctypes._NamedFuncPointer, ctypes._NamedFuncPointer]:
    demangle, free = ctypes.CDLL("libstdc++.so.6")["__cxa_demangle"], ctypes.CDLL(None)["free"]
    demangle.restype = ctypes.c_void_p
    demangle.argtypes = [ctypes.c_char_p, *[ctypes.c_void_p] * 3]
    free.argtypes = [ctypes.c_void_p]
    return demangle, free


def cxa_demangle(name: bytes) -> bytes | None:
    """Return the readable form of a name that cannot explode; None when the library refuses it."""
    demangle, free = _functions()
    result = demangle(name, None, None, None)
    if not result:
        return None
    readable = ctypes.string_at(result)
    free(result)
    return readable
