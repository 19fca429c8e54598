# SPDX-License-Identifier: MIT
"""The kernel joins and tidies paths as `posixpath` does."""

from __future__ import annotations

import posixpath
import random

import pytest
from crashsym.kernel import joined


def expected(*parts: bytes) -> bytes:
    """Return the path that posixpath makes of the parts; the empty one stays empty."""
    joined = posixpath.join(b"", *parts)
    return posixpath.normpath(joined) if joined else b""


@pytest.mark.parametrize(
    ("parts", "path"),
    [
        ((), b""),
        ((b"", b""), b""),
        ((b"/usr/src", b"a.c"), b"/usr/src/a.c"),
        ((b"/usr/src/", b"./lib", b"../a.c"), b"/usr/src/a.c"),
        ((b"/usr", b"/opt/x", b"a.c"), b"/opt/x/a.c"),
        ((b"a", b"../../b"), b"../b"),
        ((b"../..", b"a/../../b"), b"../../../b"),
        ((b"/..", b"a"), b"/a"),
        ((b"//host", b"..", b"a"), b"//a"),
        ((b"///host", b"a"), b"/host/a"),
        ((b".", b""), b"."),
        ((b"a/..",), b"."),
        ((b"a//b///c/",), b"a/b/c"),
        ((b"...", b"..a", b"a.."), b".../..a/a.."),
    ],
)
def test_path(parts: tuple[bytes, ...], path: bytes) -> None:
    assert joined.tidy(*parts) == path == expected(*parts)


def test_random_paths() -> None:
    source = random.Random(11)  # noqa: S311 - no secret
    pieces = [b"/", b"//", b".", b"..", b"a", b"bc", b"./", b"../", b"/x", b"d..", b""]
    for _ in range(20_000):
        parts = [
            b"".join(source.choices(pieces, k=source.randint(0, 7)))
            for _ in range(source.randint(0, 4))
        ]
        assert joined.tidy(*parts) == expected(*parts), parts
