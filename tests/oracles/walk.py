"""Walk the stack of a stopped Arm program by STACK CFI records, as processors of minidumps do."""

from __future__ import annotations

from dataclasses import dataclass

from corpus.matrix import ARM
from oracles.rules import callee_saved, compute
from oracles.symfile import CfiBlock

_NAMES = (*(f"r{number}" for number in range(13)), "sp", "lr", "pc")
MOST_FRAMES = 100


@dataclass(frozen=True)
class Moment:
    """What the corpus program ``walk.cc`` prints.

    ``frames`` is libgcc's walk: (pc, stack pointer) of each frame, the innermost first.
    """

    registers: dict[str, int]
    memory: dict[int, int]
    frames: list[tuple[int, int]]

    @staticmethod
    def read(text: str) -> Moment:
        registers, memory, frames = {}, {}, []
        for line in text.splitlines():
            kind, key, value = line.split()
            if kind == "register":
                registers[_NAMES[int(key)]] = int(value, 16)
            elif kind == "memory":
                memory[int(key, 16)] = int(value, 16)
            else:
                assert kind == "frame", line
                frames.append((int(key, 16) & ~1, int(value, 16)))
        return Moment(registers, memory, frames)


def walk(moment: Moment, blocks: list[CfiBlock], base: int) -> list[tuple[int, int]]:
    """(pc, stack pointer) of each frame that has rules."""
    frames: list[tuple[int, int]] = []
    registers = moment.registers
    while len(frames) < MOST_FRAMES:
        pc = registers["pc"] & ~1
        # A return address may lie behind the function; so all unwinders look just before it.
        rules = _rules_at(blocks, pc - base - (2 if frames else 0))
        if rules is None:
            return frames
        frames.append((pc, registers["sp"]))
        registers = _caller(registers, rules, moment.memory)
    raise AssertionError("the walk does not end")


def _rules_at(blocks: list[CfiBlock], address: int) -> dict[str, str] | None:
    for block in blocks:
        if block.address <= address < block.address + block.size:
            rules = dict(block.rules)
            for start, changes in block.deltas:
                if start <= address:
                    rules |= changes
            return rules
    return None


def _caller(
    registers: dict[str, int], rules: dict[str, str], memory: dict[int, int]
) -> dict[str, int]:
    cfa = compute(rules[".cfa"], registers, 32, memory.__getitem__)
    values = {**registers, ".cfa": cfa}
    caller = {name: registers[name] for name in callee_saved(ARM) if name in registers}
    caller |= {"sp": cfa}
    for name, text in rules.items():
        if name != ".cfa":
            value = compute(text, values, 32, memory.__getitem__)
            caller["pc" if name == ".ra" else name] = value
    return caller
