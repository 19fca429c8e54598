# SPDX-License-Identifier: MIT
"""What a reader sees on the page of an image."""

from __future__ import annotations

from browser.devtools import Tab

# Paths of the rows that can be seen, from top to bottom.
SEEN = (
    "[...document.querySelectorAll('#table tbody tr')].filter(r => r.getClientRects().length)"
    ".map(r => r.cells[0].textContent)"
)


def cards(tab: Tab) -> dict[str, str]:
    """Return the totals by what they are of."""
    found: dict[str, str] = tab.value(
        "Object.fromEntries([...document.querySelectorAll('.card')]"
        ".map(c => [c.querySelector('h2').innerText, c.querySelector('.big').innerText]))"
    )
    return found


def statuses(tab: Tab) -> dict[str, int]:
    """Return how many files the list of statuses says there are of each."""
    shown: list[tuple[str, int]] = tab.value(
        "[...document.querySelectorAll('.statuses tbody tr')]"
        ".map(r => [r.cells[0].innerText.trim(), Number(r.cells[1].innerText)])"
    )
    return dict(shown)


def too_wide(tab: Tab) -> list[str]:
    """Return what of the page is beyond the right edge of the window."""
    found: list[str] = tab.value(
        "[...document.querySelectorAll('body *')].filter(e => e.getClientRects().length &&"
        " !e.closest('svg') && e.getBoundingClientRect().right > innerWidth + 1)"
        ".map(e => e.tagName + ' ' + e.textContent.slice(0, 60))"
    )
    return found
