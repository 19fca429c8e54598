# SPDX-License-Identifier: MIT
"""A process of its own for a function that names may make explode.

It is forked without `multiprocessing`, whose import takes longer than most files.
"""

from __future__ import annotations

import atexit
import os
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO, NoReturn

# What the process may use: seconds of processor time, more of them for each byte of a name, but
# never more than the first together; and bytes. Real names take some 0.1 microseconds a byte.
_LIFE, _EACH_BYTE, _MEMORY = 0.25, 0.000_002, 24 << 20
_LONGEST_LIFE = 3600
_KILL = 9  # SIGKILL; importing `signal` takes longer than most files


class Apart:
    """Calls ``function`` in another process, whose time and memory are limited.

    ``function`` cannot be stopped from inside. After a few names that explode no more are tried.
    """

    def __init__(self, function: Callable[[str], str | None]) -> None:
        self._function = function
        self._patience = 3
        self._running: tuple[int, BinaryIO, BinaryIO] | None = None

    def __call__(self, name: str) -> str | None:
        """Return what the function returns, None when the name is too much for it."""
        if self._patience == 0:
            return None
        if self._running is None:
            self._running = self._start()
            atexit.register(self.stop)
        _, requests, answers = self._running
        try:
            _send(requests, name)
            return _receive(answers) or None
        except (EOFError, OSError):  # the name has ended it
            self.stop()
            self._patience -= 1
            return None

    def stop(self) -> None:
        """End the process, from which no answer is due.

        That it has no more requests to expect may be hidden from it: a process that was forked
        later has the other end of its pipe as well.
        """
        atexit.unregister(self.stop)
        if self._running is not None:
            process, requests, answers = self._running
            self._running = None
            with suppress(OSError):  # there is nobody to read what is left
                requests.close()
            answers.close()
            with suppress(ChildProcessError):  # in a process that was forked from ours
                if os.waitpid(process, os.WNOHANG) == (0, 0):
                    os.kill(process, _KILL)
                    os.waitpid(process, 0)

    def _start(self) -> tuple[int, BinaryIO, BinaryIO]:
        its_input, our_output = os.pipe()
        our_input, its_output = os.pipe()
        process = os.fork()
        if not process:
            os.close(our_output)
            os.close(our_input)
            _serve(self._function, os.fdopen(its_input, "rb"), os.fdopen(its_output, "wb"))
        os.close(its_input)
        os.close(its_output)
        return process, os.fdopen(our_output, "wb"), os.fdopen(our_input, "rb")


def _send(stream: BinaryIO, text: str) -> None:
    data = text.encode("utf-8", "surrogateescape")
    stream.write(len(data).to_bytes(4, "little") + data)
    stream.flush()


def _receive(stream: BinaryIO) -> str:
    size = stream.read(4)
    data = stream.read(int.from_bytes(size, "little"))
    if len(size) < 4 or len(data) < int.from_bytes(size, "little"):
        raise EOFError
    return data.decode("utf-8", "surrogateescape")


def _serve(
    function: Callable[[str], str | None], requests: BinaryIO, answers: BinaryIO
) -> NoReturn:
    """Answer until there are no more requests, or a name ends the process."""
    try:
        import signal
        import time

        from crashsym.limits import Limits

        Limits(_LONGEST_LIFE, _MEMORY).apply()
        signal.signal(signal.SIGPROF, signal.SIG_DFL)  # it ends the process
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        armed = time.process_time()
        end = armed + _LIFE
        signal.setitimer(signal.ITIMER_PROF, _LIFE)
        while True:
            name = _receive(requests)
            now = time.process_time()
            end = min(end + _EACH_BYTE * len(name), now + _LIFE)
            if now >= end:
                break
            if now - armed > _LIFE / 4:  # not for each name, as the clock adds a tick
                signal.setitimer(signal.ITIMER_PROF, end - now)
                armed = now
            _send(answers, function(name) or "")
    except (EOFError, OSError, MemoryError):
        os._exit(0)
    finally:
        os._exit(1)
