# SPDX-License-Identifier: MIT
"""C++ names without the C++ library: the same form, or none."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

if importlib.util.find_spec("crashsym.kernel.joined") is None:
    pytest.skip("the kernel was not built", allow_module_level=True)

from builders.cxa import cxa_demangle
from crashsym.kernel.joined import demangle_here
from fuzz.mangled import mangled, names

LIBRARIES: tuple[str, ...] = (
    "libstdc++.so.6",
    "libasan.so.*",
    "libicui18n.so.*",
    "libicuuc.so.*",
    "libz3.so.*",
)
LIBRARIES += ("libLLVM-1?.so.1", "libclang-cpp.so.*", "libboost_*.so.*", "libsnappy.so.*")
MOST = 6_000  # names of one library
LONGEST = 1024
STRING = "std::basic_string<char, std::char_traits<char>, std::allocator<char> >"


def check(symbol: str, expected: str) -> None:
    name = symbol.encode()
    assert cxa_demangle(name) == expected.encode()
    assert demangle_here(name) == expected.encode()


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [
        # 5.1.2 General structure
        ("_Z1x", "x"),
        ("_Z1fv", "f()"),
        ("_Z1fz", "f(...)"),
        ("_Z1fiz", "f(int, ...)"),
        ("_ZL1fv", "f()"),
        ("_ZN1A1B1xE", "A::B::x"),
        ("_ZSt4cout", "std::cout"),
        ("_ZNSt3foo1fEv", "std::foo::f()"),
        ("_ZN12_GLOBAL__N_11fEv", "(anonymous namespace)::f()"),
        ("_ZNK1A1fEv", "A::f() const"),
        ("_ZNVK1A1fEv", "A::f() const volatile"),
        ("_ZNKR1A1fEv", "A::f() const &"),
        ("_ZNO1A1fEv", "A::f() &&"),
        ("_Z1fB5cxx11v", "f[abi:cxx11]()"),
        ("_ZN1A1fB1aB1bEv", "A::f[abi:a][abi:b]()"),
        # 5.1.4.1 Virtual tables, 5.1.4.2 offsets, 5.1.4.4 guards
        ("_ZTV1A", "vtable for A"),
        ("_ZTT1A", "VTT for A"),
        ("_ZTIPKc", "typeinfo for char const*"),
        ("_ZTSFviE", "typeinfo name for void (int)"),
        ("_ZThn8_N1A1fEv", "non-virtual thunk to A::f()"),
        ("_ZTv0_n24_NK1A1fEv", "virtual thunk to A::f() const"),
        ("_ZThn8_N1A1fIiEET_v", "non-virtual thunk to int A::f<int>()"),
        ("_ZGVZN1A1fEvE1x", "guard variable for A::f()::x"),
    ],
)
def test_names(symbol: str, expected: str) -> None:
    check(symbol, expected)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        *(("pl", "+"), ("mi", "-"), ("ml", "*"), ("dv", "/"), ("rm", "%"), ("ng", "-")),
        *(("an", "&"), ("or", "|"), ("eo", "^"), ("co", "~"), ("aS", "="), ("pL", "+=")),
        *(("ls", "<<"), ("rs", ">>"), ("lS", "<<="), ("eq", "=="), ("ne", "!="), ("ss", "<=>")),
        *(("lt", "<"), ("gt", ">"), ("le", "<="), ("ge", ">="), ("nt", "!"), ("aa", "&&")),
        *(("oo", "||"), ("pp", "++"), ("mm", "--"), ("cm", ","), ("pm", "->*"), ("pt", "->")),
        *(("cl", "()"), ("ix", "[]"), ("nw", " new"), ("na", " new[]"), ("dl", " delete")),
        *(("da", " delete[]"), ("aw", " co_await"), ("cvi", " int"), ("cvPKc", " char const*")),
        *(("li2_s", '"" _s'), ("dV", "/="), ("rM", "%="), ("eO", "^="), ("aN", "&=")),
    ],
)
def test_operators(code: str, expected: str) -> None:
    check(f"_ZN1A{code}Ei", f"A::operator{expected}(int)")


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [
        ("_ZN1AlsIiEEvv", "void A::operator<< <int>()"),
        ("_ZN1AltIiEEvv", "void A::operator< <int>()"),
        # 5.1.4.3 Constructors and destructors
        ("_ZN1AC1Ev", "A::A()"),
        ("_ZN1AC2ERKS_", "A::A(A const&)"),
        ("_ZN1AC4Ev", "A::A()"),
        ("_ZN1AIiED0Ev", "A<int>::~A()"),
        ("_ZN1AIiEC1IcEET_", "A<int>::A<char>(char)"),
        ("_ZN1ACI21BEi", "A::B(int)"),
        ("_ZN1ACI41BIiEEi", "A::B(int)"),
        ("_ZN1AC1B5cxx11Ev", "A::A[abi:cxx11]()"),
        ("_ZN12_GLOBAL__N_11AD1Ev", "(anonymous namespace)::A::~A()"),
        ("_ZZ1fvENUlvE_C1Ev", "f()::{lambda()#1}::f()"),  # so says the library
        # 5.1.6 Scope encoding
        ("_ZZ1fvE1x", "f()::x"),
        ("_ZZ1fvE1x_0", "f()::x"),
        ("_ZZ1fvE1x__12_", "f()::x"),
        ("_ZZ1fvEs", "f()::string literal"),
        ("_ZZ1fvEs_0", "f()::string literal"),
        ("_ZZN1A1fEvEN1B1gEv", "A::f()::B::g()"),
        (
            "_ZZN1A1fEiEd_NKUlvE_clEv",
            "A::f(int)::{default arg#1}::{lambda()#1}::operator()() const",
        ),
        ("_ZZ1fIiEvT_E1x", "f<int>(int)::x"),
        # 5.1.8 Closure types and unnamed types
        ("_ZZ1fvENKUlvE_clEv", "f()::{lambda()#1}::operator()() const"),
        ("_ZZ1fvENKUliE0_clEi", "f()::{lambda(int)#2}::operator()(int) const"),
        ("_ZZ1fvENKUlRKcE_clES0_", "f()::{lambda(char const&)#1}::operator()(char const&) const"),
        ("_ZZ1fvENKUlT_E_clIiEEDaS_", "auto f()::{lambda(auto:1)#1}::operator()<int>(int) const"),
        (
            "_ZZ1fvENKUlOT_E_clIRiEEvS0_",
            "void f()::{lambda(auto:1&&)#1}::operator()<int&>(int&) const",
        ),
        ("_Z1fIZ1gvEUlvE_EvT_", "void f<g()::{lambda()#1}>(g()::{lambda()#1})"),
        ("_ZNUt_1fEv", "{unnamed type#1}::f()"),
        ("_ZN1A1xMUlvE_clEv", "A::x::{lambda()#1}::operator()()"),
    ],
)
def test_members_and_scopes(symbol: str, expected: str) -> None:
    check(symbol, expected)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        # 5.1.5.1 Types, 5.1.5.2 builtin
        *(("a", "signed char"), ("b", "bool"), ("c", "char"), ("d", "double"), ("f", "float")),
        *(("e", "long double"), ("g", "__float128"), ("h", "unsigned char"), ("i", "int")),
        *(("j", "unsigned int"), ("l", "long"), ("m", "unsigned long"), ("n", "__int128")),
        *(("o", "unsigned __int128"), ("s", "short"), ("t", "unsigned short"), ("w", "wchar_t")),
        *(("x", "long long"), ("y", "unsigned long long"), ("Dn", "decltype(nullptr)")),
        *(("Di", "char32_t"), ("Ds", "char16_t"), ("Du", "char8_t"), ("v", "")),
        *(("Pi", "int*"), ("Ri", "int&"), ("Oi", "int&&"), ("PKc", "char const*")),
        *(("PVKc", "char const volatile*"), ("PrVKc", "char const volatile restrict*")),
        *(("KPi", "int* const"), ("1A", "A"), ("N1A1BE", "A::B"), ("St3foo", "std::foo")),
        # 5.1.5.3 Functions
        *(("FvvE", "void ()"), ("PFviE", "void (*)(int)"), ("RFvvE", "void (&)()")),
        *(("RKPFvvE", "void (* const&)()"), ("PKFvvRE", "void (*)() const &")),
        *(("PFPKcPFvvEE", "char const* (*)(void (*)())"), ("PDoFvvE", "void (*)() noexcept")),
        # 5.1.5.5 Arrays, 5.1.5.6 pointers to members
        *(
            ("A10_i", "int [10]"),
            ("RA10_Kc", "char const (&) [10]"),
            ("PKA3_i", "int const (*) [3]"),
        ),
        *(
            ("M1Ai", "int A::*"),
            ("M1AFvvE", "void (A::*)()"),
            ("M1AKFviE", "void (A::*)(int) const"),
        ),
        *(
            ("KM1Ai", "int A::* const"),
            ("RM1AFvvE", "void (A::*&)()"),
            ("M1AA3_i", "int (A::*) [3]"),
        ),
        # 5.1.5.9 Template arguments
        *(("1AIiE", "A<int>"), ("1AI1BIiEE", "A<B<int> >"), ("1AILi5EE", "A<5>")),
        *(("1AILb0ELb1EE", "A<false, true>"), ("1AILj1ELm2ELl3EE", "A<1u, 2ul, 3l>")),
        *(("1AILin5EE", "A<-5>"), ("1AILc65EE", "A<(char)65>"), ("1AILN1B1CE3EE", "A<(B::C)3>")),
        *(("1AIJEE", "A<>"), ("1AIJicEE", "A<int, char>"), ("1AI1BIiEJEE", "A<B<int>>")),
        *(("1AIJEiE", "A<, int>"), ("1AIXadL_Z1gvEEE", "A<&(g())>"), ("1AIL_Z1gvEE", "A<g()>")),
        ("1AIXadL_ZN1B1gEvEEE", "A<&B::g>"),
        ("1AIXadL_ZNK1B1gEvEEE", "A<&(B::g() const)>"),
        ("1AIXadL_ZN1B1gIiEEvvEEE", "A<&(void B::g<int>())>"),
        ("1AIXsrSt1BIiE5valueEE", "A<std::B<int>::value>"),
        ("1AIXntsrSt1B1xEE", "A<!std::B::x>"),
        ("1AIXaasrN1B1CE1xLb1EEE", "A<B::C::x&&(true)>"),
        ("1AIX3fooIiEEE", "A<foo<int> >"),
        # 5.1.10 Compression
        *(("Ss", "std::string"), ("So", "std::ostream"), ("SaIcE", "std::allocator<char>")),
        *(("Si", "std::istream"), ("Sd", "std::iostream"), ("SbIcE", "std::basic_string<char>")),
        *(("P1AS_S0_", "A*, A, A*"), ("PFvvES_S0_", "void (*)(), void (), void (*)()")),
        *(("A3_iS_RS_", "int [3], int [3], int (&) [3]"), ("PKcS_", "char const*, char const")),
    ],
)
def test_types(code: str, expected: str) -> None:
    check(f"_Z1f{code}", f"f({expected})")


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [
        (
            "_ZNSsC1Ev",
            f"{STRING}::basic_string()",
        ),
        (
            "_ZNSsD2Ev",
            f"{STRING}::~basic_string()",
        ),
        ("_ZNSs4swapERSs", "std::string::swap(std::string&)"),
        ("_ZNSolsEi", "std::ostream::operator<<(int)"),
        ("_ZNSaIcEC1Ev", "std::allocator<char>::allocator()"),
        # 5.1.5.8 Template parameters
        ("_Z1fIiEvT_", "void f<int>(int)"),
        ("_Z1fIicET_T0_S0_S1_", "int f<int, char>(char, int, char)"),
        ("_Z1fIiEPFvT_Ev", "void (*f<int>())(int)"),
        ("_Z1fIRiEvOT_", "void f<int&>(int&)"),
        ("_Z1fIOiEvRT_", "void f<int&&>(int&)"),
        ("_Z1fIOiEvOT_", "void f<int&&>(int&&)"),
        ("_Z1fIRiEvRKT_", "void f<int&>(int& const&)"),
        ("_Z1fIKiEvPKT_", "void f<int const>(int const*)"),
        ("_Z1fIA3_cEvRKT_", "void f<char [3]>(char const (&) [3])"),
        ("_Z1fILi3EEvRAT__i", "void f<3>(int (&) [3])"),
        ("_Z1fIJEEvDpT_", "void f<>()"),
        ("_Z1fIJicEEvDpRKT_", "void f<int, char>(int const&, char const&)"),
        ("_Z1fIiJEEvT_DpOT0_", "void f<int>(int)"),
        ("_Z1fIJiRcEEvDpOT_", "void f<int, char&>(int&&, char&)"),
        ("_Z1fIJicEEvSt5tupleIJDpT_EE", "void f<int, char>(std::tuple<int, char>)"),
        ("_Z1fIJLm0ELm1EEEv1AIJXspT_EEE", "void f<0ul, 1ul>(A<0ul, 1ul>)"),
        ("_Z1fIiENSt9enable_ifIXT_EiE4typeEv", "std::enable_if<int, int>::type f<int>()"),
        ("_Z1fI1AEvNT_1xE", "void f<A>(A::x)"),
        ("_Z1fI1AEvT_IiE", "void f<A>(A<int>)"),
    ],
)
def test_standard_names_and_template_parameters(symbol: str, expected: str) -> None:
    check(symbol, expected)


@pytest.mark.parametrize(
    "symbol",
    [
        "_Z1fDTcl1gEE",  # an expression of C++
        "_Z1fIiEDTcl1gfp_EET_",
        "_Z1f1AIXsr1BIiE5valueEE",  # an unresolved name without a namespace
        "_Z1fDv4_f",  # a vector
        "_Z1fCd",  # a complex number
        "_Z1fILf3f800000EEvv",  # a floating point number
        "_Z1fU8__strongP1A",  # a vendor's qualifier
        "_Z1fRRi",  # collapses what is no template parameter
        "_ZN1AcvT_IiEEv",  # the arguments follow
        "_Z1f1AIJEJEE",  # how many commas there are depends on a buffer
        "_ZTch0_h8_N1A1fEv",  # a covariant thunk
        "_ZTCN1AE0_1B",  # a table for construction
        "_ZTW1x",  # thread-local
    ],
)
def test_what_is_left_to_the_library(symbol: str) -> None:
    assert demangle_here(symbol.encode()) is None
    assert cxa_demangle(symbol.encode()) is not None


@pytest.mark.parametrize(
    "symbol",
    [
        *(
            "",
            "_",
            "_Z",
            "_Z1",
            "main",
            "_R1f",
            "__Z1fv",
            "_Z2f",
            "_Z0",
            "_Z01fv",
            "_Zf",
            "_Z1fv\0",
        ),
        *(
            "_ZN",
            "_ZNE",
            "_ZNSt",
            "_ZNStE",
            "_ZN1A",
            "_ZNC1Ev",
            "_ZNKE",
            "_Z1fE",
            "_Z1fv.cold",
            "_Z3a.bv",
            "_ZN1AD3Ev",
        ),
        *(
            "_Z1fS_",
            "_Z1fS0_",
            "_Z1fSZZZZZZZZ_",
            "_Z1fT_",
            "_Z1fIiEvT0_",
            "_Z1fDpT_",
            "_Z1fIiEvDpT_",
        ),
        *(
            "_Z1fA",
            "_Z1fA3",
            "_Z1fF",
            "_Z1fFvE",
            "_Z1fM1A",
            "_Z1fP",
            "_Z1f1AI",
            "_Z1f1AILi",
            "_Z1f1AIJ",
        ),
        *(
            "_Z99999999999999999999f",
            "_Z1fA3_",
            "_ZZ1fv",
            "_ZZ1fvE",
            "_ZZ1fvEUl",
            "_ZZ1fvEUlvE",
            "_ZTV",
            "_ZT",
        ),
    ],
)
def test_damage_is_refused(symbol: str) -> None:
    assert demangle_here(symbol.encode()) is None


def test_deep_and_long_names_are_left_to_the_library() -> None:
    for deep in ("P", "F", "1AI", "K", "ZZ", "N1A", "M", "Dp", "A1_", "1AIJ"):
        assert demangle_here(b"_Z1f" + 500 * deep.encode() + b"i") is None
    longest = b"_Z" + str(LONGEST - 6).encode() + b"a" * (LONGEST - 6)
    assert len(longest) == LONGEST
    assert demangle_here(longest) == cxa_demangle(longest) == b"a" * (LONGEST - 6)
    assert demangle_here(b"_Z1019" + b"a" * 1019) is None


def test_names_that_explode_are_left_to_the_library() -> None:
    doubled = "".join(f"1AIS{n}_S{n}_E" for n in "02468ACEGIKMOQSU")
    assert demangle_here(f"_Z1f1BIiE{doubled}".encode()) is None


def dynamic_names(library: Path) -> list[bytes]:
    found = set(re.findall(rb"(?<=\0)_Z[0-9A-Za-z_$]{1,8000}(?=\0)", library.read_bytes()))
    return sorted(found)[:: max(1, len(found) // MOST)]


def libraries() -> list[Path]:
    folders = sorted(path for path in Path("/usr/lib").glob("*-linux-gnu*") if path.is_dir())
    found = {
        p.resolve() for f in (*folders, Path("/usr/lib")) for g in LIBRARIES for p in f.glob(g)
    }
    return sorted(found)


@pytest.mark.parametrize("library", libraries(), ids=lambda path: path.name)
def test_the_names_of_a_library(library: Path) -> None:
    found = dynamic_names(library)
    forms = {name: form for name in found if (form := demangle_here(name)) is not None}
    assert {name: cxa_demangle(name) for name in forms} == forms
    if "libstdc++" in library.name:
        assert len(forms) >= 0.98 * len(found) > 5000


def test_names_at_random() -> None:
    accepted = 0
    for number in range(15_000):
        name = mangled(number)
        names(name)
        accepted += demangle_here(name) is not None
    assert accepted > 1_200
