# SPDX-License-Identifier: MIT
"""Steps of yocto_layer.feature."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_bdd import given, parsers, scenarios, then, when

from yocto import kas_run, oe_build
from yocto.deployed import Deployed
from yocto.oe_build import BuildRun, OeBuild

pytestmark = [pytest.mark.bitbake, pytest.mark.xdist_group("bitbake")]
scenarios("../features/yocto_layer.feature")

# "world" must not be empty: one of OE-Core's own recipes is left in it. Nothing is built.
CHECK_LAYER_CONF = """\
BBMASK:remove = "/oe-core/meta/recipes-"
BBMASK += "/oe-core/meta/recipes-(?!devtools/dwarfsrcfiles/)"
ASSUME_PROVIDED += "elfutils"
"""


def build_folder(oe: OeBuild, name: str, extra_conf: str = "") -> OeBuild:
    """Make a further build directory, without the layer."""
    layers = [oe.work / "oe-core/meta", oe.work / "meta-offline"]
    build = oe.work / f"build-{name}"
    oe_build.write_configuration(build, layers, oe_build.LOCAL_CONF + extra_conf)
    oe.own_tree(build)
    return OeBuild(oe.work, oe.user, build)


@when("I run yocto-check-layer on the layer", target_fixture="run")
def _check_layer(oe: OeBuild) -> BuildRun:
    folder = build_folder(oe, "check", CHECK_LAYER_CONF)
    options = ["--machines", "qemuarm64", "--no-auto-dependency", "--dependency"]
    dependency = str(oe.work / "oe-core/meta")
    return folder.run("yocto-check-layer", *options, dependency, "--", str(oe.layer))


@then("it says PASS, and that no signature changed")
def _passes(run: BuildRun) -> None:
    assert run.exit_code == 0, run.output
    assert "meta-crashdump ... PASS" in run.output, run.output
    for test in ("test_signatures", "test_readme", "test_security"):
        assert f"{test} (common.CommonCheckLayer" in run.output, run.output


@given("a build folder without the layer", target_fixture="folder")
def _folder(oe: OeBuild) -> OeBuild:
    return build_folder(oe, "add")


@when(parsers.parse('I run "bitbake-layers add-layer" with the layer'))
def _add_layer(oe: OeBuild, folder: OeBuild) -> None:
    run = folder.run("bitbake-layers", "add-layer", str(oe.layer))
    assert run.exit_code == 0, run.output


@then(parsers.parse('"bitbake-layers show-layers" lists "{collection}"'))
def _show_layers(folder: OeBuild, collection: str) -> None:
    run = folder.run("bitbake-layers", "show-layers")
    assert run.exit_code == 0, run.output
    assert any(line.startswith(f"{collection} ") for line in run.output.splitlines()), run.output


@given("kas finds the upstream repositories on this machine")
def _kas(oe: OeBuild) -> None:
    kas_run.prepare(oe)


@when(parsers.parse('I run kas with "{file}"'), target_fixture="kas_build")
def _run_kas(oe: OeBuild, file: str) -> Path:
    layer = kas_run.prepare(oe) / "meta-crashdump"
    run = kas_run.run(oe, "example", "build", f"{layer / file}:{layer}/kas/offline.yml")
    assert run.exit_code == 0, run.output
    return layer.parent / "example/build"


OWN_FILE = """\
header:
  version: 14
  includes:
    - repo: meta-crashdump
      file: {file}
    - repo: meta-crashdump
      file: kas/offline.yml
machine: qemuarm64
target: plain-program
repos:
  meta-crashdump:
    path: {layer}
  openembedded-core:
    url: https://git.openembedded.org/openembedded-core
    branch: master
    layers:
      meta:
  bitbake:
    url: https://git.openembedded.org/bitbake
    branch: master
    layers:
      .: disabled
"""


@when(
    parsers.parse('I run kas with a file of my own that includes "{file}"'),
    target_fixture="kas_build",
)
def _run_own(oe: OeBuild, file: str) -> Path:
    folder = kas_run.prepare(oe)
    own = folder / "product.yml"
    oe.write(own, OWN_FILE.format(layer=folder / "meta-crashdump", file=file))
    run = kas_run.run(oe, "product", "build", str(own))
    assert run.exit_code == 0, run.output
    return folder / "product/build"


@then(parsers.parse('kas has built the symbols of "{recipe}"'))
def _built_by_kas(kas_build: Path, recipe: str) -> None:
    deployed = Deployed(kas_build / "tmp/deploy/crashdump", recipe)
    assert deployed.modules()
    for module in deployed.modules():
        assert deployed.symbol_file(module).is_file()
