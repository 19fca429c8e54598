# SPDX-License-Identifier: MIT
"""Where the bytes of a file to send lie: all of a file, or a part of an archive."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from crashsym.files import open_regular

_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Extent:
    """Bytes of a file: ``size`` of them from ``start`` on.

    ``member`` is their name in an archive, whose index says of them ``sha256``; without a member
    they are all of the file.
    """

    file: Path
    start: int
    size: int
    member: str = ""
    sha256: str | None = None

    @classmethod
    def of(cls, file: Path) -> Extent:
        """Return all of a file.

        Raises:
            OSError: it is not there.
        """
        return cls(file, 0, file.stat().st_size)

    def __str__(self) -> str:
        return str(self.file / self.member)

    def digest(self) -> str:
        """Return the SHA-256 of the bytes, as far as there are so many.

        Raises:
            OSError: they cannot be read, or it is no regular file.
        """
        digest = hashlib.sha256()
        left = self.size
        with open_regular(self.file, follow=True) as stream:
            stream.seek(self.start)
            while data := stream.read(min(left, _PIECE)):
                digest.update(data)
                left -= len(data)
        return digest.hexdigest()
