"""Mangled names of C++: made by the grammar, or of others by cutting and pasting."""

from __future__ import annotations

from random import Random

from builders.cxa import cxa_demangle
from crashsym.demangle.itanium import is_harmless
from crashsym.kernel.joined import demangle_here

from fuzz.runner import Runner
from fuzz.seeds import Seed
from fuzz.targets import Disagreement

_NAMES = (
    "_ZNSt6vectorIiSaIiEE17_M_realloc_insertIJRKiEEEvN9__gnu_cxx17__normal_iteratorIPiS1_EEDpOT_",
    "_ZNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEC2IS3_EEPKcRKS3_",
    "_ZStlsISt11char_traitsIcEERSt13basic_ostreamIcT_ES5_PKc",
    "_ZNSt17_Function_handlerIFviEZN1A1fEPKcEUlRKT_E0_E9_M_invokeERKSt9_Any_dataOi",
    "_ZSt13__invoke_implIvZN1AC1EvEUlvE_JRiEET_St14__invoke_otherOT0_DpOT1_",
    "_ZNSt11_Tuple_implILm0EJP1ASt14default_deleteIS0_EEEC2IJS1_LPFvvE0EEEEOS4_",
    "_ZZN12_GLOBAL__N_14walkERA3_KcPFiiEM1AKFvvEENKUlT_DpT0_E_clIiJcEEEDaS7_S8_",
    "_ZN1AIXadL_ZN1B1fEvEEXsrSt7is_sameIicE5valueEE1gILb1EEENSt9enable_ifIXT_EiE4typeEv",
    "_ZNKO1AcvPKcEv",
    "_ZThn8_N1A1BD0Ev",
    "_ZGVZN1A1fB5cxx11EvE1x_0",
)
_PIECES = (
    "S_ S0_ S1_ S2_ S3_ S4_ T_ T0_ JE JiE J E I N K V r P R O RK PK RT_ OT_ RS_ OS_ KT_ KS_ DpT_"
    " DpOT0_ DpRKT_ IJEE IiS_E LZ UlvE_ UlT_E_ UlRKT_E0_ Ut_ Ut0_ A10_ AT__ A2_i PFvvE KFvvE M1A"
    " M1AFvvE M1AKFviE XadL_Z1fvEE XadL_ZN1A1fEvEE XadL_ZN1A1gIiEEvvEE L_Z1fvE XT_E XspT_E Lb1E"
    " Ljn5E LS_3E L1A4E N1A1BE 1A 2BB C1 C2 D1 D2 cv cvi cvT_ pl ls lt cl B5cxx11 St Sa Ss So SaIcE"
    " NSt3fooE Z1fvE ZN1AIiE1fEvE ZZ E_ E0_ Da Dn Dp DoFvvE v i c z Z1fIiEvT_E _0 __10_ d_ Ed0_ M"
    " CI11A sr srSt3fooIT_E nt aa oo XsrT_1xE XntsrS_1xE TV TI GV Th8_ Tv0_n8_ NK NKR NO"
    " 12_GLOBAL__N_1 L1x Y NS_ NS0_ NT_ DT EE v_ _"
)
_DEEPEST = 7


