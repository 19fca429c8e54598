# SPDX-License-Identifier: MIT
"""Steps of yocto_image.feature."""

from __future__ import annotations

import io
import json
import re
import subprocess
import tarfile
from collections import Counter
from typing import Any

import jsonschema
import pytest
from pytest_bdd import parsers, scenarios, then, when
from support import REPOSITORY

from yocto.deployed import image_elf_files
from yocto.developer import Developer

pytestmark = [pytest.mark.bitbake, pytest.mark.xdist_group("bitbake")]
scenarios("../features/yocto_image.feature")

SCHEMA = REPOSITORY / "docs/reference/crashsym-manifest-1.schema.json"
IMAGE = "accounted-image"
OWNERS = {"/usr/bin/plain": "plain-program", "/opt/vendor/": "prebuilt"}


def account(developer: Developer, image: str) -> list[dict[str, Any]]:
    """Return the entries in the manifest of an image."""
    manifest = developer.image_file(image, "crashdump.json")
    document = json.loads(manifest.read_text())
    jsonschema.validate(document, json.loads(SCHEMA.read_text()))
    return list(document["modules"])


def said(developer: Developer, level: str) -> list[str]:
    """Return what do_crashdump_image said on that level."""
    prefix = rf"^{level}: \S+ do_crashdump_image: (.*)$"
    return re.findall(prefix, developer.last.output, re.MULTILINE)


@then(parsers.parse('only tasks of "{recipe}" ran'))
def _only(developer: Developer, recipe: str) -> None:
    assert developer.last.ran(recipe, "crashdump_image")
    assert {name for name, _ in developer.last.started} == {f"{recipe}-1.0-r0"}


@then("do_package and its like neither ran nor came from sstate")
def _no_package(developer: Developer) -> None:
    assert [task for _, task in developer.last.started if "package" in task] == []


@then("only do_crashdump_image ran")
def _only_one(developer: Developer) -> None:
    assert developer.last.started == [(f"{IMAGE}-1.0-r0", "do_crashdump_image")]


@then("do_rootfs did not run, and do_crashdump_image did")
def _no_rootfs(developer: Developer) -> None:
    assert developer.last.ran(IMAGE, "crashdump_image")
    assert not developer.last.ran(IMAGE, "rootfs")


@then("neither do_rootfs nor do_crashdump_image ran")
def _neither(developer: Developer) -> None:
    assert not developer.last.ran(IMAGE, "rootfs")
    assert not developer.last.ran(IMAGE, "crashdump_image")


@then("there is no archive of the debug files")
def _no_archive(developer: Developer) -> None:
    assert [file for file in developer.images.iterdir() if "-dbg" in file.name] == []
    assert (developer.work_folder(IMAGE) / "rootfs-dbg").is_dir()


@then(
    parsers.parse(
        'each of the {number:d} ELF files that os.walk and readelf find in "{image}"'
        " has exactly one entry"
    )
)
def _exactly_once(developer: Developer, number: int, image: str) -> None:
    found = image_elf_files(developer.work_folder(image) / "rootfs")
    assert len(found) == number
    listed = Counter(module["path"] for module in account(developer, image))
    assert listed == Counter(found)


@then("each entry names the package and the recipe of the file")
def _owners(developer: Developer) -> None:
    for module in account(developer, IMAGE):
        fitting = (name for path, name in OWNERS.items() if module["path"].startswith(path))
        owner = next(fitting, "crashdump-example")
        assert (module["package"], module["recipe"]) == (owner, owner), module


@then(parsers.parse('the entries of "{recipe}" have the source that the recipe has noted'))
def _sources(developer: Developer, recipe: str) -> None:
    (manifest,) = developer.deployed(recipe).manifests()
    (noted,) = {json.dumps(m["source"]) for m in json.loads(manifest.read_text())["modules"]}
    entries = [module for module in account(developer, IMAGE) if module["recipe"] == recipe]
    assert json.loads(noted)["repositories"]
    assert {json.dumps(module["source"]) for module in entries} == {noted}


