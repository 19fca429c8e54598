# SPDX-License-Identifier: MIT
"""The true CFA, return address and saved registers at each instruction that a run comes by.

The program is stepped through; each call puts an entry on a shadow stack: the stack pointer before
the call is the CFA, the address behind the call is the return address. No debug information, no
unwind table and no disassembler is used: a call is known by what it does to the registers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from corpus.conformance.elf import ElfFile
from corpus.conformance.emulator import Emulator, EmulatorError, started
from corpus.conformance.facts import Sample
from corpus.conformance.machines import Machine

_MOST_STEPS = 300_000
_LONGEST_INSTRUCTION = 15  # x86; others have at most 4 bytes
# How much of the stack a sample keeps, in words: below the CFA, from sp on, and around fp.
_BELOW_CFA, _ABOVE_SP, _BELOW_FP, _ABOVE_FP = 26, 4, 8, 4


@dataclass(frozen=True)
class _Call:
    cfa: int
    return_address: int
    caller: dict[str, int]


@dataclass
class _Run:
    machine: Machine
    elf: ElfFile
    emulator: Emulator
    bias: int
    samples: dict[int, Sample]
    stack: list[_Call] = field(default_factory=list)

    def inside(self, pc: int) -> bool:
        address = pc - self.bias
        return any(begin <= address < end for begin, end in self.elf.code)


def sample(machine: Machine, elf: ElfFile, main: int, counts: Iterable[int]) -> list[Sample]:
    """Run the program once for each number of arguments; one sample for each address, by address.

    ``main`` is the address of that function, as the file was linked.

    Raises:
        EmulatorError: the emulator cannot run the program.
    """
    samples: dict[int, Sample] = {}
    for count in counts:
        with started(machine, elf.path, ["x"] * (count - 1)) as emulator:
            bias = (emulator.entry() & ~machine.ignored) - elf.entry
            run = _Run(machine, elf, emulator, bias, samples)
            if not emulator.run_to(main + bias):
                raise EmulatorError(f"{elf.path}: ended before main")
            _step_through(run)
    return [samples[address] for address in sorted(samples)]


def _step_through(run: _Run) -> None:
    before = run.emulator.registers()
    run.stack.append(_entered(run, before))
    for _ in range(_MOST_STEPS):
        _remember(run, before)
        if not run.emulator.step():
            return
        after = run.emulator.registers()
        if _is_call(run, before, after):
            run.stack.append(_entered(run, after))
        if not run.inside(after[run.machine.pc]):
            after = _come_back(run, after)
        _leave(run, after)
        if not run.stack:
            return
        before = after
    raise EmulatorError(f"{run.elf.path}: main runs for more than {_MOST_STEPS} instructions")


def _entered(run: _Run, now: dict[str, int]) -> _Call:
    """The call that led to the first instruction of a function, where the machine is now."""
    machine = run.machine
    caller = {name: now[name] for name in machine.saved}
    if machine.link:
        return _Call(now[machine.sp], now[machine.link] & ~machine.ignored, caller)
    address = run.emulator.word(now[machine.sp])
    return _Call(now[machine.sp] + machine.word, address, caller)


def _is_call(run: _Run, before: dict[str, int], after: dict[str, int]) -> bool:
    machine = run.machine
    pc, target = before[machine.pc], after[machine.pc]
    if machine.link:
        behind = after[machine.link] & ~machine.ignored
        return behind in (pc + 2, pc + 4) and target not in (pc + 2, pc + 4)
    if after[machine.sp] != before[machine.sp] - machine.word:
        return False
    near = range(pc + 1, pc + _LONGEST_INSTRUCTION + 1)
    return run.emulator.word(after[machine.sp]) in near and target not in near


def _come_back(run: _Run, now: dict[str, int]) -> dict[str, int]:
    """Let code of other files run until it returns to this one, or main is left."""
    call = run.stack[-1]
    while not _returned(run, call, now):
        if not run.emulator.run_to(call.return_address):
            run.stack.clear()
            return now
        now = run.emulator.registers()
    return now


def _leave(run: _Run, now: dict[str, int]) -> None:
    while run.stack and _returned(run, run.stack[-1], now):
        run.stack.pop()


def _returned(run: _Run, call: _Call, now: dict[str, int]) -> bool:
    machine = run.machine
    return now[machine.pc] == call.return_address and now[machine.sp] == call.cfa


def _remember(run: _Run, now: dict[str, int]) -> None:
    machine = run.machine
    address = now[machine.pc] - run.bias - run.elf.base
    if address in run.samples:
        return
    call = run.stack[-1]
    run.samples[address] = Sample(
        address, now, tuple(_stack(run, now, call)), call.cfa, call.return_address, call.caller
    )


def _stack(run: _Run, now: dict[str, int], call: _Call) -> Iterator[tuple[int, bytes]]:
    """The parts of the stack that an unwind rule can need, merged where they touch."""
    machine = run.machine
    word, sp, fp = machine.word, now[machine.sp], now[machine.fp]
    parts = [(call.cfa - _BELOW_CFA * word, call.cfa), (sp, sp + _ABOVE_SP * word)]
    if sp <= fp <= call.cfa:
        parts.append((fp - _BELOW_FP * word, fp + _ABOVE_FP * word))
    merged: list[list[int]] = []
    for begin, end in sorted(parts):
        if merged and begin <= merged[-1][1]:
            merged[-1][1] = max(end, merged[-1][1])
        else:
            merged.append([begin, end])
    for begin, end in merged:
        yield begin, run.emulator.memory(begin, end - begin)
