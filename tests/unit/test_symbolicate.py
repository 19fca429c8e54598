# SPDX-License-Identifier: MIT
"""Text with frames."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from crashsym.breakpad.records import ModuleRecord
from crashsym.cli.main import main
from crashsym.store import Store
from crashsym.symbolicate import Symbolicator
from hypothesis import given
from hypothesis import strategies as st
from support import crashsym

DEBUG_ID = "0403020106050807090A0B0C0D0E0F100"
BUILD_ID = "0102030405060708090a0b0c0d0e0f1011121314"
SYMBOLS = f"""MODULE Linux arm64 {DEBUG_ID} libfoo.so.1
FILE 0 /src/foo.c
FUNC 1000 20 0 first
1000 10 11 0
1010 10 12 0
FUNC 1020 10 0 second
1020 10 21 0
""".encode()


DIVIDED = f"""MODULE Linux x86_64 {DEBUG_ID} app
FUNC 1100 20 0 work()
FUNC 1330 bd 0 work()
FUNC 2108 40 0 twice()
FUNC 3330 40 0 twice()
PUBLIC 5000 0 open
PUBLIC 6000 0 open
""".encode()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("symbols")
    (folder / "new").write_bytes(SYMBOLS)
    store = Store(folder / "store")
    store.add(ModuleRecord("Linux", "arm64", DEBUG_ID, "libfoo.so.1", ""), folder / "new")
    return store


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("libfoo.so.1+0x1010", "first at /src/foo.c:12"),
        ("#0 libfoo.so.1+0x1020", "second at /src/foo.c:21"),
        ("#1 libfoo.so.1+0x1020", "first at /src/foo.c:12"),
        ("  #12 libfoo.so.1+0x1010", "first at /src/foo.c:11"),
        ("    #3 0x7f00 in f(int) (/usr/lib/libfoo.so.1+0x1010)", "first at /src/foo.c:12"),
        ("    #3 0x7f00  (/usr/lib/libfoo.so.1+0x1010) (BuildId: 01)", None),
        (
            f"    #3 0x7f00  (/lib/libfoo.so.1+0x1010) (BuildId: {BUILD_ID})",
            "first at /src/foo.c:12",
        ),
        ("/lib/libfoo.so.1(+0x1020) [0x7f00]", "first at /src/foo.c:12"),
        ("/lib/libfoo.so.1(+0x1020)[0x7f00]", "first at /src/foo.c:12"),
        ("/lib/libfoo.so.1(second+0x4)[0x7f00]", "second at /src/foo.c:21"),
        ("/lib/libfoo.so.1(missing+0x4)[0x7f00]", None),
        ("#2  0x00007f00 n/a (libfoo.so.1 + 0x1020)", "first at /src/foo.c:12"),
        ("#0  0x00007f00 second (libfoo.so.1 + 0x1020)", "second at /src/foo.c:21"),
        ("app[7]: pc libfoo.so.1+0x1000, sp 0x7f", "first at /src/foo.c:11"),
        ("libfoo.so.1+0xffffffffffffffffffffffff", None),
        ("libfoo.so.1+0x0", None),
        ("libfoo.so.1+1010", None),
        ("..+0x1010", None),
        ("/+0x1010", None),
    ],
)
def test_frame(store: Store, line: str, name: str | None) -> None:
    [result] = Symbolicator([store]).lines([line])
    assert result == (line if name is None else f"{line} {name}")


@pytest.mark.parametrize(
    ("frame", "name"),
    [
        ("_Z4workv+0x7f)[0x55d0313af]", "work()"),  # the first piece is not as long
        ("_Z4workv+0x10)[0x55d031110]", "work()"),
        ("_Z5twicev+0x8)[0x55d031110]", "twice()"),
        ("_Z5twicev+0x8)[0x55d031338]", "twice()"),
        ("_Z5twicev+0x8)[0x55d031339]", None),  # neither is there
        ("open+0x8)[0x55d031008]", None),  # both could be
    ],
)
def test_a_function_in_several_pieces_is_known_by_size_and_place(
    tmp_path: Path, frame: str, name: str | None
) -> None:
    (tmp_path / "new").write_bytes(DIVIDED)
    store = Store(tmp_path / "store")
    store.add(ModuleRecord("Linux", "x86_64", DEBUG_ID, "app", ""), tmp_path / "new")
    line = f"./app({frame}"
    expected = line if name is None else f"{line} {name}"
    assert list(Symbolicator([store]).lines([line])) == [expected]


BEHIND = f"""MODULE Linux x86_64 {DEBUG_ID} app
FUNC 1000 20 0 main
PUBLIC 1040 0 _fini
"""


@pytest.mark.parametrize(
    ("more", "address", "name"),
    [
        ("", 0x1045, "_fini"),
        ("", 0x1FFF, "_fini"),
        ("", 0x2000, None),
        ("", 0x99999, None),
        ("", (1 << 64) + 0x1010, None),
        ("STACK CFI INIT 1040 2000 .cfa: $rsp 8 +", 0x303F, "_fini"),
        ("STACK CFI INIT 1040 2000 .cfa: $rsp 8 +", 0x3040, None),
        ("FUNC 5000 10 0 last", 0x4FFF, "_fini"),
        ("FUNC 5000 10 0 last", 0x5010, None),
    ],
)
def test_what_lies_behind_all_code_has_no_name(
    tmp_path: Path, more: str, address: int, name: str | None
) -> None:
    (tmp_path / "new").write_text(BEHIND + more)
    store = Store(tmp_path / "store")
    store.add(ModuleRecord("Linux", "x86_64", DEBUG_ID, "app", ""), tmp_path / "new")
    symbolicator = Symbolicator([store])
    line = f"app+{address:#x}"
    assert list(symbolicator.lines([line])) == [line if name is None else f"{line} {name}"]
    shown = line[4:] if address < 1 << 64 else "an address of more than 64 bits"
    assert symbolicator.outcome.missing == ({} if name else {"app": f"no symbol at {shown}"})


@pytest.mark.parametrize("name", ["n" * 300, "n" * 252, "a\0b"])
def test_a_module_name_that_no_file_can_have_is_just_unknown(store: Store, name: str) -> None:
    symbolicator = Symbolicator([store])
    assert list(symbolicator.lines([f"{name}+0x10"])) == [f"{name}+0x10"]
    assert symbolicator.outcome.missing == {name: "no symbols"}


HINT = b"a store is a folder that has NAME/ID/NAME.sym right below"


def test_what_a_store_is_is_said_where_there_is_none(store: Store, tmp_path: Path) -> None:
    (tmp_path / "log").write_text("unknown.so+0x10\n")
    for folder, hint in ((store.root, False), (store.root.parent, True), (tmp_path, True)):
        done = crashsym("symbolicate", tmp_path / "log", "--store", folder)
        assert done.returncode == 3
        assert (HINT in done.stderr) is hint, folder
    places = ("--store", store.root.parent, "--store", store.root)
    assert HINT not in crashsym("symbolicate", tmp_path / "log", *places).stderr


def test_a_store_that_may_not_be_read_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    store: Store,
    tmp_path: Path,
) -> None:
    """As root may read all, the calls that would fail do."""
    (tmp_path / "log").write_text("libfoo.so.1+0x1010\n")
    place = store.root / "libfoo.so.1"

    def refusing(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(path: Path, *arguments: Any, **options: Any) -> Any:
            if path == place:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
            return real(path, *arguments, **options)

        return call

    with monkeypatch.context() as patch:
        patch.setattr(Path, "iterdir", refusing(Path.iterdir))
        assert main(["symbolicate", str(tmp_path / "log"), "--store", str(store.root)]) == 2
    assert re.fullmatch(
        r"crashsym: cannot \w+: '.*': Permission denied\. G.*\n", capsys.readouterr().err
    )


def test_bytes_and_line_ends_pass_through(store: Store, tmp_path: Path) -> None:
    text = b"\xe9 no frame\r\nlibfoo.so.1+0x1010\r\n\nlast \xff libfoo.so.1+0x1020"
    (tmp_path / "log").write_bytes(text)
    command = [sys.executable, "-m", "crashsym", "symbolicate", str(tmp_path / "log")]
    run = subprocess.run([*command, "--store", store.root], capture_output=True, check=True)
    first, second = b" first at /src/foo.c:12\r\n\n", b" second at /src/foo.c:21"
    assert run.stdout == text.replace(b"\r\n\n", first) + second


def test_build_id_that_systemd_names_chooses_the_build(store: Store) -> None:
    note = "Found module /usr/lib/libfoo.so.1 with build-id: 00000000"
    frame = "#0  0x00007f00 n/a (libfoo.so.1 + 0x1020)"
    symbolicator = Symbolicator([store])
    assert list(symbolicator.lines([note, frame])) == [note, frame]
    assert symbolicator.outcome.missing == {"libfoo.so.1": "no symbols of build 00000000"}


@given(st.text("#0123456789abcfx+()[]: /.so\tlibBuildId\x1b\u00e9", max_size=60))
def test_any_text_passes_through(store: Store, line: str) -> None:
    results = list(Symbolicator([store]).lines([line]))
    assert results[0].startswith(line)


def test_long_lines_take_no_time_to_speak_of(store: Store) -> None:
    lines = ["a" * 2_000_000 + "+", "(" * 2_000_000 + "+0x", "Module " * 300_000 + "with build-id"]
    assert list(Symbolicator([store]).lines(lines)) == lines


def test_damaged_symbol_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "new").write_bytes(b"MODULE Linux\n")
    store = Store(tmp_path / "store")
    store.add(ModuleRecord("Linux", "arm", DEBUG_ID, "app", ""), tmp_path / "new")
    symbolicator = Symbolicator([store])
    assert list(symbolicator.lines(["app+0x1"])) == ["app+0x1"]
    assert "line 1: no record of a symbol file" in symbolicator.outcome.missing["app"]
