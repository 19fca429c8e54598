# SPDX-License-Identifier: MIT
"""Signals that end the command: what it has begun is removed, then the signal has its effect."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found] # `signal` wraps it, and takes long to import
import os

from crashsym.files import remove_staged

_ENDING: tuple[int, ...] = (_signal.SIGTERM, _signal.SIGHUP)
_received: list[int] = []


def interrupt_on_signals() -> None:
    """Let SIGTERM and SIGHUP raise KeyboardInterrupt, unless this process was started without them.

    Each does it once: to send it again does not cut short what is done in the end.
    """
    owner = os.getpid()

    def interrupt(number: int, _: object) -> None:
        if os.getpid() != owner:  # a process that was forked this moment, and has nothing to remove
            _end_by(number)
        _received.append(number)
        _signal.signal(number, _signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in _ENDING:
        if _signal.getsignal(number) == _signal.SIG_DFL:
            _signal.signal(number, interrupt)


def end_as_asked() -> None:
    """End this process by the signal that interrupted it, which whoever waits for it learns.

    Folders in which a thread is still at work are removed before.
    """
    remove_staged()
    if _received:
        _end_by(_received[0])


def _end_by(number: int) -> None:
    _signal.signal(number, _signal.SIG_DFL)
    os.kill(os.getpid(), number)
