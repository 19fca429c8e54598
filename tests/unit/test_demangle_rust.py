# SPDX-License-Identifier: MIT
"""Rust's names.

The tables hold the examples of "The rustc book" (Symbol Mangling), and one name for each production
that has none there; tests/oracles/test_demanglers.py gives them to the demanglers of others.
"""

from __future__ import annotations

import pytest
from crashsym.demangle import demangle, punycode
from hypothesis import given
from hypothesis import strategies as st

BOOK = {
    "_RNvMsr_NtCs3ssYzQotkvD_3std4pathNtB5_7PathBuf3newCs15kBYyAo9fc_7mycrate": (
        "<std::path::PathBuf>::new"
    ),
    "_RNvCs15kBYyAo9fc_7mycrate7example": "mycrate::example",
    "_RNvMs_Cs4Cv8Wi1oAIB_7mycrateNtB4_7Example3foo": "<mycrate::Example>::foo",
    "_RNvXCs15kBYyAo9fc_7mycrateNtB2_7ExampleNtB2_5Trait3foo": (
        "<mycrate::Example as mycrate::Trait>::foo"
    ),
    "_RNvMCs7qp2U7fqm6G_7mycrateNtB2_7Example3foo": "<mycrate::Example>::foo",
    "_RNvYNtCs15kBYyAo9fc_7mycrate7ExampleNtB4_5Trait7exampleB4_": (
        "<mycrate::Example as mycrate::Trait>::example"
    ),
    "_RNCNvCsgStHSCytQ6I_7mycrate4main0B3_": "mycrate::main::{closure#0}",
    "_RNCNvCsgStHSCytQ6I_7mycrate4mains_0B3_": "mycrate::main::{closure#1}",
    "_RINvCsgStHSCytQ6I_7mycrate7examplelKj1_EB2_": "mycrate::example::<i32, 1>",
    "_RNvNtNtCsgOH4LzxkuMq_7mycrateu8gdel_5qa6escher4bach": "mycrate::gödel::escher::bach",
    "_RINvCs7qp2U7fqm6G_7mycrate7exampleFG0_RL1_hRL0_tEuEB2_": (
        "mycrate::example::<for<'a, 'b> fn(&'a u8, &'b u16)>"
    ),
    "_RINvCs7qp2U7fqm6G_7mycrate7exampleKy12345678_EB2_": "mycrate::example::<305419896>",
    "_RNvNvMCsd9PVOYlP1UU_7mycrateINtB4_7ExamplepKpE3foo14EXAMPLE_STATIC": (
        "<mycrate::Example<_, _>>::foo::EXAMPLE_STATIC"
    ),
    "_RC4f128": "f128",
    "_RNvCs0000000000001_1a1b": "a::b",
}
TYPES = {
    "a": "i8",
    "b": "bool",
    "c": "char",
    "d": "f64",
    "e": "str",
    "f": "f32",
    "h": "u8",
    "i": "isize",
    "j": "usize",
    "l": "i32",
    "m": "u32",
    "n": "i128",
    "o": "u128",
    "p": "_",
    "s": "i16",
    "t": "u16",
    "u": "()",
    "x": "i64",
    "y": "u64",
    "z": "!",
    "Ahj10_": "[u8; 16]",
    "Sh": "[u8]",
    "ThtE": "(u8, u16)",
    "ThE": "(u8,)",
    "TE": "()",
    "Re": "&str",
    "RL_e": "&str",
    "QSh": "&mut [u8]",
    "Ph": "*const u8",
    "Oh": "*mut u8",
    "FEu": "fn()",
    "FhEt": "fn(u8) -> u16",
    "FUKCPhvEl": 'unsafe extern "C" fn(*const u8, ...) -> i32',
    "FK8C_unwindEu": 'extern "C-unwind" fn()',
    "FG_RL0_hEB5_": "for<'a> fn(&'a u8) -> &'a u8",
    "DNtC1c1TEL_": "dyn c::T",
    "DNtC1c1TNtB5_1UEL_": "dyn c::T + c::U",
    "DINtC1c1ThEp1AtEL_": "dyn c::T<u8, A = u16>",
    "DNtC1c1Tp1AtEL_": "dyn c::T<A = u16>",
    "DG_INtC1c2FnTRL0_hEEp6OutputuEL_": "dyn for<'a> c::Fn<(&'a u8,), Output = ()>",
    "FG_DNtC1c1TEL0_Eu": "for<'a> fn(dyn c::T + 'a)",
    "INtC1c1VhE": "c::V<u8>",
    "INtC1c1VL_E": "c::V<'_>",
    "NtYhNtC1c1T1A": "<u8 as c::T>::A",
    "NSNvC1c1f6vtable": "c::f::{shim:vtable#0}",
    "NDC1c1x": "c::{D:x#0}",
}
CONSTANTS = {
    "h0_": "0",
    "hff_": "255",
    "an80_": "-128",
    "l7f_": "127",
    "offffffffffffffff_": "18446744073709551615",
    "o10000000000000000_": "0x10000000000000000",
    "b0_": "false",
    "b1_": "true",
    "c41_": "'A'",
    "ca_": r"'\n'",
    "c27_": r"'\''",
    "c1f980_": "'\N{CRAB}'",
    "cad_": r"'\u{ad}'",
    "p": "_",
    "e6869_": '{*"hi"}',
    "Re6869_": '"hi"',
    "Re22c3bc_": r'"\"ü"',
    "Rh1_": "{&1}",
    "Qh1_": "{&mut 1}",
    "Ah1_h2_E": "{[1, 2]}",
    "Th1_b1_E": "{(1, true)}",
    "Th1_E": "{(1,)}",
    "VNtC1c1UU": "{c::U}",
    "VNtC1c1VTh1_RBa_E": None,  # a back reference to itself
    "VNtC1c1PTh1_h2_E": "{c::P(1, 2)}",
    "VNtC1c1QS1ah1_1bRe78_E": '{c::Q { a: 1, b: "x" }}',
}
PUNYCODE = {
    "_RNvC1au129_" + "b" * 127 + "_a": "a::" + "\x80" + "b" * 127,
    "_RNvC1au130_" + "b" * 128 + "_a": "a::punycode{" + "b" * 128 + "-a}",  # too long
    "_RNvC1au3_999": "a::punycode{999}",
    "_RNvC1au6b_9999": "a::punycode{b-9999}",
}
LEGACY = {
    "_ZN4core3fmt9Formatter9write_str17h0123456789abcdefE": "core::fmt::Formatter::write_str",
    "_ZN58_$LT$alloc..string..String$u20$as$u20$core..fmt..Debug$GT$3fmt17h0123456789abcdefE": (
        "<alloc::string::String as core::fmt::Debug>::fmt"
    ),
    "_ZN3app4main28_$u7b$$u7b$closure$u7d$$u7d$17h0123456789abcdefE": "app::main::{{closure}}",
    "_ZN47_$LT$$RF$T$u20$as$u20$app..$LP$U$C$V$RP$..X$GT$1f17h0123456789abcdefE": (
        "<&T as app::(U,V)::X>::f"
    ),
    "_ZN20_$BP$const$u20$$SP$T1f17h0123456789abcdefE": "*const @T::f",
    "_ZN12a$u7e$$b$c.d1f17h0123456789abcdefE": "a~$b$c.d::f",
    "_ZN13a$u7e$$XX$c.d1f17h0123456789abcdefE": "a~$XX$c.d::f",
}


