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

Task = TypeVar("Task")
Result = TypeVar("Result")

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
    function: Callable[[Task], Result], tasks: Sequence[Task], jobs: int
) -> Iterator[tuple[Task, Result | Died]]:
    """Yield (task, result) as they finish; tasks start in the order given, ``jobs`` at once.

    A result must be picklable; an exception in ``function`` is a bug and ends the process, whose
    traceback is on stderr.
    """
    waiting = list(reversed(tasks))
    running: list[_Running[Task]] = []
    try:
        while waiting or running:
            while waiting and len(running) < max(jobs, 1):
                running.append(_start(function, waiting.pop()))
            ready = wait([item.connection for item in running])
            for item in [item for item in running if item.connection in ready]:
                running.remove(item)
                yield item.task, _collect(item)
    finally:
        for item in running:
            item.process.terminate()
            item.process.join()
            item.connection.close()


def _start(function: Callable[[Task], Result], task: Task) -> _Running[Task]:
    receiver, sender = _CONTEXT.Pipe(duplex=False)
    process = _CONTEXT.Process(target=_work, args=(function, task, sender))
    process.start()
    sender.close()
    return _Running(task, process, receiver)


def _work(function: Callable[[Task], Result], task: Task, sender: Connection) -> None:
    sender.send_bytes(pickle.dumps(function(task)))
    sender.close()


def _collect(item: _Running[Task]) -> Any:
    try:
        result = pickle.loads(item.connection.recv_bytes())  # noqa: S301 - from our own child
    except EOFError:
        result = None
    item.connection.close()
    item.process.join()
    if result is None:
        return Died(_reason(item.process.exitcode or 0))
    return result


def _reason(exit_code: int) -> str:
    if exit_code < 0:
        return f"its process was ended by {signal.Signals(-exit_code).name}"
    return f"its process ended with status {exit_code}"
