# SPDX-License-Identifier: MIT
"""The record of unwind rules; apart from the others, as reading Arm's index needs it alone."""

from __future__ import annotations

from crashsym.value import Value


class CfiRecord(Value):
    """``STACK CFI INIT`` (``rules``) and the ``STACK CFI`` records (``deltas``) inside of it."""

    address: int
    size: int
    rules: str
    deltas: tuple[tuple[int, str], ...] = ()
