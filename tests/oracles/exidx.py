"""The exception index of an Arm file as ``readelf --unwind`` prints it, and what it comes to.

binutils decodes the instructions; this module computes with what it prints: ``vsp = vsp + 8``,
``pop {r4, r14}``. Entries with a personality routine of a language are decoded by readelf only
where it knows the routine's name, see `name_personalities`.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from corpus.build import run
from elftools.elf.elffile import ELFFile
from oracles.rules import Term, saved_at
from oracles.unwind import IndexRange, Rules

_ENTRY = re.compile(r"0x([0-9a-f]+)(?: <.*>)?: (@?)0x[0-9a-f]+( \[cantunwind\])?")
_STEP = re.compile(r"  0x([0-9a-f]{2})(?: 0x[0-9a-f]{2})* +(\S.*)")
_PERSONALITY = re.compile(r"  Personality routine: 0x([0-9a-f]+)(?: <(.*)>)?")
_NAMES = {13: "sp", 14: "lr", 15: "pc"}
# FSTMFDX leaves one word more than the registers have.
_FSTMFDX = (0xB3, *range(0xB8, 0xC0))


@dataclass
class IndexEntry:
    """One entry: where its code begins, and what readelf prints of its instructions."""

    address: int
    cannot_unwind: bool
    personality: int | None = None
    named: bool = True
    steps: list[tuple[int, str]] = field(default_factory=list)

    def rules(self) -> Rules | None:
        """The rules in Breakpad's words; None: this code cannot be unwound."""
        if self.cannot_unwind:
            return None
        assert self.named, f"{self.address:#x}: readelf does not know its personality routine"
        return _execute(self.steps)


def read_index(path: Path) -> list[IndexEntry]:
    """All entries, in the order of the file."""
    entries: list[IndexEntry] = []
    for line in run(["readelf", "--wide", "--unwind", str(path)]).splitlines():
        if match := _ENTRY.fullmatch(line):
            entries.append(IndexEntry(int(match[1], 16), bool(match[3])))
        elif match := _PERSONALITY.fullmatch(line):
            entries[-1].personality = int(match[1], 16)
            entries[-1].named = match[2] is not None
        elif match := _STEP.fullmatch(line):
            entries[-1].steps.append((int(match[1], 16), match[2].strip()))
    return entries


def name_personalities(path: Path, folder: Path) -> Path:
    """A copy of a stripped file in which readelf finds the names of personality routines.

    Debian's C++ libraries have one, the stub that leads to ``__gxx_personality_v0``.
    """
    found = {entry.personality for entry in read_index(path) if not entry.named}
    folder.mkdir(exist_ok=True)
    copy = Path(shutil.copy(path, folder / path.name))
    names = [f"--add-symbol=__gxx_personality_v0={address:#x},function,global" for address in found]
    if names:
        run(["arm-linux-gnueabihf-objcopy", *names, str(copy)])
    return copy


def rules_by_range(path: Path) -> list[IndexRange]:
    """(start, end, rules) of each entry; an entry ends with its section of code at the latest."""
    entries = read_index(path)
    with path.open("rb") as stream:
        sections = [s for s in ELFFile(stream).iter_sections() if s["sh_flags"] & 4]
        ends = [(s["sh_addr"], s["sh_addr"] + s["sh_size"]) for s in sections]
    ranges = []
    nexts = [entry.address for entry in entries[1:]] + [1 << 32]
    for entry, following in zip(entries, nexts, strict=True):
        limits = [end for start, end in ends if start <= entry.address < end]
        if limits:
            ranges.append((entry.address, min(following, *limits), entry.rules()))
    return ranges


def _execute(steps: list[tuple[int, str]]) -> Rules:
    base, offset = "sp", 0
    saved: dict[str, tuple[str, int]] = {}
    for opcode, text in steps:
        if match := re.fullmatch(r"vsp = vsp ([+-]) (\d+)", text):
            offset += int(match[1] + match[2])
        elif match := re.fullmatch(r"vsp = r(\d+)", text):
            base, offset = _name(match[1]), 0
            assert base not in saved, "a value that memory holds"
        elif match := re.fullmatch(r"pop \{(.*)\}", text):
            for name in match[1].split(", "):
                if name.startswith("D"):
                    offset += 8
                else:
                    saved[_name(name[1:])] = (base, offset)
                    offset += 4
            offset += 4 if opcode in _FSTMFDX else 0
        else:
            assert text == "finish", text
            break
    return _in_terms_of_the_cfa(base, offset, saved)


def _in_terms_of_the_cfa(base: str, offset: int, saved: dict[str, tuple[str, int]]) -> Rules:
    rules: Rules = {".cfa": Term(base, offset), ".ra": Term("lr")}
    if popped := saved.pop("sp", None):  # a signal frame: the stack pointer is in the frame too
        rules[".cfa"] = saved_at(*popped)
        base = ""
    for name, (register, place) in saved.items():
        known = register == base
        rules[name] = saved_at(".cfa", place - offset) if known else saved_at(register, place)
    if "pc" in rules:
        rules[".ra"] = rules.pop("pc")
    elif "lr" in rules:
        rules[".ra"] = rules.pop("lr")
    return rules


def _name(number: str) -> str:
    return _NAMES.get(int(number), f"r{number}")
