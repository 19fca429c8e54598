# SPDX-License-Identifier: MIT
"""Findings: what is wrong with one file, as a value that is reported and never thrown away."""

from __future__ import annotations

from crashsym.errors import ConfigError, sentence
from crashsym.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

NO_BUILD_ID = "no-build-id"
NO_DEBUG_INFO = "no-debug-info"
NO_UNWIND_INFO = "no-unwind-info"
MISMATCH = "mismatch"
MISSING_DEBUG_FILE = "missing-debug-file"
UNREADABLE = "unreadable"
MALFORMED = "malformed"
UNSUPPORTED = "unsupported"
CONFLICT = "conflict"
CRASHED = "crashed"

CODES = (
    NO_BUILD_ID,
    NO_DEBUG_INFO,
    NO_UNWIND_INFO,
    MISMATCH,
    MISSING_DEBUG_FILE,
    UNREADABLE,
    MALFORMED,
    UNSUPPORTED,
    CONFLICT,
    CRASHED,
)
LEVELS = ("error", "warning", "ignore")
_ERRORS_BY_DEFAULT = (MISMATCH, UNREADABLE, CONFLICT, CRASHED)


class Finding(Value):
    """One fact about one file that its owner should know.

    ``code`` is one of `CODES`; ``path`` the file as the user knows it (the target path in a
    tree); the rest are the parts of the message.
    """

    code: str
    path: str
    what: str
    why: str
    remedy: str = ""

    @property
    def message(self) -> str:
        """The finding as one sentence: what failed: where: the observed fact. What to do."""
        return sentence(self.what, f"'{self.path}'", self.why, self.remedy)


class Policy(Value):
    """Which finding is an error, a warning, or nothing."""

    levels: Mapping[str, str]

    @classmethod
    def parse(cls, words: list[str]) -> Policy:
        """Read words of the form ``CODE=LEVEL``; ``*`` stands for every code, later words win.

        Raises:
            ConfigError: a word has another form, an unknown code or an unknown level.
        """
        levels = {code: "error" if code in _ERRORS_BY_DEFAULT else "warning" for code in CODES}
        for word in words:
            code, equals, level = word.partition("=")
            if not equals or (code != "*" and code not in CODES) or level not in LEVELS:
                raise ConfigError(
                    "cannot read the policy",
                    where=f"'{word}'",
                    why="it is not CODE=LEVEL",
                    remedy=f"CODE is * or one of {', '.join(CODES)}; LEVEL: {', '.join(LEVELS)}.",
                )
            levels.update({c: level for c in CODES if code in ("*", c)})
        return cls(levels)

    def level(self, finding: Finding) -> str:
        """Return ``error``, ``warning`` or ``ignore``."""
        return self.levels[finding.code]
