# SPDX-License-Identifier: MIT
"""Readable names: which decoder a name is for, and suffixes."""

from __future__ import annotations

import subprocess
import sys

import pytest
from crashsym.demangle import demangle, readable, strip_suffixes
from crashsym.demangle.itanium import is_harmless
from crashsym.demangle.suffixes import render_suffix
from hypothesis import given
from hypothesis import strategies as st

HASHED = "_ZN3app4main17h0123456789abcdefE"
# Of a std::unordered_map: 32 letters "S" and "T", which refer back 16 times.
HASHTABLE = (
    "_ZNSt10_HashtableINSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEESt4pairIKS5_St6vecto"
    "rIS5_SaIS5_EEESaISB_ENSt8__detail10_Select1stESt8equal_toIS5_ESt4hashIS5_ENSD_18_Mod_range"
    "_hashingENSD_20_Default_ranged_hashENSD_20_Prime_rehash_policyENSD_17_Hashtable_traitsILb1"
    "ELb0ELb1EEEE12_Scoped_nodeC1IJRKSt21piecewise_construct_tSt5tupleIJOS5_EESU_IJEEEEEPNSD_16"
    "_Hashtable_allocISaINSD_10_Hash_nodeISB_Lb1EEEEEEDpOT_"
)


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [
        ("_Z1fv", "f()"),  # Itanium C++ ABI 5.1.2
        ("_ZN5StackIiiE5levelE", "Stack<int, int>::level"),
        ("_Z3foo5Hello5WorldS0_S_", "foo(Hello, World, World, Hello)"),  # 5.1.9
        (HASHED, "app::main"),
        ("_RNvC3app4main", "app::main"),
        ("main", "main"),
        ("_Zebra", "_Zebra"),
        ("_Dragon", "_Dragon"),
        ("_Rb_tree", "_Rb_tree"),
        ("__Z1fv", "__Z1fv"),  # Mach-O
        ("main.(*T).Name", "main.(*T).Name"),  # Go
        ("gopkg.in/yaml%2ev3.Marshal", "gopkg.in/yaml%2ev3.Marshal"),
        ("type:.eq.main.T", "type:.eq.main.T"),
        ("", ""),
    ],
)
def test_each_language(symbol: str, expected: str) -> None:
    assert readable(symbol) == expected
    assert demangle(symbol) == (expected if expected != symbol else None)


@pytest.mark.parametrize("base", ["f", "_f.o", "f.0", "_Z1fv", "_RNvC1a1f", HASHED, "_D1a1fFZv"])
@pytest.mark.parametrize(
    "suffix",
    [
        # gcc: cgraphclones.cc, ipa-split.cc, ipa-sra.cc, ipa-cp.cc, lto-partition.cc
        ".cold",
        ".cold.1",
        ".part.0",
        ".part.0.part.1",
        ".isra.0",
        ".isra.0.cold",
        ".constprop.0.isra.0.cold",
        ".lto_priv.12",
        ".lto_priv.0.lto_priv.1",
        ".clone.3",
        ".localalias",
        ".localalias.2",
        # LLVM
        ".llvm.12345678901234567890",
        ".llvm.1A2B@3",
        ".__uniq.123",
        ".__uniq.123.llvm.456",
        ".llvm.456.cold",
        ".specialized.1",
        ".argprom",
        ".retelim",
        ".argelim.retelim",
        ".warm",
    ],
)
def test_suffixes_of_clones_are_stripped(base: str, suffix: str) -> None:
    assert strip_suffixes(base + suffix) == base
    assert readable(base + suffix) == readable(base)


@pytest.mark.parametrize(
    "symbol",
    [
        "f.0",  # a nested function of C, or one that LLVM renamed
        "f.resume",
        "f.destroy",
        "f.cleanup",
        "f.actor",
        "f._omp_fn.0",
        "f.avx2.0",
        "f.resolver",
        "f.part",  # always with a number
        "f.isra",
        "f.clone",
        "f.llvm",
        "f.cold.x",
        "f.cold.A",
        "f.cold.",
        "f.isra.0.resume",
        ".cold",
        "..",
        ".",
        "f..",
        "net/http.(*T).cold",  # a method of Go
        "main.(*T).cold",
        "cold",
        "isra.0",
    ],
)
def test_what_marks_another_function_stays(symbol: str) -> None:
    assert strip_suffixes(symbol) == symbol