@pytest.mark.parametrize(("mangled", "expected"), BOOK.items())
def test_examples_of_the_rustc_book(mangled: str, expected: str) -> None:
    assert demangle(mangled) == expected


@pytest.mark.parametrize(("mangled", "expected"), TYPES.items())
def test_each_type(mangled: str, expected: str) -> None:
    assert demangle(f"_RMC0{mangled}") == f"<{expected}>"


@pytest.mark.parametrize(("mangled", "expected"), CONSTANTS.items())
def test_each_constant(mangled: str, expected: str | None) -> None:
    assert demangle(f"_RIC0K{mangled}E") == (None if expected is None else f"::<{expected}>")


@pytest.mark.parametrize(("mangled", "expected"), LEGACY.items())
def test_legacy_names(mangled: str, expected: str | None) -> None:
    assert demangle(mangled) == expected


@pytest.mark.parametrize(
    ("mangled", "expected"),
    [
        ("_ZN3fooE", "foo"),
        ("_ZN3foo17h0000000000000000E", "foo::h0000000000000000"),  # too few different digits
        ("_ZN3foo17h0123456789ABCDEFE", "foo::h0123456789ABCDEF"),
        ("_ZN3foo17h0123456789abcdefEv", "foo::h0123456789abcdef()"),  # it has parameters
        ("_ZN3foo17h0123456789abcdef1aE", "foo::h0123456789abcdef::a"),
    ],
)
def test_what_only_looks_like_a_legacy_name_is_cxx(mangled: str, expected: str) -> None:
    assert demangle(mangled) == expected


@pytest.mark.parametrize(
    "mangled",
    [
        "_R",
        "_Rb_tree",
        "_R1NvC1a1b",  # a version that does not exist
        "_RNvC1a",  # cut off
        "_RNvC1a2b",
        "_RNvC1a1bxyz",  # something follows
        "_RNvC1a1bC",
        "_RB_",  # refers to itself
        "_RNvB9_1a",  # forwards
        "_RNvC1a99999999999b",
        "_RNvCs1a1b",  # a number without an end
        "_RNvCs_1au2_b",
        "_RMC0W",
        "_RMC0FG_RL1_hEu",  # a lifetime that nobody binds
        "_RMC0DNtC1c1TE",  # no lifetime behind a dyn
        "_RIC0Kb2_E",
        "_RIC0Kcd800_E",
        "_RIC0Kc110000_E",
        "_RIC0Keff_E",  # no UTF-8
        "_RIC0Ke6_E",
        "_RIC0Kh7g_E",
        "_RNvC1a1\N{LATIN SMALL LETTER E WITH ACUTE}",
        "_RNvC1a1b\0",
    ],
)
def test_what_is_not_a_v0_name_stays(mangled: str) -> None:
    assert demangle(mangled) is None


@pytest.mark.parametrize(
    ("letters", "code", "expected"),
    [  # the rustc book, "Punycode identifiers"
        ("f", "5gaa", "føø"),
        ("_", "ylb7e", "\N{GREEK SMALL LETTER ALPHA}_ω"),
        ("", "n84amf", "铁锈"),
        ("", "fq9h", "🤦"),
        ("", "2xaedc", "ρυστ"),
    ],
)
def test_punycode(letters: str, code: str, expected: str) -> None:
    assert punycode.decode(letters, code) == expected


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40))
def test_punycode_agrees_with_python(text: str) -> None:
    letters, _, code = text.encode("punycode").decode().rpartition("-")
    if code:
        assert punycode.decode(letters, code) == text


def test_an_identifier_that_is_no_punycode_is_shown_as_it_is() -> None:
    assert {name: demangle(name) for name in PUNYCODE} == PUNYCODE
