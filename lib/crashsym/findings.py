# SPDX-License-Identifier: MIT
"""Findings: what is wrong with one file, as a value that is reported and never thrown away."""

from __future__ import annotations

from crashsym.errors import ConfigError, sentence
from crashsym.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container

NO_BUILD_ID = "no-build-id"
NO_DEBUG_INFO = "no-debug-info"
NO_LINES = "no-lines"
NO_UNWIND_INFO = "no-unwind-info"
LATE_BUILD_ID = "late-build-id"
MISMATCH = "mismatch"
MISSING_DEBUG_FILE = "missing-debug-file"
UNREADABLE = "unreadable"
MALFORMED = "malformed"
UNSUPPORTED = "unsupported"
PACKED = "packed"
CONFLICT = "conflict"
CRASHED = "crashed"
CHANGED = "changed"
UNOWNED = "unowned"
DUPLICATE_BUILD_ID = "duplicate-build-id"
WORSE = "worse"
LOW_COVERAGE = "low-coverage"
STALE = "stale"
UNUSED_EXCUSE = "unused-excuse"
OTHER_BUILD = "other-build"

CODES = (
    NO_BUILD_ID,
    NO_DEBUG_INFO,
    NO_LINES,
    NO_UNWIND_INFO,
    LATE_BUILD_ID,
    MISMATCH,
    MISSING_DEBUG_FILE,
    UNREADABLE,
    MALFORMED,
    UNSUPPORTED,
    PACKED,
    CONFLICT,
    CRASHED,
    CHANGED,
    UNOWNED,
    DUPLICATE_BUILD_ID,
    WORSE,
    LOW_COVERAGE,
    STALE,
    UNUSED_EXCUSE,
    OTHER_BUILD,
)
LEVELS = ("error", "warning", "ignore")
EXCUSED = "excused"
# About the store and the policy, and not about a file: a rule has to name them, "*" does not.
ASKED_FOR = (STALE, UNUSED_EXCUSE)
_ERRORS_BY_DEFAULT = (MISMATCH, UNREADABLE, CONFLICT, CRASHED, DUPLICATE_BUILD_ID)


class Owner(Value):
    """Whose a file is: the package that it came in and the recipe that made that, if known."""

    package: str | None = None
    recipe: str | None = None


NOBODY = Owner()


class Finding(Value):
    """One fact about one file that its owner should know.

    ``code`` is one of `CODES`; ``path`` the file as the user knows it (the target path in a
    tree) and ``owner`` whose it is; the rest are the parts of the message.
    """

    code: str
    path: str
    what: str
    why: str
    remedy: str = ""
    owner: Owner = NOBODY

    @property
    def message(self) -> str:
        """The finding as one sentence: what failed: where: the observed fact. What to do."""
        return sentence(self.what, f"'{self.path}'", self.why, self.remedy)


class Rule(Value):
    """What findings mean that fit all of ``code``, ``path``, ``package`` and ``recipe``.

    These are patterns in which ``*`` fits anything, ``/`` as well, and ``*`` alone also a file
    that is nobody's. ``level`` is one of `LEVELS` or `EXCUSED`: it is known, accepted for
    ``reason``, and no longer after ``expires`` (a day, "2027-03-31"). ``file`` and ``number`` say
    where it stands.
    """

    level: str
    code: str = "*"
    path: str = "*"
    package: str = "*"
    recipe: str = "*"
    reason: str = ""
    expires: str = ""
    file: str = ""
    number: int = 0

    def fits(self, finding: Finding) -> bool:
        """Whether the rule is about a finding."""
        return (
            _fits(finding.code, self.code)
            and (finding.code not in ASKED_FOR or finding.code == self.code)
            and _fits(finding.path, self.path)
            and _fits(finding.owner.package, self.package)
            and _fits(finding.owner.recipe, self.recipe)
        )


def _fits(text: str | None, pattern: str) -> bool:
    if pattern == "*" or text == pattern:
        return True
    if text is None or not set("*?[").intersection(pattern):
        return False
    from fnmatch import fnmatchcase  # few policies have patterns

    return fnmatchcase(text, pattern)


class Wanted(Value):
    """Which shares of the code of files that fit the patterns, in percent, are to be covered.

    None leaves a share as it was.
    """

    path: str = "*"
    package: str = "*"
    recipe: str = "*"
    functions: float | None = None
    lines: float | None = None
    cfi: float | None = None

    def fits(self, path: str, owner: Owner) -> bool:
        """Whether a file is one of those."""
        return (
            _fits(path, self.path)
            and _fits(owner.package, self.package)
            and _fits(owner.recipe, self.recipe)
        )


class Policy(Value):
    """What each finding means: the last of the rules that fits it decides.

    ``expired`` are excuses that have been rules until their last day. ``wanted`` says which shares
    of the code have to be covered; for each share the last that fits a file decides.
    """

    rules: tuple[Rule, ...]
    expired: tuple[Rule, ...] = ()
    wanted: tuple[Wanted, ...] = ()

    @classmethod
    def parse(cls, words: list[str]) -> Policy:
        """Read ``CODE=LEVEL``, where ``*`` stands for every code, and names of policy files.

        What comes later wins.

        Raises:
            ConfigError: a word has another form, an unknown code or an unknown level; or a file
                is not as it has to be.
        """
        rules: list[Rule] = []
        expired: list[Rule] = []
        wanted: list[Wanted] = []
        for word in words:
            if "=" in word or not word:
                code, level = read_word(word, CODES, LEVELS, ", ".join(CODES))
                rules.append(Rule(level, code))
            else:
                from crashsym.policyfile import read

                file = read(word)
                rules += file.rules
                expired += file.expired
                wanted += file.wanted
        return cls((*DEFAULT_RULES, *rules), tuple(expired), (DEFAULT_WANTED, *wanted))

    def rule_for(self, finding: Finding) -> Rule:
        """Return the rule that decides about a finding."""
        return next(rule for rule in reversed(self.rules) if rule.fits(finding))

    def level(self, finding: Finding) -> str:
        """Return ``error``, ``warning``, ``ignore`` or ``excused``."""
        return self.rule_for(finding).level

    def asks_for(self, code: str) -> bool:
        """Whether a code of `ASKED_FOR` can be more than ignored."""
        return any(rule.code == code and rule.level != "ignore" for rule in self.rules)

    def reminded(self, finding: Finding) -> Finding:
        """Return a finding that says so where an excuse for it has expired."""
        for rule in reversed(self.expired):
            if rule.fits(finding):
                why = f"{finding.why} (the excuse ended on {rule.expires}: {rule.reason})"
                return finding._replace(why=why)
        return finding


def read_word(
    word: str, codes: Container[str], levels: tuple[str, ...], listed: str
) -> tuple[str, str]:
    """Return code and level of a word ``CODE=LEVEL``; ``listed`` says where the codes are.

    Raises:
        ConfigError: it has another form, an unknown code or an unknown level.
    """
    code, equals, level = word.partition("=")
    if not equals or (code != "*" and code not in codes) or level not in levels:
        raise ConfigError(
            "cannot read the policy",
            where=f"'{word}'",
            why="it is not CODE=LEVEL",
            remedy=f"CODE is * or one of {listed}; LEVEL: {', '.join(levels)}.",
        )
    return code, level


# Debian's and OE's own libraries reach more; assembler has neither functions nor, at times, rules.
DEFAULT_WANTED = Wanted(functions=50, lines=50, cfi=75)
DEFAULT_RULES = (
    Rule("warning"),
    *(Rule("error", code) for code in _ERRORS_BY_DEFAULT),
    *(Rule("ignore", code) for code in ASKED_FOR),
)
