# SPDX-License-Identifier: MIT
"""What a name may cost: the limits that all decoders share."""

from __future__ import annotations

# The longest readable name that is kept: bytes of C++'s, characters of others. Real ones of boost
# and Eigen have 10 000s.
LONGEST = 1 << 16
# Grammars are nested; each level costs a decoder up to four calls, and Python has 1000. Real names
# of rustc go down to 93.
DEEPEST = 160


class NotMangledError(Exception):
    """The name is not what its prefix promised, or would cost too much. Never leaves here."""


def allowance(mangled: str) -> int:
    """Return how many characters and nodes a decoder may make of a mangled name.

    A name that refers back to its own parts can stand for one that is exponentially longer. Real
    ones need up to 18 for each letter; the limit keeps the time in proportion to the file.
    """
    return min(LONGEST, 1024 + 24 * len(mangled))
