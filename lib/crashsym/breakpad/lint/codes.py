# SPDX-License-Identifier: MIT
"""What the checker of symbol files can find: one code for each kind of finding.

Levels: ``error``: a processor loses or mixes up something, up to the whole file; ``warning``:
against the format, or something is missing that a stack needs; ``info``: worth knowing.

What the processors do was read from their sources, the versions of 2026-08:
Breakpad src/processor/basic_source_line_resolver.cc, range_map-inl.h, contained_range_map-inl.h,
cfi_frame_info.cc, postfix_evaluator-inl.h; rust-minidump breakpad-symbols/src/sym_file/parser.rs
and walker.rs; symbolic symbolic-debuginfo/src/breakpad.rs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from crashsym.findings import read_word

LEVELS = ("error", "warning", "info", "ignore")


class Code(NamedTuple):
    """``what`` begins the message, ``remedy`` ends it."""

    level: str
    what: str
    remedy: str


_REJECTS = "rust-minidump rejects the whole file."

CODES: dict[str, Code] = {
    # The text
    "encoding": Code("error", "not UTF-8", _REJECTS),
    "nul": Code("error", "NUL byte", "Breakpad marks the symbols as corrupt."),
    "carriage-return": Code("warning", "CR at the end of lines", "Write LF alone."),
    "stray-carriage-return": Code("error", "CR inside of a line", _REJECTS),
    "line-too-long": Code("warning", "line too long", "It was not checked."),
    "no-final-newline": Code(
        "error", "the last line has no end", "rust-minidump ignores it. Is the file truncated?"
    ),
    "blank-line": Code("warning", "empty line", "Leave it out."),
    "blank-line-inside": Code("error", "empty line inside of a function or unwind rules", _REJECTS),
    "trailing-blank": Code("warning", "blank at the end of a name", "It becomes part of the name."),
    "separator": Code("warning", "several blanks between fields", "Write one."),
    "hex-case": Code("info", "upper-case hexadecimal digits", "The format asks for lower case."),
    # Records
    "grammar": Code("error", "no record of a symbol file", _REJECTS),
    "orphan": Code("error", "record without the one it belongs to", _REJECTS),
    "record-order": Code(
        "error",
        "records of different kinds out of order",
        "symbolic (Sentry) misses it. First INFO, FILE, INLINE_ORIGIN, then FUNC, PUBLIC, STACK.",
    ),
    "range-overflow": Code("error", "addresses beyond 64 bits", "Processors drop the range."),
    "not-checked": Code("warning", "not checked in full", "The rest of the file was."),
    # MODULE and INFO
    "module-missing": Code("error", "no MODULE record", "It must be the first line."),
    "module-order": Code("error", "MODULE is not the first line", _REJECTS),
    "module-os": Code("warning", "unknown operating system", "Use Linux, mac or windows."),
    "module-arch": Code("warning", "unknown CPU", "symbolic refuses words that it does not know."),
    "module-name": Code("warning", "module name unfit for a store", "Use the plain file name."),
    "debug-id": Code("error", "bad debug id", "It has 33 or more upper-case hexadecimal digits."),
    "debug-id-zero": Code("warning", "debug id of zeros", "rust-minidump takes it for none."),
    "code-id": Code("warning", "bad code id", "It is the build id in upper-case hexadecimal."),
    "code-id-missing": Code("info", "no INFO CODE_ID record", "It holds the whole build id."),
    "code-id-mismatch": Code(
        "warning", "code id and debug id disagree", "One of the two is of another build."
    ),
    "store-path": Code(
        "error", "in the wrong place of the store", "No processor looks for it there."
    ),
    # FILE and INLINE_ORIGIN
    "file-duplicate": Code(
        "error", "FILE number defined twice", "Breakpad takes the first, the others the last."
    ),
    "origin-duplicate": Code(
        "error",
        "INLINE_ORIGIN number defined twice",
        "Breakpad takes the first, the others the last.",
    ),
    "file-dangling": Code("error", "FILE number not defined", "Frames there have no file name."),
    "origin-dangling": Code(
        "error", "INLINE_ORIGIN number not defined", "Frames there have no function name."
    ),
    "file-unused": Code("info", "FILE that nothing refers to", "It can be left out."),
    "origin-unused": Code("info", "INLINE_ORIGIN that nothing refers to", "It can be left out."),
    "origin-digits": Code(
        "warning",
        "INLINE_ORIGIN name that begins with a number",
        "Breakpad takes the number for a file.",
    ),
    # FUNC and line records
    "func-zero-size": Code("warning", "FUNC of size 0", "Processors drop it."),
    "func-duplicate": Code("error", "two FUNCs at one address", "Processors keep one of them."),
    "func-overlap": Code("error", "FUNCs overlap", "Processors drop one of them whole."),
    "func-order": Code("info", "FUNCs not in ascending order", "Processors sort them."),
    "line-zero-size": Code("warning", "line record of size 0", "Processors drop it."),
    "line-overlap": Code("error", "line records overlap", "Processors drop one of them whole."),
    "line-order": Code("info", "line records not in ascending order", "Processors sort them."),
    "line-outside": Code("error", "line record outside of its FUNC", "No look-up reaches it."),
    # INLINE
    "inline-no-parent": Code("error", "INLINE without its parent", "Breakpad drops it."),
    "inline-call-file": Code("error", "INLINE with call file -1", _REJECTS),
    "inline-zero-size": Code(
        "warning", "INLINE range of size 0", "In rust-minidump it can hide the call around it."
    ),
    "inline-overlap": Code(
        "error", "INLINE ranges of one depth overlap", "rust-minidump finds the last of them only."
    ),
    "inline-outside": Code("error", "INLINE outside of its FUNC", "No look-up reaches it."),
    "inline-outside-parent": Code(
        "error", "INLINE outside of its parent", "The call chain comes out wrong there."
    ),
    "inline-ranges": Code(
        "warning", "INLINE with more than 254 ranges", "Breakpad ignores those after."
    ),
    # PUBLIC
    "public-duplicate": Code(
        "error",
        "two PUBLICs at one address",
        "Breakpad counts an error for each, and stops reading after 100.",
    ),
    "public-inside-func": Code("warning", "PUBLIC inside of a FUNC", "Processors ignore it."),
    "public-at-zero": Code("info", "PUBLIC at address 0", "Breakpad ignores it."),
    "public-order": Code("info", "PUBLICs not in ascending order", "Processors sort them."),
    "thumb-bit": Code(
        "warning", "odd address of ARM code", "Clear bit 0: it is the Thumb mode, not the address."
    ),
    # STACK
    "cfi-zero-size": Code("warning", "STACK CFI INIT of size 0", "Processors drop it."),
    "cfi-overlap": Code(
        "error", "ranges of STACK CFI INIT overlap", "Processors drop one of them whole."
    ),
    "cfi-order": Code("info", "STACK CFI INIT not in ascending order", "Processors sort them."),
    "cfi-no-cfa": Code("error", "STACK CFI INIT without .cfa", "Nothing can be unwound there."),
    "cfi-no-ra": Code("error", "STACK CFI INIT without .ra", "Nothing can be unwound there."),
    "cfi-rules": Code("error", "malformed unwind rules", "Processors drop the record."),
    "cfi-register": Code("warning", "unknown register", "No processor knows its value."),
    "cfi-expression": Code("error", "expression that cannot be evaluated", "The rule is lost."),
    "cfi-delta-outside": Code(
        "error",
        "STACK CFI outside of its INIT",
        "It has no effect, or changes other code's rules in Breakpad.",
    ),
    "cfi-delta-order": Code(
        "error",
        "STACK CFI not in ascending order",
        "Of two at one address Breakpad keeps the last alone.",
    ),
    "stack-win": Code("info", "STACK WIN records", "They are for Windows on x86; not checked."),
    # The whole
    "no-symbols": Code("warning", "neither FUNC nor PUBLIC", "No frame gets a name."),
    "no-cfi": Code("warning", "no STACK CFI", "Stacks cannot be walked through this module."),
    # Against the ELF file
    "elf-id": Code("error", "debug id of another file", "Make the symbols of this build."),
    "elf-code-id": Code("warning", "code id of another file", "Make the symbols of this build."),
    "elf-name": Code(
        "error", "name of another file", "Minidumps have the SONAME, else the file name."
    ),
    "elf-arch": Code("error", "CPU of another file", "Make the symbols of this file."),
    "cfi-missing": Code(
        "warning", "unwind information is missing", "The ELF file has it for this code."
    ),
    "cfi-rows-missing": Code(
        "warning",
        "unwind rows are missing",
        "The rules before stay in force there, and they are wrong.",
    ),
    "low-coverage": Code("error", "share of code below what is required", "See --require."),
}


class LintPolicy(NamedTuple):
    """The level of each code."""

    levels: Mapping[str, str]

    @classmethod
    def parse(cls, words: list[str]) -> LintPolicy:
        """Read words of the form ``CODE=LEVEL``; ``*`` stands for every code, later words win.

        Raises:
            ConfigError: a word has another form, an unknown code or an unknown level.
        """
        levels = {code: entry.level for code, entry in CODES.items()}
        for word in words:
            code, level = read_word(word, CODES, LEVELS, "what 'crashsym lint --help' lists")
            levels.update({c: level for c in CODES if code in ("*", c)})
        return cls(levels)
