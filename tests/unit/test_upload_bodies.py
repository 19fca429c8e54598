# SPDX-License-Identifier: MIT
"""What requests carry: forms as other parsers read them, lengths, files that change, and memory."""

from __future__ import annotations

import gzip
import hashlib
import os
import random
import socket
import threading
import zipfile
from email.parser import BytesParser
from email.policy import HTTP
from pathlib import Path

import pytest
from builders.rawserver import RawServer
from builders.uploading import Bench
from crashsym.errors import UnreadableError
from crashsym.upload.archive import batches, write_zip
from crashsym.upload.bodies import (
    BytesBody,
    FileBody,
    ItemBody,
    JoinedBody,
    Part,
    form,
    form_type,
    pieces,
)
from crashsym.upload.chunks import Limits, chunked, group_body, groups
from crashsym.upload.extent import Extent
from crashsym.upload.items import SYMBOLS, Item
from servers.put import PutServer

NAMES = ("app.sym", 'a "b" c', "a\r\nX-Evil: 1\r\n\r\nb", "größe-名.sym", "a%22b", "a;b=c", "a\\b")


def item(file: Path, content: bytes | None = None, name: str = "app") -> Item:
    if content is not None:
        file.write_bytes(content)
    data = file.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    place = f"{name}.sym"
    content_of = Extent(file, 0, len(data))
    return Item(SYMBOLS, content_of, place, digest, name, "0" * 33, None, "x86_64", ("/app",))


def noise(seed: int, size: int) -> bytes:
    return random.Random(seed).randbytes(size)  # noqa: S311 - no secret


def drained(body: FileBody | BytesBody | JoinedBody, size: int) -> bytes:
    data = b"".join(iter(lambda: body.read(size), b""))
    body.close()
    return data


def parsed(data: bytes, content_type: str) -> list[tuple[str, str | None, bytes]]:
    """Return name, file name and content of the fields of a form, as Python's parser has them."""
    head = f"Content-Type: {content_type}\r\nMIME-Version: 1.0\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + data)
    assert message.is_multipart()
    assert not message.defects
    found = []
    for part in message.iter_parts():
        assert not part.defects
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        name = part.get_param("name", header="content-disposition")
        assert isinstance(name, str)
        found.append((name, part.get_filename(), content))
    return found


def unquoted(text: str) -> str:
    """Return a name as browsers and web frameworks read it (HTML, multipart/form-data)."""
    return text.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")


@pytest.mark.parametrize("name", NAMES)
def test_a_form_as_another_parser_reads_it(tmp_path: Path, name: str) -> None:
    content = bytes(range(256)) * 3 + b"\r\n--crashsym-x--\r\n"
    file = item(tmp_path / "f", content)
    parts = [Part("os", "Linux"), Part("name", "zwölf"), Part("symbol_file", ItemBody(file), name)]
    body = form(parts, "crashsym-x-1")
    length = len(body)
    data = drained(body, 1000)
    assert len(data) == length
    found = parsed(data, form_type("crashsym-x-1"))
    assert [(one[0], one[2]) for one in found] == [
        ("os", b"Linux"),
        ("name", "zwölf".encode()),
        ("symbol_file", content),
    ]
    assert data.count(b"\r\nX-Evil") == 0
    raw = data.split(b'filename="')[1].split(b'"\r\n')[0].decode()
    assert unquoted(raw) == unquoted(name)


@pytest.mark.parametrize("size", [1, 7, 1 << 16, -1])
def test_pieces_of_any_size_make_the_whole(tmp_path: Path, size: int) -> None:
    file = item(tmp_path / "f", os.urandom(70_000 if size != 1 else 300))
    expected = b"begin" + file.at_hand.file.read_bytes() + b"end"
    body = JoinedBody([BytesBody(b"begin"), ItemBody(file), BytesBody(b"end")])
    assert len(body) == len(expected)
    assert drained(body, size) == expected


def test_a_part_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"0123456789")
    body = FileBody(tmp_path / "f", 3, 4)
    assert len(body) == 4
    assert drained(body, 3) == b"3456"


# -- files that change


def shrink(file: Path) -> None:
    os.truncate(file, 100_000)


def grow(file: Path) -> None:
    with file.open("ab") as stream:
        stream.write(b"more")


def turn(file: Path) -> None:
    with file.open("r+b") as stream:
        stream.seek(250_000)
        stream.write(b"other")


@pytest.mark.parametrize("change", [shrink, turn])
def test_a_file_that_changes_while_it_is_read(tmp_path: Path, change: object) -> None:
    file = item(tmp_path / "f", bytes(300_000))
    body = ItemBody(file)
    body.read(1)
    assert callable(change)
    change(file.at_hand.file)
    with pytest.raises(UnreadableError, match=r"shorter while it was read|has changed"):
        drained(body, 1 << 16)
    body.close()


def test_of_a_file_that_grows_only_what_it_was_is_sent(tmp_path: Path) -> None:
    file = item(tmp_path / "f", bytes(300_000))
    body = ItemBody(file)
    grow(file.at_hand.file)
    assert len(body) == 300_000
    assert drained(body, 1 << 16) == bytes(300_000)


@pytest.mark.parametrize("change", [shrink, grow, turn, os.unlink])
def test_a_file_that_has_changed_before(tmp_path: Path, change: object) -> None:
    file = item(tmp_path / "f", bytes(300_000))
    assert callable(change)
    change(file.at_hand.file)
    with pytest.raises(UnreadableError, match=r"^cannot send a file: '.*/f': "):
        b"".join(pieces(file))
    packed, failed = write_zip(tmp_path / "z.zip", [file, item(tmp_path / "g", b"good", "good")])
    assert [one.debug_file for one in packed] == ["good"]
    assert [one.item for one in failed] == [file]
    with zipfile.ZipFile(tmp_path / "z.zip") as archive:
        assert archive.testzip() is None


