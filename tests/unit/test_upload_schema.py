# SPDX-License-Identifier: MIT
"""The JSON Schema of crashsym.toml says what crashsym itself says, also as an editor reads it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from crashsym.errors import ConfigError
from crashsym.upload import targets
from crashsym.upload.items import KINDS
from jsonschema import Draft7Validator
from support import REPOSITORY, require_tool

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILE = REPOSITORY / "docs/reference/crashsym-targets-1.schema.json"
SCHEMA: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
TARGET = SCHEMA["definitions"]["target"]
HTTP = 'kind = "http"\nurl = "https://s.example"\n'
STORE = 'kind = "store"\npath = "/srv/symbols"\n'
SENTRY = 'kind = "sentry"\nurl = "https://s.example"\norganization = "acme"\nproject = "gateway"\n'
S3 = 'kind = "s3"\nbucket = "symbols"\n'
BUGSPLAT = (
    'kind = "bugsplat"\nurl = "https://s.example"\ndatabase = "acme"\napplication = "app"\n'
    'version = "1"\nclient = "c0ffee"\n'
)
# What a target says, and without one the whole file.
GOOD = {
    "least": HTTP,
    "folder": STORE,
    "folder-gzip": STORE + 'layout = "unified"\ncompress = "gzip"\nsend = ["debug-files"]\n',
    "bucket-zstd": S3 + 'compress = "zstd"\n',
    "sentry": SENTRY + 'protocol = "zip"\nwait = 1.5\njobs = 64\npatience = 1\n',
    "tecken": 'kind = "tecken"\nurl = "http://s.example:8080/a/b/"\nlimit = 0.5\n',
    "v1": 'kind = "symupload-v1"\nurl = "HTTPS://s.example"\nversion = "1"\n',
    "v2": 'kind = "symupload-v2"\nurl = "https://[::1]:65535/x"\nproduct = "ä b"\n',
    "bugsplat": BUGSPLAT,
    "bugsnag": 'kind = "bugsnag"\nurl = "https://s.example"\noverwrite = true\n',
    "backtrace": 'kind = "backtrace"\nurl = "https://s.example"\nsubdomain = "a"\ntag = "b"\n',
    "s3": S3,
    "s3-all": S3 + 'url = "https://s.example"\nprefix = "a/b"\nregion = "eu-central-1"\n',
    "s3-key": S3 + 'access_key = "AKIA"\ntoken = { file = "x" }\n',
    "file": HTTP + 'token = { file = "~/x" }\n',
    "environment": HTTP + 'token = { environment = "TOKEN" }\n',
    "command": HTTP + 'token = { command = ["pass", ""] }\n',
    "netrc": HTTP + "token = { netrc = true }\n",
    "presign": HTTP + 'presign = ["sign-url", ""]\n',
    "send": SENTRY + 'send = ["symbols", "debug-files"]\n',
    "send-unified": HTTP + 'layout = "unified"\nsend = ["symbols", "debug-files"]\nuser = "me"\n',
    "send-symbols": STORE + 'layout = "breakpad"\nsend = ["symbols"]\n',
    "send-debug": S3 + 'layout = "debuginfod"\nsend = ["debug-files"]\n',
}
BAD = {
    "no-kind": 'url = "https://s.example"\n',
    "other-kind": 'kind = "ftp"\nurl = "https://s.example"\n',
    "kind-number": "kind = 1\n",
    "no-url": 'kind = "http"\n',
    "no-path": 'kind = "store"\n',
    "no-bucket": 'kind = "s3"\nurl = "https://s.example"\n',
    "s3-token-alone": S3 + 'token = { file = "x" }\n',
    "no-project": SENTRY.replace("project", "layout"),
    "no-client": BUGSPLAT.replace('client = "c0ffee"', ""),
    "unknown-key": HTTP + 'password = "x"\n',
    "key-of-another": HTTP + 'organization = "acme"\n',
    "store-url": STORE + 'url = "https://s.example"\n',
    "store-token": STORE + "token = { netrc = true }\n",
    "backtrace-jobs": 'kind = "backtrace"\nurl = "https://s.example"\njobs = 1\n',
    "bugsnag-text": 'kind = "bugsnag"\nurl = "https://s.example"\noverwrite = "true"\n',
    "bugsnag-number": 'kind = "bugsnag"\nurl = "https://s.example"\noverwrite = 1\n',
    "url-ftp": 'kind = "http"\nurl = "ftp://s.example"\n',
    "url-no-scheme": 'kind = "http"\nurl = "s.example"\n',
    "url-no-host": 'kind = "http"\nurl = "https://"\n',
    "url-no-host-path": 'kind = "http"\nurl = "https:///a"\n',
    "url-port": 'kind = "http"\nurl = "https://s.example:65536"\n',
    "url-port-word": 'kind = "http"\nurl = "https://s.example:port"\n',
    "url-password": 'kind = "http"\nurl = "https://me:x@s.example"\n',
    "url-user": 'kind = "http"\nurl = "https://me@s.example/a"\n',
    "url-query": 'kind = "http"\nurl = "https://s.example/?a=b"\n',
    "url-fragment": 'kind = "http"\nurl = "https://s.example/#a"\n',
    "url-blank": 'kind = "http"\nurl = "https://s.example/a b"\n',
    "url-control": 'kind = "http"\nurl = "https://s.example/\\u0001"\n',
    "url-number": 'kind = "http"\nurl = 1\n',
    "presign-text": HTTP + 'presign = "sign-url"\n',
    "presign-empty": HTTP + "presign = []\n",
    "presign-number": HTTP + "presign = [1]\n",
    "text-empty": HTTP + 'user = ""\n',
    "text-number": HTTP + "user = 1\n",
    "text-control": HTTP + 'user = "a\\tb"\n',
    "layout": HTTP + 'layout = "flat"\n',
    "compress": HTTP + "compress = true\n",
    "protocol": SENTRY + 'protocol = "chunk"\n',
    "send-empty": HTTP + "send = []\n",
    "send-text": HTTP + 'send = "symbols"\n',
    "send-other": HTTP + 'send = ["sources"]\n',
    "send-tecken": 'kind = "tecken"\nurl = "https://s.example"\nsend = ["debug-files"]\n',
    "send-bugsplat": BUGSPLAT + 'send = ["symbols", "debug-files"]\n',
    "send-no-layout": STORE + 'send = ["debug-files"]\n',
    "send-breakpad": HTTP + 'layout = "breakpad"\nsend = ["symbols", "debug-files"]\n',
    "send-build-id": STORE + 'layout = "build-id"\nsend = ["symbols", "debug-files"]\n',
    "send-default": S3 + 'layout = "symstore"\n',
    "jobs-none": HTTP + "jobs = 0\n",
    "jobs-many": HTTP + "jobs = 65\n",
    "jobs-half": HTTP + "jobs = 0.5\n",
    "jobs-true": HTTP + "jobs = true\n",
    "patience-none": HTTP + "patience = 0\n",
    "patience-endless": HTTP + "patience = 1e300\n",
    "patience-true": HTTP + "patience = true\n",
    "patience-text": HTTP + 'patience = "1"\n',
    "token-itself": HTTP + 'token = "x"\n',
    "token-empty": HTTP + "token = {}\n",
    "token-two": HTTP + 'token = { file = "x", netrc = true }\n',
    "token-other": HTTP + 'token = { text = "x" }\n',
    "token-file": HTTP + 'token = { file = "" }\n',
    "token-environment": HTTP + 'token = { environment = ["x"] }\n',
    "token-command": HTTP + 'token = { command = "x" }\n',
    "token-no-command": HTTP + "token = { command = [] }\n",
    "token-command-number": HTTP + 'token = { command = ["x", 1] }\n',
    "token-netrc": HTTP + "token = { netrc = false }\n",
}
WHOLE = {
    "nothing": ("", True),
    "no-targets": ("[target]\n", True),
    "two": (f"[target.one]\n{HTTP}[target.'a b']\n{STORE}", True),
    "one-of-two": (f"[target.one]\n{HTTP}[target.two]\n", False),
    "another-table": (f"[targets.one]\n{HTTP}", False),
    "target-number": ("target = 1\n", False),
    "target-list": (f"[[target]]\n{HTTP}", False),
    "no-table": ("[target]\none = 1\n", False),
}
DOCUMENTS = {
    **{f"good-{name}": (f"[target.one]\n{text}", True) for name, text in GOOD.items()},
    **{f"bad-{name}": (f"[target.one]\n{text}", False) for name, text in BAD.items()},
    **{f"whole-{name}": found for name, found in WHOLE.items()},
}


@pytest.mark.parametrize(("text", "good"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_both_judge_alike(tmp_path: Path, text: str, good: bool) -> None:
    file = tmp_path / "crashsym.toml"
    file.write_text(text, encoding="utf-8")
    mistakes = [error.message for error in Draft7Validator(SCHEMA).iter_errors(tomllib.loads(text))]
    assert (not mistakes) == good, mistakes
    if good:
        targets.read(file)
        return
    with pytest.raises(ConfigError):
        targets.read(file)


def test_an_editor_judges_alike(tmp_path: Path) -> None:
    """Visual Studio Code and others have Taplo for TOML; the first line names the schema."""
    (tmp_path / FILE.name).write_bytes(FILE.read_bytes())
    for name, (text, _) in DOCUMENTS.items():
        (tmp_path / f"{name}.toml").write_text(f"#:schema ./{FILE.name}\n{text}", encoding="utf-8")
    beside = Path(sys.executable).with_name("taplo")
    taplo = str(beside) if beside.exists() else require_tool("taplo")
    files = sorted(str(file) for file in tmp_path.glob("*.toml"))
    done = subprocess.run(
        [taplo, "lint", "--no-auto-config", *files],
        check=False,
        capture_output=True,
        text=True,
        env={"RUST_LOG": "warn"},
        cwd=tmp_path,
    )
    refused = {name for name in DOCUMENTS if f'path="{tmp_path / name}.toml"' in done.stderr}
    assert refused == {name for name, (_, good) in DOCUMENTS.items() if not good}, done.stderr


def test_it_is_a_schema() -> None:
    Draft7Validator.check_schema(SCHEMA)


def test_it_has_all_keys_of_all_kinds() -> None:
    found = {
        rule["if"]["properties"]["kind"]["const"]: (
            frozenset(rule["then"]["propertyNames"]["enum"]),
            frozenset(rule["then"]["required"]),
        )
        for rule in TARGET["allOf"]
        if "propertyNames" in rule["then"]
    }
    assert found == targets.KEYS
    assert set(TARGET["properties"]) == {key for known, _ in targets.KEYS.values() for key in known}
    assert all(key.get("description") for key in TARGET["properties"].values() if "$ref" not in key)


def test_it_has_all_words() -> None:
    words = {key: what["enum"] for key, what in TARGET["properties"].items() if "enum" in what}
    assert {key: tuple(found) for key, found in words.items()} == targets._CHOICES
    assert tuple(TARGET["properties"]["send"]["items"]["enum"]) == KINDS
    assert tuple(SCHEMA["definitions"]["token"]["properties"]) == targets._TOKEN
