# SPDX-License-Identifier: MIT
"""One process for each piece of work, so that a crash or a runaway costs that piece alone."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Generic, TypeVar

from crashsym.limits import Limits

Task = TypeVar("Task")
Result = TypeVar("Result")

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_CONTEXT = multiprocessing.get_context("fork")


@dataclass(frozen=True, slots=True)
class Died:
    """In place of a result: the process ended without one; ``why`` says how."""

    why: str


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
                _start(function, task, limits(task), running)
            ready = wait([item.connection for item in running])
            for item in [item for item in running if item.connection in ready]:
                result = _collect(item)
                running.remove(item)
                yield item.task, result
    finally:
        for item in running:
            item.process.terminate()
        for item in running:
            item.process.join()
            item.connection.close()


def _start(
    function: Callable[[Task], Result], task: Task, limits: Limits, running: list[_Running[Task]]
) -> None:
    """Begin with a task, and add it to ``running``.

    Until it is there, signals have to wait: nobody would end the new process.
    """
    receiver, sender = _CONTEXT.Pipe(duplex=False)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        process = _CONTEXT.Process(target=_work, args=(function, task, sender, limits, before))
        process.start()
        running.append(_Running(task, process, receiver))
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    sender.close()


def _work(
    function: Callable[[Task], Result],
    task: Task,
    sender: Connection,
    limits: Limits,
    signals: set[signal.Signals],
) -> None:
    for number in _ENDING:
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)  # it has nothing to remove, and ends at once
    signal.pthread_sigmask(signal.SIG_SETMASK, signals)
    too_large = pickle.dumps(Died("it needs more memory than a file of its size has a right to"))
    limits.apply()
    try:
        message = pickle.dumps(function(task))
    except MemoryError:
        message = too_large  # made before, since there is no memory now
    sender.send_bytes(message)
    sender.close()


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