def test_a_file_that_changes_is_no_trouble_of_the_server(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(tmp_path, 3)
    real = FileBody.read
    victim = bench.symbol_file(1)

    def read(self: FileBody, size: int = -1) -> bytes:
        if self._file == victim:
            os.truncate(victim, 10)
        return real(self, size)

    with PutServer() as server:
        bench.target("http", server.url, "patience = 30")
        monkeypatch.setattr(FileBody, "read", read)
        assert bench.run("upload") == 3
        assert len(server.kept) == 2
        assert len(server.account.statuses("put")) <= 3
    said = capsys.readouterr().err
    assert "failed: 'lib1.so.sym'" in said
    assert "it became shorter while it was read" in said


# -- pieces


def limits(chunk: int, request: int, parts: int) -> Limits:
    return Limits("https://s.example/", chunk, request, parts, 1 << 30, 1, compress=True, wait=0)


@pytest.mark.parametrize("size", [1, 99, 100, 101, 200, 201])
def test_digests_of_the_whole_and_of_pieces(tmp_path: Path, size: int) -> None:
    content = noise(size, size)
    found = chunked(item(tmp_path / "f", content), 100)
    assert found.sha1 == hashlib.sha1(content).hexdigest()  # noqa: S324 - Sentry's
    cut = [content[i : i + 100] for i in range(0, size, 100)]
    assert found.chunks == tuple(hashlib.sha1(part).hexdigest() for part in cut)  # noqa: S324
    assert [found.piece(n).size for n in range(len(cut))] == [len(part) for part in cut]


def test_pieces_over_those_that_a_file_is_read_in(tmp_path: Path) -> None:
    content = noise(1, 200_001)
    found = chunked(item(tmp_path / "f", content), 70_000)
    cut = [content[i : i + 70_000] for i in range(0, len(content), 70_000)]
    assert found.chunks == tuple(hashlib.sha1(part).hexdigest() for part in cut)  # noqa: S324


def test_no_request_has_more_than_the_server_takes(tmp_path: Path) -> None:
    files = [chunked(item(tmp_path / f"f{n}", noise(n, 60 * n)), 100) for n in (1, 5, 9)]
    for file in files:
        file.missing = tuple(dict.fromkeys(file.chunks))
    found = groups(files, limits(100, 250, 2))
    assert all(len(group) <= 2 and sum(p.size for p in group) <= 250 for group in found)
    sent = [piece.sha1 for group in found for piece in group]
    assert sent == [sha1 for file in files for sha1 in file.chunks]


@pytest.mark.parametrize("compress", [True, False])
def test_a_request_with_pieces(tmp_path: Path, compress: bool) -> None:
    content = noise(3, 250)
    file = chunked(item(tmp_path / "f", content), 100)
    gone = chunked(item(tmp_path / "g", noise(4, 250)), 100)
    file.missing, gone.missing = file.chunks, gone.chunks
    os.truncate(gone.item.at_hand.file, 150)
    (group,) = groups([gone, file], limits(100, 1000, 64))
    with group_body(group, compress=compress) as made:
        assert set(made.unreadable) == set(gone.chunks[1:])
        data = drained(made.open(), 1 << 16)
        assert data == drained(made.open(), 1 << 16)
        found = parsed(data, made.type)
    field = "file_gzip" if compress else "file"
    assert [one[0] for one in found] == [field] * 4
    assert [one[1] for one in found] == [gone.chunks[0], *file.chunks]
    plain = [gzip.decompress(one[2]) if compress else one[2] for one in found]
    assert b"".join(plain[1:]) == content


def test_batches_of_archives(tmp_path: Path) -> None:
    files = [item(tmp_path / f"f{n}", bytes(40), f"lib{n}") for n in range(7)]
    large = item(tmp_path / "large", bytes(500), "large")
    found = list(batches([*files, large], 100, 64))
    assert [len(batch) for batch in found] == [1, 2, 2, 2, 1]
    assert [len(batch) for batch in batches(files, 1000, 3)] == [3, 3, 1]
    assert not list(batches([], 100, 64))


# -- memory


class Scale:
    """Takes what is put, and keeps how much it was."""

    def __init__(self) -> None:
        self.weighed = 0
        self.server = RawServer(self.speak)

    def speak(self, connection: socket.socket, _: threading.Event) -> None:
        head, _mark, begun = self.server.heads[-1].partition("\r\n\r\n")
        status = "404 Not Found"
        if head.startswith("PUT "):
            length = int(head.lower().split("content-length: ")[1].split("\r\n")[0])
            self.weighed = len(begun)
            while self.weighed < length and (data := connection.recv(1 << 20)):
                self.weighed += len(data)
            status = "201 Created"
        close = "Content-Length: 0\r\nConnection: close"
        connection.sendall(f"HTTP/1.1 {status}\r\n{close}\r\n\r\n".encode())


@pytest.mark.parametrize("size", [300 << 20, pytest.param(2 << 30, marks=pytest.mark.slow)])
def test_a_large_file_takes_no_memory(tmp_path: Path, size: int) -> None:
    bench = Bench(tmp_path, 1)
    bench.enlarge(size)
    scale = Scale()
    with scale.server:
        bench.target("http", scale.server.url)
        assert bench.memory() < 64 << 10
        assert scale.weighed == size
