# SPDX-License-Identifier: MIT
"""The form of messages."""

from __future__ import annotations

import pytest
from crashsym import findings
from crashsym.errors import ConfigError, CrashsymError, counted
from crashsym.findings import Finding, Policy


def test_message_says_what_where_why_and_what_to_do() -> None:
    error = CrashsymError("cannot read", where="'app'", why="no ELF magic", remedy="Exclude it.")
    assert str(error) == "cannot read: 'app': no ELF magic. Exclude it."


def test_one_thing_is_no_plural() -> None:
    assert [counted(n, "file") for n in (0, 1, 2)] == ["0 files", "1 file", "2 files"]


def test_message_is_one_line_whatever_a_file_is_called() -> None:
    finding = Finding(findings.UNREADABLE, "a\nb\x1b[31m", "cannot read", "denied")
    assert finding.message == r"cannot read: 'a\nb\x1b[31m': denied"


def test_message_shows_whole_paths_and_not_whole_files() -> None:
    path = "p" * 4096
    message = str(CrashsymError("cannot read", where=f"'{path}'", why="w" * 9_000_000))
    assert path in message
    assert message.endswith("… (9000000 characters)")
    assert len(message) < 10_000


def test_policy_sets_one_code_and_later_words_win() -> None:
    policy = Policy.parse(["*=ignore", "no-build-id=error"])
    levels = {code: policy.level(Finding(code, "f", "w", "y")) for code in findings.CODES}
    assert levels.pop(findings.NO_BUILD_ID) == "error"
    assert set(levels.values()) == {"ignore"}


def test_policy_by_default_fails_on_what_loses_symbols() -> None:
    policy = Policy.parse([])
    errors = {c for c in findings.CODES if policy.level(Finding(c, "f", "w", "y")) == "error"}
    assert errors == {"mismatch", "unreadable", "conflict", "crashed", "duplicate-build-id"}


@pytest.mark.parametrize("word", ["", "no-build-id=fatal", "nothing=error", "=error"])
def test_policy_refuses_words_that_it_does_not_know(word: str) -> None:
    with pytest.raises(ConfigError, match="it is not CODE=LEVEL"):
        Policy.parse([word])


def test_policy_says_what_a_word_that_is_no_file_should_be() -> None:
    with pytest.raises(ConfigError, match=r"No such file .* Give CODE=LEVEL, or a policy file\."):
        Policy.parse(["no-build-id"])
