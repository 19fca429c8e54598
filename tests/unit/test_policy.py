# SPDX-License-Identifier: MIT
"""Policies: which rule decides about a finding, and what is wrong with a policy file."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from crashsym import policyfile
from crashsym.errors import ConfigError
from crashsym.extract import Extraction, judge
from crashsym.findings import NOBODY, Finding, Owner, Policy, Rule
from crashsym.manifest import Manifest, Module
from support import REPOSITORY

GPU = Finding("no-debug-info", "/usr/lib/libGPU.so.1", "no functions", "no .debug_info")
VENDOR = Owner("gpu-driver", "gpu")
EXCUSE = """
[[rule]]
path = "/usr/lib/libGPU*"
level = "excused"
reason = "the vendor sends debug files in March"
expires = 2027-03-31
"""


def policy(tmp_path: Path, text: str, *more: str) -> Policy:
    (tmp_path / "policy.toml").write_text(text, encoding="utf-8")
    return Policy.parse([str(tmp_path / "policy.toml"), *more])


@pytest.mark.parametrize(
    ("rule", "fits"),
    [
        ({}, True),
        ({"code": "no-debug-info"}, True),
        ({"code": "mismatch"}, False),
        ({"path": "/usr/lib/libGPU.so.1"}, True),
        ({"path": "/usr/*"}, True),
        ({"path": "usr/*"}, False),
        ({"path": "/usr/lib/libGPU"}, False),
        ({"path": "/usr/lib/libgpu*"}, False),
        ({"package": "gpu-*", "recipe": "gpu"}, True),
        ({"package": "gpu-*", "recipe": "cpu"}, False),
        ({"path": "/usr/*", "package": "gpu"}, False),
    ],
)
def test_a_rule_is_about_what_fits_all_of_its_patterns(rule: dict[str, str], fits: bool) -> None:
    assert Rule("ignore")._replace(**rule).fits(GPU._replace(owner=VENDOR)) is fits


def test_a_pattern_for_packages_fits_no_file_that_is_nobodys() -> None:
    assert GPU.owner is NOBODY
    assert not Rule("ignore", package="gpu*").fits(GPU)
    assert Rule("ignore", package="*").fits(GPU)


def test_the_last_rule_that_fits_decides(tmp_path: Path) -> None:
    text = """
    [[rule]]
    code = "no-debug-info"
    level = "error"
    [[rule]]
    path = "/usr/lib/*"
    level = "ignore"
    """
    assert policy(tmp_path, text).level(GPU) == "ignore"
    assert policy(tmp_path, text).level(GPU._replace(path="/bin/a")) == "error"
    assert policy(tmp_path, text, "*=warning").level(GPU) == "warning"
    assert policy(tmp_path, "", "*=warning").level(GPU) == "warning"


@pytest.mark.parametrize(
    ("day", "level"), [(date(2027, 3, 31), "excused"), (date(2027, 4, 1), "warning")]
)
def test_an_excuse_counts_until_its_day_has_passed(tmp_path: Path, day: date, level: str) -> None:
    (tmp_path / "policy.toml").write_text(EXCUSE)
    file = policyfile.read(str(tmp_path / "policy.toml"), day)
    judged = Policy((*Policy.parse([]).rules, *file.rules), file.expired)
    assert judged.level(GPU) == level
    reminded = judged.reminded(GPU).why
    assert reminded.endswith(
        "(the excuse ended on 2027-03-31: the vendor sends debug files in March)"
    ) is (level == "warning")


def test_a_module_is_excused_when_all_its_findings_are(tmp_path: Path) -> None:
    module = Module(
        path=GPU.path,
        build_id="b060ad20",
        debug_id="20AD60B0" + "0" * 25,
        debug_file="libGPU.so.1",
        arch="arm64",
        size=1,
        sha256=None,
        recipe=VENDOR.recipe,
        version="1",
        package=VENDOR.package,
        source=None,
        symbols=None,
        status="no-debug-info",
        reason="no .debug_info",
    )
    found = GPU._replace(owner=VENDOR)
    wrong = found._replace(code="mismatch")
    other = wrong._replace(path="/usr/lib/libother.so")
    excuses = policy(
        tmp_path, EXCUSE.replace("2027", "9999").replace("path", "code = 'no-debug-info'\npath")
    )
    for findings, status, reason in (
        ([found], "excused", "the vendor sends debug files in March"),
        ([found, found, other], "excused", "the vendor sends debug files in March"),
        ([found, wrong], "no-debug-info", "no .debug_info"),
        ([], "no-debug-info", "no .debug_info"),
    ):
        result = judge(Extraction(Manifest.of([module]), findings=list(findings)), excuses)
        [judged] = result.manifest.modules
        assert (judged.status, judged.reason) == (status, reason)
        assert result.findings == findings


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("level = 1", "unknown key 'level'"),
        ("rule = 1", "'rule' is no list"),
        ("rule = [1]", "rule 1: it is no table"),
        ("[[rule]]\nlevel = 'ignore'", "rule 1: it does not say for which findings"),
        ("[[rule]]\ncode = 'none'\nlevel = 'ignore'", "rule 1: unknown code 'none'"),
        ("[[rule]]\npath = '/a'", "rule 1: level is None"),
        ("[[rule]]\npath = '/a'\nlevel = 'fatal'", "rule 1: level is 'fatal'"),
        ("[[rule]]\npath = 7\nlevel = 'error'", "rule 1: path is 7"),
        ("[[rule]]\npath = ' '\nlevel = 'error'", "rule 1: path is ' '"),
        ("[[rule]]\npaths = '/a'\nlevel = 'error'", "rule 1: unknown key 'paths'"),
        (
            "[[rule]]\npath = '/a'\nlevel = 'excused'\nreason = 'r'",
            "an excuse without expires. Give",
        ),
        (
            "[[rule]]\npath = '/a'\nlevel = 'excused'",
            "an excuse without reason and expires. Give reason = '…', expires = 2027-03-31",
        ),
        (
            "[[rule]]\npath = '/a'\nlevel = 'excused'\nexpires = 2027-01-01",
            "an excuse without reason. Give",
        ),
        (
            "[[rule]]\npath = '/a'\nlevel = 'excused'\nreason = 'r'\nexpires = '2027-01-01'",
            "expires is the text '2027-01-01'. Give a date, without quotes: expires = ",
        ),
        (
            "[[rule]]\npath = '/a'\nlevel = 'excused'\nreason = 'r'\nexpires = 2027-01-01T00:00:00",
            "expires is 2027-01-01 00:00:00. Give the last day: expires = 2027-03-31",
        ),
        (
            "[[rule]]\npath = '/a'\nlevel = 'ignore'\nexpires = 2027-01-01",
            "level 'ignore' does not expire",
        ),
        ("[[rule", "it is no TOML"),
        ("rule = " + "[" * 100_000, "it is no TOML (maximum recursion depth"),
    ],
)
def test_a_mistake_in_a_policy_file_is_said(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=r"cannot read the policy: '.*policy\.toml'") as caught:
        policy(tmp_path, text)
    assert message in str(caught.value)


def test_a_pattern_that_fits_no_path_is_a_mistake(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    for table in ('[[rule]]\nlevel = "ignore"', "[[coverage]]\nlines = 1"):
        file.write_text(f'{table}\npath = "usr/bin/*"\n')
        with pytest.raises(ConfigError, match="path 'usr/bin/\\*' fits no file"):
            Policy.parse([str(file)])
        for path in ("/usr/*", "*/bin/a", "?usr/a", "[/]usr/a"):
            file.write_text(f'{table}\npath = "{path}"\n')
            Policy.parse([str(file)])
    file.write_text('[[rule]]\nlevel = "warning"\ncode = "stale"\npath = "libx.so/*"\n')
    Policy.parse([str(file)])


def test_a_policy_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        Policy.parse([str(tmp_path / "policy.toml")])
    (tmp_path / "policy.toml").write_bytes(b"# \xff")
    with pytest.raises(ConfigError, match="it is no TOML"):
        Policy.parse([str(tmp_path / "policy.toml")])


def test_the_examples_of_the_documentation_are_policies(tmp_path: Path) -> None:
    page = (REPOSITORY / "docs/reference/policy.md").read_text(encoding="utf-8")
    examples = page.split("```toml\n")[1:]
    assert examples
    for example in examples:
        assert policy(tmp_path, example.partition("```")[0]).rules
