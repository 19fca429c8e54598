# SPDX-License-Identifier: MIT
"""Unwind rows from ``.eh_frame``, ``.debug_frame`` and ``.ARM.exidx``.

`crashsym.cfi.tables` has `read_cfi`, `crashsym.cfi.model` its values.
"""
