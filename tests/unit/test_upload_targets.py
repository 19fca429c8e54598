# SPDX-License-Identifier: MIT
"""Targets: what docs/reference/upload.md says of crashsym.toml and of URLs, and each mistake."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from builders.uploading import Bench
from crashsym.errors import ConfigError
from crashsym.upload.layouts import TAKES
from crashsym.upload.targets import KEYS, Target, find, of_url, read
from support import REPOSITORY

PAGE = (REPOSITORY / "docs/reference/upload.md").read_text(encoding="utf-8")
NEEDED = {
    "sentry": 'url = "https://s.example"\norganization = "acme"\nproject = "gateway"\n',
    "tecken": 'url = "https://s.example"\n',
    "symupload-v1": 'url = "https://s.example"\n',
    "symupload-v2": 'url = "https://s.example"\n',
    "bugsplat": (
        'url = "https://s.example"\ndatabase = "acme"\napplication = "gateway"\n'
        'version = "1.2"\nclient = "c0ffee"\n'
    ),
    "bugsnag": 'url = "https://s.example"\n',
    "backtrace": 'url = "https://s.example"\n',
    "http": 'url = "https://s.example"\n',
    "s3": 'bucket = "symbols"\n',
    "store": 'path = "/srv/symbols"\n',
}
# A good value for each key that is not needed.
VALUES = {
    "token": '{ file = "/run/secrets/x" }',
    "send": '["symbols"]',
    "jobs": "2",
    "patience": "1.5",
    "wait": "60",
    "protocol": '"zip"',
    "limit": "100",
    "version": '"1.2"',
    "product": '"gateway"',
    "overwrite": "true",
    "subdomain": '"acme"',
    "tag": '"gateway-1.2"',
    "user": '"me"',
    "presign": '["sign-url", "--for", "1h"]',
    "url": '"https://s.example"',
    "prefix": '"team/symbols"',
    "region": '"eu-central-1"',
    "access_key": '"AKIA"',
    "layout": '"unified"',
    "compress": '"gzip"',
}
LAYOUTS = ("breakpad", "unified", "debuginfod", "build-id", "symstore", "ssqp")


def documented() -> dict[str, set[str]]:
    """Return the kinds of which each key of the table is, as the page says."""
    kinds = set(NEEDED)
    found: dict[str, set[str]] = {}
    for row in re.findall(r"^\| (`.*?`) \| (.*?) \| .* \|$", PAGE, re.MULTILINE):
        words = set(re.findall(r"`([a-z0-9-]+)`", row[1]))
        owners = kinds - words if row[1].startswith("all") else words
        if owners <= kinds:
            found |= dict.fromkeys(re.findall(r"`([a-z_]+)`", row[0]), owners)
    return found


def config(folder: Path, text: str) -> Path:
    file = folder / "crashsym.toml"
    file.write_text(text)
    return file


def target(folder: Path, kind: str, more: str = "") -> Target:
    text = f'[target.one]\nkind = "{kind}"\n{NEEDED[kind]}{more}\n'
    return read(config(folder, text))["one"]


def mistake(folder: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read(config(folder, text))
    message = str(caught.value)
    assert message.startswith("cannot use the targets: '")
    assert str(folder / "crashsym.toml") in message
    assert "\n" not in message
    return message


def test_the_page_has_all_keys_of_all_kinds() -> None:
    said = documented()
    for kind, (known, _) in KEYS.items():
        assert {key for key, owners in said.items() if kind in owners} == known, kind


@pytest.mark.parametrize("kind", NEEDED)
def test_the_least_that_a_target_says(tmp_path: Path, kind: str) -> None:
    found = target(tmp_path, kind)
    assert (found.name, found.kind, found.send, found.token) == ("one", kind, ("symbols",), None)


@pytest.mark.parametrize(
    ("kind", "key"),
    [(kind, key) for kind in NEEDED for key in VALUES if f"{key} =" not in NEEDED[kind]],
)
def test_each_key_is_of_some_kinds_alone(tmp_path: Path, kind: str, key: str) -> None:
    line = f"{key} = {VALUES[key]}"
    if line in NEEDED[kind]:
        return
    if (kind, key) == ("s3", "token"):
        line += f"\naccess_key = {VALUES['access_key']}"
    if kind in documented()[key]:
        found = target(tmp_path, kind, line)
        assert (key in found.options) == (key not in ("url", "token", "send"))
    else:
        with pytest.raises(ConfigError, match=f"unknown key '{key}'"):
            target(tmp_path, kind, line)


@pytest.mark.parametrize("kind", NEEDED)
def test_what_is_needed_is_asked_for(tmp_path: Path, kind: str) -> None:
    for line in NEEDED[kind].splitlines():
        rest = NEEDED[kind].replace(f"{line}\n", "")
        said = mistake(tmp_path, f'[target.one]\nkind = "{kind}"\n{rest}')
        assert f"target 'one': '{line.split()[0]}' is missing" in said


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_layout(tmp_path: Path, layout: str) -> None:
    takes = TAKES[layout]
    found = target(tmp_path, "store", f'layout = "{layout}"\nsend = {json.dumps(takes)}')
    assert (found.options["layout"], found.send) == (layout, takes)
    for send in ("symbols", "debug-files"):
        if send not in takes:
            with pytest.raises(ConfigError) as caught:
                target(tmp_path, "store", f'layout = "{layout}"\nsend = ["{send}"]')
            remedy = f"Give send = {json.dumps(takes)}, or another layout."
            assert f"layout '{layout}' has no place for {send}. {remedy}" in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "line", "says"),
    [
        ("http", 'send = ["debug-files"]', "layout 'breakpad' has no place for debug-files"),
        ("s3", 'layout = "symstore"', "layout 'symstore' has no place for symbols"),
        ("tecken", 'send = ["symbols", "debug-files"]', "'tecken' has no place for debug-files"),
        ("bugsplat", 'send = ["debug-files"]', "'bugsplat' has no place for debug-files"),
    ],
)
def test_what_a_target_has_no_place_for(tmp_path: Path, kind: str, line: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        target(tmp_path, kind, line)
    assert f"target 'one': {says}. Give send = " in str(caught.value)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('layout = "flat"', "layout is 'flat'. It is one of breakpad, unified"),
        ('layout = ""', "layout is ''"),
        ('layout = ["breakpad"]', "layout is"),
        ('compress = "xz"', "compress is 'xz'. It is one of none, gzip, zstd"),
        ("compress = true", "compress is True"),
        ("send = []", "send is []. Give a list of symbols, debug-files"),
        ('send = "symbols"', "send is 'symbols'"),
        ('send = ["sources"]', "send is ['sources']"),
        ("send = [1]", "send is [1]"),
        ("jobs = 0", "jobs is 0. Give a number from 1 to"),
        ("jobs = -1", "jobs is -1"),
        ("jobs = 0.5", "jobs is 0.5"),
        ("jobs = true", "jobs is True"),
        ('jobs = "4"', "jobs is '4'"),
        ("jobs = 100000000", "jobs is 100000000"),
        ("patience = 0", "patience is 0. Give a number above 0"),
        ("patience = nan", "patience is nan"),
        ("patience = inf", "patience is inf"),
        ("user = 1", "user is 1"),
        ('user = ""', "user is ''"),
        ('user = "a\\nb"', r"user is 'a\nb'"),
        ('password = "hunter2"', "unknown key 'password'. The keys of 'http' are"),
    ],
)
def test_a_value_that_makes_no_sense(tmp_path: Path, line: str, says: str) -> None:
    said = mistake(tmp_path, f'[target.one]\nkind = "http"\n{NEEDED["http"]}{line}\n')
    assert f"target 'one': {says}" in said
    assert "hunter2" not in said


@pytest.mark.parametrize(
    "value",
    [
        '"hunter2"',
        "{}",
        "true",
        '{ text = "hunter2" }',
        '{ file = "" }',
        '{ file = ["hunter2"] }',
        '{ file = "hunter2", netrc = true }',
        '{ environment = "" }',
        '{ command = "hunter2" }',
        "{ command = [] }",
        '{ command = ["hunter2", 1] }',
        "{ netrc = false }",
        '{ netrc = "hunter2" }',
    ],
)
def test_a_token_says_where_it_is(tmp_path: Path, value: str) -> None:
    said = mistake(tmp_path, f'[target.one]\nkind = "http"\n{NEEDED["http"]}token = {value}\n')
    assert "token" in said
    assert "never the token itself" in said
    assert "hunter2" not in said


@pytest.mark.parametrize("kind", ['"ftp"', '""', "1", '["sentry"]', "{ a = 1 }", "true"])
def test_a_kind_that_there_is_not(tmp_path: Path, kind: str) -> None:
    said = mistake(tmp_path, f"[target.one]\nkind = {kind}\n")
    assert "target 'one': kind is " in said
    assert f". It is one of {', '.join(NEEDED)}." in said


def test_a_target_without_a_kind(tmp_path: Path) -> None:
    assert "kind is None" in mistake(tmp_path, '[target.one]\nurl = "https://s.example"\n')


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[target.one", "it is no TOML"),
        ("a = 1\na = 2\n", "it is no TOML"),
        ("[sentry]\n", "unknown key 'sentry'. Begin each target with [target.NAME]"),
        ("target = 1\n", "unknown key target"),
        ("[target]\none = 1\n", "target 'one': it is no table"),
        ("[[target]]\n", "unknown key target"),
        ("a = " + "[" * 5000 + "]" * 5000, "it is no TOML"),
    ],
)
def test_a_file_that_is_none(tmp_path: Path, text: str, says: str) -> None:
    assert says in mistake(tmp_path, text)


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "crashsym.toml").write_bytes(b"a = '\xff'\n")
    with pytest.raises(ConfigError, match="it is no TOML"):
        read(tmp_path / "crashsym.toml")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        find(["one"], tmp_path / "crashsym.toml")


# -- URLs


@pytest.mark.parametrize(
    "url",
    [
        "ftp://s.example",
        "s.example",
        "//s.example",
        "https://",
        "https:///path",
        "https://s.example:port",
        "https://s.example:99999999",
        "https://[::1",
        "https://s.example/?token=hunter2",
        "https://s.example/#hunter2",
        "https://me:hunter2@s.example",
        "https://hunter2@s.example",
        "https://:hunter2@s.example",
        "https://@s.example",
        "https://s.example/a b",
        "https://s.example/\\n",
        "https://me:hunter2@s.ex\u2100mple",
        "https://me:hunter2@[s.example",
    ],
)
def test_a_url_that_is_none(tmp_path: Path, url: str) -> None:
    said = mistake(tmp_path, f'[target.one]\nkind = "http"\nurl = "{url}"\n')
    assert "target 'one': url " in said
    assert "hunter2" not in said
    with pytest.raises(ConfigError) as caught:
        of_url(f"http+{url}".replace("\\n", "\n"))
    assert "hunter2@" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "kind", "url", "options"),
    [
        (
            "sentry+https://sentry.example.com/acme/gateway",
            "sentry",
            "https://sentry.example.com",
            {"organization": "acme", "project": "gateway"},
        ),
        (
            "sentry+https://example.com:8443/on/premise/acme/gateway/",
            "sentry",
            "https://example.com:8443/on/premise",
            {"organization": "acme", "project": "gateway"},
        ),
        ("tecken+https://s.example", "tecken", "https://s.example", {}),
        ("symupload-v1+https://s.example/up", "symupload-v1", "https://s.example/up", {}),
        ("symupload-v2+https://s.example/", "symupload-v2", "https://s.example", {}),
        ("bugsnag+https://upload.s.example", "bugsnag", "https://upload.s.example", {}),
        (
            "backtrace+https://submit.s.example/acme",
            "backtrace",
            "https://submit.s.example",
            {"subdomain": "acme"},
        ),
        ("https://s.example/symbols/", "http", "https://s.example/symbols", {}),
        ("http://127.0.0.1:8080/c++", "http", "http://127.0.0.1:8080/c++", {}),
        ("s3://symbols", "s3", "", {"bucket": "symbols"}),
        ("s3://symbols/", "s3", "", {"bucket": "symbols"}),
        ("s3://sym.bols/c++/x/", "s3", "", {"bucket": "sym.bols", "prefix": "c++/x/"}),
        ("store:/srv/symbols", "store", "", {"path": "/srv/symbols"}),
        ("store:symbols", "store", "", {"path": "symbols"}),
    ],
)
def test_a_target_as_a_url(text: str, kind: str, url: str, options: dict[str, str]) -> None:
    found = of_url(text)
    assert (found.kind, found.url, found.options) == (kind, url, options)


@pytest.mark.parametrize(
    "text",
    [
        *("sentry+https://s.example", "sentry+https://s.example/acme", "sentry+https://[::1/a/b"),
        *("backtrace+https://s.example", "bugsplat+https://s.example/acme/gateway/1.2"),
        *("store:", "ftp+https://x", ":", "s3://", "s3:///x", "s3://a b"),
        *("s3://me:hunter2@symbols", "s3://symbols//", "s3+https://s.example"),
    ],
)
def test_a_url_that_lacks_something(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        of_url(text)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("prefix", ["", "/", "a//b", "../b", "a/..", "./a", "a/./b", "a\tb"])
def test_a_prefix_that_is_none(tmp_path: Path, prefix: str) -> None:
    lines = f'[target.one]\nkind = "s3"\nbucket = "symbols"\nprefix = "{prefix}"\n'
    assert "target 'one': prefix is" in mistake(tmp_path, lines)


def test_a_secret_key_is_of_an_access_key(tmp_path: Path) -> None:
    lines = f'[target.one]\nkind = "s3"\nbucket = "symbols"\ntoken = {VALUES["token"]}\n'
    assert "target 'one': 'access_key' is missing" in mistake(tmp_path, lines)


def test_what_tells_buckets_apart(tmp_path: Path) -> None:
    one = target(tmp_path, "s3", 'prefix = "a"')
    for key, value in (("bucket", "other"), ("prefix", "b"), ("layout", "unified")):
        assert replace(one, options={**one.options, key: value}).identity != one.identity
    assert replace(one, url="https://s.example").identity != one.identity
    for key, value in (("prefix", "/a/"), ("region", "eu"), ("access_key", "AKIA")):
        assert replace(one, options={**one.options, key: value}).identity == one.identity


def test_a_url_of_a_folder_has_no_path_of_this_machine_for_a_name() -> None:
    name = of_url("store:/home/me/symbols").name
    assert re.fullmatch("store-[0-9a-f]{8}", name)
    assert of_url("store:/home/me//symbols/").name == name
    assert of_url("store:/home/me/others").name != name


# -- names


def test_names_and_urls_together(tmp_path: Path) -> None:
    file = config(tmp_path, f'[target."a:b"]\nkind = "http"\n{NEEDED["http"]}')
    found = find(["https://t.example", "a:b"], file)
    assert [one.name for one in found] == ["https://t.example", "a:b"]


def test_a_name_that_nobody_knows(tmp_path: Path) -> None:
    file = config(tmp_path, f'[target.one]\nkind = "http"\n{NEEDED["http"]}')
    with pytest.raises(ConfigError, match=r"unknown target 'two': '.*crashsym.toml': it has one"):
        find(["two"], file)
    with pytest.raises(ConfigError, match=r"unknown target 'two': no file of targets.*--config"):
        find(["two"], None)


def test_a_file_with_a_token_is_for_targets_that_do_not_say_theirs(tmp_path: Path) -> None:
    own = 'token = { environment = "OWN" }\n'
    file = config(tmp_path, f'[target.one]\nkind = "http"\n{NEEDED["http"]}{own}')
    found = find(["one", "https://s.example"], file, tmp_path / "token")
    assert [one.token for one in found] == [
        {"environment": "OWN"},
        {"file": str(tmp_path / "token")},
    ]


def test_what_tells_targets_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = target(tmp_path, "sentry")
    same = replace(one, name="other", token={"netrc": True}, options={**one.options, "wait": 1})
    assert same.identity == one.identity
    for key in ("organization", "project"):
        assert replace(one, options={**one.options, key: "x"}).identity != one.identity
    assert replace(one, url="https://t.example").identity != one.identity
    here = of_url("store:symbols")
    before = here.identity
    assert of_url(f"store:{Path.cwd()}/symbols").identity == before
    monkeypatch.chdir(tmp_path)
    assert here.identity != before


# -- what messages show of a URL


@pytest.mark.parametrize(
    "text",
    [
        "https://user:SE/CRET@host/x",
        "https://user:SE?CRET@host/x",
        "https://user:SE#CRET@host/x",
        "https://user:SE@CRET@host/x",
        "tecken+https:user:SECRET@host",
        "http+https://u:SECRET@host",
        "sentry+https://u:SE/CRET@host/a/b",
        "symupload-v9+https://u:SECRET@host",
        "user:SECRET@host",
        "user:SE+CRET@host",
        "SE+CRET:x@host",
        "SECRET@host",
        "//user:SECRET@host/:",
        "s3://user:SECRET@bucket/x",
        "https://host/x?token=SECRET",
        "https://host/x?a@b&token=SECRET",
        "https://host/x#SECRET",
        "https://host:0/?SECRET",
    ],
)
def test_no_message_has_a_password_or_a_signature(tmp_path: Path, text: str) -> None:
    file = config(tmp_path, f'[target.one]\nkind = "http"\n{NEEDED["http"]}')
    with pytest.raises(ConfigError) as caught:
        find([text], file)
    assert not re.search("SE|CRET", str(caught.value))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("tecken+https://u:p@host/x", "tecken+https://…@host/x"),
        ("https://host/x?a=b", "https://host/x?…"),
        ("http://[", "http://["),
    ],
)
def test_what_is_left_of_a_url(text: str, shown: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(f"cannot use the targets: '{shown}': url ")):
        of_url(text)


@pytest.mark.parametrize("port", ["0", "00"])
def test_port_0_is_none(port: str) -> None:
    with pytest.raises(ConfigError, match="url has port 0"):
        of_url(f"http://127.0.0.1:{port}/x")


# -- folders that cannot be told


def test_a_home_that_there_is_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigError, match="'~nobody-has-it/y': there is no such home"):
        of_url("store:~nobody-has-it/y")
    bench = Bench(tmp_path, 1)
    text = '[target.server]\nkind = "store"\npath = "~nobody-has-it/y"\n'
    (tmp_path / "crashsym.toml").write_text(text)
    assert bench.run() == 2
    assert "'~nobody-has-it/y': there is no such home" in capsys.readouterr().err
    assert not list(Path.cwd().glob("~*"))


def test_a_relative_folder_where_the_current_one_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(ConfigError, match="'symbols': it is relative, and the current folder"):
        of_url("store:symbols")
    assert of_url("store:/srv/symbols").path == Path("/srv/symbols")
