# SPDX-License-Identifier: MIT
"""What became of the files between two manifests."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from builders.manifests import COUNTS, bare, module
from crashsym.coverage import Coverage
from crashsym.manifest import STATUSES, Manifest, Module
from crashsym.manifestdiff import LOSSES, SEVERITY, Diff, compare, findings_of
from crashsym.onefile import _STATUSES
from support import REPOSITORY, crashsym

SCHEMA = json.loads(
    (REPOSITORY / "docs/reference/crashsym-manifest-diff-1.schema.json").read_text()
)


def diff(old: list[Module], new: list[Module]) -> Diff:
    return compare(Manifest.of(old), Manifest.of(new))


def verdict(old: Module, new: Module) -> tuple[str | None, list[str]]:
    [pair] = diff([old], [new]).pairs
    return pair.verdict, [str(change) for change in pair.changes]


def kinds(found: Diff) -> dict[str, int]:
    return {what: number for what, number in found.totals.items() if number}


# ---- which file is which


def test_files_are_matched_by_path() -> None:
    found = diff(
        [module("/a", 1), module("/b", 2), module("/c", 3)],
        [module("/b", 2), module("/c", 4), module("/d", 5)],
    )
    assert kinds(found) == {"added": 1, "removed": 1, "changed": 1, "unchanged": 1}
    assert [m.path for m in (*found.added, *found.removed)] == ["/d", "/a"]
    assert [pair.new.path for pair in found.changed] == ["/c"]


def test_where_a_path_has_several_the_cpu_tells_them_apart() -> None:
    none = replace(COUNTS, functions=0)
    old = [module(arch="arm64", build=1), module(arch="arm", build=2, counts=none)]
    new = [module(arch="arm64", build=3), module(arch="arm", build=4, counts=none)]
    assert kinds(diff(old, new)) == {"changed": 2}


def test_where_a_path_has_several_of_one_cpu_the_package_tells_them_apart() -> None:
    none = replace(COUNTS, functions=0)
    old = [module(package="a", build=1), module(package="b", build=2, counts=none)]
    new = [module(package="b", build=3, counts=none), module(package="a", build=4)]
    assert kinds(diff(old, new)) == {"changed": 2}


def test_the_cpu_tells_apart_also_what_is_packaged_or_placed_in_another_way() -> None:
    none = replace(COUNTS, functions=0)
    old = [module(arch="arm64", package="a"), module(arch="arm", package="b", counts=none)]
    packaged = [replace(m, build_id="00", package="c", recipe="c") for m in old]
    assert kinds(diff(old, packaged)) == {"changed": 2}
    assert kinds(diff(old, [replace(m, path="/bin/app") for m in old])) == {"changed": 2}


def test_a_file_that_changed_its_cpu_or_its_package_is_still_the_same() -> None:
    assert kinds(diff([module(arch="arm", package="a")], [module(build=2)])) == {"changed": 1}


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ("/usr/lib/libx.so.1.2", "/usr/lib/libx.so.1.3", "libx.so.1"),
        ("/lib/modules/6.6.1/a.ko", "/lib/modules/6.6.2/a.ko", "a.ko"),
    ],
)
def test_a_version_in_the_path_does_not_hide_a_loss(old: str, new: str, name: str) -> None:
    lost = replace(COUNTS, functions=0)
    found = diff([module(old, 1, debug_file=name)], [module(new, 2, debug_file=name, counts=lost)])
    assert kinds(found) == {"worse": 1, "changed": 1}


def test_a_file_of_the_same_name_of_another_recipe_is_another_file() -> None:
    found = diff([module("/a/tool", recipe="a")], [module("/b/tool", 2, recipe="b")])
    assert kinds(found) == {"added": 1, "removed": 1}


def test_what_has_only_moved_has_changed() -> None:
    assert kinds(diff([module("/bin/app")], [module("/usr/bin/app")])) == {"changed": 1}


def test_a_file_without_build_id_has_changed_when_its_code_has() -> None:
    old = module(build_id=None, status="no-build-id")
    assert kinds(diff([old], [old])) == {"unchanged": 1}
    assert kinds(diff([old], [replace(old, debug_id="F" * 33)])) == {"changed": 1}


def test_entries_that_nothing_tells_apart_are_not_guessed_about() -> None:
    old = [module(build=1), module(build=2)]
    assert kinds(diff(old, [module(build=3), module(build=2)])) == {"changed": 1, "unchanged": 1}
    assert kinds(diff(old, [module(build=3), module(build=4)])) == {"added": 2, "removed": 2}


# ---- what is worse


def test_a_file_that_was_only_built_again_is_neither_worse_nor_better() -> None:
    assert verdict(module(build=1), module(build=2)) == (None, [])


@pytest.mark.parametrize(
    ("what", "before", "after", "worse"),
    [
        ("functions", 100, 50, False),
        ("functions", 100, 49, True),
        ("functions", 20, 9, True),
        ("functions", 19, 9, False),
        ("functions", 1, 0, True),
        ("lines", 1000, 499, True),
        ("inlines", 50, 0, True),
        ("cfi", 200, 99, True),
        ("publics", 10, 0, False),
    ],
)
def test_a_count_that_falls_to_none_or_by_more_than_half_is_worse(
    what: str, before: int, after: int, worse: bool
) -> None:
    old, new = (module(counts=replace(COUNTS, **{what: n})) for n in (before, after))
    label = {"cfi": "unwind rules"}.get(what, what)
    assert verdict(old, new) == (
        ("worse", [f"{label} {before} -> {after}"]) if worse else (None, [])
    )
    assert verdict(new, old) == (
        ("better", [f"{label} {after} -> {before}"]) if worse else (None, [])
    )


@pytest.mark.parametrize(
    ("what", "before", "after", "worse"),
    [("lines", 9600, 5500, True), ("functions", 9000, 8000, True), ("cfi", 9000, 8100, False)],
)
def test_a_share_of_the_code_that_falls_by_ten_points_is_worse(
    what: str, before: int, after: int, worse: bool
) -> None:
    full = Coverage(code=10_000, plt=0, functions=10_000, lines=10_000, cfi=10_000)
    old, new = (_covered(replace(full, **{what: n})) for n in (before, after))
    label = {"cfi": "unwind rules"}.get(what, what)
    said = [f"code with {label}, in %: {before // 100} -> {after // 100}"]
    assert verdict(old, new) == (("worse", said) if worse else (None, []))
    little = replace(full, code=4000)
    assert verdict(_covered(little), _covered(replace(little, lines=0))) == (None, [])


def _covered(coverage: Coverage) -> Module:
    found = module()
    assert found.symbols is not None
    return replace(found, symbols=replace(found.symbols, coverage=coverage))


def test_symbols_and_build_id_that_are_gone_are_worse() -> None:
    gone = bare("/usr/bin/app", "unreadable")
    assert verdict(module(), gone) == ("worse", ["symbols gone", "status ok -> unreadable"])
    assert verdict(gone, module()) == ("better", ["symbols new", "status unreadable -> ok"])
    without = module(build_id=None, status="no-build-id")
    assert verdict(module(), without)[1] == ["build id gone", "status ok -> no-build-id"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("ok", "no-lines", "worse"),
        ("no-lines", "ok", "better"),
        ("no-lines", "no-debug-info", "worse"),
        ("no-build-id", "no-lines", "better"),
        ("no-lines", "no-lines", None),
        ("ok", "excused", "excused"),
        ("no-lines", "excused", None),
        ("excused", "no-lines", "worse"),
        ("excused", "ok", "better"),
    ],
)
def test_a_status_that_weighs_more_is_worse(old: str, new: str, expected: str | None) -> None:
    assert verdict(module(status=old), module(status=new))[0] == expected


def test_an_excuse_counts_for_whatever_the_file_lost_and_makes_nothing_better() -> None:
    lost = replace(COUNTS, functions=0)
    excused = module(status="excused", counts=lost)
    assert verdict(module(), excused)[0] == "excused"
    assert verdict(module(status="excused"), excused)[0] == "excused"
    assert verdict(excused, module(status="excused"))[0] is None


def test_less_of_one_thing_is_worse_also_with_more_of_another() -> None:
    new = module(counts=replace(COUNTS, functions=1000, cfi=0))
    assert verdict(module(), new) == ("worse", ["unwind rules 200 -> 0"])


def test_the_weights_are_those_of_whoever_gives_the_status() -> None:
    assert sorted(SEVERITY) == sorted(STATUSES)
    weights = [SEVERITY.index(status) for status in _STATUSES]
    assert weights == sorted(weights, reverse=True)
    enum = SCHEMA["$defs"]["judged"]["items"]["properties"]["changes"]["items"]["properties"]
    assert tuple(enum["what"]["enum"]) == LOSSES


def test_the_worst_comes_first() -> None:
    old = [module(f"/{name}") for name in "abcdefg"]
    old[3] = module("/d", counts=replace(COUNTS, functions=1000))
    new = [
        module("/f", status="no-lines"),
        module("/g", counts=replace(COUNTS, inlines=0)),
        *(module(p, counts=replace(COUNTS, functions=n)) for p, n in (("/c", 49), ("/d", 49))),
        module("/b", counts=replace(COUNTS, functions=0)),
        module("/e", build_id=None),
    ]
    found = diff(old, [*new, bare("/a", "crashed")]).judged("worse")
    assert [pair.new.path for pair in found] == ["/a", "/b", "/d", "/c", "/e", "/f", "/g"]


def test_each_worse_file_is_a_finding_of_its_owner() -> None:
    new = module(counts=replace(COUNTS, functions=0, lines=0), package="tool")
    [finding] = findings_of(diff([module(), module("/b")], [new, module("/b")]))
    assert (finding.code, finding.path, finding.owner) == ("worse", new.path, ("tool", "app"))
    assert finding.message.startswith(
        "worse than in the baseline: '/usr/bin/app': functions 100 -> 0; lines 1000 -> 0. Look"
    )


# ---- the command


def written(folder: Path, name: str, modules: list[Module]) -> Path:
    Manifest.of(modules).write(folder / name)
    return folder / name


def run(
    folder: Path, old: list[Module], new: list[Module], *options: str
) -> subprocess.CompletedProcess[bytes]:
    places = (written(folder, "old.json", old), written(folder, "new.json", new))
    return crashsym("manifest", "diff", *places, *options)


def lines(folder: Path, old: list[Module], new: list[Module]) -> list[str]:
    done = run(folder, old, new)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.decode().splitlines()


def test_nothing_changed_says_so(tmp_path: Path) -> None:
    same = [module("/a"), module("/b")]
    assert lines(tmp_path, same, same) == ["nothing has changed: 2 files"]
    assert lines(tmp_path, [], []) == ["nothing has changed: 0 files"]


def test_a_table_is_short_and_has_the_worst_first(tmp_path: Path) -> None:
    lost = replace(COUNTS, functions=0)
    old = [module(f"/usr/lib/{name}", recipe="lib") for name in "abcd"]
    new = [module(f"/usr/lib/{name}", 2, recipe="lib", version="2.0") for name in "abd"]
    new[2] = module("/usr/lib/d", 2, recipe="lib", version="2.0", counts=lost)
    new.append(module("/new", 3, status="no-lines"))
    new.append(module("/opt/x", 3, recipe=None, package=None, version=None))
    assert lines(tmp_path, old, new) == [
        "worse    /usr/lib/d  lib 1.0 -> 2.0  functions 100 -> 0",
        "added    /new        app 1.0         status no-lines",
        "added    /opt/x",
        "removed  /usr/lib/c  lib 1.0",
        "changed  3 files     lib 1.0 -> 2.0",
        "1 worse, 0 excused, 0 better; 2 added, 1 removed, 3 changed, 0 unchanged",
    ]


def test_many_files_that_lost_the_same_share_a_line(tmp_path: Path) -> None:
    def release(count: int, **facts: Any) -> list[Module]:
        return [module(f"/usr/lib/{number}", **facts) for number in range(count)]

    facts = {"status": "no-debug-info", "counts": replace(COUNTS, functions=0, lines=0)}
    found = lines(tmp_path, release(9), release(9, **facts))
    what = "status ok -> no-debug-info"
    assert found[0] == f"worse  9 files  app 1.0  functions 900 -> 0; lines 9000 -> 0; {what}"
    found = lines(tmp_path, release(8), release(8, **facts))
    assert found[7] == f"worse  /usr/lib/7  app 1.0  functions 100 -> 0; lines 1000 -> 0; {what}"


def test_nobodys_files_are_named_by_their_folder(tmp_path: Path) -> None:
    nobody: dict[str, Any] = {"recipe": None, "package": None, "version": None}
    old = [module(path, **nobody) for path in ("/lib/a", "/lib/b", "/c", "/d")]
    found = lines(tmp_path, old, [replace(m, build_id="00") for m in old])
    assert found[:2] == ["changed  2 files  /", "changed  2 files  /lib/"]


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        (("app", "1"), ("app", "1"), "app 1"),
        (("app", "1"), ("app", "2"), "app 1 -> 2"),
        (("app", "1"), ("tool", "2"), "app 1 -> tool 2"),
        (("app", "1"), (None, None), "app 1 -> nobody"),
        ((None, None), ("app", "1"), "app 1"),
    ],
)
def test_a_line_says_whose_the_file_was_and_is(
    tmp_path: Path, before: tuple[str, str], after: tuple[str, str], text: str
) -> None:
    old, new = (
        module(build=number, recipe=recipe, version=version, package=None)
        for number, (recipe, version) in enumerate((before, after))
    )
    assert lines(tmp_path, [old], [new])[0] == f"changed  /usr/bin/app  {text}"


def test_what_is_excused_says_why(tmp_path: Path) -> None:
    [line, _] = lines(tmp_path, [module()], [module(status="excused", reason="ticket 4711")])
    assert line == "excused  /usr/bin/app  app 1.0  status ok -> excused (ticket 4711)"


def test_a_hostile_path_stays_on_its_line(tmp_path: Path) -> None:
    path = "/a\n\x1b[31m\ud800"
    data = Manifest.of([module("/b"), module("/p")]).to_bytes()
    other = data.replace(b'"/p"', json.dumps(path).encode())
    for name, text in (("old.json", data), ("new.json", other)):
        (tmp_path / name).write_bytes(text)
    done = crashsym("manifest", "diff", tmp_path / "old.json", tmp_path / "new.json")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"changed  /a\\n\\x1b[31m\\ud800  app 1.0\n")


def test_json_follows_its_schema_and_is_the_same_for_any_order(tmp_path: Path) -> None:
    lost = replace(COUNTS, functions=0)
    old = [module("/a"), module("/b"), module("/c"), module("/d"), module("/e", status="no-lines")]
    new = [
        module("/a", 2, counts=lost),
        module("/b", status="excused", reason="known"),
        bare("/c", "malformed"),
        module("/new"),
        module("/e"),
    ]
    done = run(tmp_path, old, new, "--json")
    document = json.loads(done.stdout)
    jsonschema.validate(document, SCHEMA)
    totals = document["totals"]
    assert totals.pop("unchanged") == 2
    assert totals == {what: len(document[what]) for what in totals}
    assert all(totals.values())
    assert document["worse"][1]["changes"] == [{"what": "functions", "old": 100, "new": 0}]
    texts = []
    for order in (1, -1):
        for name, modules in (("old.json", old), ("new.json", new)):
            text = json.loads(Manifest.of(modules).to_bytes())
            text["modules"] = text["modules"][::order]
            (tmp_path / name).write_text(json.dumps(text))
        places = (tmp_path / "old.json", tmp_path / "new.json")
        texts.append(crashsym("manifest", "diff", *places, "--json").stdout)
    assert texts == [done.stdout, done.stdout]


def test_the_exit_code_is_3_only_if_asked_and_only_for_what_is_worse(tmp_path: Path) -> None:
    worse = [module(status="no-lines")]
    excused = [module(status="excused", reason="known")]
    assert run(tmp_path, [module()], worse).returncode == 0
    assert run(tmp_path, [module()], worse, "--fail-on-worse").returncode == 3
    assert run(tmp_path, [module()], worse, "--fail-on-worse", "--json").returncode == 3
    assert run(tmp_path, worse, [module()], "--fail-on-worse").returncode == 0
    assert run(tmp_path, [module()], excused, "--fail-on-worse").returncode == 0
    assert run(tmp_path, [module()], [module(build=2)], "--fail-on-worse").returncode == 0


def test_manifests_with_nothing_in_common_pass_no_gate(tmp_path: Path) -> None:
    done = run(tmp_path, [module("/a")], [module("/b")], "--fail-on-worse")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"nothing to compare: '" in done.stderr
    assert b"old.json': not one of its files is in '" in done.stderr
    assert run(tmp_path, [], [module("/b")]).returncode == 0
    assert run(tmp_path, [module("/b")], []).returncode == 0


@pytest.mark.parametrize("which", ["old.json", "new.json"])
def test_what_is_no_manifest_is_named(tmp_path: Path, which: str) -> None:
    for name in ("old.json", "new.json"):
        written(tmp_path, name, [module()])
    (tmp_path / which).write_text('{"schema": "crashsym-image/1"}')
    done = crashsym("manifest", "diff", tmp_path / "old.json", tmp_path / "new.json")
    assert (done.returncode, done.stdout) == (2, b"")
    assert f"{which}': its schema is 'crashsym-image/1'".encode() in done.stderr
