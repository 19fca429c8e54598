# SPDX-License-Identifier: MIT
"""Symbols for every crash of an embedded Linux device: Breakpad symbol files, manifest, stacks."""

from __future__ import annotations

__version__ = "0.1.0"
