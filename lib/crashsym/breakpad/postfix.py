# SPDX-License-Identifier: MIT
"""DWARF expressions → the postfix expressions of symbol files.

Both processors know registers, decimal numbers, ``+ - * / %`` on unsigned numbers, ``@`` (align
down) and ``^`` (load), and nothing else: no comparison, no bits, no stack operations. What can be
said with these is said.

Source: DWARF 5 section 2.5 and 7.7.1; Breakpad src/processor/postfix_evaluator-inl.h; rust-minidump
breakpad-symbols src/sym_file/walker.rs.
"""

from __future__ import annotations

from crashsym.errors import MalformedError
from crashsym.reader import Reader
from crashsym.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

LARGEST = (1 << 63) - 1  # rust-minidump reads numbers of 64 bits with a sign
# In bytes. Those of compilers and C libraries have up to a dozen; each row may repeat it, so that
# longer ones would make a hostile file grow to hundreds of times its size.
_LONGEST = 64
_DEREF, _AND, _MINUS, _MUL, _PLUS, _PLUS_UCONST, _SHL = 0x06, 0x1A, 0x1C, 0x1E, 0x22, 0x23, 0x24
_GE, _GT, _LE, _LT = 0x2A, 0x2B, 0x2C, 0x2D
_CONSTANTS = {0x08: (1, False), 0x09: (1, True), 0x0A: (2, False), 0x0B: (2, True)}
_CONSTANTS |= {0x0C: (4, False), 0x0D: (4, True), 0x0E: (8, False), 0x0F: (8, True)}
_CONSTU, _CONSTS = 0x10, 0x11
_LIT0, _LIT31, _BREG0, _BREG31, _BREGX = 0x30, 0x4F, 0x70, 0x8F, 0x92
_ARITHMETIC = {_MINUS: "-", _MUL: "*", _PLUS: "+"}


class _NoFormError(Exception):
    """Breakpad has no form for this."""


class _Value(Value):
    """A value on DWARF's stack: its text, its number where it is one, and its bound.

    ``bound`` is 0, or the value is known to be from 0 to ``bound`` - 1.
    """

    text: str
    number: int | None = None
    bound: int = 0


def translate(
    expression: bytes, registers: dict[int, str], on_stack: list[str], *, little_endian: bool
) -> str | None:
    """Return the postfix form of a DWARF expression; None when there is none.

    One of more than 64 bytes has none.

    ``on_stack`` is what DWARF puts on the stack before: ``.cfa`` for the rule of a register. The
    result is the last value on the stack. ``registers`` are Breakpad's names by DWARF number.
    """
    if len(expression) > _LONGEST:
        return None
    reader = Reader(expression, little_endian=little_endian)
    stack = [_Value(text) for text in on_stack]
    try:
        while reader.left:
            _operation(reader, registers, stack)
    except (MalformedError, _NoFormError):
        return None  # a broken expression is one that cannot be evaluated
    return stack[-1].text if stack else None


def _operation(reader: Reader, registers: dict[int, str], stack: list[_Value]) -> None:
    code = reader.unsigned(1)
    number = _constant(code, reader)
    if number is not None:
        stack.append(_number(number))
    elif _BREG0 <= code <= _BREG31 or code == _BREGX:
        name = registers.get(reader.uleb() if code == _BREGX else code - _BREG0)
        offset = _number(reader.sleb())
        if name is None:
            raise _NoFormError
        stack.append(_Value(f"{name} {offset.text} +"))
    elif code == _PLUS_UCONST:
        offset = _number(reader.uleb())
        stack.append(_Value(f"{_pop(stack).text} {offset.text} +"))
    elif code == _DEREF:
        stack.append(_Value(f"{_pop(stack).text} ^"))
    elif code in _BINARY:
        right, left = _pop(stack), _pop(stack)
        stack.append(_BINARY[code](left, right))
    else:
        raise _NoFormError


def _constant(code: int, reader: Reader) -> int | None:
    if _LIT0 <= code <= _LIT31:
        return code - _LIT0
    if code in _CONSTANTS:
        size, signed = _CONSTANTS[code]
        return reader.signed(size) if signed else reader.unsigned(size)
    if code == _CONSTU:
        return reader.uleb()
    return reader.sleb() if code == _CONSTS else None


def _number(number: int) -> _Value:
    if not -LARGEST <= number <= LARGEST:
        raise _NoFormError
    return _Value(str(number), number)


def _pop(stack: list[_Value]) -> _Value:
    if not stack:
        raise _NoFormError
    return stack.pop()


def _arithmetic(operator: str) -> Callable[[_Value, _Value], _Value]:
    return lambda left, right: _Value(f"{left.text} {right.text} {operator}")


def _and(left: _Value, right: _Value) -> _Value:
    """A mask of the lowest bits is a remainder, one without them aligns down."""
    value, mask = (left, right) if right.number is not None else (right, left)
    number = mask.number or 0
    if number > 0 and number & (number + 1) == 0:
        return _Value(f"{value.text} {number + 1} %", bound=number + 1)
    if number < 0 and -number & (-number - 1) == 0:
        return _Value(f"{value.text} {-number} @")
    raise _NoFormError


def _shift_left(left: _Value, right: _Value) -> _Value:
    if right.number is None or not 0 <= right.number < 32:
        raise _NoFormError
    return _Value(f"{left.text} {1 << right.number} *", bound=left.bound << right.number)


def _at_least(value: _Value, least: int) -> _Value:
    """Return 1 where ``value`` >= ``least``, else 0.

    With a bound this is a quotient: from ``bound`` on, value + bound - least contains it once.
    """
    if not 0 < least <= value.bound:
        raise _NoFormError
    return _Value(f"{value.text} {value.bound - least} + {value.bound} /", bound=2)


def _compare(*, above: bool, inverse: bool) -> Callable[[_Value, _Value], _Value]:
    def compare(left: _Value, right: _Value) -> _Value:
        if right.number is None:
            raise _NoFormError
        found = _at_least(left, right.number + 1 if above else right.number)
        return _Value(f"1 {found.text} -", bound=2) if inverse else found

    return compare


# The stack walkers of processors look procedure linkage tables up as code like any other; GNU ld
# describes a lazy one by CFA = rsp + 8 + ((rip & 15) >= 11) << 3.
_BINARY: dict[int, Callable[[_Value, _Value], _Value]] = {
    **{code: _arithmetic(operator) for code, operator in _ARITHMETIC.items()},
    _AND: _and,
    _SHL: _shift_left,
    _GE: _compare(above=False, inverse=False),
    _GT: _compare(above=True, inverse=False),
    _LE: _compare(above=True, inverse=True),
    _LT: _compare(above=False, inverse=True),
}
