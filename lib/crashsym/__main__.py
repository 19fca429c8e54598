# SPDX-License-Identifier: MIT
"""``python -m crashsym``: the same as the ``crashsym`` command."""

from __future__ import annotations

import sys

from crashsym.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
