# SPDX-License-Identifier: MIT
"""Writing files so that nobody ever sees half of one."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

from crashsym.errors import StoreError


def write_atomically(path: Path, data: bytes, *, replace: bool = True) -> bool:
    """Write ``path`` whole or not at all; make the folders above it.

    With ``replace`` false a file that is there already is left alone, and False is returned, also
    when another process makes it at the same moment.

    Raises:
        StoreError: the operating system refuses; nothing is left behind.
    """
    temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_bytes(data)
            return _put(temporary, path, replace=replace)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(
            "cannot write", where=f"'{path}'", why=error.strerror or str(error)
        ) from error


def _put(temporary: Path, path: Path, *, replace: bool) -> bool:
    if replace:
        temporary.replace(path)
        return True
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    return True
