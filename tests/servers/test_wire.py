"""Bodies and forms, in whatever pieces they come."""

from __future__ import annotations

import io
from email.message import Message
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from servers.client import BOUNDARY, FORM, form, gzipped
from servers.forms import read_form
from servers.wire import (
    BadRequestError,
    Body,
    CutError,
    TooLargeError,
    damaged,
    gunzipped,
    write_blob,
)

CONTENTS = st.one_of(
    st.binary(max_size=200),
    # What looks like the end of the part, and almost is.
    st.sampled_from([b"\r\n", b"--", b"\r\n--", f"\r\n--{BOUNDARY[:-1]}".encode()]),
)


def headers(**fields: str) -> Message:
    message = Message()
    for name, value in fields.items():
        message[name.replace("_", "-")] = value
    return message


def chunked(*chunks: bytes) -> bytes:
    parts = [f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n" for chunk in chunks]
    return b"".join(parts) + b"0\r\nTrailer: x\r\n\r\nnext request"


def test_a_counted_body_ends_after_its_length() -> None:
    body = Body(io.BytesIO(b"hello, next"), headers(Content_Length="5"))
    assert body.read(100) == b"hello"
    assert body.received == 5


def test_a_chunked_body_ends_after_its_last_chunk() -> None:
    stream = io.BytesIO(chunked(b"hel", b"lo"))
    body = Body(stream, headers(Transfer_Encoding="chunked"))
    assert body.read(100) == b"hello"
    assert stream.read() == b"next request"


@pytest.mark.parametrize("size", [b"", b"zz\r\n", b"5\r\nhelloXX"])
def test_a_bad_chunk_is_an_error(size: bytes) -> None:
    body = Body(io.BytesIO(size), headers(Transfer_Encoding="chunked"))
    with pytest.raises((BadRequestError, ConnectionError)):
        body.drain()


@pytest.mark.parametrize("length", ["-1", "x", "1e3", ""])
def test_a_bad_length_is_an_error(length: str) -> None:
    with pytest.raises(BadRequestError, match="not a length"):
        Body(io.BytesIO(b""), headers(Content_Length=length))


def test_a_client_that_goes_is_an_error() -> None:
    body = Body(io.BytesIO(b"hel"), headers(Content_Length="5"))
    with pytest.raises(ConnectionError):
        body.drain()


def test_a_body_is_cut_in_its_middle() -> None:
    body = Body(io.BytesIO(b"0123456789"), headers(Content_Length="10"), cut=True)
    with pytest.raises(CutError):
        body.drain()
    assert body.received == 5


def test_a_chunked_body_is_cut_after_its_first_block() -> None:
    body = Body(io.BytesIO(chunked(b"abc", b"def")), headers(Transfer_Encoding="chunked"), cut=True)
    with pytest.raises(CutError):
        body.drain()
    assert body.received == 3


def test_a_limit_is_kept(tmp_path: Path) -> None:
    with pytest.raises(TooLargeError):
        write_blob(tmp_path, [b"12345", b"67"], limit=6)
    assert write_blob(tmp_path, [b"12345", b"6"], limit=6).size == 6


def test_damage_changes_one_bit(tmp_path: Path) -> None:
    blob = write_blob(tmp_path, [b"abc"])
    assert damaged(tmp_path, blob).read() == b"abb"
    assert blob.read() == b"abc"


@pytest.mark.parametrize("content", [b"", b"x" * 100_000])
def test_gzip_streams_are_unpacked(content: bytes) -> None:
    packed = gzipped(content)
    assert b"".join(gunzipped([packed[:7], packed[7:]])) == content


@pytest.mark.parametrize("content", [b"plain text", gzipped(b"x" * 1000)[:-9], b""])
def test_what_is_no_gzip_stream_is_an_error(content: bytes) -> None:
    with pytest.raises(BadRequestError):
        list(gunzipped([content]))


@settings(max_examples=60, deadline=None)
@given(first=CONTENTS, second=CONTENTS, step=st.integers(1, 64))
def test_a_form_is_read_in_any_pieces(
    tmp_path_factory: pytest.TempPathFactory, first: bytes, second: bytes, step: int
) -> None:
    folder = tmp_path_factory.mktemp("form")
    content = form({"name": "value"}, [("one", "a b.zip", first), ("two", "", second)])
    pieces = [content[at : at + step] for at in range(0, len(content), step)]
    found = read_form(pieces, headers(Content_Type=FORM["Content-Type"]), folder)
    assert found.fields == {"name": "value"}
    assert [(p.name, p.filename, p.blob.read()) for p in found.files] == [
        ("one", "a b.zip", first),
        ("two", "", second),
    ]


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("multipart/form-data", b""),
        ("application/json", b"{}"),
        (FORM["Content-Type"], b""),
        (FORM["Content-Type"], form(files=[("one", "a", b"x" * 50)])[:-20]),
        (FORM["Content-Type"], f"--{BOUNDARY}\r\nX: y\r\n\r\nz\r\n--{BOUNDARY}--".encode()),
        (FORM["Content-Type"], f"--{BOUNDARY}\r\n".encode() + b"X" * 200_000),
    ],
)
def test_what_is_no_form_is_an_error(tmp_path: Path, kind: str, content: bytes) -> None:
    with pytest.raises(BadRequestError):
        read_form([content], headers(Content_Type=kind), tmp_path)
