"""The names of registers that readelf only knows by their DWARF number (``r29``).

Written from the documents of the ABIs, and not from the table in the library. MIPS: "See MIPS Run",
table 2.1, and gdb/mips-tdep.c for the numbers; PowerPC: 64-bit PowerPC ELF ABI Supplement, section
3.4; SPARC: the V9 manual, section 5.1.4, and gdb/sparc-tdep.c; LoongArch: "DWARF for the LoongArch
Architecture", table 1.
"""

from __future__ import annotations

from itertools import chain


def _span(prefix: str, first: int, last: int) -> list[str]:
    return [f"{prefix}{number}" for number in range(first, last + 1)]


def _listed(*parts: list[str]) -> dict[int, str]:
    return dict(enumerate(chain.from_iterable(parts)))


_MIPS = _listed(
    ["$zero", "$at"],
    _span("$v", 0, 1),
    _span("$a", 0, 3),
    _span("$t", 0, 7),
    _span("$s", 0, 7),
    _span("$t", 8, 9),
    _span("$k", 0, 1),
    ["$gp", "$sp", "$fp", "$ra"],
    _span("$f", 0, 31),
    ["$hi", "$lo"],
)
_PPC = _listed(_span("r", 0, 31), _span("f", 0, 31)) | {
    65: "lr",
    66: "ctr",
    **dict(enumerate(_span("cr", 0, 7), 68)),
    **dict(enumerate(_span("vr", 0, 31), 77)),
}
_SPARC = _listed(
    _span("g", 0, 7), _span("o", 0, 7), _span("l", 0, 7), _span("i", 0, 7), _span("f", 0, 31)
)
_LOONGARCH = _listed(
    ["$zero", "$ra", "$tp", "$sp"],
    _span("$a", 0, 7),
    _span("$t", 0, 8),
    ["$r21", "$fp"],
    _span("$s", 0, 8),
    _span("$f", 0, 31),
)
BY_NUMBER = {
    "mips": _MIPS,
    "ppc": _PPC,
    "ppc64": _PPC,
    "sparc": _SPARC,
    "sparcv9": _SPARC,
    "loongarch64": _LOONGARCH,
}
