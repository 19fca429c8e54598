# SPDX-License-Identifier: MIT
"""What a server answers, bounded in size and time."""

from __future__ import annotations

import time
import zlib

import requests

_LARGEST = 1 << 24  # bytes of an answer: Sentry can say of 350 000 parts that it lacks them
_PIECE = 1 << 16
_SHORTEST = 0.1  # seconds after which a server is not waited for with a large piece


def beginning(response: requests.Response, end: float) -> bytes:
    """Return the beginning of an answer; the connection of a longer one is not used again.

    To read waits for as many bytes as are asked for: few at first, more while they come at once.

    Raises:
        Timeout: it goes on, but too slowly to end in time.
        HTTPError: it breaks off.
    """
    data = bytearray()
    size = 1
    while len(data) < _LARGEST:
        begun = time.monotonic()
        piece = response.raw.read(size, decode_content=False)
        if not piece:
            break
        data += piece
        now = time.monotonic()
        if now > end:
            raise requests.Timeout("the answer does not end")
        size = min(2 * size, _PIECE) if now - begun < _SHORTEST else 1
    return _plain(bytes(data), response.headers.get("Content-Encoding", ""))


def _plain(data: bytes, encoding: str) -> bytes:
    """Return what is in a compressed answer, which nobody has asked for, but no more than fits."""
    if not data or encoding.lower() not in ("gzip", "x-gzip", "deflate"):
        return data
    try:
        return zlib.decompressobj(47).decompress(data, _LARGEST)
    except zlib.error:
        return data
