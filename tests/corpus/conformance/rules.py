# SPDX-License-Identifier: MIT
"""What an unwind rule gives in a given state of the machine.

Two languages: the rules of the facts (``frametables.py``) and the postfix expressions of Breakpad
symbol files. Both are evaluated in the same state, so spellings do not matter.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from corpus.conformance.machines import Machine

_TERM = re.compile(r"(\$?\w+)([-+]\d+)")


class NoValueError(ValueError):
    """The rule gives no value in this state: an unknown register or memory, or no such rule."""


@dataclass(frozen=True)
class State:
    """A state of the machine: known registers, and the word that memory holds at an address."""

    machine: Machine
    registers: Mapping[str, int]
    load: Callable[[int], int]

    def register(self, name: str) -> int:
        if name not in self.registers:
            raise NoValueError(f"no register {name}")
        return self.registers[name]

    def wrap(self, value: int) -> int:
        """``value`` as an address has it, without the bits beyond the word."""
        return value & ((1 << 8 * self.machine.word) - 1)


def made_up_state(machine: Machine) -> State:
    """A state in which two rules that differ give, but for bad luck, different values."""
    registers = {
        name: 0x100000 + 0x10 * (zlib.crc32(name.encode()) % 0x8000) for name in machine.registers
    }
    return State(machine, registers, lambda address: zlib.crc32(b"%d" % address) & 0x7FFFFFFF)


def recorded_state(
    machine: Machine, registers: Mapping[str, int], memory: tuple[tuple[int, bytes], ...]
) -> State:
    """The state of a sample; memory that it does not have has no value."""

    def load(address: int) -> int:
        for begin, data in memory:
            if begin <= address and address + machine.word <= begin + len(data):
                return machine.number(data[address - begin : address - begin + machine.word])
        raise NoValueError(f"no memory at {address:#x}")

    return State(machine, registers, load)


def evaluate_rule(rule: str, state: State, cfa: int | None = None) -> int:
    """The value of a rule of the facts.

    Raises:
        NoValueError: ``undefined``, ``same``, ``expression``, or the state lacks something.
    """
    inner = rule.removeprefix("[").removesuffix("]")
    match = _TERM.fullmatch(inner)
    if not match:
        raise NoValueError(rule)
    if match[1] == "cfa":
        if cfa is None:
            raise NoValueError("no CFA")
        base = cfa
    else:
        base = state.register(match[1])
    value = state.wrap(base + int(match[2]))
    return state.load(value) if inner != rule else value


def evaluate_postfix(expression: str, state: State, cfa: int | None = None) -> int:
    """The value of a rule of a symbol file; ``.cfa`` is ``cfa``.

    Raises:
        NoValueError: ``.undef``, a damaged expression, or the state lacks something.

    Source: google/breakpad, src/processor/postfix_evaluator-inl.h.
    """
    stack: list[int] = []
    for word in expression.split():
        if re.fullmatch(r"-?\d+", word):
            stack.append(int(word))
        elif word == ".cfa" and cfa is not None:
            stack.append(cfa)
        elif word == "^":
            stack.append(state.load(_pop(stack, expression)))
        elif word in _OPERATORS:
            right, left = _pop(stack, expression), _pop(stack, expression)
            stack.append(state.wrap(_apply(word, left, right)))
        else:
            stack.append(state.register(word))
    if len(stack) != 1:
        raise NoValueError(f"{expression!r} leaves {len(stack)} values")
    return state.wrap(stack[0])


def _pop(stack: list[int], expression: str) -> int:
    if not stack:
        raise NoValueError(f"{expression!r} takes more values than it has")
    return stack.pop()


_OPERATORS: dict[str, Callable[[int, int], int]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left // right,
    "%": lambda left, right: left % right,
    "@": lambda left, right: left // right * right,
}


def _apply(word: str, left: int, right: int) -> int:
    if word in "/%@" and right == 0:
        raise NoValueError("division by zero")
    return _OPERATORS[word](left, right)
