# SPDX-License-Identifier: MIT
"""The ``crashsym`` command: one file for each sub-command."""
