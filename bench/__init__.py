# SPDX-License-Identifier: MIT
"""The side-by-side benchmark: crashsym against Mozilla's and Breakpad's dump_syms."""

from __future__ import annotations

import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
# The benchmark shares the peers' download, their repairs and the cache folder with the tests.
sys.path.append(str(PROJECT / "tests"))
