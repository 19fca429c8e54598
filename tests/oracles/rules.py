"""What the rules of STACK CFI records mean, and what readelf's cells mean, in one common form.

A :class:`Term` is ``base + offset``, or what memory holds there. Two spellings of one rule, such as
``.cfa -8 + ^`` and ``.cfa 8 - ^``, give the same term.
"""

from __future__ import annotations

import operator
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from corpus.matrix import Cpu
from oracles.registers import BY_NUMBER


class ExpressionError(ValueError):
    """An expression outside of what symbol files of this project may hold."""


@dataclass(frozen=True)
class Term:
    """``base`` is a register, ``.cfa``, or empty for a constant; ``loads`` counts dereferences.

    ``inner`` is the offset added before the first load, ``offset`` the one added last.
    """

    base: str
    offset: int = 0
    loads: int = 0
    inner: int = 0


# The value cannot be had: the unwinder must not use it.
UNDEFINED = Term(".undef")
# The return address 0 ends a walk.
NO_CALLER = Term("", 0)


def evaluate(expression: str) -> Term:
    """Turn a postfix expression into a term.

    One with more than additions, subtractions and one load is taken as a function of its registers.

    Raises:
        ExpressionError: it leaves no value, or more than one.
    """
    if re.search(r" [*/%@]( |$)", expression):
        return _function(lambda values: compute(expression, values, 64, _no_memory))
    stack: list[Term] = []
    for word in expression.split():
        if word in ("+", "-"):
            right, left = stack.pop(), stack.pop()
            stack.append(_add(left, right, 1 if word == "+" else -1))
        elif word == "^":
            stack.append(_load(stack.pop()))
        elif re.fullmatch(r"-?\d+", word):
            stack.append(Term("", int(word)))
        elif word == ".undef":
            stack.append(UNDEFINED)
        else:
            stack.append(Term(word))
    if len(stack) != 1:
        raise ExpressionError(f"{expression!r} leaves {len(stack)} values")
    return stack[0]


def _add(left: Term, right: Term, sign: int) -> Term:
    if right.base or right.loads:
        raise ExpressionError(f"{right} is no constant")
    return replace(left, offset=left.offset + sign * right.offset)


def _load(term: Term) -> Term:
    if term.loads:
        raise ExpressionError(f"two loads: {term}")
    return Term(term.base, 0, 1, term.offset)


_OPERATORS: dict[str, Callable[[int, int], int]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.floordiv,
    "%": operator.mod,
    "@": lambda value, size: value & ~(size - 1),
}


def compute(
    expression: str, values: Mapping[str, int], bits: int, load: Callable[[int], int]
) -> int:
    """The value of a postfix expression as stack walkers compute it, with unsigned numbers.

    Source: Breakpad src/processor/postfix_evaluator-inl.h; rust-minidump breakpad-symbols
    src/sym_file/walker.rs.
    """
    mask = (1 << bits) - 1
    stack: list[int] = []
    for word in expression.split():
        if word in _OPERATORS:
            right, left = stack.pop(), stack.pop()
            stack.append(_OPERATORS[word](left, right) & mask)
        elif word == "^":
            stack.append(load(stack.pop()))
        elif re.fullmatch(r"-?\d+", word):
            stack.append(int(word) & mask)
        else:
            stack.append(values[word])
    (value,) = stack
    return value


def saved_at(base: str, offset: int) -> Term:
    """The value that memory holds at ``base + offset``."""
    return Term(base, 0, 1, offset)


_EXPRESSION = re.compile(r"DW_OP_breg\d+ \(([^)]+)\): (-?\d+)(; DW_OP_deref)?")
_STEP = re.compile(
    r"DW_OP_(?:breg\d+ \((?P<name>[^)]+)\): (?P<offset>-?\d+)|lit(?P<lit>\d+)|(?P<op>\w+))"
)


def of_dwarf_expression(cpu: Cpu, text: str) -> Term | None:
    """The term of a DWARF expression as readelf prints it; None for one that is not understood."""
    match = _EXPRESSION.fullmatch(text)
    if match:
        base, offset = breakpad_name(cpu, match[1]), int(match[2])
        assert base is not None, match[1]
        return saved_at(base, offset) if match[3] else Term(base, offset)
    steps = [_STEP.fullmatch(word) for word in text.split("; ")]
    if not all(step and (not step["op"] or step["op"] in _DWARF_OPERATORS) for step in steps):
        return None
    return _function(lambda values: _of_steps(cpu, [s for s in steps if s], values))


