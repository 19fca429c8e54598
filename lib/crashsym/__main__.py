# SPDX-License-Identifier: MIT
"""``python -m crashsym``: the same as the ``crashsym`` command."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    try:
        from crashsym.cli.main import main

        code = main()
    except KeyboardInterrupt:  # before `main` could take notice
        sys.stderr.write("crashsym: interrupted\n")
        code = 130
    sys.exit(code)
