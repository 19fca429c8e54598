# SPDX-License-Identifier: MIT
"""What this Python has for zstd, imported when it is asked for."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def standard_module() -> Any | None:
    """Return ``compression.zstd`` of Python 3.14, or the package that brings it to older ones."""
    return _imported("compression.zstd") or _imported("backports.zstd")


def zstandard_module() -> Any | None:
    """Return the package ``zstandard``."""
    return _imported("zstandard")


def _imported(name: str) -> Any | None:
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError:
        return None
