# SPDX-License-Identifier: MIT
"""The policy file: what findings mean for a product, in TOML.

::

    [[rule]]
    code = "no-debug-info"         # all patterns are optional, but one has to be there
    path = "/usr/lib/libGPU*"
    package = "gpu-driver"
    recipe = "gpu-driver"
    level = "excused"              # error, warning, ignore, or excused
    reason = "the vendor sends debug files in March"   # an excuse needs both
    expires = 2027-03-31           # the last day on which it counts

Of several rules that fit a finding the last one decides. In the same way::

    [[coverage]]
    path = "/usr/lib/libcrypto*"   # or package, or recipe; without a pattern: of all files
    functions = 40                 # percent of the code; or lines, or cfi
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

from crashsym.errors import ConfigError, described
from crashsym.findings import ASKED_FOR, CODES, EXCUSED, LEVELS, Policy, Rule, Wanted

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_PATTERNS = ("code", "path", "package", "recipe")
_EXCUSE = ("reason", "expires")
_DAY = "expires = 2027-03-31"
_EXAMPLE = f"reason = '…', {_DAY}"
_KEYS = (*_PATTERNS, "level", *_EXCUSE)
_SHARES = ("functions", "lines", "cfi")
_COVERAGE_KEYS = (*_PATTERNS[1:], *_SHARES)


def read(path: str, today: date | None = None) -> Policy:
    """Return what a policy file says, in its order; excuses that are over ``today`` apart.

    Raises:
        ConfigError: it cannot be read, is no TOML, or a table is not as it has to be.
    """
    try:
        document = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise _unusable(
            path, error.strerror or str(error), "Give CODE=LEVEL, or a policy file."
        ) from error
    except (ValueError, RecursionError) as error:  # also that of text that is no UTF-8
        raise _unusable(path, f"it is no TOML ({error})") from error
    odd = [f"'{key}'" for key in document if key not in ("rule", "coverage")]
    if odd:
        remedy = "A policy is a list of [[rule]] and [[coverage]]."
        raise _unusable(path, f"unknown key {', '.join(odd)}", remedy)
    rules = [_rule(path, number, table) for number, table in _tables(path, document, "rule")]
    wanted = [_wanted(path, number, table) for number, table in _tables(path, document, "coverage")]
    day = (today or datetime.now(timezone.utc).date()).isoformat()
    return Policy(
        tuple(rule for rule in rules if not _has_expired(rule, day)),
        tuple(rule for rule in rules if _has_expired(rule, day)),
        tuple(wanted),
    )


def _tables(path: str, document: dict[str, Any], what: str) -> Iterator[tuple[int, Any]]:
    tables = document.get(what, [])
    if not isinstance(tables, list):
        raise _unusable(path, f"'{what}' is no list", f"Begin each with [[{what}]].")
    return iter(enumerate(tables, 1))


def _wanted(path: str, number: int, table: Any) -> Wanted:
    mistake = _mistaken_share(table) if isinstance(table, dict) else ("it is no table", "")
    if mistake:
        raise _unusable(path, f"coverage {number}: {mistake[0]}", mistake[1])
    return Wanted(**table)


def _mistaken_share(table: dict[str, Any]) -> tuple[str, str] | None:
    for key, value in table.items():
        if key not in _COVERAGE_KEYS:
            return f"unknown key '{key}'", f"The keys are {', '.join(_COVERAGE_KEYS)}."
        if key not in _SHARES and not _is_text(value):
            return f"{key} is {described(value)}", "Give a text."
        if key in _SHARES and not (type(value) in (int, float) and 0 <= value <= 100):
            return f"{key} is {described(value)}", "Give a percentage from 0 to 100."
    if mistake := _mistaken_path(table):
        return mistake
    if not any(key in table for key in _SHARES):
        return "it does not say how much is wanted", f"Give one of {', '.join(_SHARES)}."
    return None


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _has_expired(rule: Rule, day: str) -> bool:
    return rule.expires != "" and rule.expires < day


def _rule(path: str, number: int, table: Any) -> Rule:
    mistake = _mistake(table) if isinstance(table, dict) else ("it is no table", "")
    if mistake:
        raise _unusable(path, f"rule {number}: {mistake[0]}", mistake[1])
    expires = table.get("expires")
    place = {"expires": expires.isoformat() if expires else "", "file": Path(path).name}
    return Rule(**{**table, **place}, number=number)


def _mistake(table: dict[str, Any]) -> tuple[str, str] | None:
    """Return what is wrong with a rule and what to do; None if nothing is."""
    for key, value in table.items():
        if key not in _KEYS:
            return f"unknown key '{key}'", f"The keys are {', '.join(_KEYS)}."
        if key != "expires" and not _is_text(value):
            return f"{key} is {described(value)}", "Give a text."
    if not any(key in table for key in _PATTERNS):
        return "it does not say for which findings", f"Give one of {', '.join(_PATTERNS)}."
    if mistake := _mistaken_path(table):
        return mistake
    if table.get("code", "*") not in (*CODES, "*"):
        return (
            f"unknown code {described(table['code'])}",
            f"The codes are {', '.join(CODES)}, and *.",
        )
    return _mistaken_level(table)


def _mistaken_path(table: dict[str, Any]) -> tuple[str, str] | None:
    """Return what is wrong with a pattern for paths; those of two codes are no target paths."""
    path = table.get("path", "*")
    if path.startswith(("/", "*", "?", "[")) or table.get("code") in ASKED_FOR:
        return None
    return f"path '{path}' fits no file", "Paths on the target begin with '/'."


def _mistaken_level(table: dict[str, Any]) -> tuple[str, str] | None:
    level, expires = table.get("level"), table.get("expires")
    if level not in (*LEVELS, EXCUSED):
        return f"level is {described(level)}", f"It is one of {', '.join((*LEVELS, EXCUSED))}."
    if level == EXCUSED:
        return _mistaken_excuse(table)
    if expires is not None:
        return f"level '{level}' does not expire", "Only an excuse does."
    return None


def _mistaken_excuse(table: dict[str, Any]) -> tuple[str, str] | None:
    missing = [key for key in _EXCUSE if key not in table]
    if missing:
        return f"an excuse without {' and '.join(missing)}", f"Give {_EXAMPLE}."
    expires = table["expires"]
    if isinstance(expires, str):
        return f"expires is the text {described(expires)}", f"Give a date, without quotes: {_DAY}."
    if not _is_day(expires):
        return f"expires is {expires}", f"Give the last day: {_DAY}."
    return None


def _is_day(value: Any) -> bool:
    return isinstance(value, date) and not isinstance(value, datetime)


def _unusable(path: str, why: str, remedy: str = "") -> ConfigError:
    return ConfigError("cannot read the policy", where=f"'{path}'", why=why, remedy=remedy)
