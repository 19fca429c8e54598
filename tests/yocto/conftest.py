# SPDX-License-Identifier: MIT
"""The build directory that the scenarios share, and the steps that more than one feature uses."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_bdd import given, parsers, then, when
from support import missing

from yocto import host, oe_build, remotes
from yocto.deployed import elf_files
from yocto.developer import Developer
from yocto.oe_build import OeBuild
from yocto.remotes import Repositories


def _require_host() -> None:
    install = "Install the packages in tests/yocto/apt-packages.txt."
    tool = host.missing_tool()
    if tool is not None:
        missing(f"the command '{tool}'", install)
    module = host.missing_module()
    if module is not None:
        missing(f"/usr/bin/python3's module '{module}'", install)
    if os.geteuid() != 0 and not host.has_locale():
        missing("the locale en_US.UTF-8", "Run 'sudo tests/yocto/prepare-host builder'.")


@pytest.fixture(scope="session")
def oe() -> Iterator[OeBuild]:
    """OE-Core, BitBake, the layers and a build directory, for all scenarios together."""
    oecore = host.source("OECORE_GIT", "openembedded-core")
    bitbake = host.source("BITBAKE_GIT", "bitbake")
    if oecore is None or bitbake is None:
        pytest.skip("no OE-Core or BitBake: set OECORE_GIT and BITBAKE_GIT, or run 'make fetch-oe'")
    _require_host()
    # not below the temporary folder of pytest, which only its owner may enter
    work = Path(tempfile.mkdtemp(prefix="meta-crashdump-", dir="/var/tmp"))
    build = oe_build.create(work, host.build_user(), oecore, bitbake)
    yield build
    build.stop_servers()
    if os.environ.get("CRASHDUMP_KEEP_BUILD") != "1":
        shutil.rmtree(work)


@pytest.fixture
def developer(oe: OeBuild) -> Iterator[Developer]:
    """Someone at work in the build directory, with a configuration of their own."""
    someone = Developer(oe)
    yield someone
    someone.tidy_up()


@given(parsers.parse('the machine "{machine}"'))
def _machine(developer: Developer, machine: str) -> None:
    developer.use_machine(machine)


@given(parsers.parse("local.conf has: {assignment}"))
@when(parsers.parse("local.conf has: {assignment}"))
def _local_conf(developer: Developer, assignment: str) -> None:
    developer.set(assignment)


@given(
    "a recipe with two git repositories, an archive, a file and a patch",
    target_fixture="repositories",
)
def _many_sources(developer: Developer) -> Repositories:
    return remotes.many_sources(developer)


@given(parsers.parse('the policy excuses "{path}" until "{day}"'))
@when(parsers.parse('the policy excuses "{path}" until "{day}"'))
def _excuse(developer: Developer, path: str, day: str) -> None:
    rule = f"[[rule]]\npath = '{path}'\nlevel = 'excused'\nreason = 'asked for'\nexpires = {day}\n"
    developer.change(developer.oe.build / "policy.toml", rule)


@given(parsers.parse('"{targets}" was built'))
def _built(developer: Developer, targets: str) -> None:
    developer.build(targets)
    developer.noted = {recipe: developer.deployed(recipe).contents() for recipe in targets.split()}


@when(parsers.parse('I build "{targets}"'))
def _build(developer: Developer, targets: str) -> None:
    developer.build(targets)


@when(parsers.parse('I build "{targets}" in a fresh build folder'))
def _build_afresh(developer: Developer, targets: str) -> None:
    developer.use_fresh_tmpdir()
    developer.build(targets)


@when(parsers.parse('I try to build "{targets}"'))
def _try_to_build(developer: Developer, targets: str) -> None:
    developer.build(targets, succeeds=None)


@when(parsers.parse('I clean "{recipe}"'))
def _clean(developer: Developer, recipe: str) -> None:
    developer.clean(recipe)


@then("the build succeeds")
def _succeeds(developer: Developer) -> None:
    assert developer.last.exit_code == 0, developer.last.output


@then("the build fails")
def _fails(developer: Developer) -> None:
    assert developer.last.exit_code != 0, developer.last.output


@then(parsers.parse('the symbols of "{recipe}" were made'))
def _symbols_made(developer: Developer, recipe: str) -> None:
    assert developer.last.ran(recipe, "crashdump_symbols"), developer.last.output


@then(parsers.parse('the symbols of "{recipe}" came from sstate'))
def _symbols_restored(developer: Developer, recipe: str) -> None:
    assert developer.last.restored(recipe, "crashdump_symbols"), developer.last.output
    assert not developer.last.ran(recipe, "crashdump_symbols"), developer.last.output


@then(parsers.parse('do_package of "{recipe}" did not run'))
def _package_did_not_run(developer: Developer, recipe: str) -> None:
    assert not developer.last.ran(recipe, "package"), developer.last.output


@then(parsers.parse('there is no manifest of "{recipe}"'))
def _no_manifest(developer: Developer, recipe: str) -> None:
    assert developer.deployed(recipe).manifests() == []


@then(parsers.parse('there is no task for symbols in "{recipe}"'))
def _no_task(developer: Developer, recipe: str) -> None:
    assert "do_crashdump_symbols" not in developer.tasks(recipe)


@then(
    parsers.parse('each ELF file of "{recipe}" has a symbol file below "deploy/crashdump/{arch}"')
)
def _symbol_file_for_each(developer: Developer, recipe: str, arch: str) -> None:
    deployed = developer.deployed(recipe)
    assert deployed.architectures() == [arch]
    packaged = elf_files(developer.packages(recipe))
    assert packaged
    assert {(m["package"], m["path"]) for m in deployed.modules()} == set(packaged)
    for module in deployed.modules():
        assert deployed.symbol_file(module).is_file(), module


@then("no task ran")
def _nothing_ran(developer: Developer) -> None:
    assert developer.last.started == []
    attempted, current = re.findall(r"\d+", developer.last.summary)
    assert attempted == current


@then(parsers.parse('there is no task "{task}" in "{recipe}"'))
def _no_such_task(developer: Developer, task: str, recipe: str) -> None:
    assert task not in developer.tasks(recipe)


@then(parsers.parse('there is no account of "{image}"'))
def _no_account(developer: Developer, image: str) -> None:
    found = [file for file in developer.images.rglob("*") if file.is_file()]  # folders may stay
    assert [file for file in found if f"{image}" in str(file) and ".crashdump" in str(file)] == []
