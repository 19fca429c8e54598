# SPDX-License-Identifier: MIT
"""The one exception of the benchmark."""

from __future__ import annotations


class BenchError(Exception):
    """The user can fix it; the text is the complete message."""
