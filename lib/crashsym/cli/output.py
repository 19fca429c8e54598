# SPDX-License-Identifier: MIT
"""Standard output for results, standard error for talk, also where nobody reads them any more."""

from __future__ import annotations

import errno
import io
import os
import sys

from crashsym.errors import StoreError
from crashsym.files import not_written

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, TextIO

_STDOUT = "standard output"


def tell(text: str) -> None:
    """Print a line to standard error; that it cannot be written changes nothing else."""
    if sys.stderr is None:
        return
    try:
        print(f"crashsym: {text}", file=sys.stderr, flush=True)
    except OSError:
        _silence(sys.stderr)


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a person reads along; what TERM=dumb stands for shows a log."""
    return stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"


def show(outcome: dict[str, Any] | list[Any] | str) -> None:
    """Print what a command is asked for to standard output: text, or a document as JSON."""
    if not isinstance(outcome, str):
        import json

        outcome = json.dumps(outcome, indent=1)
    with Results():
        print(outcome)


class Results:
    """A context manager around all that a command prints to standard output.

    Once its reader has gone, having seen enough, the rest of the block is left out, and the command
    goes on as if all had been read.
    """

    def __enter__(self) -> TextIO:
        """Return standard output.

        Raises:
            StoreError: it is closed.
        """
        if sys.stdout is None:
            remedy = "Let it lead to a file or to /dev/null."
            raise StoreError("cannot write", why=f"{_STDOUT} is closed", remedy=remedy)
        if isinstance(sys.stdout, io.TextIOWrapper):  # what an encoding lacks is written out
            sys.stdout.reconfigure(errors="backslashreplace")
        return sys.stdout

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if kind is None:
            try:
                sys.stdout.flush()
            except OSError as failure:
                error = failure
        if not isinstance(error, OSError):
            return False
        _silence(sys.stdout)
        if error.errno != errno.EPIPE:
            raise not_written(_STDOUT, error) from error
        return True


def _silence(stream: TextIO) -> None:
    """Let what is still in a stream, and what follows, go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
