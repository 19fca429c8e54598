# SPDX-License-Identifier: MIT
# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Paths of source files; the compiled form of `posixpath.join` and `posixpath.normpath`."""

from libc.stdint cimport uint64_t
from libc.string cimport memchr, memcpy, memmove, memset

from crashsym.kernel.base cimport Array, Memory, Span, give_back, reserve


cdef bint join_path(Array* path, Span part, Memory* memory) noexcept nogil:
    """Append a part to a path; an absolute part replaces it. False when there is no memory."""
    if not part.size:
        return True
    if part.data[0] == b"/":
        path.count = 0
    if not reserve(path, part.size + 1, 1, memory):
        return False
    if path.count and path.items[path.count - 1] != b"/":
        path.items[path.count] = b"/"
        path.count += 1
    memcpy(path.items + path.count, part.data, part.size)
    path.count += part.size
    return True


cdef void tidy_path(Array* path) noexcept nogil:
    """Take out "." and "..", and slashes that do nothing; an empty path stays empty."""
    cdef char* text = path.items
    cdef uint64_t size = path.count, at = 0, root, out, floor, length
    cdef const char* slash
    while at < size and text[at] == b"/":
        at += 1
    root = 1 if at and at != 2 else at  # two slashes, and no more, may mean something else
    out = floor = root  # what is before `floor` stays
    while at < size:
        slash = <const char*>memchr(text + at, b"/", size - at)
        length = size - at if slash == NULL else <uint64_t>(slash - text) - at
        if length == 2 and text[at] == b"." and text[at + 1] == b"." and (out > floor or root):
            while out > floor and text[out - 1] != b"/":
                out -= 1
            if out > floor:
                out -= 1
        elif length and not (length == 1 and text[at] == b"."):
            if out > root:
                text[out] = b"/"
                out += 1
            memmove(text + out, text + at, length)
            if length == 2 and text[out] == b"." and text[out + 1] == b".":
                floor = out + 2
            out += length
        at += length + 1
    if size and not out:
        text[0] = b"."
        out = 1
    path.count = out


def tidy(*parts):
    """Join and tidy parts; for tests."""
    cdef Memory memory
    cdef Array path
    cdef Span span
    cdef bytes part
    memory.used, memory.limit = 0, 1 << 30
    memset(&path, 0, sizeof(Array))
    for part in parts:
        span.data, span.size = part, len(part)
        join_path(&path, span, &memory)
    tidy_path(&path)
    found = path.items[: path.count] if path.count else b""
    give_back(&path)
    return found
