# SPDX-License-Identifier: MIT
"""Whatever a server makes of a token, it is not shown."""

from __future__ import annotations

import base64
import html
import json
import random
import re
import string
from pathlib import Path
from urllib.parse import quote

import pytest
from builders.rawserver import RawServer, answer
from builders.uploading import CANARY, Bench
from crashsym.upload.hiding import NOT_SHOWN, Hiding
from crashsym.upload.secret import Secret
from crashsym.upload.transport import SMALL, Answer, Transport

TOKEN = "CANARYTOKEN0123456789"  # noqa: S105 - a word that messages do not have


def shown(data: bytes, token: str = TOKEN) -> str:
    return Transport("'server'", Secret(token)).words(Answer(400, {}, data))


def between(text: str) -> bytes:
    return text.join(TOKEN).encode()


DATA = TOKEN.encode()
OTHERWISE = {
    "json": b'{"e":"' + b"".join(b"\\u%04x" % c for c in DATA) + b'"}',
    "json-in-json": json.dumps("".join(f"\\u{c:04X}" for c in DATA)).encode(),
    "python": b"".join(b"\\x%02x" % c for c in DATA),
    "hex-entities": b"".join(b"&#x%x;" % c for c in DATA),
    "entities": b"".join(b"&#%d;" % c for c in DATA),
    "entities-of-entities": b"".join(b"&amp;#%d;" % c for c in DATA),
    "percent": b"".join(b"%%%02x" % c for c in DATA),
    "percent-of-percent": quote("".join(f"%{c:02X}" for c in DATA)).encode(),
    "one-letter": DATA[:5] + b"%59" + DATA[6:],
    "hex": DATA.hex().upper().encode(),
    "utf-16": TOKEN.encode("utf-16-le"),
    "colours": between("\x1b[0m"),
    "colours-in-json": json.dumps("\x1b[1;31m".join(TOKEN)).encode(),
    "zero-width": between("\u200b"),
    "nul": between("\0"),
    "lines": between("\n"),
    "line": DATA[:10] + b"\n" + DATA[10:],
    "lines-in-json": json.dumps("\r\n".join(TOKEN)).encode(),
    "tags": between("<wbr>"),
    "non-breaking": between("&nbsp;"),
}


@pytest.mark.parametrize("data", OTHERWISE.values(), ids=OTHERWISE)
def test_a_token_that_is_written_otherwise(data: bytes) -> None:
    assert shown(b"No such key: " + data + b". Try again") == NOT_SHOWN


@pytest.mark.parametrize("before", ["", "a", "ab", "me:", "user:"])
@pytest.mark.parametrize("behind", ["", "z", ":x", "\0\0\0"])
@pytest.mark.parametrize("token", [TOKEN, CANARY])
def test_a_token_in_base64(before: str, behind: str, token: str) -> None:
    data = base64.b64encode(f"{before}{token}{behind}".encode())
    assert shown(b"Authorization: Basic " + data, token) == NOT_SHOWN
    wrapped = b"\n".join(data[i : i + 7] for i in range(0, len(data), 7))
    assert shown(wrapped, token) == NOT_SHOWN
    assert shown(data.translate(bytes.maketrans(b"+/", b"-_")), token) == NOT_SHOWN


def test_tokens_with_all_characters_in_all_forms() -> None:
    pick = random.Random(1)  # noqa: S311 - no secret
    for _ in range(200):
        token = "".join(pick.choices(string.printable[:94], k=30))
        forms = [
            json.dumps(json.dumps(token)),
            html.escape(html.escape(token)),
            quote(quote(token)),
        ]
        forms += ["\u200b".join(token), base64.b64encode(token.encode()).decode(), repr([token])]
        for form in forms:
            said = shown(f"it is {form}".encode(), token)
            assert said == NOT_SHOWN or re.fullmatch(r"it is \W*\[token\]\W*", said)


@pytest.mark.parametrize("edge", [1 << 16, 1 << 17, 1 << 20])
@pytest.mark.parametrize("before", [1, 5, 12, 20])
@pytest.mark.parametrize("blank", [b" ", b"\n"])
def test_no_piece_of_it_is_left_at_an_edge(edge: int, before: int, blank: bytes) -> None:
    data = blank * (edge - before) + DATA
    if edge == SMALL:  # more is not read
        assert "CANARY"[:before] not in shown(data[:edge])
    assert "CANARY" not in shown(data + b" and more")


def test_of_a_long_answer_the_beginning_is_shown() -> None:
    said = shown(b"Bearer " + DATA + b" is wrong, " + b"x" * (1 << 18))
    assert said.startswith("Bearer [token] is wrong, xxxxxxxxxxxx")


@pytest.mark.parametrize(
    "text", ["no such file", "HTTP 400", "CANARY TOKEN", "base64: " + "x" * 90]
)
def test_what_has_no_token_is_shown(text: str) -> None:
    assert shown(text.encode()) == text


def test_a_token_of_few_letters_hides_only_itself() -> None:
    assert shown(b"a b and c", "b") == "a [token] and c"
    assert shown(b"a-b and c", "ab") == "a-b and c"


def test_what_is_secret_for_a_while() -> None:
    hiding = Hiding()
    with hiding.within([Secret(TOKEN)]):
        assert hiding.hidden(TOKEN) == "[token]"
    assert hiding.hidden(TOKEN) == TOKEN


def test_an_address_with_half_a_character(tmp_path: Path) -> None:
    transport = Transport("'server'")
    with transport.hiding("http://x/?sig=\ud800aaaaaaaaaaaaaaaaaa"):
        assert transport.hidden("?sig=\ud800aaaaaaaaaaaaaaaaaa") == "?[token]"


@pytest.mark.parametrize("piece", ["\\", "&amp;", "%25", "<", "\x1b[", "&", "%", "\\u", "a"])
def test_no_text_takes_long(piece: str) -> None:
    """A square of its length would be an hour."""
    assert shown(piece.encode() * (1 << 20)).startswith(piece)


def test_in_no_outcome(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bench = Bench(tmp_path, 1)
    with RawServer(answer(OTHERWISE["json"], status="400 Bad")) as server:
        bench.target("symupload-v1", server.url, bench.token(TOKEN))
        assert bench.run("upload", "--json") == 3
    printed = capsys.readouterr()
    assert f"HTTP 400: {NOT_SHOWN}" in printed.err