@then(parsers.parse('the store has the symbols of all but "{path}"'))
def _stored(developer: Developer, path: str) -> None:
    store = developer.image_file(IMAGE, "crashdump")
    symbols = {module["path"]: module["symbols"] for module in account(developer, IMAGE)}
    assert symbols.pop(path) is None
    files = {str(file.relative_to(store)) for file in store.rglob("*.sym")}
    assert {found["path"] for found in symbols.values()} == files


@then(parsers.parse('the symbols of "{path}" name the function "{function}" and "{source}"'))
def _named(developer: Developer, path: str, function: str, source: str) -> None:
    (module,) = [module for module in account(developer, IMAGE) if module["path"] == path]
    assert module["status"] == "ok"
    text = (developer.image_file(IMAGE, "crashdump") / module["symbols"]["path"]).read_text()
    assert re.search(rf"^FUNC .* {function}$", text, re.MULTILINE)
    assert re.search(rf"^FILE .*/{source}$", text, re.MULTILINE)


@when("the hooks are gone")
def _no_hooks(developer: Developer) -> None:
    developer.unset('ROOTFS_POSTPROCESS_COMMAND:append:pn-accounted-image = " shrink_plain"')
    developer.unset('IMAGE_PREPROCESS_COMMAND:append:pn-accounted-image = " shrink_library"')


@then("it warns of exactly these as changed:")
def _changed(developer: Developer, datatable: list[list[str]]) -> None:
    lines = [line for line in said(developer, "WARNING") if "changed after packaging" in line]
    assert len(lines) == len(datatable) - 1, lines
    for path, package in datatable[1:]:
        (line,) = [line for line in lines if f"'{path}'" in line]
        assert f"in '{package}' it " in line
        assert 'CRASHDUMP_POLICY += "changed=ignore"' in line


@then("it warns of nothing as changed")
def _unchanged(developer: Developer) -> None:
    assert developer.last.ran(IMAGE, "crashdump_image")
    assert [line for line in said(developer, "WARNING") if "changed after" in line] == []


@then(parsers.parse('it says as an error of the image "{path}"'))
def _refused(developer: Developer, path: str) -> None:
    assert [line for line in said(developer, "ERROR") if path in line]


@then(parsers.parse('it says nothing of the image about "{path}"'))
def _silent(developer: Developer, path: str) -> None:
    lines = said(developer, "WARNING") + said(developer, "ERROR")
    assert [line for line in lines if path in line] == []


@then(
    parsers.parse('the image "{image}" and its account without "{folder}" are in the deploy folder')
)
def _deployed(developer: Developer, image: str, folder: str) -> None:
    assert developer.image_file(image, "tar.zst").stat().st_size > 0
    paths = [module["path"] for module in account(developer, image)]
    assert len(paths) == 6
    assert [path for path in paths if path.startswith(folder)] == []


def built(developer: Developer) -> dict[str, Any]:
    """Return what the manifest of the image says of the build."""
    manifest = developer.image_file(IMAGE, "crashdump.json")
    return dict(json.loads(manifest.read_text())["build"])


@then(
    parsers.parse(
        'the manifest says that it is of "{image}" {version} for "{machine}", and of which layers'
    )
)
def _says(developer: Developer, image: str, version: str, machine: str) -> None:
    found = built(developer)
    core = str(developer.oe.work / "oe-core")
    git = ["git", "-c", "safe.directory=*", "-C", core, "rev-parse", "HEAD"]
    revision = subprocess.check_output(git, text=True).strip()
    assert found["layers"].pop("meta") in (revision, f"{revision}-dirty")
    assert set(found.pop("layers")) == {"meta-crashdump", "meta-offline", "meta-testing"}
    assert len(found.pop("id")) == 64
    distro = {"distro": "offline", "series": "blacksail"}
    assert found == {"image": image, "version": version, "machine": machine, **distro}


