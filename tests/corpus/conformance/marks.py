# SPDX-License-Identifier: MIT
"""The facts that people wrote into the sources, true for every compiler.

A comment at the end of a line says of that line::

    result = corpus_sink(result);  /* FACT: function=square */

* ``function=NAME``: every instruction of the line belongs to the function NAME, inlined or not.
* ``inlined-into=NAME``: and that is inlined into NAME everywhere (it has ``always_inline``).
* ``optional``: a compiler may leave no instruction for the line. Without it there must be one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from corpus.build import SOURCE_PREFIX, SOURCES
from corpus.conformance.consensus import Tally
from corpus.conformance.facts import Disputed, Location, SourceLine
from corpus.conformance.names import agree, scopes
from corpus.matrix import Program, Unit

_FACT = re.compile(r"FACT: ([^*]*)")
_LINE = re.compile(r'#line (\d+) "([^"]+)"')
_INCLUDE = re.compile(r'#include "([^"]+)"')
_WORDS = frozenset({"function", "inlined-into", "optional"})


def marked_lines(program: Program) -> list[SourceLine]:
    """The marks that hold for ``program``: those of its units with full debug information."""
    found: dict[tuple[str, int], SourceLine] = {}
    for unit in program.units:
        if _is_described(unit):
            # The link-time optimiser writes the paths anew, without -fdebug-prefix-map.
            prefix = str(SOURCES) if "-flto" in unit.flags else SOURCE_PREFIX
            for path in _with_headers(SOURCES / unit.source):
                found |= {(mark.file, mark.line): mark for mark in _read(path, prefix)}
    return [found[key] for key in sorted(found)]


def _is_described(unit: Unit) -> bool:
    """Whether the compiler tells lines and inlined calls of the unit."""
    flags = set(unit.flags)
    return any(flag.startswith("-gdwarf") for flag in flags) and not (
        flags & {"-g0", "-g1", "-gstrict-dwarf"}
    )


def _with_headers(path: Path) -> Iterator[Path]:
    yield path
    for name in _INCLUDE.findall(path.read_text()):
        yield from _with_headers(path.with_name(name))


def _read(path: Path, prefix: str) -> Iterator[SourceLine]:
    name, number = path.name, 0
    for text in path.read_text().splitlines():
        number += 1
        if directive := _LINE.match(text):
            name, number = directive[2], int(directive[1]) - 1
        elif match := _FACT.search(text):
            yield _mark(f"{prefix}/{name}", number, match[1])


def _mark(file: str, line: int, text: str) -> SourceLine:
    words = dict(word.strip().partition("=")[::2] for word in text.split(","))
    if "function" not in words or not words.keys() <= _WORDS:
        raise ValueError(f"{file}:{line}: no mark: {text!r}. Say function=NAME.")
    return SourceLine(
        file, line, words["function"], words.get("inlined-into"), "optional" not in words
    )


def confirm(
    marks: Iterable[SourceLine], locations: Iterable[Location], tally: Tally
) -> list[SourceLine]:
    """The marks that the tools' agreement bears out.

    One that they contradict is disputed: a compiler may have merged the code of two lines. One
    that needs code is unconfirmed where they agree on no address for its line.
    """
    by_line: dict[tuple[str | None, int | None], list[Location]] = {}
    for location in locations:
        by_line.setdefault((location.file, location.line), []).append(location)
    found = []
    for mark in marks:
        here = by_line.get((mark.file, mark.line), [])
        against = [location for location in here if not _holds(mark, location)]
        if against:
            tally.disputed.append(_dispute(mark, against[0]))
        elif mark.required and not here:
            tally.unconfirmed["source"] += 1
        else:
            found.append(mark)
    return found


def _holds(mark: SourceLine, location: Location) -> bool:
    if location.inlines is None or location.function is None:
        return True
    names = [call.function for call in location.inlines] + [location.function]
    wanted = [mark.function] + ([mark.caller] if mark.caller else [])
    return len(names) >= len(wanted) and all(
        agree(scopes(name), scopes(want)) for name, want in zip(names, wanted, strict=False)
    )


def _dispute(mark: SourceLine, against: Location) -> Disputed:
    calls = against.inlines or ()
    inner = calls[0].function if calls else against.function
    answers = {"mark": f"{mark.file}:{mark.line} is in {mark.function}", "tools": f"in {inner}"}
    return Disputed("source", against.address, 1, answers)
