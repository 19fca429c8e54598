# SPDX-License-Identifier: MIT
"""One process for each piece of work, so that a crash or a runaway costs that piece alone."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import resource
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Generic, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")

_CONTEXT = multiprocessing.get_context("fork")
_LOWERED: set[int] = set()  # which limits of this process are ours


@dataclass(frozen=True, slots=True)
class Died:
    """In place of a result: the process ended without one; ``why`` says how."""

    why: str


@dataclass(frozen=True, slots=True)
class Limits:
    """What a process may use: processor time, and bytes of memory on top of what it begins with."""

    cpu_seconds: int
    memory: int

    @classmethod
    def for_bytes(cls, size: int) -> Limits:
        """Return what files of ``size`` bytes together have a right to.

        Several times what compilers' output was seen to need, so that a slow machine can do it too:
        2.5 s for a megabyte and 30 bytes for a byte of a file with compressed debug sections.
        """
        return cls(10 + 20 * size // 1_000_000, (64 << 20) + 80 * size)


@dataclass(slots=True)
class _Running(Generic[Task]):
    task: Task
    process: BaseProcess
    connection: Connection


def available_cpus() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0))


def run(
    function: Callable[[Task], Result],
    tasks: Sequence[Task],
    jobs: int,
    limits: Callable[[Task], Limits],
) -> Iterator[tuple[Task, Result | Died]]:
    """Yield (task, result) as they finish; tasks start in the order given, ``jobs`` at once.

    ``limits`` says what a task may use; one that wants more has died.

    A result must be picklable; an exception in ``function`` is a bug and ends the process, whose
    traceback is on stderr.
    """
    waiting = list(reversed(tasks))
    running: list[_Running[Task]] = []
    try:
        while waiting or running:
            while waiting and len(running) < max(jobs, 1):
                task = waiting.pop()
                running.append(_start(function, task, limits(task)))
            ready = wait([item.connection for item in running])
            for item in [item for item in running if item.connection in ready]:
                running.remove(item)
                yield item.task, _collect(item)
    finally:
        for item in running:
            item.process.terminate()
            item.process.join()
            item.connection.close()


def _start(function: Callable[[Task], Result], task: Task, limits: Limits) -> _Running[Task]:
    receiver, sender = _CONTEXT.Pipe(duplex=False)
    process = _CONTEXT.Process(target=_work, args=(function, task, sender, limits))
    process.start()
    sender.close()
    return _Running(task, process, receiver)


def _work(
    function: Callable[[Task], Result], task: Task, sender: Connection, limits: Limits
) -> None:
    too_large = pickle.dumps(Died("it needs more memory than a file of its size has a right to"))
    _apply(limits)
    try:
        message = pickle.dumps(function(task))
    except MemoryError:
        message = too_large  # made before, since there is no memory now
    sender.send_bytes(message)
    sender.close()


def _apply(limits: Limits) -> None:
    pages = int(Path("/proc/self/statm").read_bytes().split()[0])
    _lower(resource.RLIMIT_AS, pages * resource.getpagesize() + limits.memory)
    _lower(resource.RLIMIT_CPU, limits.cpu_seconds)
    _lower(resource.RLIMIT_CORE, 0)


def _lower(kind: int, limit: int) -> None:
    soft, hard = resource.getrlimit(kind)
    if soft == resource.RLIM_INFINITY or limit < soft:
        resource.setrlimit(kind, (limit, hard))
        _LOWERED.add(kind)


def allow_more(size: int) -> None:
    """Raise the limits of this process for another input of ``size`` bytes that it has found.

    Does nothing in a process that has no limits of ours, and never passes limits of the user.
    """
    none, more = Limits.for_bytes(0), Limits.for_bytes(size)
    extra = {
        resource.RLIMIT_AS: more.memory - none.memory,
        resource.RLIMIT_CPU: more.cpu_seconds - none.cpu_seconds,
    }
    for kind in _LOWERED & set(extra):
        soft, hard = resource.getrlimit(kind)
        limit = soft + extra[kind]
        resource.setrlimit(
            kind, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard)
        )


def _collect(item: _Running[Task]) -> Any:
    try:
        result = pickle.loads(item.connection.recv_bytes())  # noqa: S301 - from our own child
    except (EOFError, OSError):  # it died before or while it sent its result
        result = None
    item.connection.close()
    item.process.join()
    if result is None:
        return Died(_reason(item.process.exitcode or 0))
    return result


def _reason(exit_code: int) -> str:
    if exit_code == -signal.SIGXCPU:
        return "it needs more processor time than a file of its size has a right to"
    if exit_code < 0:
        known = {number.value: number.name for number in signal.Signals}
        return f"its process was ended by {known.get(-exit_code, f'signal {-exit_code}')}"
    return f"its process ended with status {exit_code}"
