# SPDX-License-Identifier: MIT
"""The facts of one file, and their form on disk: JSON lines (see ``facts.schema.json``).

All addresses are relative to the base of the file, the address of its first loaded segment, as in
symbol files. They are written as hexadecimal strings; sizes are in bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FORMAT = 1
# What is scored, in this order.
CATEGORIES = (
    "function",
    "file",
    "line",
    "inlines",
    "cfa",
    "return_address",
    "registers",
    "source",
)


class FactsError(ValueError):
    """A file of facts that cannot be read: what, where, the observed fact."""


@dataclass(frozen=True)
class InlinedCall:
    """``function`` was inlined; the call is at ``file`` and ``line``."""

    function: str
    file: str
    line: int


@dataclass(frozen=True)
class Location:
    """What holds at each address of a range; None where there is no agreement.

    ``function`` has the code, ``file`` and ``line`` are the innermost place, ``inlines`` are the
    calls inlined there, the innermost first.
    """

    address: int
    size: int
    function: str | None
    file: str | None
    line: int | None
    inlines: tuple[InlinedCall, ...] | None


@dataclass(frozen=True)
class Unwind:
    """The rules in effect at each address of a range; None where there is no agreement.

    The spelling of a rule is that of ``frametables.py``; ``registers`` are those that a function
    must give back unchanged.
    """

    address: int
    size: int
    cfa: str | None
    return_address: str | None
    registers: dict[str, str] | None


@dataclass(frozen=True)
class Sample:
    """The machine before the instruction at ``address``, in a real run.

    ``registers`` are the values at that point, ``caller`` those that the caller gets back of the
    registers to be kept; ``memory`` has a part of the stack, by its address. ``return_address`` is
    absolute, and without the bits that are no address.
    """

    address: int
    registers: dict[str, int]
    memory: tuple[tuple[int, bytes], ...]
    cfa: int
    return_address: int
    caller: dict[str, int]


@dataclass(frozen=True)
class SourceLine:
    """Every instruction of ``file``:``line`` belongs to ``function``, inlined or not.

    With ``caller`` it is inlined into that function everywhere. ``required``: there is code.
    """

    file: str
    line: int
    function: str
    caller: str | None
    required: bool


@dataclass(frozen=True)
class Disputed:
    """The tools disagree on one category in a range; ``answers`` says what each of them says."""

    category: str
    address: int
    size: int
    answers: dict[str, str]


@dataclass(frozen=True)
class Module:
    """What the facts are about, and which tools made them.

    ``machine`` is the key of ``machines.py``. ``unconfirmed`` has by category the number of
    addresses for which one tool alone has an answer.
    """

    program: str
    arch: str
    machine: str
    build_id: str
    tools: dict[str, str]
    unconfirmed: dict[str, int] = field(default_factory=dict)


Fact = Location | Unwind | Sample | SourceLine | Disputed


@dataclass(frozen=True)
class Facts:
    """Everything about one file, by address."""

    module: Module
    locations: tuple[Location, ...] = ()
    unwinds: tuple[Unwind, ...] = ()
    samples: tuple[Sample, ...] = ()
    sources: tuple[SourceLine, ...] = ()
    disputed: tuple[Disputed, ...] = ()

    def in_dispute(self, category: str) -> int:
        """How many addresses of ``category`` are in dispute."""
        return sum(fact.size for fact in self.disputed if fact.category == category)


def write_facts(facts: Facts, path: Path) -> None:
    """Write ``facts`` as JSON lines, the module first."""
    groups: Iterable[Iterable[Fact]] = (
        facts.locations,
        facts.unwinds,
        facts.samples,
        facts.sources,
        facts.disputed,
    )
    records = [{"fact": "module", "format": FORMAT, **vars(facts.module)}]
    records += [_to_json(fact) for group in groups for fact in group]
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")


_KINDS: dict[type[Fact], str] = {
    Location: "location",
    Unwind: "unwind",
    Sample: "sample",
    SourceLine: "source",
    Disputed: "disputed",
}


def _to_json(fact: Fact) -> dict[str, Any]:
    """The fields of ``fact`` without those that are None."""
    record = {name: value for name, value in vars(fact).items() if value is not None}
    if isinstance(fact, Location) and fact.inlines is not None:
        record["inlines"] = [vars(call) for call in fact.inlines]
    if isinstance(fact, Sample):
        record["registers"] = _hex_values(fact.registers)
        record["caller"] = _hex_values(fact.caller)
        record["memory"] = {hex(address): data.hex() for address, data in fact.memory}
        record["cfa"] = hex(fact.cfa)
        record["return_address"] = hex(fact.return_address)
    if "address" in record:
        record["address"] = hex(record["address"])
    return {"fact": _KINDS[type(fact)], **record}


def _hex_values(values: dict[str, int]) -> dict[str, str]:
    return {name: hex(value) for name, value in values.items()}


def read_facts(path: Path) -> Facts:
    """Read what :func:`write_facts` wrote.

    Raises:
        FactsError: a line is no fact, or the file is of another format.
    """
    kinds: dict[str, list[Any]] = {name: [] for name in (*_KINDS.values(), "module")}
    number = 0
    try:
        for number, record in enumerate(_records(path), start=1):  # noqa: B007
            kind = record.pop("fact")
            kinds[kind].append(_module(record) if kind == "module" else _from_json(kind, record))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FactsError(
            f"{path}: after line {number}: no fact of format {FORMAT}: {error!r}"
        ) from error
    if len(kinds["module"]) != 1:
        raise FactsError(f"{path}: {len(kinds['module'])} records 'module', expected 1")
    return Facts(kinds["module"][0], *(tuple(kinds[kind]) for kind in _KINDS.values()))


def _records(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as stream:
        yield from map(json.loads, stream)


def _module(record: dict[str, Any]) -> Module:
    if record.pop("format") != FORMAT:
        raise ValueError("another format")
    return Module(**record)


def _from_json(kind: str, record: dict[str, Any]) -> Fact:
    if "address" in record:
        record["address"] = int(record["address"], 16)
    if kind == "location":
        calls = record.pop("inlines", None)
        inlines = None if calls is None else tuple(InlinedCall(**call) for call in calls)
        fields = {name: record.pop(name, None) for name in ("function", "file", "line")}
        return Location(**record, **fields, inlines=inlines)
    if kind == "unwind":
        fields = {name: record.pop(name, None) for name in ("cfa", "return_address", "registers")}
        return Unwind(**record, **fields)
    if kind == "sample":
        return _sample(record)
    if kind == "source":
        return SourceLine(caller=record.pop("caller", None), **record)
    return Disputed(**record)


def _sample(record: dict[str, Any]) -> Sample:
    memory = tuple((int(a, 16), bytes.fromhex(data)) for a, data in record["memory"].items())
    return Sample(
        record["address"],
        {name: int(value, 16) for name, value in record["registers"].items()},
        memory,
        int(record["cfa"], 16),
        int(record["return_address"], 16),
        {name: int(value, 16) for name, value in record["caller"].items()},
    )