class Grammar:
    """Names at random; most of what they refer to is there."""

    def __init__(self, random: Random) -> None:
        self.random, self.depth = random, 0

    def symbol(self) -> str:
        made = self.random.choice((self.encoding,) * 12 + (self._special,))
        return "_Z" + made()

    def encoding(self) -> str:
        self.depth += 1
        name = self._one("1f", "2gg") if self.depth > _DEEPEST else self.name(True)
        result = self.type() if name.endswith("E") and "I" in name and self._often(0.75) else ""
        self.depth -= 1
        return name + ("" if self._often(0.08) else result + self._parameters())

    def name(self, of_function: bool) -> str:
        self.depth += 1
        if self.depth > _DEEPEST:
            made = self._source()
        else:
            makers = (self._nested, self._nested, self._unscoped, self._unscoped, self._local)
            made = self.random.choice(makers)(of_function)
        self.depth -= 1
        return made

    def type(self) -> str:
        self.depth += 1
        if self.depth > _DEEPEST or self._often(0.25):
            made = self._one(*"abcdefghijlmnostwxyz")
        elif self._often(0.3):
            made = self._one("S_", "S0_", "S1_", "S2_", "S3_", "S4_", "S5_", "T_", "T_", "T0_")
        elif self._often(0.4):
            made = self._one(*"PPRROKKV", "r", "VK", "Dp", "A3_", "A_", "AT__") + self.type()
        elif self._often(0.2):
            quals, reference = self._one("", "", "K", "VK", "Do"), self._one("", "", "R", "O")
            made = f"{quals}F{self.type()}{self._parameters()}{reference}E"
        elif self._often(0.15):
            made = f"M{self.type()}{self._one(self.type(), 'KFviE')}"
        else:
            made = self._one("Dn", "Da", "Ds", self.name(False), self.name(False), self.name(False))
        self.depth -= 1
        return made

    def _one(self, *choices: str) -> str:
        return self.random.choice(choices)

    def _often(self, share: float) -> bool:
        return self.random.random() < share

    def _special(self) -> str:
        kind = self._one("TV", "TI", "TT", "TS", "Thn8_", "Tv0_n24_", "GV")
        made = self.type if kind in ("TV", "TI", "TT", "TS") else self.encoding
        return kind + made()

    def _parameters(self) -> str:
        count = self.random.choice((0, 1, 1, 2, 3, 4))
        return "".join(self.type() for _ in range(count)) or "v"

    def _source(self) -> str:
        return self._one("1A", "1B", "1f", "2xy", "3foo", "12_GLOBAL__N_1", "L1x")

    def _part(self) -> str:
        tag = "B5cxx11" if self._often(0.05) else ""
        if self._often(0.65):
            return self._source() + tag
        lambda_ = f"Ul{self._parameters()}E{self._one('_', '0_')}"
        conversion = "cv" + self.type()
        operators = ("pl", "ls", "lt", "gt", "cl", "nw")
        members = ("C1", "C2", "D0", "D1", "CI11A")
        part = self._one(lambda_, conversion, self._one(*operators), self._one(*members), "Ut_")
        return part + tag

    def _arguments(self) -> str:
        count = self.random.choice((0, 1, 1, 1, 2, 2, 3))
        return "I" + "".join(self._argument() for _ in range(count)) + "E"

    def _argument(self) -> str:
        if self._often(0.7):
            return self.type()
        if self._often(0.3):
            return "J" + self._arguments()[1:]
        literals = ("Li5E", "Lb1E", "Lin2E", "L1A3E", "Lm7E", "LS_3E", "LT_4E", "Lc65E")
        encoding, type_ = self.encoding(), self.type()
        return self._one(
            *literals,
            *(
                "XT_E",
                "XspT_E",
                "XspT0_E",
                f"XsrSt{self._source()}{self._arguments()}1xE",
                "XntsrT_1xE",
            ),
            *(f"XadL_Z{encoding}EE", f"L_Z{encoding}E", f"X3fooI{type_}EE"),
            "XaasrS_1xntLb1EE",
        )

    def _unscoped(self, _: bool) -> str:
        name = self._one(self._source(), "St" + self._source(), "Sa", "Ss", "So", self._part())
        return name + (self._arguments() if self._often(0.5) else "")

    def _local(self, of_function: bool) -> str:
        entity = self._one(self._part(), self.name(of_function), "s", "d_" + self.name(of_function))
        return f"Z{self.encoding()}E{entity}{self._one('', '', '', '_0', '__12_')}"

    def _nested(self, of_function: bool) -> str:
        made = "N" + (self._one("", "", "K", "V", "VK", "R", "O", "KR") if of_function else "")
        made += self._one(self._source(), "St", "Sa", "Ss", "S_", "S0_", "S1_", "T_", self._part())
        for _ in range(self.random.choice((1, 1, 2, 3))):
            made += self._arguments() if self._often(0.4) and not made.endswith("St") else ""
            made += self._part() + ("M" if self._often(0.05) else "")
        return made + (self._arguments() if self._often(0.4) else "") + "E"


def damaged(name: str, random: Random) -> str:
    """Return a name with pieces put in, left out, doubled or taken from another name."""
    for _ in range(random.choice((1, 1, 1, 2, 3, 5))):
        at = random.randrange(min(2, len(name)), len(name) + 1)
        end = at + random.choice((0, 0, 0, 1, 1, 2, 4, 12))
        other = random.choice(_NAMES)
        begin = random.randrange(len(other))
        new = random.choice(
            (
                random.choice(_PIECES.split()),
                random.choice(_PIECES.split()),
                "",
                name[at : at + random.randrange(20)] * 2,
                other[begin : begin + random.randrange(40)],
                random.choice("_ZNSTKEIJLPRO0123456789abcdefghijklmnopqrstuvwxyzADCMUVXFG"),
            )
        )
        name = name[:at] + new + name[end:]
    return name


def mangled(number: int) -> bytes:
    """Return the name of this number; the same for the same number."""
    random = Random(number)  # noqa: S311 - repeatable is what is wanted
    if number % 2:
        name = damaged(random.choice(_NAMES), random)
    else:
        name = Grammar(random).symbol()
        if random.random() < 0.2:
            name = damaged(name, random)
    return name[:2000].encode()


def names(data: bytes) -> None:
    """Check that the kernel gives what the C++ library gives, or leaves the name to it.

    Raises:
        Disagreement: it gives another form.
    """
    ours = demangle_here(data)
    if ours is None or not is_harmless(data.decode()):
        return
    theirs = cxa_demangle(data)
    if ours != theirs:
        raise Disagreement(f"{data!r}: {ours!r}, __cxa_demangle {theirs!r}")


class NameRunner(Runner):
    """Inputs are names."""

    def input(self, number: int) -> bytes:
        """Return the name of this number."""
        return mangled(number)


SEEDS = [Seed("name", _NAMES[0].encode(), (), True)]
