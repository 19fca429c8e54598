# SPDX-License-Identifier: MIT
"""What a name may cost: the limits that all decoders share."""

from __future__ import annotations

# The longest readable name that is kept, in bytes. Real ones of boost and Eigen have 10 000s.
LONGEST = 1 << 16
# Grammars are nested; each level costs a decoder a call or two, and Python has 1000.
DEEPEST = 200


class NotMangledError(Exception):
    """The name is not what its prefix promised, or would cost too much. Never leaves here."""


def allowance(mangled: str) -> int:
    """Return how many characters and nodes a decoder may make of a mangled name.

    A name that refers back to its own parts can stand for one that is exponentially longer. Real
    ones become up to 9 times as long; the limit keeps the time in proportion to the file.
    """
    return min(LONGEST, 1024 + 32 * len(mangled))