# Signed, as DWARF compares.
_DWARF_OPERATORS: dict[str, Callable[[int, int], int]] = {
    "plus": operator.add,
    "minus": operator.sub,
    "and": operator.and_,
    "shl": operator.lshift,
    "ge": operator.ge,
}


def _of_steps(cpu: Cpu, steps: list[re.Match[str]], values: Mapping[str, int]) -> int:
    stack: list[int] = []
    for step in steps:
        if step["name"]:
            base = breakpad_name(cpu, step["name"])
            assert base is not None, step["name"]
            stack.append(values[base] + int(step["offset"]))
        elif step["lit"]:
            stack.append(int(step["lit"]))
        else:
            right, left = stack.pop(), stack.pop()
            stack.append(int(_DWARF_OPERATORS[step["op"]](left, right)))
    (value,) = stack
    return value


class _Samples(dict[str, int]):
    """A value for each register; ``number`` makes it another one."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __missing__(self, name: str) -> int:
        return (zlib.crc32(name.encode()) >> 8) * 16 + self.number


def _function(compute_for: Callable[[Mapping[str, int]], int]) -> Term:
    """A term that two functions share when they agree on 64 samples of all registers."""
    return Term("function " + ",".join(str(compute_for(_Samples(n))) for n in range(64)))


def _no_memory(address: int) -> int:
    raise ExpressionError(f"a load from {address:#x} in a function of registers")


_ARM_SPECIAL = {"r13": "sp", "r14": "lr", "r15": "pc"}
_RISCV_FLOAT = {
    **{f"ft{n}": f"f{n}" for n in range(8)},
    **{f"fs{n}": f"f{n + 8}" for n in range(2)},
    **{f"fa{n}": f"f{n + 10}" for n in range(8)},
    **{f"fs{n}": f"f{n + 16}" for n in range(2, 12)},
    **{f"ft{n}": f"f{n + 20}" for n in range(8, 12)},
}


def breakpad_name(cpu: Cpu, name: str) -> str | None:
    """Breakpad's word for the register that readelf calls ``name``; None when it has none."""
    if cpu.arch in ("x86", "x86_64"):
        return f"${name}"
    if cpu.arch == "riscv":
        return _RISCV_FLOAT.get(name, name)
    if cpu.arch == "arm":
        number = int(name[1:])
        if number >= 256:  # d0 to d31: unwinders of minidumps know only the single halves
            return None
        return f"s{number - 64}" if number >= 64 else _ARM_SPECIAL.get(name, name)
    if cpu.arch in BY_NUMBER:
        return BY_NUMBER[cpu.arch][int(name.removeprefix("r"))]
    return name


def return_register(cpu: Cpu) -> str:
    """Where the return address is on entry, when no rule says so; x86 always has a rule."""
    return {
        "arm": "lr",
        "arm64": "x30",
        "riscv": "ra",
        "mips": "$ra",
        "ppc": "lr",
        "ppc64": "lr",
        "s390": "r14",
        "sparc": "o7",
        "sparcv9": "o7",
        "loongarch64": "$ra",
    }.get(cpu.arch, "")


def callee_saved(cpu: Cpu) -> frozenset[str]:
    """Registers whose value an unwinder keeps when there is no rule.

    Source: google/breakpad, src/processor/stackwalker_*.cc. Where those walk without rules, or
    there is none: what the ABI says that callees save.
    """
    names = {
        "x86": "$ebp $ebx $esi $edi",
        "x86_64": "$rbx $rbp $r12 $r13 $r14 $r15",
        "arm": " ".join(f"r{n}" for n in range(4, 12)),
        "arm64": " ".join(f"x{n}" for n in range(19, 30)),
        "riscv": " ".join(f"s{n}" for n in range(12)),
        "mips": "$s0 $s1 $s2 $s3 $s4 $s5 $s6 $s7 $gp $sp $fp",
        "ppc": " ".join(f"r{n}" for n in range(14, 32)),
        "ppc64": " ".join(f"r{n}" for n in range(14, 32)),
        "s390": " ".join(f"r{n}" for n in range(6, 14)),
        "sparc": " ".join(f"{letter}{n}" for letter in "li" for n in range(8)),
        "sparcv9": " ".join(f"{letter}{n}" for letter in "li" for n in range(8)),
        "loongarch64": " ".join(("$fp", *(f"$s{n}" for n in range(9)))),
    }
    return frozenset(names[cpu.arch].split())
