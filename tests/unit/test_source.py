# SPDX-License-Identifier: MIT
"""The source of a module: what a manifest may say of it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
from crashsym.source import Repository, Source, below, joined, public_uri, read_source

SOURCE = Source(
    (Repository("git://example.com/app", "12ab", "", "src"), Repository(None, "34cd", None)),
    ("b.patch", "a.patch"),
    "/usr/src/debug/app/1.0",
)


def document(**changes: Any) -> dict[str, Any]:
    """The source as JSON has it, with changes of the first repository or of itself."""
    plain: dict[str, Any] = {**asdict(SOURCE), "patches": list(SOURCE.patches)}
    plain["repositories"] = [dict(repository) for repository in plain["repositories"]]
    for key, value in changes.items():
        (plain if key in plain else plain["repositories"][0])[key] = value
    return plain


def test_what_was_written_is_read() -> None:
    assert read_source(document()) == SOURCE


@pytest.mark.parametrize(
    ("changes", "fact"),
    [
        ({"repositories": None}, "repositories of a source is None"),
        ({"repositories": [1]}, "a repository has other keys"),
        ({"patches": "a.patch"}, "patches of a source is 'a.patch'"),
        ({"patches": [1]}, r"patches of a source is \[1\]"),
        ({"prefix": 1}, "prefix of a source is 1"),
        ({"uri": 1}, "a repository is {'uri': 1"),
        ({"subpath": None}, "'subpath': None"),
        ({"more": 1}, "a repository has other keys than uri, revision, path, subpath"),
    ],
)
def test_anything_else_is_refused(changes: dict[str, Any], fact: str) -> None:
    with pytest.raises(TypeError, match=fact):
        read_source(document(**changes))


@pytest.mark.parametrize("value", [[], {}, {"uri": "u", "revision": None, "prefix": None}])
def test_a_source_of_another_form_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="other keys than repositories, patches, prefix"):
        read_source(value)


@pytest.mark.parametrize(
    ("path", "folder", "rest"),
    [
        ("/a/b/c", "/a", "b/c"),
        ("/a/b", "/a/b", ""),
        ("/ab", "/a", None),
        ("/a", "/a/b", None),
        ("/a", "/", "a"),
        ("a/b", "", "a/b"),
        ("", "", ""),
    ],
)
def test_what_lies_below_a_folder(path: str, folder: str, rest: str | None) -> None:
    assert below(path, folder) == rest


@pytest.mark.parametrize(
    ("uri", "public"),
    [
        ("git://example.com/app.git;branch=a@b", "git://example.com/app.git;branch=a@b"),
        ("https://me:t0k@en@example.com:8443/a@b", "https://example.com:8443/a@b"),
        ("ssh://git@example.com/app?token=t0ken;branch=main", "ssh://example.com/app;branch=main"),
        ("https://example.com/get?a=b?c=d", "https://example.com/get"),
        ("https://example.com?next=me@there", "https://example.com"),
        ("git@example.com:app", "example.com:app"),
        ("user:pw@h/t", "h/t"),
        ("https://user:pw;x@h/t", "https://h/t"),
        ("https://us/er:pw@h/t", "https://h/t"),
        ("https://us/er@h/t", "https://h/t"),
        ("https://us.er/x:pw@h/t", "https://h/t"),
        ("https://user:p?w@h/t", "https://h/t"),
        ("https://user:p#w@h/t", "https://h/t"),
        ("https://user:p@ss/w@h/t", "https://h/t"),
        ("https://user:12/w@h/t", "https://h/t"),
        ("https://user:pw;x@example.com/t?mail=a@b", "https://example.com/t"),
        ("https://t0k?en@h/t", "https://"),
        ("https://host/app?token=t0k@en", "https://"),
        ("https://example.com/app?token=t0k:x@en", "https://example.com/app"),
        ("https://h/t;token=secret", "https://h/t"),
        ("https://h/t;token=secret;branch=main;tag=1#x", "https://h/t;branch=main"),
        ("https://h/t;branch=main&token=secret", "https://h/t"),
        ("https://h/t#access_token=secret", "https://h/t"),
        ("https://h/t#access_token=secret;x", "https://h/t"),
        ("https://h/t?x;y?token=secret", "https://h/t"),
        ("https://u:p@h/t\nsecond@line", "https://line"),
        ("https://registry.example.com/@scope/app", "https://registry.example.com/@scope/app"),
        ("git://host/app;protocol=https;branch=main", "git://host/app;protocol=https;branch=main"),
        ("https://me@[2001:db8::1]:8443/a@b", "https://[2001:db8::1]:8443/a@b"),
        ("git://host:9418/app.git", "git://host:9418/app.git"),
        ("https://" + "u:p;@" * 1_000_000 + "h/t", "https://"),
        ("/srv/git/app.git", "/srv/git/app.git"),
        ("file://foo.c", "file://foo.c"),
        ("", ""),
    ],
    ids=lambda uri: uri[:60],
)
def test_a_uri_without_what_may_be_secret(uri: str, public: str) -> None:
    assert public_uri(uri) == public


def test_parts_of_a_path_are_joined_without_the_empty_ones() -> None:
    assert joined("", "a", "", "b/c") == "a/b/c"
    assert joined("", "") == ""
