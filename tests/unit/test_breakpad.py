# SPDX-License-Identifier: MIT
"""Symbol files: writer, reader, look-ups."""

from __future__ import annotations

import pytest
from crashsym.breakpad.lookup import Frame, Lookup
from crashsym.breakpad.reader import read
from crashsym.breakpad.records import (
    CfiRecord,
    FuncRecord,
    InlineRecord,
    LineRecord,
    ModuleRecord,
    PublicRecord,
    SymbolFile,
)
from crashsym.breakpad.writer import write
from crashsym.errors import MalformedError
from hypothesis import given
from hypothesis import strategies as st

TEXT = b"""MODULE Linux x86_64 0403020106050807090A0B0C0D0E0F100 app
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
PUBLIC 2000 0 memcpy
STACK CFI INIT 1000 20 .cfa: $rsp 8 + .ra: .cfa -8 + ^
STACK CFI 1001 .cfa: $rsp 16 + $rbp: .cfa -16 + ^
"""


def test_reader_and_writer_agree() -> None:
    assert write(read(TEXT)) == TEXT


def test_lookup_gives_the_inlined_calls_innermost_first() -> None:
    lookup = Lookup(read(TEXT))
    assert lookup.frames(0x1005) == [
        Frame("inner(int)", "/src/a b.h", 7),
        Frame("outer()", "/src/a b.h", 5),
        Frame("main", "/src/a.c", 12),
    ]
    assert lookup.frames(0x1010) == [
        Frame("outer()", "/src/a b.h", 6),
        Frame("main", "/src/a.c", 12),
    ]
    assert lookup.frames(0x101F) == [Frame("main", "/src/a.c", 13)]


def test_lookup_without_a_line_gives_the_function() -> None:
    assert Lookup(read(TEXT)).frames(0x100C) == [Frame("main", "", 0)]


def test_lookup_outside_of_functions_gives_the_public_below() -> None:
    lookup = Lookup(read(TEXT))
    assert lookup.frames(0x2345) == [Frame("memcpy")]
    assert lookup.frames(0x1020) == []
    assert lookup.frames(0xFFF) == []


def test_calls_inlined_too_deep_are_one_frame_that_says_so() -> None:
    calls = "".join(f"INLINE {n} {n + 1} 0 0 1000 20\n" for n in range(1000))
    text = TEXT.replace(b"INLINE 0 12 0 1 1004 8 1010 4\nINLINE 1 5 1 0 1004 4\n", calls.encode())
    frames = Lookup(read(text)).frames(0x1000)
    assert len(frames) == 258
    assert frames[0] == Frame("(calls inlined more than 256 deep)", "/src/a.c", 10)
    assert frames[1] == Frame("inner(int)", "/src/a.c", 257)
    assert frames[-1] == Frame("main", "/src/a.c", 1)


def test_each_of_many_lines_and_calls_is_found() -> None:
    calls = "".join(f"INLINE 0 {n} 0 0 {n:x} 1\n" for n in range(20_000))
    lines = "".join(f"{n:x} 1 {n} 0\n" for n in range(20_000))
    head = "MODULE Linux x86_64 0 app\nFILE 0 a.c\nINLINE_ORIGIN 0 f\nFUNC 0 20000 0 main\n"
    lookup = Lookup(read((head + calls + lines).encode()))
    found = [lookup.frames(address)[0] for address in range(20_000)]
    assert found == [Frame("f", "a.c", n) for n in range(20_000)]


def test_records_of_other_tools_are_read() -> None:
    many = TEXT.replace(b"FUNC 1000", b"FUNC m 1000").replace(b"PUBLIC 2000", b"PUBLIC m 2000")
    text = many.replace(b"\n", b"\r\n") + b"INFO GENERATOR mozilla/dump_syms 2.3.5\n\n"
    assert write(read(text)) == many


@pytest.mark.parametrize("line", [b"FUNC 1000", b"1000 4 x 0", b"INLINE 0 1 2 3 10", b"hello"])
def test_line_that_is_no_record_is_named(line: bytes) -> None:
    with pytest.raises(MalformedError, match="line 2: no record of a symbol file"):
        read(b"MODULE Linux arm 0 app\n" + line)


def test_line_record_needs_a_function_before_it() -> None:
    with pytest.raises(MalformedError, match="line 2"):
        read(b"MODULE Linux arm 0 app\n1000 4 1 0\n")


def test_module_record_is_needed() -> None:
    with pytest.raises(MalformedError, match="no MODULE record"):
        read(b"FILE 0 a\n")


def test_names_cannot_break_out_of_their_record() -> None:
    module = ModuleRecord("Linux", "arm", "0" * 33, "a", "00")
    function = FuncRecord(0x10, 4, "f\nFUNC 0 1 0 g\x00")
    symbols = SymbolFile(module, ("x\r\ny",), (), (function,), (), ())
    assert b"\nFUNC 10 4 0 f?FUNC 0 1 0 g?\n" in write(symbols)
    assert b"\nFILE 0 x??y\n" in write(symbols)


ADDRESSES = st.integers(0, 2**32)
NUMBERS = st.integers(0, 2**31 - 1)
NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=9)


@given(
    st.lists(NAMES, min_size=1, max_size=4),
    st.lists(NAMES, min_size=1, max_size=4),
    st.dictionaries(ADDRESSES, st.tuples(NAMES, NUMBERS, NUMBERS), max_size=4),
    st.dictionaries(ADDRESSES, NAMES, max_size=4),
)
def test_what_is_written_is_read_again(
    files: list[str],
    origins: list[str],
    functions: dict[int, tuple[str, int, int]],
    publics: dict[int, str],
) -> None:
    records = tuple(
        FuncRecord(
            address,
            size,
            name,
            (InlineRecord(0, line, 0, 0, ((address, size),)),),
            (LineRecord(address, size, line, 0),),
        )
        for address, (name, size, line) in sorted(functions.items())
    )
    symbols = SymbolFile(
        ModuleRecord("Linux", "arm", "0" * 33, "a b", "00"),
        tuple(files),
        tuple(origins),
        records,
        tuple(PublicRecord(*item) for item in sorted(publics.items())),
        tuple(
            CfiRecord(r.address, r.size, ".cfa: sp 0 +", ((r.address, ".ra: lr"),)) for r in records
        ),
    )
    assert read(write(symbols)) == symbols
