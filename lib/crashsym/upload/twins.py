# SPDX-License-Identifier: MIT
"""Files of one build id under several names, in layouts that have one place for all of them.

Copies of a program, or names that it has beside its own, have one build id and one debug file, and
the same records; their symbol files differ in the name that the MODULE record says, which nobody
looks up there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace

from crashsym.errors import InputError
from crashsym.upload.bodies import PIECE, ItemBody
from crashsym.upload.items import SYMBOLS, Item
from crashsym.upload.layouts import LAYOUTS
from crashsym.upload.outcome import PRESENT, Outcome
from crashsym.upload.targets import Target

Twins = dict[Item, list[Item]]


def twins_of(target: Target, items: Sequence[Item]) -> Twins:
    """Return the files to send, and those that each of them stands for."""
    place = LAYOUTS[target.options.get("layout", "breakpad")]
    by_place: dict[tuple[str, str], list[Item]] = {}
    found: Twins = {}
    for item in items:
        sharing = by_place.setdefault((item.kind, place(item) or item.place), [])
        first = next((one for one in sharing if _is_twin(one, item)), None)
        if first is None:
            sharing.append(item)
            found[item] = []
        else:
            found[first].append(item)
    return found


def with_twins(outcomes: Iterable[Outcome], twins: Twins) -> Iterator[Outcome]:
    """Yield how all end, if those that stand for others end like this."""
    for outcome in outcomes:
        yield outcome
        for twin in twins[outcome.item]:
            if not outcome.is_there:
                yield replace(outcome, item=twin)
            elif twin.sha256 == outcome.item.sha256:
                yield Outcome(twin, PRESENT, outcome.why, outcome.id)
            else:
                why = f"as '{outcome.item.name}', which has the same build id and symbols"
                yield Outcome(twin, PRESENT, why, outcome.id)


def _is_twin(one: Item, other: Item) -> bool:
    if one.sha256 == other.sha256:
        return True
    if one.kind != SYMBOLS or one.build_id != other.build_id:
        return False
    try:
        return _records(one) == _records(other)
    except InputError:  # it is no twin, and whoever sends it says why
        return False


def _records(item: Item) -> str:
    """Return a digest of all but the first record; "" where there is only a manifest."""
    digest = hashlib.sha256()
    if item.content is None:
        return ""
    with closing(ItemBody(item)) as body:
        head = b""
        while b"\n" not in head and (data := body.read(PIECE)):
            head += data
        digest.update(head.partition(b"\n")[2])
        while data := body.read(PIECE):
            digest.update(data)
    return digest.hexdigest()
