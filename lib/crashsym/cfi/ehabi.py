# SPDX-License-Identifier: MIT
"""Unwind instructions of the Arm EHABI: from bytecode to the rules of one row.

Source: "Exception Handling ABI for the Arm Architecture" (IHI 0038), "Frame unwinding
instructions"; where that leaves a case open, libgcc/config/arm/pr-support.c of GCC decides.
"""

from __future__ import annotations

from crashsym.cfi.model import Rule, RuleKind
from crashsym.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from crashsym.reader import Reader

SP, LR, PC = 13, 14, 15
_WORD = 4
_DOUBLE = 8
_FARTHEST = 1 << 31  # bytes between two places; the address space has twice as many
_DEEPEST = 3  # loads one upon the other; compilers need none, hand-written code one
_VFP_X_REGISTERS, _VFP_REGISTERS, _WMMX_REGISTERS = 16, 32, 16
# DWARF 5 section 7.7.1
_OP_DEREF, _OP_CONSTS, _OP_PLUS, _OP_BREG0 = 0x06, 0x11, 0x22, 0x70


class Place(Value):
    """An address: ``register`` + the first offset; for each further one load there, and add it."""

    register: int
    offsets: tuple[int, ...] = (0,)

    def moved(self, size: int) -> Place:
        """Return the place ``size`` bytes above."""
        return Place(self.register, (*self.offsets[:-1], self.offsets[-1] + size))

    def loaded(self) -> Place:
        """Return the place that the word here points to."""
        return Place(self.register, (*self.offsets, 0))

    def distance(self, other: Place) -> int | None:
        """Return how many bytes this place is above ``other``; None when that is not known."""
        if (self.register, self.offsets[:-1]) != (other.register, other.offsets[:-1]):
            return None
        return self.offsets[-1] - other.offsets[-1]

    def expression(self) -> bytes:
        """Return the DWARF expression that computes the place."""
        code = bytes((_OP_BREG0 + self.register,)) + _sleb(self.offsets[0])
        for offset in self.offsets[1:]:
            code += bytes((_OP_DEREF,))
            if offset:
                code += bytes((_OP_CONSTS,)) + _sleb(offset) + bytes((_OP_PLUS,))
        return code


class Unwound(Value):
    """What a program comes to: the rules of the row that holds for the whole function.

    ``return_column`` is 15 where pc was popped (signal frames, which also restore lr), else 14.
    """

    cfa: Rule
    registers: Mapping[int, Rule]
    return_column: int


def execute(program: Reader) -> Unwound | None:
    """Execute unwind instructions up to "finish", or to the end; None: it refuses to unwind.

    The CFA is the virtual stack pointer at the end, so the rules have the form that GCC gives them
    in DWARF: registers saved at a distance from the CFA. A register that was popped before the
    virtual stack pointer was taken from another register, or loaded, gets an expression. If pc was
    not popped, it is lr. Coprocessor registers only move the virtual stack pointer.

    Raises:
        MalformedError: an instruction is spare, reserved or truncated, or leads out of memory.
    """
    machine = _Machine(program)
    while program.left and not machine.finished:
        machine.step()
    return None if machine.refused else machine.result()


