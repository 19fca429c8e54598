# SPDX-License-Identifier: MIT
"""Files that are a part of another one are sent, and checked, like files of their own."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from crashsym.errors import UnreadableError
from crashsym.upload.archive import write_zip
from crashsym.upload.bodies import ItemBody, pieces
from crashsym.upload.chunks import Limits, chunked, group_body, groups
from crashsym.upload.extent import Extent
from crashsym.upload.items import DEBUG, SYMBOLS, Item, Unusable, debug_items

DATA = b"".join(b"PUBLIC %x 0 f\n" % n for n in range(9000))
START = 512
BUILD_ID = "b060ad20c6b47781552708aa192e7739fac7c84a"
LIMITS = Limits("https://s.example/", 1000, 4000, 64, 1 << 30, 1, compress=False, wait=0)


@pytest.fixture
def item(tmp_path: Path) -> Item:
    """A file in the middle of an archive."""
    file = tmp_path / "a.tar"
    file.write_bytes(b"<" * START + DATA + b">" * START)
    return Item(
        kind=SYMBOLS,
        content=Extent(file, START, len(DATA), "symbols/app.sym"),
        place="app.sym",
        sha256=hashlib.sha256(DATA).hexdigest(),
        debug_file="app",
        debug_id="0" * 33,
        build_id=BUILD_ID,
        arch="x86_64",
        paths=("/app",),
    )


@pytest.mark.parametrize("size", [999, 1 << 16])
def test_no_byte_of_what_lies_around_it_is_read(item: Item, size: int) -> None:
    with closing(ItemBody(item)) as body:
        assert len(body) == len(DATA) == item.size
        parts: Iterator[bytes] = iter(lambda: body.read(size), b"")
        assert b"".join(parts) == DATA


def test_its_digest(item: Item) -> None:
    assert item.at_hand.digest() == item.sha256
    assert Extent.of(item.at_hand.file).digest() != item.sha256


def test_its_chunks(item: Item) -> None:
    file = chunked(item, 1000)
    assert file.sha1 == hashlib.sha1(DATA).hexdigest()  # noqa: S324 - Sentry's
    file.missing = file.chunks
    for number, group in enumerate(groups([file], LIMITS)):
        with group_body(group, compress=False) as made, closing(made.open()) as body:
            assert not made.unreadable
            assert DATA[number * 4000 :][:1000] in body.read()


def test_it_in_a_zip(item: Item, tmp_path: Path) -> None:
    write_zip(tmp_path / "z.zip", [item])
    with zipfile.ZipFile(tmp_path / "z.zip") as archive:
        assert [archive.read(name) for name in archive.namelist()] == [DATA]


def test_an_archive_that_has_become_shorter(item: Item) -> None:
    os.truncate(item.at_hand.file, START + len(DATA) - 1)
    with pytest.raises(UnreadableError, match="shorter"):
        b"".join(pieces(item))


def test_an_archive_with_other_bytes(item: Item) -> None:
    with item.at_hand.file.open("r+b") as stream:
        stream.seek(START + len(DATA) - 1)
        stream.write(b"?")
    with pytest.raises(UnreadableError, match=r"a\.tar/symbols/app\.sym': it has changed"):
        b"".join(pieces(item))


# -- debug files


def test_a_debug_file_of_a_symbol_file(item: Item) -> None:
    half = Extent(item.at_hand.file, 0, START)
    (found,), unusable = debug_items([item, replace(item, build_id=None)], {BUILD_ID: half})
    assert not unusable
    assert (found.kind, found.content) == (DEBUG, half)
    assert found.sha256 == hashlib.sha256(b"<" * START).hexdigest()
    assert found.place == f".build-id/b0/{BUILD_ID[2:]}.debug"


@pytest.mark.parametrize(
    ("half", "why"),
    [
        (Extent(Path("/none"), 0, 1), "No such file or directory"),
        (Extent(Path(__file__), 0, 8, "x", "1" * 64), "its SHA-256 is "),
    ],
)
def test_a_debug_file_that_is_no_good(item: Item, half: Extent, why: str) -> None:
    found, unusable = debug_items([item], {BUILD_ID: half})
    assert not found
    (one,) = unusable
    assert isinstance(one, Unusable)
    assert (one.file, one.paths) == (str(half), ("/app",))
    assert one.why.startswith(why)
