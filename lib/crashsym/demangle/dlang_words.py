# SPDX-License-Identifier: MIT
"""The letters of D's mangling and what they stand for.

Source: D Language Specification, "Application Binary Interface", Name Mangling.
"""

from __future__ import annotations

CONVENTIONS = {
    "F": "",
    "U": "extern(C) ",
    "W": "extern(Windows) ",
    "V": "extern(Pascal) ",
    "R": "extern(C++) ",
    "Y": "extern(Objective-C) ",
}
ATTRIBUTES = {
    "Na": "pure",
    "Nb": "nothrow",
    "Nc": "ref",
    "Nd": "@property",
    "Ne": "@trusted",
    "Nf": "@safe",
    "Ni": "@nogc",
    "Nj": "return",
    "Nl": "scope",
    "Nm": "@live",
}
STORAGE = {"I": "in ", "J": "out ", "K": "ref ", "L": "lazy ", "M": "scope ", "Nk": "return "}
MODIFIERS = {"x": "const", "y": "immutable", "O": "shared", "Ng": "inout"}
WRAPPED = {**MODIFIERS, "Nh": "__vector"}
BASIC_TYPES = {
    "a": "char",
    "b": "bool",
    "c": "creal",
    "d": "double",
    "e": "real",
    "f": "float",
    "g": "byte",
    "h": "ubyte",
    "i": "int",
    "j": "ireal",
    "k": "uint",
    "l": "long",
    "m": "ulong",
    "n": "typeof(null)",
    "o": "ifloat",
    "p": "idouble",
    "q": "cfloat",
    "r": "cdouble",
    "s": "short",
    "t": "ushort",
    "u": "wchar",
    "v": "void",
    "w": "dchar",
    "zi": "cent",
    "zk": "ucent",
    "Nn": "typeof(*null)",
}
NAMED = frozenset("CSETI")
SPECIAL_FUNCTIONS = {"__ctor": "this", "__dtor": "~this"}
# V is left out here: it is rather the next argument of a template.
BEFORE_PARAMETERS = frozenset("FUWRYMQ")
# What the compiler makes for a type or module; the name ends here, with a "Z".
SPECIAL_DATA = {
    "__init": "initializer for ",
    "__vtbl": "vtable for ",
    "__Class": "ClassInfo for ",
    "__Interface": "Interface for ",
    "__ModuleInfo": "ModuleInfo for ",
}
