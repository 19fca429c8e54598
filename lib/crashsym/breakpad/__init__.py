# SPDX-License-Identifier: MIT
"""Breakpad symbol files: records, writer, reader.

Source: Breakpad docs/symbol_files.md.
"""
