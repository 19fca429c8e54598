# SPDX-License-Identifier: MIT
"""Links in FILE records: which files have one, and that nothing else of a symbol file changes."""

from __future__ import annotations

import io
from itertools import pairwise
from typing import BinaryIO

import pytest
from crashsym.source import Repository, Source
from crashsym.sourcelinks import LinkedFolder, SourceLinks, linked_folder
from hypothesis import given
from hypothesis import strategies as st

PREFIX = "/usr/src/debug/app/1.0"
MAIN = LinkedFolder(PREFIX, "example.com/team/app", "", "12ab")
VENDOR = LinkedFolder(f"{PREFIX}/vendor", "example.com/lib", "src", "34cd", frozenset({"src/v.c"}))
LINKS = SourceLinks.of([MAIN, VENDOR])
RECORDS = f"""FILE 0 {PREFIX}/a.c
FILE 1 {PREFIX}/vendor/v.c
FILE 2 <unknown>
FILE 3 /usr/include/two words ä.h
INLINE_ORIGIN 0 FILE 9 {PREFIX}/a.c
FUNC 1000 10 0 FILE
1000 10 1 0
FILE 4 {PREFIX}/a.c
"""
LINKED = f"""FILE 0 git:example.com/team/app:a.c:12ab
FILE 1 git:example.com/lib:src/v.c:34cd
FILE 2 <unknown>
FILE 3 /usr/include/two words ä.h
INLINE_ORIGIN 0 FILE 9 {PREFIX}/a.c
FUNC 1000 10 0 FILE
1000 10 1 0
FILE 4 {PREFIX}/a.c
"""


@pytest.mark.parametrize(
    ("path", "link"),
    [
        (f"{PREFIX}/src/a b.c", "git:example.com/team/app:src/a b.c:12ab"),
        (f"{PREFIX}/vendor/v.c", "git:example.com/lib:src/v.c:34cd"),
        (f"{PREFIX}/vendor/w.c", "git:example.com/team/app:vendor/w.c:12ab"),
        (f"{PREFIX}/vendored.c", "git:example.com/team/app:vendored.c:12ab"),
        (f"{PREFIX}/a:b.c", None),  # who reads it splits at the colons
        (f"{PREFIX}-other/a.c", None),
        (PREFIX, None),
        ("/usr/include/stdio.h", None),
        ("src/a.c", None),
        ("<unknown>", None),
    ],
)
def test_the_deepest_folder_that_has_a_file_counts(path: str, link: str | None) -> None:
    assert LINKS.linked(path) == (link or path)


@pytest.mark.parametrize(
    ("uri", "place"),
    [
        ("git://github.com/team/app.git;protocol=https;branch=main", "github.com/team/app"),
        ("https://github.com/team/app", "github.com/team/app"),
        ("https://me:t0ken@github.com/team/app.git/", "github.com/team/app"),
        ("ssh://git@host.example.com:2222/a/b/c.git", "host.example.com/a/b/c"),
        ("gitsm://example.com//app?token=t0ken", "example.com/app"),
        ("https://example.com/a%20b", "example.com/a%20b"),
        (None, None),
        ("", None),
        ("git@github.com:team/app.git", None),  # no URI
        ("file:///home/me/app", None),
        ("https://example.com/", None),
        ("https://example.com/a:b", None),
        ("https://example.com/a b", None),
    ],
)
def test_host_and_path_of_a_uri_name_the_repository(uri: str | None, place: str | None) -> None:
    repository = Repository(uri, "12ab", "", "")
    folder = linked_folder(Source((repository,), (), PREFIX), repository)
    assert (folder and folder.repository) == place


@pytest.mark.parametrize(
    ("revision", "path", "prefix", "link"),
    [
        ("12ab", "", PREFIX, f"{PREFIX}/x.c"),
        ("12ab", "lib", f"{PREFIX}/", f"{PREFIX}/lib/x.c"),
        ("12ab", "", "/", "/x.c"),
        ("v1.0", "", PREFIX, f"{PREFIX}/x.c"),
        (None, "", PREFIX, None),
        ("", "", PREFIX, None),
        ("a:b", "", PREFIX, None),
        ("12ab", None, PREFIX, None),
        ("12ab", "", None, None),
    ],
)
def test_a_link_needs_revision_path_and_prefix(
    revision: str | None, path: str | None, prefix: str | None, link: str | None
) -> None:
    repository = Repository("git://example.com/app", revision, path, "sub")
    folder = linked_folder(Source((repository,), (), prefix), repository)
    assert (folder is None) is (link is None)
    if folder is not None and link is not None:
        assert folder.link(link) == f"git:example.com/app:sub/x.c:{revision}"


@pytest.mark.parametrize("where", ["uri", "revision", "path", "subpath", "prefix"])
@pytest.mark.parametrize("wrong", ["\udcff", "\0", "\n", "\x1b", "\u2028"])
def test_what_is_no_text_of_one_line_has_no_links(where: str, wrong: str) -> None:
    facts = {"uri": "git://example.com/app", "revision": "12ab", "path": "p", "subpath": "sub"}
    facts["prefix"] = PREFIX
    for text, linked in (("", True), (wrong, False)):
        changed = {**facts, where: facts[where] + text}
        prefix = changed.pop("prefix")
        repository = Repository(**changed)
        folder = linked_folder(Source((repository,), (), prefix), repository)
        assert (folder is not None) is linked


def written(chunks: list[bytes], links: SourceLinks = LINKS) -> bytes:
    """Return what is written when records come in these chunks."""
    stream = io.BytesIO()

    def write(target: BinaryIO) -> None:
        for chunk in chunks:
            assert target.write(memoryview(chunk)) == len(chunk)

    links.write(write, stream)
    return stream.getvalue()


@given(st.lists(st.integers(0, len(RECORDS.encode())), max_size=8))
def test_only_file_records_change_wherever_the_engine_cuts(cuts: list[int]) -> None:
    data = RECORDS.encode()
    places = [0, *sorted(cuts), len(data)]
    chunks = [data[start:end] for start, end in pairwise(places)]
    assert written(chunks) == LINKED.encode()


@pytest.mark.parametrize("text", ["", "FILE 0 /x\n", "FUNC 0 1 0 f", "FILE 0 /cut"])
def test_nothing_is_lost(text: str) -> None:
    assert written([text.encode()]) == text.encode()


def test_the_digest_tells_other_links() -> None:
    others = [
        SourceLinks.of([]),
        SourceLinks.of([MAIN]),
        SourceLinks.of([VENDOR]),
        SourceLinks.of([MAIN, VENDOR._replace(revision="56ef")]),
        SourceLinks.of([MAIN, VENDOR._replace(files=frozenset({"src/w.c"}))]),
        SourceLinks.of([MAIN, VENDOR._replace(files=frozenset())]),
        SourceLinks.of([MAIN, VENDOR._replace(files=None)]),
    ]
    digests = [links.digest for links in (LINKS, *others)]
    assert len(set(digests)) == len(digests)
    assert SourceLinks.of([VENDOR, MAIN]) == LINKS
