# SPDX-License-Identifier: MIT
"""The checker of symbol files: each kind of finding by a minimal file, and files beside it."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest
from crashsym.breakpad.lint import CODES, LintPolicy, LintResult, lint
from crashsym.breakpad.lint.text import LONGEST_LINE
from crashsym.errors import ConfigError
from hypothesis import given
from hypothesis import strategies as st
from support import REPOSITORY

GOOD = b"""MODULE Linux x86_64 0403020106050807090A0B0C0D0E0F100 app
INFO CODE_ID 0102030405060708090A0B0C0D0E0F1011121314
FILE 0 /src/a.c
FILE 1 /src/a b.h
INLINE_ORIGIN 0 inner(int)
INLINE_ORIGIN 1 outer()
FUNC 1000 20 0 main
INLINE 0 12 0 1 1004 8 1010 4
INLINE 1 5 1 0 1004 4
1000 4 10 0
1004 4 7 1
1008 4 6 1
1010 4 6 1
1014 c 13 0
FUNC 1020 10 0 next one
1020 10 20 0
PUBLIC 2000 0 memcpy
PUBLIC 2010 0 memmove
STACK CFI INIT 1000 20 .cfa: $rsp 8 + .ra: .cfa -8 + ^
STACK CFI 1002 .cfa: $rsp 16 + $rbp: .cfa -16 + ^
STACK CFI 1010 .cfa: $rbp 16 +
STACK CFI INIT 1020 10 .cfa: $rsp 8 + .ra: .cfa -8 + ^
"""
FAR = b"ffffffffffffffff"


def codes(data: bytes, path: Path | None = None) -> set[str]:
    return {finding.code for finding in checked(data, path).findings}


def checked(data: bytes, path: Path | None = None) -> LintResult:
    return lint(io.BytesIO(data), path)


def changed(old: bytes, new: bytes) -> bytes:
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)


def before(record: bytes, new: bytes) -> bytes:
    return changed(b"\n" + record, b"\n" + new + b"\n" + record)


def without(*records: bytes) -> bytes:
    lines = [line for line in GOOD.splitlines(keepends=True) if not line.startswith(records)]
    return b"".join(lines)


def arm(data: bytes) -> bytes:
    return re.sub(rb"\$rsp|\$rbp", b"sp", data.replace(b"x86_64", b"arm"))


MAIN, NEXT, FIRST_PUBLIC = b"FUNC 1000", b"FUNC 1020", b"PUBLIC 2000"
INIT = b"STACK CFI INIT 1000"
ONE_ORIGIN = b"INLINE 0 12 0 1 1004 8 1010 4"
# code: files that have exactly this finding
FAULTY: dict[str, list[bytes]] = {
    "encoding": [changed(b"/src/a.c", b"/src/\xe4.c")],
    "nul": [changed(b"memcpy", b"mem\0cpy")],
    "carriage-return": [GOOD.replace(b"\n", b"\r\n"), changed(b"memcpy\n", b"memcpy\r\n")],
    "stray-carriage-return": [changed(b"memcpy", b"mem\rcpy")],
    "line-too-long": [before(FIRST_PUBLIC, b"PUBLIC 1ff0 0 " + b"x" * (LONGEST_LINE + 9))],
    "no-final-newline": [GOOD[:-1]],
    "blank-line": [GOOD + b"\n", GOOD + b"\n\n", before(NEXT, b""), b"\n".join([GOOD, b""])],
    "blank-line-inside": [
        before(b"1008 4", b""),
        before(b"INLINE 1", b""),
        before(b"STACK CFI 1002", b""),
    ],
    "trailing-blank": [changed(b"memcpy", b"memcpy "), changed(b"a.c", b"a.c ")],
    "separator": [
        changed(b"1008 4 6", b"1008  4 6"),
        changed(b"INLINE 1 5", b"INLINE 1  5"),
        changed(b"FUNC 1020 10", b"FUNC 1020  10"),
    ],
    "hex-case": [
        changed(b"1014 c", b"1014 C"),
        before(b"1000 4 10", b"INLINE 0 1 0 1 100C 4"),
        before(FIRST_PUBLIC, b"PUBLIC 1FF0 0 x"),
        GOOD + b"STACK CFI INIT 3000 1A .cfa: $rsp .ra: 0\n",
    ],
    "grammar": [
        changed(b"1008 4 6 1", b"1008 4 6"),
        changed(b"1008 4 6 1\n1010 4 6 1", b"1008 4 6\n1 1010 4 6 1"),
        changed(b"1008 4 6 1", b"00000000000001008 4 6 1"),
        changed(b"1008 4 6 1", b"1008 4 6 1 "),
        changed(b"1008 4 6 1", b"1008 4 6 1 1"),
        changed(b"1008 4 6 1", b"1008 4 -6 1"),
        changed(b"1008 4 6 1", b"1008 4 0x6 1"),
        changed(b"1008 4 6 1", b"1008 4 1_0 1"),
        changed(b"1008 4 6 1", b"1008 4 4294967296 1"),
        changed(b"1008 4 6 1", b"1008 000000004 6 1"),
        changed(b"1008 4 6 1", b"1008\t4 6 1"),
        before(NEXT, b"HELLO world"),
        before(NEXT, b"FUNC 100"),
        before(b"INLINE 1", b"INLINE 0 12 1 1004 8"),
        before(b"INLINE 1", b"INLINE 0 12 0 1"),
        before(b"FILE 0", b"FILE 2"),
        before(b"FILE 0", b"FILE 2 "),
        before(b"FILE 0", b"FILE x y"),
        before(b"FILE 0", b"INFO"),
        before(FIRST_PUBLIC, b"PUBLIC 1ff0 0"),
        before(FIRST_PUBLIC, b"PUBLIC 00000000000001ff0 0 x"),
        before(FIRST_PUBLIC, b"PUBLIC 1ff0 -1 x"),
        GOOD + b"STACK OVERFLOW\n",
        GOOD + b"STACK\n",
        GOOD + b"STACK CFI 1030\n",
        GOOD + b"STACK WIN 4 2170 14 1\n",
        GOOD + b"STACK CFI INIT 3000 10\n",
    ],
    "orphan": [
        before(MAIN, b"1000 4 10 0"),
        before(MAIN, b"INLINE 0 12 0 1 1004 8"),
        before(FIRST_PUBLIC, b"STACK CFI 1002 .cfa: $rsp 16 +").replace(
            b"PUBLIC 2000 0 memcpy\nPUBLIC 2010 0 memmove\n", b""
        ),
        changed(b"memmove\n", b"memmove\n1014 c 13 0\n"),
    ],
    "record-order": [
        changed(b"FILE 1 /src/a b.h\n", b"").replace(NEXT, b"FILE 1 b.h\n" + NEXT),
        before(NEXT, b"INFO URL x"),
        GOOD + b"FUNC 3000 4 0 late\n",
        GOOD + b"PUBLIC 3000 0 late\n",
        changed(b"INLINE_ORIGIN 0 inner(int)\n", b"").replace(NEXT, b"INLINE_ORIGIN 0 x\n" + NEXT),
    ],
    "range-overflow": [
        before(FIRST_PUBLIC, b"FUNC " + FAR + b" 2 0 x"),
        GOOD + b"STACK CFI INIT " + FAR + b" 2 .cfa: $rsp .ra: 0\n",
        before(NEXT, FAR + b" 2 1 0"),
        before(b"1000 4 10", b"INLINE 0 1 0 1 " + FAR + b" 2"),
    ],
    "not-checked": [
        before(b"FILE 0", b"\n".join(b"FILE %d x" % (n << 15) for n in range(1, 4099))),
    ],
    "module-missing": [without(b"MODULE")],
    "module-order": [
        without(b"MODULE") + GOOD.splitlines(keepends=True)[0],
        GOOD + GOOD.splitlines(keepends=True)[0],
    ],
    "module-os": [changed(b"Linux", b"Plan9")],
    "module-arch": [changed(b"x86_64", b"x86-64")],
    "module-name": [changed(b" app\n", b" a/b\n"), changed(b" app\n", b" a b\n")],
    "debug-id": [
        changed(b"0F100 app", b"0f100 app"),
        changed(b"0F100 app", b"0F10 app"),
    ],
    "debug-id-zero": [changed(b"0403020106050807090A0B0C0D0E0F100", b"0" * 33)],
    "code-id": [changed(b"ID 01", b"ID 1"), before(b"FILE 0", b"INFO CODE_ID 0102")],
    "code-id-missing": [without(b"INFO")],
    "code-id-mismatch": [changed(b"ID 01", b"ID 02")],
    "file-duplicate": [before(b"FILE 1", b"FILE 0 x")],
    "origin-duplicate": [before(MAIN, b"INLINE_ORIGIN 0 x")],
    "file-dangling": [changed(b"1014 c 13 0", b"1014 c 13 7"), changed(b"12 0 1 1", b"12 7 1 1")],
    "origin-dangling": [before(NEXT, b"INLINE 0 1 0 9 101c 4")],
    "file-unused": [before(b"FILE 1", b"FILE 9 x")],
    "origin-unused": [before(MAIN, b"INLINE_ORIGIN 9 x")],
    "origin-digits": [changed(b"inner(int)", b"7 inner"), changed(b"inner(int)", b"-12")],
    "func-zero-size": [before(FIRST_PUBLIC, b"FUNC 1030 0 0 x")],
    "func-duplicate": [before(FIRST_PUBLIC, b"FUNC 1020 10 0 x")],
    "func-overlap": [changed(b"FUNC 1000 20", b"FUNC 1000 21")],
    "func-order": [before(FIRST_PUBLIC, b"FUNC 800 4 0 x")],
    "line-zero-size": [before(b"1008 4", b"1008 0 1 0")],
    "line-overlap": [changed(b"1008 4", b"1008 9"), changed(b"1004 4 7 1", b"1000 4 7 1")],
    "line-order": [before(b"1010 4", b"1014 c 1 0").replace(b"1014 c 13 0\n", b"")],
    "line-outside": [
        changed(b"1014 c", b"1014 d"),
        before(b"1020 10", b"101f 1 1 0"),
        before(FIRST_PUBLIC, b"1030 1 1 0"),
    ],
    "inline-no-parent": [
        changed(b"INLINE 1 5", b"INLINE 2 5"),
        changed(ONE_ORIGIN, ONE_ORIGIN.replace(b"INLINE 0", b"INLINE 1")).replace(
            b"INLINE 1 5", b"INLINE 0 5"
        ),
    ],
    "inline-call-file": [changed(b"INLINE 1 5 1", b"INLINE 1 5 -1")],
    "inline-zero-size": [changed(b"1004 8 1010 4", b"1004 8 1010 4 1018 0")],
    "inline-overlap": [before(b"1000 4 10", b"INLINE 0 1 0 1 1008 4")],
    "inline-outside": [
        changed(b"1004 8 1010 4", b"1004 8 101f 2"),
        before(b"1020 10", b"INLINE 0 1 0 1 101c 4"),
    ],
    "inline-outside-parent": [
        changed(b"INLINE 1 5 1 0 1004 4", b"INLINE 1 5 1 0 1008 8"),
        changed(b"INLINE 1 5 1 0 1004 4", b"INLINE 1 5 1 0 1018 4"),
    ],
    "inline-ranges": [
        changed(b"FUNC 1020 10 0", b"FUNC 1020 400 0").replace(
            b"1020 10 20",
            b"INLINE 0 1 0 1 "
            + b" ".join(b"%x 1" % (0x1020 + 2 * index) for index in range(255))
            + b"\n1020 10 20",
        )
    ],
    "public-duplicate": [before(FIRST_PUBLIC, b"PUBLIC m 2000 0 x")],
    "public-inside-func": [
        before(FIRST_PUBLIC, b"PUBLIC 102f 0 x"),
        before(FIRST_PUBLIC, b"PUBLIC 1000 0 x"),
    ],
    "public-at-zero": [before(FIRST_PUBLIC, b"PUBLIC 0 0 x")],
    "public-order": [changed(b"PUBLIC 2010", b"PUBLIC 1ff0")],
    "thumb-bit": [
        arm(changed(b"PUBLIC 2000", b"PUBLIC 2001")),
        arm(before(FIRST_PUBLIC, b"FUNC 1801 2 0 x")),
        arm(GOOD + b"STACK CFI INIT 1801 2 .cfa: $rsp .ra: 0\n"),
        arm(changed(b"STACK CFI 1010", b"STACK CFI 1011")),
    ],
    "cfi-zero-size": [GOOD + b"STACK CFI INIT 1030 0 .cfa: $rsp .ra: 0\n"],
    "cfi-overlap": [GOOD + b"STACK CFI INIT 1028 10 .cfa: $rsp .ra: 0\n"],
    "cfi-order": [GOOD + b"STACK CFI INIT 800 10 .cfa: $rsp .ra: 0\n"],
    "cfi-no-cfa": [GOOD + b"STACK CFI INIT 1030 4 .ra: 0\n"],
    "cfi-no-ra": [GOOD + b"STACK CFI INIT 1030 4 .cfa: $rsp 8 +\n"],
    "cfi-rules": [
        GOOD + b"STACK CFI 1028 8 .cfa: $rsp\n",
        GOOD + b"STACK CFI 1028 .cfa:\n",
        GOOD + b"STACK CFI 1028 .cfa: $rbp: 4\n",
        GOOD + b"STACK CFI 1028 : 4\n",
        GOOD + b"STACK CFI 1028  \n",
    ],
    "cfi-register": [
        changed(b"$rbp: .cfa", b"$xbp: .cfa"),
        changed(b"$rbp 16", b"rbp 16"),
        arm(changed(b"$rbp: .cfa -16 + ^", b"r4: x19")),
    ],
    "cfi-expression": [
        changed(b".cfa: $rbp 16 +", b".cfa: " + expression)
        for expression in (
            b"$rbp +",
            b"^",
            b"$rbp 16",
            b"$rbp 16 + +",
            b".cfa",
            b".undef",
            b"$rbp 16 =",
            b"$rbp 0 /",
            b"$rbp 0 %",
            b"$rbp 12 @",
            b"$rbp 9223372036854775808 +",
            b"$rbp " + b"9" * 400 + b" +",
            b"$rbp 16 &",
            b"$rbp 0x10 +",
        )
    ]
    + [
        changed(b"$rbp: .cfa", b"$rbp: .ra"),
        changed(b"$rbp: .cfa -16 + ^", b"$rbp: .undef 4 +"),
        arm(changed(b"$rbp 16 +", b"$rbp 4294967296 +")),
    ],
    "cfi-delta-outside": [
        changed(b"STACK CFI 1010", b"STACK CFI 1020"),
        changed(b"STACK CFI 1002", b"STACK CFI fff"),
    ],
    "cfi-delta-order": [
        changed(b"STACK CFI 1010", b"STACK CFI 1002"),
        changed(b"STACK CFI 1002", b"STACK CFI 1000"),
    ],
    "stack-win": [GOOD + b"STACK WIN 4 2170 14 1 0 0 0 0 0 1 $eip 4 + ^ =\n"],
    "no-symbols": [
        b"".join(
            line
            for line in GOOD.splitlines(keepends=True)
            if line.startswith((b"MODULE", b"INFO", b"STACK"))
        )
    ],
    "no-cfi": [without(b"STACK")],
}
# Files right beside the faulty ones that must be clean.
CLEAN = [
    GOOD,
    changed(b"FUNC 1020", b"FUNC m 1020").replace(FIRST_PUBLIC, b"PUBLIC m 2000"),
    changed(b"/src/a.c", "/src/ä.c".encode()),
    changed(b"Linux", b"mac").replace(b"INFO CODE_ID 01", b"INFO CODE_ID 02"),
    changed(b"0F100 app", b"0F10a app").replace(b"0F10a", b"0F10A"),
    # A big-endian file: symbolic does not swap, so the id is the beginning of the code id.
    changed(b"0403020106050807090A0B0C0D0E0F100", b"0102030405060708090A0B0C0D0E0F100"),
    changed(b"1008 4 6 1", b"1008 4 4294967295 1"),
    changed(b"1008 4 6 1", b"1008 4 0 1"),
    changed(b"1008 4 6 1", b"0000000000001008 00000004 6 1"),
    before(FIRST_PUBLIC, b"FUNC ffffffffffffff00 ff 0 x"),
    before(FIRST_PUBLIC, b"PUBLIC 1030 0 right behind the function"),
    before(b"FILE 0", b"INFO URL https://example.com/a b"),
    before(NEXT, b"INLINE_ORIGIN 2 x").replace(
        b"1020 10 20", b"INLINE 0 1 0 2 1020 10\n1020 10 20"
    ),
    changed(b"inner(int)", b"7inner"),
    changed(b"INLINE 1 5 1 0 1004 4", b"INLINE 1 5 1 0 1004 8 1010 4"),
    before(b"1000 4 10", b"INLINE 0 1 0 1 100c 4"),
    arm(GOOD),
    changed(b"STACK CFI 1010", b"STACK CFI 101f"),
    changed(b"PUBLIC 2000", b"PUBLIC 2001"),  # odd, but no ARM code
    *(
        changed(b".cfa: $rbp 16 +", b".cfa: " + expression)
        for expression in (
            b"$rbp",
            b"$rbp 16 + 16 @",
            b"$rbp 2 / 3 % 4 *",
            b"$rbp 9223372036854775807 +",
            b"$rbp ^",
        )
    ),
    changed(b"$rbp: .cfa -16 + ^", b"$rbp: .undef"),
    changed(b"$rbp: .cfa -16 + ^", b"$rbp: $rbp"),
    changed(
        b"STACK CFI INIT 1000 20 .cfa: $rsp 8 + .ra: .cfa -8 + ^", INIT + b" 20 .cfa: $rsp .ra: 0"
    ),
]
# These need a path or an ELF file; they have tests of their own.
ELSEWHERE = (
    {"store-path"}
    | {code for code in CODES if code.startswith("elf-")}
    | {"cfi-missing", "cfi-rows-missing", "low-coverage"}
)


def test_every_code_has_a_test() -> None:
    assert set(FAULTY) | ELSEWHERE == set(CODES)
    assert not set(FAULTY) & ELSEWHERE


@pytest.mark.parametrize(
    ("code", "data"),
    [pytest.param(c, d, id=f"{c}-{i}") for c, files in FAULTY.items() for i, d in enumerate(files)],
)
def test_a_fault_gives_its_finding_and_no_other(code: str, data: bytes) -> None:
    assert codes(data) == {code}


@pytest.mark.parametrize("data", CLEAN, ids=range(len(CLEAN)))
def test_a_good_file_has_no_findings(data: bytes) -> None:
    assert codes(data) == set()


def test_findings_of_one_kind_are_summed_up() -> None:
    data = before(b"1010 4", b"\n".join([b"1008 0 6 1"] * 1000))
    (finding,) = checked(data).findings
    assert (finding.code, finding.count) == ("line-zero-size", 1000)
    assert [place.line for place in finding.places] == [13, 14, 15]
    assert finding.message("a.sym") == (
        "line record of size 0: 'a.sym' line 13: '1008 0 6 1' (1000 times; also in line 14, 15)."
        " Processors drop it."
    )


def test_empty_lines_are_all_counted() -> None:
    (finding,) = checked(before(NEXT, b"\n\n")).findings
    assert (finding.code, finding.count) == ("blank-line", 3)


def test_calls_nested_too_deeply_are_left_out() -> None:
    deep = b"\n".join(b"INLINE %d 12 0 1 1020 1" % depth for depth in range(5000))
    assert codes(before(b"1020 10", deep)) == {"not-checked"}


def test_findings_come_in_the_order_of_the_lines() -> None:
    data = GOOD.replace(b"FILE 1 ", b"FILE 0 ").replace(b"Linux", b"Plan9")
    assert [(f.code, f.places[0].line) for f in checked(data).findings] == [
        ("module-os", 1),
        ("file-duplicate", 4),
        ("file-dangling", 9),
    ]


def test_what_a_file_brings_along_cannot_change_the_terminal() -> None:
    (finding,) = checked(before(NEXT, b"HELLO\x1b[2J\x07")).findings
    assert finding.message("a.sym").isprintable()


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ("app/0403020106050807090A0B0C0D0E0F100/app.sym", set()),
        ("elsewhere/app.sym", set()),
        ("app/0403020106050807090A0B0C0D0E0F101/app.sym", {"store-path"}),
        ("app/0403020106050807090a0b0c0d0e0f100/app.sym", {"store-path"}),
        ("libapp.so/0403020106050807090A0B0C0D0E0F100/app.sym", {"store-path"}),
        ("app/0403020106050807090A0B0C0D0E0F100/app.debug.sym", {"store-path"}),
    ],
)
def test_place_in_a_store(place: str, found: set[str]) -> None:
    assert codes(GOOD, Path("store") / place) == found


def test_policy_changes_levels_and_later_words_win() -> None:
    assert LintPolicy.parse([]).levels["no-cfi"] == "warning"
    levels = LintPolicy.parse(["*=info", "no-cfi=error"]).levels
    assert (levels["no-cfi"], levels["grammar"]) == ("error", "info")
    for word in ("no-cfi", "no-cfi=fatal", "unheard-of=error"):
        with pytest.raises(ConfigError, match="it is not CODE=LEVEL"):
            LintPolicy.parse([word])


class Pieces(io.BytesIO):
    """A stream that gives a few bytes at a time, whatever is asked for."""

    def __init__(self, data: bytes, size: int) -> None:
        super().__init__(data)
        self._size = size

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(self._size)


@pytest.mark.parametrize("size", [1, 2, 7, 100])
@pytest.mark.parametrize("data", [GOOD, FAULTY["carriage-return"][0], FAULTY["encoding"][0]])
def test_pieces_make_no_difference(size: int, data: bytes) -> None:
    whole = checked(data)
    pieces = lint(Pieces(data, size))
    assert pieces.findings == whole.findings
    assert pieces.counts == whole.counts


def test_line_too_long_hides_no_other_and_keeps_the_numbers() -> None:
    long = b"FILE 9 " + b"x" * (3 * LONGEST_LINE) + b"\n"
    data = before(NEXT, b"HELLO").replace(b"FILE 0", long + b"FILE 0")
    assert [(f.code, f.places[0].line) for f in checked(data).findings] == [
        ("line-too-long", 3),
        ("grammar", 16),
    ]
    assert {f.code for f in checked(GOOD + long[:-1]).findings} == {"line-too-long"}


def test_coverage_is_that_of_the_records() -> None:
    result = lint(io.BytesIO(GOOD), coverage=True)
    assert list(zip(result.functions.starts, result.functions.ends, strict=True)) == [
        (0x1000, 0x1020),
        (0x1020, 0x1030),
    ]
    assert list(zip(result.lines.starts, result.lines.ends, strict=True)) == [
        (0x1000, 0x100C),
        (0x1010, 0x1020),
        (0x1020, 0x1030),
    ]
    assert result.rows.tolist() == [0x1000, 0x1002, 0x1010, 0x1020]
    assert not lint(io.BytesIO(GOOD)).lines


LINES = st.sampled_from([line for data in (GOOD, *CLEAN) for line in data.splitlines()])
WORDS = st.sampled_from(
    b"MODULE INFO FILE INLINE_ORIGIN FUNC INLINE PUBLIC STACK CFI INIT WIN m Linux arm 0 1 -1 10 "
    b"1000 ffffffffffffffff 99999999999999999999 .cfa: .ra: .cfa + - ^ @ / = $rsp r4 \xff \0 : a "
    b"\r".split(b" ")
)
RECORDS = st.one_of(LINES, st.lists(WORDS, max_size=9).map(b" ".join), st.binary(max_size=30))


@given(st.binary() | st.lists(RECORDS, max_size=30).map(b"\n".join))
def test_any_bytes_give_findings_or_none(data: bytes) -> None:
    for finding in lint(io.BytesIO(data), Path("x"), coverage=True).findings:
        assert finding.code in CODES
        assert 0 < len(finding.places) <= finding.count
        assert finding.message("x").isprintable()


@given(st.lists(RECORDS, max_size=30), st.integers(1, 40))
def test_any_pieces_make_no_difference(records: list[bytes], size: int) -> None:
    data = b"\n".join(records)
    assert lint(Pieces(data, size)).findings == checked(data).findings


def test_every_code_is_in_the_reference_with_its_level() -> None:
    page = (REPOSITORY / "docs" / "reference" / "lint.md").read_text()
    documented = re.findall(r"^\| `([\w-]+)` \| (\w+) \|", page, re.MULTILINE)
    assert documented == [(code, entry.level) for code, entry in CODES.items()]


def test_every_code_is_in_the_schema() -> None:
    path = REPOSITORY / "docs" / "reference" / "crashsym-lint-1.schema.json"
    schema = json.loads(path.read_text())
    assert schema["$defs"]["finding"]["properties"]["code"]["enum"] == list(CODES)


def test_all_unused_numbers_are_counted() -> None:
    files = b"\n".join(b"FILE %d x" % number for number in range(10, 25))
    (finding,) = checked(before(b"FILE 0", files)).findings
    assert (finding.code, finding.count) == ("file-unused", 15)
    assert [place.fact for place in finding.places] == ["FILE 10", "FILE 11", "FILE 12"]


def test_too_many_lines_out_of_order_are_not_compared() -> None:
    lines = b"\n".join(b"%x 1 1 0" % address for address in range(0x50000, 0x2000, -1))
    data = changed(b"FUNC 1020 10", b"FUNC 1020 90000").replace(b"\n1020 10 20 0", b"\n" + lines)
    data = data.replace(b"PUBLIC 2000 0 memcpy\nPUBLIC 2010 0 memmove\n", b"")
    assert codes(data) == {"line-order", "not-checked"}
