# SPDX-License-Identifier: MIT
"""What a server answers, bounded in size; `crashsym.upload.connections` bounds its time."""

from __future__ import annotations

import zlib

import requests
from urllib3.exceptions import HTTPError

_PIECE = 1 << 16


def beginning(response: requests.Response, largest: int) -> bytes:
    """Return the beginning of an answer, which is all of it unless it is larger.

    The connection of a larger one is not used again.

    Raises:
        HTTPError: it breaks off, does not end in time, or is no HTTP.
    """
    data = bytearray()
    try:
        while len(data) < largest:
            piece = response.raw.read(min(_PIECE, largest - len(data)), decode_content=False)
            if not piece:
                break
            data += piece
    except ValueError:  # http.client asks for a chunk of -5 bytes
        raise HTTPError("the answer is no HTTP") from None
    return _plain(bytes(data), response.headers.get("Content-Encoding", ""), largest)


def _plain(data: bytes, encoding: str, largest: int) -> bytes:
    """Return what is in a compressed answer, which nobody has asked for, but no more than fits."""
    if not data or encoding.lower() not in ("gzip", "x-gzip", "deflate"):
        return data
    try:
        return zlib.decompressobj(47).decompress(data, largest)
    except zlib.error:
        return data
