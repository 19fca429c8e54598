# SPDX-License-Identifier: MIT
"""JSON as the standard has it: Python takes NaN, Infinity and 1e999, too."""

from __future__ import annotations

import json
from math import isfinite
from typing import Any

from crashsym.errors import shortened


def parse(data: bytes) -> Any:
    """Return what a JSON text says.

    Raises:
        ValueError: it is no JSON, or has a number that is none (RFC 8259, section 6).
        RecursionError: it is nested too deeply.
    """
    return json.loads(data, parse_constant=_number, parse_float=_number)


def _number(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError(f"{shortened(text)} is no number")
    return number
