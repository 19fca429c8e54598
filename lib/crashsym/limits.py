# SPDX-License-Identifier: MIT
"""What a process that reads files may use, so that a runaway costs that process alone."""

from __future__ import annotations

import resource
from typing import NamedTuple

_LOWERED: set[int] = set()  # which limits of this process are ours


class Limits(NamedTuple):
    """Processor time in seconds, and bytes of memory on top of what a process begins with."""

    cpu_seconds: int
    memory: int

    @classmethod
    def for_bytes(cls, size: int) -> Limits:
        """Return what files of ``size`` bytes together have a right to.

        Several times what compilers' output was seen to need, so that a slow machine can do it too:
        2.5 s for a megabyte and 30 bytes for a byte of a file with compressed debug sections.
        """
        return cls(10 + 20 * size // 1_000_000, (64 << 20) + 80 * size)

    def apply(self) -> None:
        """Set the limits of this process; limits of the user that are lower stay."""
        with open("/proc/self/statm", "rb") as statm:  # noqa: PTH123 - it is no path of ours
            pages = int(statm.read().split()[0])
        _lower(resource.RLIMIT_AS, pages * resource.getpagesize() + self.memory)
        _lower(resource.RLIMIT_CPU, self.cpu_seconds)
        _lower(resource.RLIMIT_CORE, 0)


def _lower(kind: int, limit: int) -> None:
    soft, hard = resource.getrlimit(kind)
    if soft == resource.RLIM_INFINITY or limit < soft:
        resource.setrlimit(kind, (limit, hard))
        _LOWERED.add(kind)


def allow_more(size: int) -> None:
    """Raise the limits of this process for another input of ``size`` bytes that it has found.

    Does nothing in a process that has no limits of ours, and never passes limits of the user.
    """
    none, more = Limits.for_bytes(0), Limits.for_bytes(size)
    extra = {
        resource.RLIMIT_AS: more.memory - none.memory,
        resource.RLIMIT_CPU: more.cpu_seconds - none.cpu_seconds,
    }
    for kind in _LOWERED & set(extra):
        soft, hard = resource.getrlimit(kind)
        limit = soft + extra[kind]
        resource.setrlimit(
            kind, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard)
        )
