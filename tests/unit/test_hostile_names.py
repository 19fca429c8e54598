# SPDX-License-Identifier: MIT
"""Mangled names of Rust and D, and suffixes, that are made to cost much."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from builders import elf
from builders.encode import Format
from builders.limits import check_promise
from builders.names import doubling_cxx
from crashsym.demangle import demangle, readable
from crashsym.demangle.limits import LONGEST
from hypothesis import given
from hypothesis import strategies as st

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
HASH = "17h0123456789abcdefE"


def _base62(number: int) -> str:
    text = ""
    while number:
        number -= 1 if not text else 0
        text = _DIGITS[number % 62] + text
        number //= 62
    return text + "_"


def _base26(number: int) -> str:
    text = chr(ord("a") + number % 26)
    while number := number // 26:
        text = chr(ord("A") + number % 26) + text
    return text


def doubling_rust(steps: int) -> str:
    """Return a name each of whose arguments is twice as long as the one before."""
    name, latest = "INvC1a1bh", 8
    for _ in range(steps):
        here = len(name)
        name += f"TB{_base62(latest)}B{_base62(latest)}E"
        latest = here
    return f"_R{name}E"


def doubling_d(steps: int) -> str:
    """Return a function each of whose parameters is twice as long as the one before."""
    name, latest = "1a1bFi", 5
    for _ in range(steps):
        here = len(name)
        name += "B2Q" + _base26(here + 2 - latest)
        name += "Q" + _base26(len(name) - latest)
        latest = here
    return f"_D{name}Zv"


def silent_rust(steps: int) -> str:
    """Return a name that reads itself again and again without writing a letter."""
    name = "INvC1a1bC0"
    latest = 8
    for _ in range(steps):
        here = len(name)
        name += f"NvNvB{_base62(latest)}00"
        latest = here
    return f"_R{name}E"


def packs_in_packs(levels: int) -> str:
    """Return a function with a pack of a hundred types for each element of a pack, and so on."""
    return "_Z1fIJ" + "i" * 100 + "EEv" + "Dp" * levels + "T_"


NAMES: dict[str, Callable[[], str]] = {
    "C++ that doubles 27 times": lambda: doubling_cxx(27),
    "C++ that doubles 36 times": lambda: doubling_cxx(36),
    "C++ that libstdc++ never finishes": lambda: "_ZN1AIXsrs1xEDnEElv",
    "C++ packs of packs": lambda: packs_in_packs(12),
    "C++ that libstdc++ 12 never ends": lambda: "_Z1aIXsriED",
    "C++ that libstdc++ 12 never ends, without a type": lambda: "_Z1fDTsrC",
    "C++ of 500 letters that become 75 MB": lambda: doubling_cxx(13).replace(
        "1A", "1AI" + "y" * 400 + "E"
    ),
    "Rust that doubles 60 times": lambda: doubling_rust(60),
    "Rust that doubles 5000 times": lambda: doubling_rust(5000),
    "D that doubles 60 times": lambda: doubling_d(60),
    "D that doubles 5000 times": lambda: doubling_d(5000),
    "Rust that writes nothing": lambda: silent_rust(60),
    "Rust that writes nothing for long": lambda: silent_rust(20_000),
    "2^60 lifetimes": lambda: "_RMC0FGzzzzzzzzzz_Eu",
    "2^60 lifetimes, silently": lambda: "_RNvMNvC1aFGzzzzzzzzzz_Eu01b",
    "a number that is too large": lambda: "_RNvCs" + "Z" * 500_000 + "_1a1b",
    "a length of many digits": lambda: "_RNvC" + "9" * 500_000 + "a1b",
    "D, a length of many digits": lambda: "_D" + "9" * 500_000 + "a",
    "D, an argument of many digits": lambda: "_D1a__T1bS" + "1" * 100_000 + "Zi",
    "D, an array of 2^60": lambda: "_D1a__T1bVAiA1152921504606846976i1Zi",
    "D, a tuple of 2^60": lambda: "_D1aFB1152921504606846976Zv",
    "Punycode of 500 000 letters": lambda: "_RNvC1au500000_" + "a" * 500_000,
    "Punycode behind 500 000 letters": lambda: "_RNvC1au500003_" + "b" * 500_000 + "_aa",
    "Punycode with a huge distance": lambda: "_RNvC1au100000_" + "9" * 100_000,
    "a constant of 500 000 digits": lambda: "_RIC0Kh" + "f" * 500_000 + "_E",
    "a character of 500 000 digits": lambda: "_RIC0Kc" + "0" * 500_000 + "_E",
    "a string of 500 000 digits": lambda: "_RIC0Ke" + "41" * 250_000 + "_E",
    "legacy Rust of 500 000 parts": lambda: "_ZN" + "1a" * 500_000 + HASH,
    "legacy Rust of 300 000 escapes": lambda: "_ZN900000" + "$C$" * 300_000 + HASH,
    "legacy Rust of 900 000 dollars": lambda: "_ZN900000" + "$" * 900_000 + HASH,
    "legacy Rust of 300 000 hashes": lambda: "_ZN" + "17h" * 300_000,
    "D of 500 000 parts": lambda: "_D" + "1a" * 500_000 + "i",
    "D of 500 000 nameless parts": lambda: "_D" + "4__S1" * 100_000 + "i",
    "a million suffixes": lambda: "_Z1fv" + ".cold" * 200_000,
    "a million numbers": lambda: "f" + ".1" * 500_000,
    "a million unknown suffixes": lambda: "_Z1fv" + ".a" * 500_000,
    "a million dots": lambda: "_RNvC1a1b" + "." * 1_000_000,
}
PREFIXES = {
    "_RMC0": ("R", "T", "S", "P", "A", "F", "D", "W", "FK", "FG_", "DN", "NvMC0", "I"),
    "_R": ("Nv", "M", "X", "Y", "I", "Nv" + "M", "YRT"),
    "_RIC0K": ("R", "A", "T", "VC0T", "VC0S1a", "VIC0K", "e"),
    "_D1a": ("F", "FD", "FP", "FA", "FH", "FHi", "FB", "Fx", "__T1bT", "__T1bS1a", "M", "FDNa"),
    "_D1a__T1bVi": ("A9", "S9", "f_D1a__T1bVi", "N", "A1A1"),
    "_D": ("__T", "1aF", "1aFZ", "1a__T1bS", "1a__T1bS1", "1a__T1bS_D"),
}
DEEP = [(prefix, part) for prefix, parts in PREFIXES.items() for part in parts]


@pytest.mark.parametrize("make", NAMES.values(), ids=NAMES)
def test_no_name_is_long_or_takes_long(make: Callable[[], str]) -> None:
    """An exponential one would need centuries."""
    shown = demangle(make())
    assert shown is None or len(shown) <= LONGEST


def _deeper(levels: int, name: str) -> str | None:
    return _deeper(levels - 1, name) if levels else demangle(name)


@pytest.mark.parametrize(("prefix", "part"), DEEP)
@pytest.mark.parametrize("times", [60, 161, 1000, 100_000])
def test_depth_is_no_trouble(prefix: str, part: str, times: int) -> None:
    """An exception for recursion would come out of here, though a caller is 250 calls deep."""
    shown = _deeper(250, prefix + part * times)
    assert shown is None or len(shown) <= LONGEST


@pytest.mark.parametrize(("make", "part"), [(doubling_rust, "u8"), (doubling_d, "int")])
def test_what_doubles_a_few_times_is_decoded(make: Callable[[int], str], part: str) -> None:
    shown = demangle(make(5))
    assert shown is not None
    assert shown.count(part) == 2**6 - 1


def test_what_writes_nothing_is_decoded_when_short() -> None:
    assert demangle(silent_rust(3)) == "a::b::<, , , >"


_RUST = "C N v M X Y I B_ B0_ B3_ E K L_ 1a u3_a_b s_ h R D F"
_D = "1a __T Z Qb Qd QBa F M x A H D P B S V T i 4 _D i1 A2"


@given(st.lists(st.sampled_from(_RUST.split())))
def test_any_rust(parts: list[str]) -> None:
    name = "_RNvC1a1b" + "".join(parts)
    assert readable(name)


@given(st.lists(st.sampled_from(_D.split())))
def test_any_d(parts: list[str]) -> None:
    name = "_D1a" + "".join(parts)
    assert readable(name)


@given(st.text(max_size=50), st.sampled_from(["_R", "_D", "_ZN", "_Z", ""]))
def test_any_text(text: str, prefix: str) -> None:
    assert readable(prefix + text, keep_suffixes=True) or not text


def test_invalid_utf8_is_kept(tmp_path: Path) -> None:
    names = [b"_RNvC1a1?", b"_D1a1?i", b"_ZN1?17h0123456789abcdefE", b"_Z1?v", b"?.cold"]
    table = elf.symbol_table(Format(), [name.replace(b"?", b"\xff") for name in names])
    lines = check_promise(tmp_path, elf.module(*table))
    shown = [line.split()[3] for line in lines if line.startswith("PUBLIC ")]
    assert [name.replace("\N{REPLACEMENT CHARACTER}", "?") for name in shown] == [
        "_RNvC1a1?",
        "_D1a1?i",
        "_ZN1?17h0123456789abcdefE",
        "_Z1?v",
        "?",
    ]


@pytest.mark.parametrize(
    "make", [doubling_rust, doubling_d, silent_rust, doubling_cxx, packs_in_packs]
)
def test_a_file_of_such_names_keeps_the_promise(tmp_path: Path, make: Callable[[int], str]) -> None:
    names = [f"{make(8 + n % 5)}.{n}".encode() for n in range(2000)]
    check_promise(tmp_path, elf.module(*elf.symbol_table(Format(), names)), codes=(0, 3))


def test_a_file_of_all_of_them_keeps_the_promise(tmp_path: Path) -> None:
    names = [make().encode() for make in NAMES.values()]
    lines = check_promise(tmp_path, elf.module(*elf.symbol_table(Format(), names)))
    assert sum(line.startswith("PUBLIC ") for line in lines) == len(names)
