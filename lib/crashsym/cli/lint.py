# SPDX-License-Identifier: MIT
"""Check Breakpad symbol files, of any tool: form, order, references, ranges, unwind rules.

With --elf also whether it belongs to that file, and how much of its code has functions, lines
and unwind rules. Findings go to standard output, each with its code.
"""

from __future__ import annotations

import argparse
import re
import stat
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from crashsym import quality
from crashsym.breakpad.lint import CODES, LintFinding, LintPolicy, LintResult, lint
from crashsym.cli.common import FINDINGS, path
from crashsym.cli.output import Results, show, tell
from crashsym.elf import ElfFile
from crashsym.errors import ConfigError, CrashsymError, UnreadableError, counted, visible
from crashsym.splitpair import SplitPair
from crashsym.texts import as_unicode

HELP = "check symbol files of any tool"

_SCHEMA = "crashsym-lint/1"
_UNREADABLE = 2
_SHARES = ("functions", "lines", "cfi")
_COUNTING = ("error", "warning")  # these make the exit code 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``crashsym lint``."""
    parser.epilog = f"Codes: {', '.join(CODES)}."
    parser.add_argument("files", metavar="FILE.sym", nargs="+", type=path, help="a symbol file")
    parser.add_argument(
        "--elf", metavar="FILE", type=path, help="the executable or shared object it was made from"
    )
    parser.add_argument(
        "--debug-file", metavar="FILE", type=path, help="its split debug file (the .debug half)"
    )
    parser.add_argument(
        "--require",
        metavar="WHAT=PERCENT",
        action="append",
        default=[],
        help="with --elf: how much code must have functions, lines or cfi; may be repeated",
    )
    parser.add_argument(
        "--policy",
        metavar="CODE=LEVEL",
        action="append",
        default=[],
        help="report findings of this kind as error, warning, info or ignore; CODE may be *; may be"
        " repeated",
    )
    parser.add_argument("--json", action="store_true", help=f"print {_SCHEMA}")


@dataclass(frozen=True, slots=True)
class _Checked:
    """One file: why it could not be read, or what was found."""

    path: Path
    unreadable: str = ""
    result: LintResult | None = None
    findings: tuple[LintFinding, ...] = ()
    share: quality.Quality | None = None


def run(args: argparse.Namespace) -> int:
    """Check all files; one that cannot be read does not keep the others from it."""
    policy = LintPolicy.parse(args.policy)
    shares = _shares(args)
    checked = []
    for file in args.files:
        found = _check(file, args, shares)
        checked.append(found)
        if found.unreadable:
            tell(found.unreadable)
        elif not args.json:
            with Results():
                _print(found, policy.levels)
    if args.json:
        files = [_as_json(found, policy.levels) for found in checked]
        show({"schema": _SCHEMA, "files": files})
    return _conclude(checked, policy.levels)


def _shares(args: argparse.Namespace) -> dict[str, float]:
    if (args.debug_file or args.require) and args.elf is None:
        raise ConfigError("cannot compare", why="--elf is missing", remedy="Give the ELF file.")
    if args.elf is not None and len(args.files) > 1:
        raise ConfigError(
            "cannot compare",
            where=f"'{args.elf}'",
            why=f"one ELF file and {len(args.files)} symbol files",
            remedy="Give one symbol file with --elf.",
        )
    return dict(_share(word) for word in args.require)


def _share(word: str) -> tuple[str, float]:
    what, _, number = word.partition("=")
    if what not in _SHARES or not re.fullmatch("[0-9]{1,3}", number) or int(number) > 100:
        raise ConfigError(
            "cannot read the requirement",
            where=f"'{word}'",
            why="it is not WHAT=PERCENT",
            remedy=f"WHAT is one of {', '.join(_SHARES)}; PERCENT is a whole number up to 100.",
        )
    return what, float(number)


def _check(path: Path, args: argparse.Namespace, shares: dict[str, float]) -> _Checked:
    """Check one file, and compare it with the ELF file if there is one.

    Raises:
        InputError: the ELF file cannot be read.
    """
    with ExitStack() as stack:
        pair = None
        if args.elf is not None:
            elf_file = stack.enter_context(ElfFile(args.elf))
            half = stack.enter_context(ElfFile(args.debug_file)) if args.debug_file else None
            pair = SplitPair(elf_file, half)
        try:
            result = _lint(path, coverage=pair is not None)
        except CrashsymError as error:
            return _Checked(path, unreadable=str(error))
        if pair is None:
            return _Checked(path, result=result, findings=result.findings)
        share, further = quality.compare(pair, args.elf.name, result)
    findings = (*result.findings, *further, *quality.require(share, shares))
    return _Checked(path, result=result, findings=findings, share=share)


def _lint(path: Path, *, coverage: bool) -> LintResult:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise _unreadable(path, "it is no regular file")
        with path.open("rb") as stream:
            return lint(stream, path, coverage=coverage)
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error


def _unreadable(path: Path, why: str) -> UnreadableError:
    remedy = "Check its name, and your right to read it."
    return UnreadableError("cannot read", where=f"'{path}'", why=why, remedy=remedy)


def _print(found: _Checked, levels: Mapping[str, str]) -> None:
    for finding in found.findings:
        level = levels[finding.code]
        if level != "ignore":
            print(f"{level}: {finding.message(str(found.path))} [{finding.code}]")
    if found.share is not None:
        share = found.share
        parts = ", ".join(
            f"{what} {share.percent(what)} % ({getattr(share, what)})" for what in _SHARES
        )
        left_out = f"without {share.plt} of the PLT and {share.padding} of padding"
        place = visible(str(found.path))
        print(f"coverage: '{place}': {share.code} bytes of code {left_out}: {parts}")


def _as_json(found: _Checked, levels: Mapping[str, str]) -> dict[str, object]:
    """Return one file as it is described in docs/reference/crashsym-lint-1.schema.json."""
    if found.result is None:
        return {"path": as_unicode(str(found.path)), "unreadable": found.unreadable}
    module = found.result.module
    words = asdict(module) if module is not None else {}
    share = found.share
    return {
        "path": as_unicode(str(found.path)),
        "module": {key: words[key] for key in words if key != "number"} or None,
        "records": found.result.counts,
        "findings": [
            {
                "code": finding.code,
                "level": levels[finding.code],
                "count": finding.count,
                "places": [place._asdict() for place in finding.places],
                "message": finding.message(str(found.path)),
            }
            for finding in found.findings
            if levels[finding.code] != "ignore"
        ],
        "coverage": None
        if share is None
        else {
            **{key: getattr(share, key) for key in ("code", "plt", "padding")},
            **{
                what: {"bytes": getattr(share, what), "percent": share.percent(what)}
                for what in _SHARES
            },
        },
    }


def _conclude(checked: list[_Checked], levels: Mapping[str, str]) -> int:
    unreadable = sum(bool(found.unreadable) for found in checked)
    faulty = sum(
        any(levels[finding.code] in _COUNTING for finding in found.findings) for found in checked
    )
    summary = f"{counted(len(checked), 'symbol file')}: {len(checked) - unreadable - faulty} clean"
    others = {"with findings": faulty, "not readable": unreadable}
    tell(", ".join([summary, *(f"{n} {what}" for what, n in others.items() if n)]))
    if unreadable:
        return _UNREADABLE
    return FINDINGS if faulty else 0
