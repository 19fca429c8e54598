# SPDX-License-Identifier: MIT
"""How each file ends: sent, already there, refused with the server's words, or failed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from crashsym.upload.items import Item

SENT = "sent"
PRESENT = "present"  # the server had it
REFUSED = "refused"
FAILED = "failed"
STATES = (SENT, PRESENT, REFUSED, FAILED)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file at one target.

    ``why`` has the words of the server, or what failed; of a file that is there, what could not be
    compared, as only the manifest is at hand. ``id`` is what the server calls the file,
    if it said so. ``is_absent``: the server has answered that it has no such file, or another one.
    """

    item: Item
    state: str
    why: str = ""
    id: str = ""
    is_absent: bool = False

    @property
    def is_there(self) -> bool:
        """Whether the server has the file, by what it answered."""
        return self.state in (SENT, PRESENT)


def unanswered(items: Iterable[Item]) -> Iterator[Outcome]:
    """Yield how a verification ends where a server cannot be asked what it has."""
    return (Outcome(item, FAILED, "this protocol has no question for that") for item in items)