class _Machine:
    """The virtual registers; those in ``saved`` have been popped from there."""

    def __init__(self, program: Reader) -> None:
        self._program = program
        self._vsp = Place(SP)
        self._saved: dict[int, Place] = {}
        self.finished = False
        self.refused = False

    def step(self) -> None:
        opcode = self._program.unsigned(1)
        for mask, value, action in _ACTIONS:
            if opcode & mask == value:
                action(self, opcode)
                return
        raise self._program.damage(f"unwind instruction 0x{opcode:02x} is spare")

    def result(self) -> Unwound:
        saved = sorted(self._saved.items())
        registers = {number: self._saved_at(place) for number, place in saved}
        if len(self._vsp.offsets) == 1:
            cfa = Rule(RuleKind.REGISTER_OFFSET, self._vsp.offsets[0], self._vsp.register)
        else:
            cfa = Rule(RuleKind.VAL_EXPRESSION, expression=self._vsp.expression())
        return Unwound(cfa, registers, PC if PC in registers else LR)

    def _saved_at(self, place: Place) -> Rule:
        distance = place.distance(self._vsp)
        if distance is not None:
            return Rule(RuleKind.OFFSET, distance)
        return Rule(RuleKind.EXPRESSION, expression=place.expression())

    def _move(self, size: int) -> None:
        self._vsp = self._vsp.moved(size)
        if abs(self._vsp.offsets[-1]) >= _FARTHEST:
            raise self._program.damage("the virtual stack pointer leaves the address space")

    def _load(self, place: Place) -> Place:
        if len(place.offsets) > _DEEPEST:
            raise self._program.damage(f"more than {_DEEPEST} loads one upon the other")
        return place.loaded()

    def _pop(self, first: int, mask: int) -> None:
        """Pop registers ``first``, … by mask, the lowest from the lowest address.

        A popped sp is the new virtual stack pointer, once the others have been popped.
        """
        stack_pointer = None
        for number in range(first, PC + 1):
            if mask >> (number - first) & 1:
                if number == SP:
                    stack_pointer = self._load(self._vsp)
                else:
                    self._saved[number] = self._vsp
                self._move(_WORD)
        if stack_pointer is not None:
            self._vsp = stack_pointer

    # ---- one method for each instruction; what it is called in the document stands behind

    def _add(self, opcode: int) -> None:  # 00xxxxxx
        self._move(((opcode & 0x3F) << 2) + 4)

    def _subtract(self, opcode: int) -> None:  # 01xxxxxx
        self._move(-((opcode & 0x3F) << 2) - 4)

    def _pop_mask(self, opcode: int) -> None:  # 1000iiii iiiiiiii
        mask = (opcode & 0x0F) << 8 | self._program.unsigned(1)
        if mask:
            self._pop(4, mask)
        else:
            self.finished = self.refused = True

    def _take_register(self, opcode: int) -> None:  # 1001nnnn
        number = opcode & 0x0F
        if number in (SP, PC):
            raise self._program.damage(f"unwind instruction 0x{opcode:02x} is reserved")
        popped = self._saved.get(number)
        self._vsp = Place(number) if popped is None else self._load(popped)

    def _pop_range(self, opcode: int) -> None:  # 1010lnnn
        mask = (1 << ((opcode & 7) + 1)) - 1
        self._pop(4, mask | (1 << (LR - 4)) if opcode & 8 else mask)

    def _finish(self, _opcode: int) -> None:  # 10110000
        self.finished = True

    def _pop_low(self, opcode: int) -> None:  # 10110001 0000iiii
        mask = self._program.unsigned(1)
        if not 0 < mask < 0x10:
            raise self._program.damage(f"unwind instruction 0x{opcode:02x}{mask:02x} is spare")
        self._pop(0, mask)

    def _add_long(self, _opcode: int) -> None:  # 10110010 uleb128
        self._move(0x204 + (self._program.uleb() << 2))

    def _pop_code(self, _opcode: int) -> None:  # 10110100, the code that authenticates pc
        self._move(_WORD)

    def _modifier(self, _opcode: int) -> None:
        """10110101: the virtual stack pointer is what that code was made with."""

    def _doubles(self, first: int, last_allowed: int, extra: int = 0) -> None:
        operand = self._program.unsigned(1)
        count = (operand & 0x0F) + 1
        if first + (operand >> 4) + count > last_allowed:
            raise self._program.damage(f"it pops coprocessor registers beyond {last_allowed - 1}")
        self._move(_DOUBLE * count + extra)

    def _pop_vfp_x(self, _opcode: int) -> None:  # 10110011 sssscccc, FSTMFDX
        self._doubles(0, _VFP_X_REGISTERS, _WORD)

    def _pop_vfp_x_from_8(self, opcode: int) -> None:  # 10111nnn, FSTMFDX
        self._move(_DOUBLE * ((opcode & 7) + 1) + _WORD)

    def _pop_wmmx_from_10(self, opcode: int) -> None:  # 11000nnn
        self._move(_DOUBLE * ((opcode & 7) + 1))

    def _pop_wmmx(self, _opcode: int) -> None:  # 11000110 sssscccc
        self._doubles(0, _WMMX_REGISTERS)

    def _pop_wmmx_control(self, opcode: int) -> None:  # 11000111 0000iiii
        mask = self._program.unsigned(1)
        if not 0 < mask < 0x10:
            raise self._program.damage(f"unwind instruction 0x{opcode:02x}{mask:02x} is spare")
        self._move(_WORD * mask.bit_count())

    def _pop_vfp_from_16(self, _opcode: int) -> None:  # 11001000 sssscccc
        self._doubles(16, _VFP_REGISTERS)

    def _pop_vfp(self, _opcode: int) -> None:  # 11001001 sssscccc
        self._doubles(0, _VFP_REGISTERS)

    def _pop_vfp_from_8(self, opcode: int) -> None:  # 11010nnn
        self._move(_DOUBLE * ((opcode & 7) + 1))


# (mask, value, action); the first that fits has it, what fits none is spare.
_ACTIONS: tuple[tuple[int, int, Callable[[_Machine, int], None]], ...] = (
    (0xC0, 0x00, _Machine._add),
    (0xC0, 0x40, _Machine._subtract),
    (0xF0, 0x80, _Machine._pop_mask),
    (0xF0, 0x90, _Machine._take_register),
    (0xF0, 0xA0, _Machine._pop_range),
    (0xFF, 0xB0, _Machine._finish),
    (0xFF, 0xB1, _Machine._pop_low),
    (0xFF, 0xB2, _Machine._add_long),
    (0xFF, 0xB3, _Machine._pop_vfp_x),
    (0xFF, 0xB4, _Machine._pop_code),
    (0xFF, 0xB5, _Machine._modifier),
    (0xF8, 0xB8, _Machine._pop_vfp_x_from_8),
    (0xFF, 0xC6, _Machine._pop_wmmx),
    (0xFF, 0xC7, _Machine._pop_wmmx_control),
    (0xF8, 0xC0, _Machine._pop_wmmx_from_10),
    (0xFF, 0xC8, _Machine._pop_vfp_from_16),
    (0xFF, 0xC9, _Machine._pop_vfp),
    (0xF8, 0xD0, _Machine._pop_vfp_from_8),
)


def _sleb(value: int) -> bytes:
    out = bytearray()
    while not -0x40 <= value < 0x40:
        out.append(0x80 | (value & 0x7F))
        value >>= 7
    return bytes((*out, value & 0x7F))