def test_a_mangled_name_with_another_functions_suffix_says_so() -> None:
    assert readable("_Z1fv.resume") == "f() [clone .resume]"
    assert readable("_Z1fv._omp_fn.0.cold") == "f() [clone ._omp_fn.0]"
    assert readable("_RNvC1a1f.0") == "a::f [clone .0]"
    assert readable("_Z1fv.") == "_Z1fv."
    assert readable("_Z1fv.a-b") == "_Z1fv.a-b"


def test_a_suffix_may_not_be_longer_than_a_name() -> None:
    assert render_suffix(".a" * 40_000) is None
    assert readable("_Z1fv" + ".a" * 10_000) == "_Z1fv" + ".a" * 10_000


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [
        ("f.isra.0.cold", "f.isra.0.cold"),
        ("_Z1fv.cold", "f() [clone .cold]"),
        ("_Z1fv.isra.0.cold", "f() [clone .isra.0] [clone .cold]"),
        ("_Z1fv.llvm.123", "f() [clone .llvm.123]"),
        (HASHED + ".llvm.1A2B@3", "app::main [clone .llvm.1A2B@3]"),
        ("_RNvC1a1f.part.0", "a::f [clone .part.0]"),
        ("_RNvC1a1f$b.0", "a::f [clone $b.0]"),
    ],
)
def test_suffixes_can_be_kept(symbol: str, expected: str) -> None:
    assert readable(symbol, keep_suffixes=True) == expected


@given(st.text("afcold.isra0_Z:", max_size=30))
def test_stripping_takes_only_from_the_end_and_never_all(symbol: str) -> None:
    stripped = strip_suffixes(symbol)
    assert symbol.startswith(stripped)
    assert strip_suffixes(stripped) == stripped
    assert bool(stripped) == bool(symbol)


@pytest.mark.parametrize(
    "symbol",
    [
        "_Z1f" + "P" * 8192 + "i",
        "_Z1f" + "\N{LATIN SMALL LETTER E WITH ACUTE}" * 4095,
        "_Z1f1A" + "S_" * 17,
        "_Z1f1A" + "S0_" * 9 + "TL0__" * 9,
        "_Z1f" + "Ss" * 120 + "S_" * 9,
        "_Z1fIJiiEEvDpDpT_",
        "_Z1fIJiiEEvDp1AIT_E",
        "_ZN1AIXsrs1xEDnEElv",
        "_Z1fIiEDTfp_ET_",
        "_Z1fIiEDtfp_ET_",
        "_Z1fDOLb1EFvvE",
        "_Z1fDv_4_i",
        "_Z1fAsr1A1x_i",
    ],
)
def test_what_may_explode(symbol: str) -> None:
    assert not is_harmless(symbol)


@pytest.mark.parametrize(
    "symbol",
    [
        "_Z1fv",
        "_Z1f1A" + "S_" * 14,
        "_Z31" + "S" * 31 + "v",
        "_Z1fIJiiEEvDpRKT_",
        "_Z1f" + "Ss" * 99,
    ],
)
def test_what_is_harmless(symbol: str) -> None:
    assert is_harmless(symbol)


@pytest.mark.parametrize(
    ("symbol", "loaded"),
    [
        ("main.cold", set()),
        ("_ZN3app4main17h0123456789abcdefE", set()),
        ("_RNvC1a1f", {"crashsym.demangle.rust_v0"}),
        ("_D1a1fFZv", {"crashsym.demangle.dlang"}),
        ("_Z1fv", {"ctypes"}),
        (HASHTABLE, {"ctypes"}),
    ],
)
def test_a_name_costs_only_the_imports_that_it_needs(symbol: str, loaded: set[str]) -> None:
    modules = ["ctypes", "multiprocessing", "crashsym.demangle.rust_v0", "crashsym.demangle.dlang"]
    code = (
        f"import sys; from crashsym.demangle import readable; readable({symbol!r});"
        f"print(*(name for name in {modules!r} if name in sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(run.stdout.split()) == loaded
