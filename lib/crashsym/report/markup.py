# SPDX-License-Identifier: MIT
"""Texts and numbers as they stand in the page."""

from __future__ import annotations

from crashsym.errors import visible

NONE = "—"
_SPECIAL = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})


def escaped(text: str | None) -> str:
    """Return a text for an element or a quoted attribute, whatever it holds; None is a dash.

    What cannot be seen, or would turn the direction of the text around it, is written out.
    """
    if text is None:
        return NONE
    shown = text if text.isprintable() else visible(text)
    return shown.translate(_SPECIAL)


def number(value: int) -> str:
    """Return a number with a comma between thousands."""
    return f"{value:,}"


def rounded(count: int) -> str:
    """Return a number of bytes in the unit that makes it short."""
    for unit, size in (("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return f"{count} bytes"


def percent(share: float | None) -> str:
    """Return a share as `Coverage.percent` gives it."""
    return NONE if share is None else f"{share:.1f} %"


def files(count: int) -> str:
    """Return "1 file", "2,000 files"."""
    return "1 file" if count == 1 else f"{number(count)} files"


def status_mark(status: str) -> str:
    """Return a status with the colour that it has in the picture."""
    return f'<span class="s s-{escaped(status)}">{escaped(status)}</span>'
