# SPDX-License-Identifier: MIT
"""The reference pages say what the code does."""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path

import pytest
from corpus.matrix import PROGRAMS
from crashsym.breakpad.lint import CODES as LINT_CODES
from crashsym.breakpad.lint import LintPolicy
from crashsym.cli.main import build_parser
from crashsym.errors import ConfigError
from crashsym.findings import CODES, OTHER_BUILD, STALE, Finding, Policy
from support import REPOSITORY

REFERENCE = REPOSITORY / "docs" / "reference"


def _options(parser: argparse.ArgumentParser) -> set[str]:
    found: set[str] = set()
    for action in parser._actions:
        found |= set(action.option_strings)
        if isinstance(action, argparse._SubParsersAction):
            for sub in action.choices.values():
                found |= _options(sub)
    return found - {"-h", "--help", "--version"}


def _commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Every command below a parser, by its name with the program's."""
    found: dict[str, argparse.ArgumentParser] = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for sub in action.choices.values():
                found |= {sub.prog: sub, **_commands(sub)}
    return found


def test_the_help_of_every_command_describes_it_and_needs_no_file_of_the_checkout() -> None:
    commands = _commands(build_parser())
    assert {"crashsym lint", "crashsym manifest merge", "crashsym manifest find"} <= set(commands)
    for name, parser in commands.items():
        assert parser.description, name
        assert "docs/" not in parser.format_help(), name


def test_the_help_of_lint_lists_its_codes() -> None:
    text = " ".join(_commands(build_parser())["crashsym lint"].format_help().split())
    assert f"Codes: {', '.join(LINT_CODES)}." in text.replace("- ", "-")
    with pytest.raises(ConfigError, match="crashsym lint --help"):
        LintPolicy.parse(["unheard=error"])


def test_every_option_is_in_the_reference_and_no_other() -> None:
    page = (REFERENCE / "command-line.md").read_text()
    documented = set(re.findall(r"(?<![\w-])(--?[a-z][\w-]*)", page))
    assert documented == _options(build_parser())


def test_every_variable_is_in_the_reference_with_its_default() -> None:
    page = (REFERENCE / "variables.md").read_text()
    documented = dict(re.findall(r"^\| `(CRASHDUMP_\w+)` \| `?([^|`]*?)`? \|", page, re.MULTILINE))
    declared: dict[str, str] = {}
    for bbclass in (REPOSITORY / "classes").glob("*.bbclass"):
        text = bbclass.read_text()
        declared |= dict(re.findall(r'^(CRASHDUMP_\w+) \?= "(.*)"$', text, re.MULTILINE))
        for name in re.findall(r"^(CRASHDUMP_\w+) \?=", text, re.MULTILINE):
            assert re.search(rf'^{name}\[doc\] = "', text, re.MULTILINE), name
    assert {
        name: "" if value == "empty" else value for name, value in documented.items()
    } == declared


def test_every_finding_is_in_the_reference_with_its_level() -> None:
    page = (REFERENCE / "findings.md").read_text()
    documented = dict(re.findall(r"^\| `([\w-]+)` \| (\w+) \|", page, re.MULTILINE))
    policy = Policy.parse([])
    assert documented == {code: policy.level(Finding(code, "f", "w", "y")) for code in CODES}


def test_every_finding_is_in_the_words_of_the_variable() -> None:
    text = (REPOSITORY / "classes" / "crashdump-common.bbclass").read_text()
    (words,) = re.findall(r"^CRASHDUMP_POLICY\[doc\] = .*CODE is (.*?), or \*", text, re.MULTILINE)
    (errors,) = re.findall(r"Unset codes: (.*) are errors", text)
    of_recipes, of_images = words.split(", of images ")
    page = (REFERENCE / "findings.md").read_text()
    images = re.findall(r"^\| `([\w-]+)` .*`crashsym (?:image|sdk)` only", page, re.MULTILINE)
    assert of_recipes.split(", ") == [code for code in CODES if code not in images]
    # One needs another manifest, which no class has; and in a build the store is always new.
    assert sorted(of_images.split(", ")) == sorted({*images} - {OTHER_BUILD, STALE})
    assert sorted(_named(errors)) == sorted(_errors())


def test_the_policies_page_names_the_errors_by_default() -> None:
    page = (REFERENCE / "policy.md").read_text()
    (errors,) = re.findall(r"By default (.*?)\s+are errors", page, re.DOTALL)
    assert _named(errors.replace("`", "")) == _errors()


def _named(text: str) -> list[str]:
    return re.split(r",\s+|\s+and\s+", text)


def _errors() -> list[str]:
    policy = Policy.parse([])
    return [code for code in CODES if policy.level(Finding(code, "f", "w", "y")) == "error"]


def test_the_page_of_scores_has_every_program_of_the_corpus() -> None:
    page = (REPOSITORY / "docs" / "conformance.md").read_text()
    assert f"\n## All {len(PROGRAMS)} programs\n" in page
    by_arch = dict(re.findall(r"^## (\w+): (\d+) programs$", page, re.MULTILINE))
    archs = [program.cpu.arch for program in PROGRAMS]
    assert by_arch == {arch: str(archs.count(arch)) for arch in archs}


PAGES = sorted(
    str(page.relative_to(REPOSITORY))
    for page in (*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md"))
)


@pytest.mark.parametrize("page", PAGES)
def test_links_between_pages_lead_somewhere(page: str) -> None:
    text = (REPOSITORY / page).read_text()
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
    files = [link.partition("#")[0] for link in links]
    broken = [file for file in files if not ((REPOSITORY / page).parent / file).exists()]
    assert not broken


def test_the_policy_of_the_how_to_is_one(tmp_path: Path) -> None:
    text = (REPOSITORY / "docs" / "how-to" / "release.md").read_text()
    (example,) = re.findall(r"^```toml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    (tmp_path / "policy.toml").write_text(re.sub(r"20\d\d-", "9999-", example))
    policy = Policy.parse([str(tmp_path / "policy.toml")])
    gpu = Finding("no-debug-info", "/usr/lib/libGPU.so.1", "what", "why")
    assert policy.level(gpu) == "excused"
    assert policy.level(gpu._replace(path="/usr/bin/x")) == "warning"


def test_the_command_lines_of_the_how_to_are_understood() -> None:
    text = (REPOSITORY / "docs" / "how-to" / "release.md").read_text().replace("\\\n", " ")
    lines = re.findall(r"^ +crashsym (.*?)(?: 2>.*| &&.*)?$", text, re.MULTILINE)
    assert len(lines) == 7
    for line in lines:
        build_parser().parse_args(shlex.split(line))
