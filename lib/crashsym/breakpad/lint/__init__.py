# SPDX-License-Identifier: MIT
"""A checker for the symbol files of any tool."""

from __future__ import annotations

from crashsym.breakpad.lint.codes import CODES, LintPolicy
from crashsym.breakpad.lint.linter import LintResult, lint
from crashsym.breakpad.lint.report import LintFinding, Place, Report

__all__ = ["CODES", "LintFinding", "LintPolicy", "LintResult", "Place", "Report", "lint"]
