# SPDX-License-Identifier: MIT
"""What the manifest of an image says of the build: facts, layers, sources, and the image's id."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from builders.rootfs import Root, module
from crashsym.manifest import Manifest, merge
from support import crashsym

FACTS = ("--build", "machine=qemuarm", "--build", "image=my-image", "--layer", "meta=1234")
PLACE = "/usr/lib/crashdump/image.json"


@pytest.fixture
def root(tmp_path: Path) -> Root:
    root = Root(tmp_path)
    root.put("/usr/bin/app", module(1), "app")
    root.put("/usr/bin/tool", module(2), "app")
    root.write_database()
    return root


def build(root: Root) -> dict[str, Any] | None:
    """Return what the manifest says of the build, once it follows the schema."""
    root.manifest()
    found: dict[str, Any] | None = json.loads((root.folder / "m.json").read_bytes()).get("build")
    return found


def refused(root: Root, *options: str | Path) -> str:
    """Run the command with options that it refuses; return what it says."""
    places = ("--store", root.folder / "store", "--manifest", root.folder / "m.json")
    done = crashsym("image", root.root, *places, *options)
    assert done.returncode == 2
    assert not (root.folder / "store").exists()
    return done.stderr.decode()


def test_the_manifest_says_what_was_built_if_it_is_told(root: Root) -> None:
    root.run()
    assert build(root) is None
    root.run(*FACTS, "--layer", "local=")
    assert build(root) == {
        "image": "my-image",
        "machine": "qemuarm",
        "layers": {"local": None, "meta": "1234"},
    }


@pytest.mark.parametrize(
    ("option", "text"), [("--build", "colour=red"), ("--build", "image="), ("--layer", "=1234")]
)
def test_what_is_no_fact_is_refused(root: Root, option: str, text: str) -> None:
    assert f"'{text}' is not " in refused(root, option, text)


def fragment(root: Root, modules: list[dict[str, Any]], recipe: str = "app-source") -> Path:
    """Write what a recipe has noted; return the folder of all."""
    place = root.folder / "deploy" / "core2" / "manifests" / f"{recipe}.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps({"schema": "crashsym-manifest/1", "modules": modules}))
    return root.folder / "deploy"


def noted(root: Root, **changes: Any) -> dict[str, Any]:
    """Return the entry of the program as its recipe notes it."""
    root.run()
    entry = dict(root.manifest()["/usr/bin/app"], source=SOURCE)
    return {**entry, **changes}


SOURCE = {
    "repositories": [
        {"uri": "git://example.com/app", "revision": "12ab", "path": "", "subpath": ""}
    ],
    "patches": ["0001-fix.patch"],
    "prefix": "/usr/src/debug/app/2.0",
}


def test_a_recipe_s_fragment_says_where_the_source_of_its_files_is_from(root: Root) -> None:
    folder = fragment(root, [noted(root)])
    document = root.run("--fragments", folder)
    assert document["sources"] == 1
    assert root.manifest()["/usr/bin/app"]["source"] == SOURCE
    assert root.manifest()["/usr/bin/tool"]["source"] is None


def test_a_file_that_was_stripped_since_is_still_of_that_source(root: Root) -> None:
    folder = fragment(root, [noted(root, sha256="0" * 64, path="/usr/bin/renamed")])
    assert root.run("--fragments", folder)["sources"] == 1


def test_the_fragment_of_another_build_says_nothing(root: Root) -> None:
    entry = noted(root, sha256="0" * 64, build_id="ff" * 20)
    assert root.run("--fragments", fragment(root, [entry]))["sources"] == 0


def test_a_file_without_build_id_is_known_by_its_bytes(root: Root) -> None:
    entry = noted(root, build_id=None)
    assert root.run("--fragments", fragment(root, [entry]))["sources"] == 1
    entry = noted(root, build_id=None, sha256=None)
    assert root.run("--fragments", fragment(root, [entry]))["sources"] == 0


def test_the_fragments_of_other_recipes_are_not_read(root: Root) -> None:
    folder = fragment(root, [noted(root)])
    (folder / "core2" / "manifests" / "other.json").write_text("half-writ")
    document = root.run("--fragments", folder)
    assert document["sources"] == 1
    assert "malformed" not in {found["code"] for found in document["findings"]}


def test_a_damaged_fragment_is_a_finding_and_the_rest_is_done(root: Root) -> None:
    folder = fragment(root, [noted(root)])
    (folder / "all").mkdir()
    (folder / "all" / "manifests").mkdir()
    (folder / "all" / "manifests" / "app-source.json").write_text("half-writ")
    document = root.run("--fragments", folder)
    assert document["sources"] == 1
    (found,) = [found for found in document["findings"] if found["code"] == "malformed"]
    assert found["path"] == "all/manifests/app-source.json"
    assert "bitbake -c cleansstate app-source" in found["message"]


def test_a_folder_of_fragments_that_is_not_there_is_said_before_the_work(root: Root) -> None:
    assert "cannot tell where sources are from: " in refused(root, "--fragments", "gone")


def identified(root: Root, *options: str) -> dict[str, Any]:
    """Write the file that says what the root is; return what it says."""
    done = crashsym("identify", root.root, *options)
    assert done.returncode == 0, done.stderr.decode()
    root.put(PLACE, done.stdout)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_id_of_an_image_is_that_of_its_elf_files_as_coreutils_has_it(root: Root) -> None:
    (root.root / "usr/bin/link").symlink_to("app")
    found = identified(root, "--image", "my-image", "--image-version", "1.2")
    sums = subprocess.check_output(["sha256sum", "usr/bin/app", "usr/bin/tool"], cwd=root.root)
    text = sums.replace(b"  usr", b"  /usr")
    assert found == {
        "schema": "crashdump-image/1",
        "image": "my-image",
        "version": "1.2",
        "id": hashlib.sha256(text).hexdigest(),
    }


def test_the_manifest_has_the_id_that_the_image_says(root: Root) -> None:
    said = identified(root, "--image", "my-image", "--image-version", "1.2")
    document = root.run("--build", "machine=qemuarm", "--build", "version=1.2.0")
    assert build(root) == {
        "image": "my-image",
        "version": "1.2.0",
        "machine": "qemuarm",
        "id": said["id"],
    }
    assert [found for found in document["findings"] if found["path"] == PLACE] == []


def test_data_and_the_file_itself_do_not_change_the_id(root: Root) -> None:
    first = identified(root)
    root.put("/etc/issue", b"my image")
    assert identified(root) == first


def test_an_image_that_has_changed_since_is_not_what_it_says(root: Root) -> None:
    said = identified(root)
    root.put("/usr/bin/app", module(3))
    document = root.run()
    (found,) = [found for found in document["findings"] if found["path"] == PLACE]
    assert found["code"] == "changed"
    assert said["id"] in found["message"]
    identified(root)
    assert [found for found in root.run()["findings"] if found["path"] == PLACE] == []


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"no JSON", "it is no JSON"),
        (b"[" * 10_000, "it is no JSON"),
        (b"[]", "its schema is not 'crashdump-image/1'"),
        (b'{"schema": "crashdump-image/1", "id": "../.."}', "its id has not 64 hexadecimal digits"),
    ],
)
def test_a_file_that_does_not_say_it_is_a_finding(root: Root, data: bytes, why: str) -> None:
    root.put(PLACE, data)
    (found,) = [found for found in root.run()["findings"] if found["path"] == PLACE]
    assert why in found["message"]
    assert build(root) is None


def test_a_root_that_is_not_there_cannot_be_identified(tmp_path: Path) -> None:
    done = crashsym("identify", tmp_path / "gone")
    assert done.returncode == 2
    assert b"no such folder" in done.stderr


def test_several_builds_stay_apart_when_they_are_merged() -> None:
    first, second = {"image": "a", "machine": "m"}, {"image": "b", "machine": "m"}
    together = merge([Manifest((), second), Manifest((), first), Manifest(()), Manifest((), first)])
    assert together.build == {"merged": [first, second]}
    third = {"image": "c"}
    assert merge([Manifest((), third), together]).build == {"merged": [first, second, third]}
    assert merge([Manifest((), first), Manifest(())]).build == first
