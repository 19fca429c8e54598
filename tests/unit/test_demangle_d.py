# SPDX-License-Identifier: MIT
"""D's names, one for each production of the grammar.

tests/oracles/test_demanglers.py gives these tables to binutils' demangler.
"""

from __future__ import annotations

import pytest
from crashsym.demangle import demangle

NAMES = {
    "_Dmain": "D main",
    "_D3foo3bari": "foo.bar",
    "_D3foo3barPFZi": "foo.bar",
    "_D3foo3barFZv": "foo.bar()",
    "_D3foo3barUZv": "foo.bar()",
    "_D3foo3barFNaNbNfZv": "foo.bar()",
    "_D3foo3BarQe3bazMFZv": "foo.Bar.Bar.baz()",
    "_D3foo3Bar3bazMxFZv": "foo.Bar.baz() const",
    "_D3foo3Bar3bazMOxFZv": "foo.Bar.baz() shared const",
    "_D3foo3Bar6__ctorMFiZC3foo3Bar": "foo.Bar.this(int)",
    "_D3foo3Bar6__dtorMFZv": "foo.Bar.~this()",
    "_D3foo3Bar10__postblitMFZv": "foo.Bar.this(this)",
    "_D3foo3barFiZ3bazFZv": "foo.bar(int).baz()",
    "_D3foo3barFiZ3bazi": "foo.bar(int).baz",
    "_D3foo3barFZ9__lambda1MFNaNbZi": "foo.bar().__lambda1()",
    "_D3foo3barFZ6__S1233bazFZv": "foo.bar().baz()",
    "_D3foo03barFZv": "foo.bar()",
    "_D3foo3Bar6__initZ": "initializer for foo.Bar",
    "_D3foo3Bar6__vtblZ": "vtable for foo.Bar",
    "_D3foo3Bar7__ClassZ": "ClassInfo for foo.Bar",
    "_D3foo3Bar11__InterfaceZ": "Interface for foo.Bar",
    "_D3foo12__ModuleInfoZ": "ModuleInfo for foo",
    "_D3foo__T3barTiZQhFZv": "foo.bar!(int).bar()",
    "_D3foo10__T3barTiZ3barFZv": "foo.bar!(int).bar()",
    # https://bugzilla-archive.dlang.org/bugs/5956
    "_D1y20__T5fffffVS1y1US1i4Z5fffffFZv": "y.fffff!(y.U(4)).fffff()",
}
PARAMETERS = {
    "i": "int",
    "ghstklmfdeopjqrcbauwvn": (
        "byte, ubyte, short, ushort, uint, long, ulong, float, double, real, ifloat, idouble, "
        "ireal, cfloat, cdouble, creal, bool, char, wchar, dchar, void, typeof(null)"
    ),
    "zizk": "cent, ucent",
    "Nn": "typeof(*null)",
    "Ai": "int[]",
    "G4i": "int[4]",
    "Hai": "int[char]",
    "HAaAi": "int[][char[]]",
    "Pi": "int*",
    "xi": "const(int)",
    "yAa": "immutable(char[])",
    "Oi": "shared(int)",
    "Nga": "inout(char)",
    "NhG4f": "__vector(float[4])",
    "S3foo3Bar": "foo.Bar",
    "C3foo3Bar": "foo.Bar",
    "E3foo3Bar": "foo.Bar",
    "T3foo3Bar": "foo.Bar",
    "FaZi": "int(char) function",
    "PFaZi": "int(char) function",
    "PUaZi": "extern(C) int(char) function",
    "PFNaNbNiaZi": "int(char) pure nothrow @nogc function",
    "DFaZi": "int(char) delegate",
    "DxFaZi": "int(char) delegate const",
    "B2ai": "Tuple!(char, int)",
    "JaKbLdIe": "out char, ref bool, lazy double, in real",
    "MPvNkPv": "scope void*, return void*",
    "AiQc": "int[], int[]",
    "DFaZiDQf": "int(char) delegate, int(char) delegate",
}
ENDS = {"Z": "", "X": "...", "Y": ", ..."}
ARGUMENTS = {
    "Tx": None,
    "Ti": "int",
    "HTi": "int",
    "Vii1": "1",
    "ViN1": "-1",
    "Vki1": "1u",
    "Vli1": "1L",
    "Vmi1": "1uL",
    "Vbi1": "true",
    "Vbi0": "false",
    "Vai97": "'a'",
    "Vai10": r"'\x0a'",
    "Vui955": r"'\u03bb'",
    "Vwi128512": r"'\U0001f600'",
    "VPin": "null",
    "Vde0A8P6": "0x0.A8p6",
    "VdeN0A8PN6": "-0x0.A8p-6",
    "VdeNAN": "NaN",
    "VdeINF": "Inf",
    "VdeNINF": "-Inf",
    "Vrc0A8P6c0A8PN6": "0x0.A8p6+0x0.A8p-6i",
    "VAyaa3_616263": '"abc"',
    "VAyaa2_c3bc": r'"\xc3\xbc"',
    "VAyaw1_61": '"a"w',
    "VAyad1_0a": r'"\n"d',
    "VAiA2i1i2": "[1, 2]",
    "VHiiA1i1i2": "[1:2]",
    "VS3foo3BarS2i1a1_61": 'foo.Bar(1, "a")',
    "VE3foo3Bari3": "3",
    "S3foo3Bar": "foo.Bar",
    "S_D3foo3BarFiZv": "foo.Bar(int)",
    "S83foo3Bar": "foo.Bar",  # with its length, before D 2.077
    "X3abc": "abc",
    "TiTAi": "int, int[]",
}


