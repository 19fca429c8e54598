# SPDX-License-Identifier: MIT
"""The rules of STACK CFI records: can a processor evaluate them?

Source: Breakpad docs/symbol_files.md "STACK CFI records", src/processor/cfi_frame_info.cc
(CFIRuleParser) and postfix_evaluator-inl.h; rust-minidump breakpad-symbols walker.rs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from crashsym.breakpad.cpus import CPUS
from crashsym.breakpad.lint.report import quoted

_CFA, _RA, _UNDEFINED = ".cfa", ".ra", ".undef"
_BINARY = frozenset("+-*/%@")
_NUMBER = re.compile(r"-?[0-9]+")
_NAME = re.compile(r"\$?[A-Za-z][A-Za-z0-9_.]*")
_LARGEST_DIGITS = 19
_REMEMBERED = 1 << 13
_LONGEST_REMEMBERED = 512
# CPUs whose values Breakpad computes in 32 bits; a larger number is no number there.
_NARROW = frozenset(("x86", "arm", "ppc", "sparc"))


@dataclass(frozen=True, slots=True)
class RuleSet:
    """What one record's rules are worth: (code, fact) pairs, and whose rules they are."""

    problems: tuple[tuple[str, str], ...]
    names: frozenset[str]


class RuleChecker:
    """Checks the rules of one module; ``arch`` is the word of its MODULE record."""

    def __init__(self, arch: str) -> None:
        self._arch = arch
        self._known: dict[bytes, RuleSet] = {}

    @cached_property
    def _registers(self) -> frozenset[str] | None:
        """The names that may occur; None for CPUs of which this crashsym knows none."""
        tables = [cpu.registers.values() for cpu in CPUS.values() if cpu.arch == self._arch]
        return frozenset(name for table in tables for name in table) or None

    def check(self, text: bytes) -> RuleSet:
        """Return the verdict on the rules of one record. The same text repeats often."""
        found = self._known.get(text)
        if found is None:
            problems: list[tuple[str, str]] = []
            names = frozenset(self._rules(text, problems))
            found = RuleSet(tuple(dict.fromkeys(problems)), names)
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            if len(text) <= _LONGEST_REMEMBERED:
                self._known[text] = found
        return found

    def _rules(self, text: bytes, problems: list[tuple[str, str]]) -> Iterator[str]:
        """Yield the names that have rules; what is wrong goes to ``problems``."""
        name, words = "", list[str]()
        for word in [*text.decode("utf-8", "replace").split(), ":"]:
            if not word.endswith(":"):
                words.append(word)
                continue
            if name and words:
                yield name
                problems += self._rule(name, words)
            elif name or words or word == ":":
                what = f"'{name}' has no rule" if name else "a rule without a name"
                problems.append(("cfi-rules", f"{what}: {quoted(text)}"))
            name, words = word[:-1], []

    def _rule(self, name: str, words: list[str]) -> Iterator[tuple[str, str]]:
        if name not in (_CFA, _RA) and not self._knows(name):
            yield "cfi-register", f"'{name[:40]}' on {self._arch}"
        if words == [_UNDEFINED] and name != _CFA:
            return
        stack: list[int | None] = []  # None is a value that only the processor knows
        for word in words:
            if word != _CFA and _NAME.fullmatch(word) and not self._knows(word):
                yield "cfi-register", f"'{word[:40]}' on {self._arch}"
                return
            fault = self._step(name, word, stack)
            if fault:
                break
        else:
            fault = "" if len(stack) == 1 else f"{len(stack)} values are left"
        if fault:
            shown = quoted(" ".join([f"{name}:", *words[:40]]).encode())
            yield "cfi-expression", f"{fault}: {shown}"

    def _knows(self, name: str) -> bool:
        if self._registers is None:
            return _NAME.fullmatch(name) is not None
        return name in self._registers

    def _step(self, name: str, word: str, stack: list[int | None]) -> str:
        """Apply one word of the rule of ``name`` to the stack; return the fault, or ""."""
        if word in _BINARY:
            if len(stack) < 2:
                return f"{word} needs two values"
            fault = _operand_fault(word, stack.pop())
            stack[-1] = None
            return fault
        if word == "^":
            if not stack:
                return "^ needs a value"
            stack[-1] = None
        elif _NUMBER.fullmatch(word):
            if not self._fits(word):
                return "a number is too large"
            stack.append(int(word))
        elif (word == _CFA and name != _CFA) or self._knows(word):
            stack.append(None)
        else:
            return f"'{word[:40]}' cannot be used here"
        return ""

    def _fits(self, word: str) -> bool:
        digits = word.lstrip("-0")
        if len(digits) > _LARGEST_DIGITS:
            return False
        limit = 1 << 32 if self._arch in _NARROW else 1 << 63
        return int(digits or "0") < limit


def _operand_fault(word: str, operand: int | None) -> str:
    """Breakpad divides by zero and dies; rust-minidump aligns to powers of two only."""
    if operand is None:
        return ""
    if word in "/%" and operand == 0:
        return "division by zero"
    if word == "@" and (operand <= 0 or operand & (operand - 1)):
        return "@ needs a power of two"
    return ""
