# SPDX-License-Identifier: MIT
"""The parser of command lines that `crashsym.cli.quick` leaves to `argparse`."""

from __future__ import annotations

import argparse
from typing import NoReturn

from crashsym.errors import shortened, visible

_LONGEST = 1000  # characters of what is wrong


class CommandParser(argparse.ArgumentParser):
    """An `argparse.ArgumentParser`, whose sub-commands have one of these as well.

    What it says is wrong has the words of the command line in it. Those may be names of hostile
    files: a terminal gets none of their control characters, and not more than it can show.
    """

    def error(self, message: str) -> NoReturn:
        """Print how the command is used and what is wrong, and exit with 2."""
        super().error(visible(shortened(message, _LONGEST)))