@then(
    parsers.parse(
        '"{path}" in the archive is root\'s, as old as the rest, and names the id in the manifest'
    )
)
def _identified(developer: Developer, path: str) -> None:
    archive = developer.image_file(IMAGE, "tar.zst").resolve()
    data = subprocess.check_output(["zstd", "-dcq", archive])
    with tarfile.open(fileobj=io.BytesIO(data)) as image:
        members = {member.name: member for member in image.getmembers()}
        member = members[f".{path}"]
        stream = image.extractfile(member)
        assert stream is not None
        said = json.load(stream)
    assert (member.uid, member.gid, member.mode & 0o777) == (0, 0, 0o644)
    assert member.mtime == members["./usr/bin/plain"].mtime == members["./usr/lib"].mtime
    found = built(developer)
    assert said == {"schema": "crashdump-image/1"} | {
        key: found[key] for key in ("image", "version", "id")
    }


@then(parsers.parse('there is a page of "{image}" with {number:d} files'))
def _page(developer: Developer, image: str, number: int) -> None:
    text = developer.image_file(image, "crashdump.html").read_text()
    assert f"<title>{image}" in text
    assert text.count("<tr id=") == number


@when(parsers.parse('the last release had functions in "{path}"'))
def _last_release(developer: Developer, path: str) -> None:
    document = json.loads(developer.image_file(IMAGE, "crashdump.json").read_text())
    (module,) = [module for module in document["modules"] if module["path"] == path]
    module["symbols"]["counts"]["functions"] += 30
    developer.oe.write(developer.oe.build / "last-release.json", json.dumps(document))


@then(
    parsers.parse(
        "only do_crashdump_image ran of what reads the files, and {known} of {all} came from the"
        " cache"
    )
)
def _from_the_cache(developer: Developer, known: str, all: str) -> None:
    tasks = {task for _, task in developer.last.started}
    assert tasks == {"do_crashdump_image", "do_image_complete", "do_populate_lic_deploy"}
    log = (developer.work_folder(IMAGE) / "temp/log.do_crashdump_image").read_text()
    assert f"{known} of {all} files known from the cache" in log


@then(parsers.parse('it warns that "{path}" became worse'))
def _worse(developer: Developer, path: str) -> None:
    (line,) = [line for line in said(developer, "WARNING") if "functions 30 -> 0" in line]
    assert f"'{path}'" in line


@when(
    parsers.parse('I build "{image}" twice, in folders and with state caches of their own'),
    target_fixture="accounts",
)
def _twice(developer: Developer, image: str) -> list[dict[str, bytes]]:
    found = []
    for number in range(2):
        developer.use_fresh_tmpdir()
        cache = f'SSTATE_DIR = "${{TOPDIR}}/sstate-of-{number}"'
        developer.set(cache)
        developer.build(image)
        developer.unset(cache)
        assert developer.last.restored_recipes("package") == []
        files = [developer.image_file(image, kind) for kind in ("crashdump.json", "crashdump.html")]
        store = developer.image_file(image, "crashdump")
        files += sorted(store.rglob("*.sym"))
        found.append({str(file.relative_to(store.parent)): file.read_bytes() for file in files})
    return found


@then("their manifests and symbols are the same")
def _same(accounts: list[dict[str, bytes]]) -> None:
    assert len(accounts[0]) == 2 + 10
    assert accounts[0] == accounts[1]


@then(parsers.parse('the account of "{image}" has no entry'))
def _empty(developer: Developer, image: str) -> None:
    assert account(developer, image) == []


@when(parsers.parse('I clean "{recipe}" and its sstate'))
def _cleansstate(developer: Developer, recipe: str) -> None:
    assert developer.image_file(recipe, "crashdump.json").is_file()
    developer.run_task(recipe, "cleansstate")