@pytest.mark.parametrize(("mangled", "expected"), NAMES.items())
def test_each_kind_of_name(mangled: str, expected: str) -> None:
    assert demangle(mangled) == expected


@pytest.mark.parametrize(("mangled", "expected"), PARAMETERS.items())
def test_each_type(mangled: str, expected: str) -> None:
    assert demangle(f"_D3foo3barF{mangled}Zv") == f"foo.bar({expected})"


@pytest.mark.parametrize(("mangled", "expected"), ENDS.items())
def test_each_end_of_the_parameters(mangled: str, expected: str) -> None:
    assert demangle(f"_D3foo3barFAi{mangled}v") == f"foo.bar(int[]{expected})"


@pytest.mark.parametrize(("mangled", "expected"), ARGUMENTS.items())
def test_each_argument_of_a_template(mangled: str, expected: str | None) -> None:
    shown = None if expected is None else f"foo.bar!({expected}).baz()"
    assert demangle(f"_D3foo__T3bar{mangled}Z3bazFZv") == shown


def test_letters_that_are_not_ascii_count_by_bytes() -> None:
    assert demangle("_D3foo5frühFZv") == "foo.früh()"


def test_storage_classes_may_be_joined() -> None:
    """Which binutils 2.40 does not know: druntime has it in rt.lifetime.unqualify."""
    assert demangle("_D3foo3barFNkMPvZPv") == "foo.bar(return scope void*)"
    assert demangle("_D3foo3barFMNkKPvZPv") == "foo.bar(scope return ref void*)"


def test_a_function_may_have_the_type_of_another() -> None:
    """Which binutils 2.40 shows without parameters."""
    assert demangle("_D3foo__T3barS_D3foo3bazFiZvZQuQh") == "foo.bar!(foo.baz(int)).bar(int)"


@pytest.mark.parametrize(
    "mangled",
    [
        "_D",
        "_Di",
        "_D3fo",
        "_D3foo",
        "_D3foo3barFZ",
        "_D3foo3barFiv",
        "_D3foo3barFZvv",
        "_D3foo3barFQaZv",  # refers to itself
        "_D3foo3barFQZZv",
        "_D3foo3barFQzZv",  # before the beginning
        "_D3foo3barFAQbZv",  # a type that contains itself
        "_D3foo__T3barTiFZv",
        "_D3foo11__T3barTiZ3barFZv",  # a wrong length
        "_D3foo__T3barVAyaa3_6162Z3bazFZv",
        "_D3foo__T3barVAyaa1_zzZ3bazFZv",
        "_D3foo__T3barVdeNZ3bazFZv",
        "_D99999999999999999999999999foo",
        "_DTi16_D3foo3bar3bazMFZv",  # a thunk
        "_DYNAMIC",
    ],
)
def test_what_is_not_a_name_of_d_stays(mangled: str) -> None:
    assert demangle(mangled) is None
