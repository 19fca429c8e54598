# SPDX-License-Identifier: MIT
"""How the attributes of entries are encoded: abbreviations and forms of DWARF 2 to 5 and GNU."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from crashsym.reader import Reader

if TYPE_CHECKING:
    from crashsym.budget import Budget
    from crashsym.dwarf.sections import DwarfSections

Value = int | bytes


class Form(IntEnum):
    """DW_FORM_* (DWARF 5 section 7.5.6; the last four: GNU, DebugFission and dwz)."""

    ADDR = 0x01
    BLOCK2 = 0x03
    BLOCK4 = 0x04
    DATA2 = 0x05
    DATA4 = 0x06
    DATA8 = 0x07
    STRING = 0x08
    BLOCK = 0x09
    BLOCK1 = 0x0A
    DATA1 = 0x0B
    FLAG = 0x0C
    SDATA = 0x0D
    STRP = 0x0E
    UDATA = 0x0F
    REF_ADDR = 0x10
    REF1 = 0x11
    REF2 = 0x12
    REF4 = 0x13
    REF8 = 0x14
    REF_UDATA = 0x15
    INDIRECT = 0x16
    SEC_OFFSET = 0x17
    EXPRLOC = 0x18
    FLAG_PRESENT = 0x19
    STRX = 0x1A
    ADDRX = 0x1B
    REF_SUP4 = 0x1C
    STRP_SUP = 0x1D
    DATA16 = 0x1E
    LINE_STRP = 0x1F
    REF_SIG8 = 0x20
    IMPLICIT_CONST = 0x21
    LOCLISTX = 0x22
    RNGLISTX = 0x23
    REF_SUP8 = 0x24
    STRX1 = 0x25
    STRX2 = 0x26
    STRX3 = 0x27
    STRX4 = 0x28
    ADDRX1 = 0x29
    ADDRX2 = 0x2A
    ADDRX3 = 0x2B
    ADDRX4 = 0x2C
    GNU_ADDR_INDEX = 0x1F01
    GNU_STR_INDEX = 0x1F02
    GNU_REF_ALT = 0x1F20
    GNU_STRP_ALT = 0x1F21


_FIXED: dict[int, int] = {
    Form.DATA1: 1,
    Form.DATA2: 2,
    Form.DATA4: 4,
    Form.DATA8: 8,
    Form.FLAG: 1,
    Form.REF1: 1,
    Form.REF2: 2,
    Form.REF4: 4,
    Form.REF8: 8,
    Form.REF_SIG8: 8,
    Form.REF_SUP4: 4,
    Form.REF_SUP8: 8,
    Form.STRX1: 1,
    Form.STRX2: 2,
    Form.STRX3: 3,
    Form.STRX4: 4,
    Form.ADDRX1: 1,
    Form.ADDRX2: 2,
    Form.ADDRX3: 3,
    Form.ADDRX4: 4,
}
_OFFSETS = (
    Form.STRP,
    Form.SEC_OFFSET,
    Form.STRP_SUP,
    Form.LINE_STRP,
    Form.GNU_REF_ALT,
    Form.GNU_STRP_ALT,
)
_ULEBS = frozenset(
    {
        Form.UDATA,
        Form.REF_UDATA,
        Form.STRX,
        Form.ADDRX,
        Form.LOCLISTX,
        Form.RNGLISTX,
        Form.GNU_ADDR_INDEX,
        Form.GNU_STR_INDEX,
    }
)
_BLOCKS: dict[int, int] = {Form.BLOCK1: 1, Form.BLOCK2: 2, Form.BLOCK4: 4}


class Attribute(NamedTuple):
    """An attribute of an entry as it is encoded; what ``value`` means depends on the form.

    A number for all forms but DW_FORM_string, data16, exprloc and blocks, which are bytes.
    """

    form: int
    value: Value


class Abbreviation(NamedTuple):
    """The shape of an entry; ``attributes`` are (name, form, constant of implicit_const)."""

    tag: int
    has_children: bool
    attributes: tuple[tuple[int, int, int], ...]


def read_abbreviations(
    sections: DwarfSections, offset: int, budget: Budget
) -> dict[int, Abbreviation]:
    """Decode the table at ``offset`` of ``.debug_abbrev``; of two with one code the last counts.

    A table that ends with its section, without a code of 0, is complete.

    Raises:
        MalformedError: the table is cut off inside of a declaration.

    Source: DWARF 5 section 7.5.3.
    """
    reader = sections.reader(".debug_abbrev", offset)
    table: dict[int, Abbreviation] = {}
    while reader.left and (code := reader.uleb()):
        tag, has_children = reader.uleb(), reader.unsigned(1) != 0
        attributes = []
        while True:
            name, form = reader.uleb(), reader.uleb()
            constant = reader.sleb() if form == Form.IMPLICIT_CONST else 0
            budget.spend(1, ".debug_abbrev")
            if name == 0 and form == 0:
                break
            attributes.append((name, form, constant))
        table[code] = Abbreviation(tag, has_children, tuple(attributes))
    return table


class FormReader:
    """Reads the attributes of one unit: their sizes depend on its header."""

    def __init__(self, version: int, address_size: int, offset_size: int) -> None:
        self._sizes = dict(_FIXED)
        self._sizes.update(dict.fromkeys(_OFFSETS, offset_size))
        self._sizes[Form.ADDR] = address_size
        self._sizes[Form.REF_ADDR] = address_size if version == 2 else offset_size

    def read(self, reader: Reader, form: int, constant: int) -> Attribute:
        """Read one attribute and step over it.

        Raises:
            MalformedError: it runs past the unit, or its form is unknown.

        Source: DWARF 5 section 7.5.6; DWARF 2 section 7.5.4 for DW_FORM_ref_addr.
        """
        while form == Form.INDIRECT:
            form = reader.uleb()
        size = self._sizes.get(form)
        if size is not None:
            return Attribute(form, reader.unsigned(size))
        return Attribute(form, _read_variable(reader, form, constant))


def _read_variable(reader: Reader, form: int, constant: int) -> Value:
    if form in _ULEBS:
        return reader.uleb()
    if form == Form.STRING:
        return reader.cstring()
    if form == Form.FLAG_PRESENT:
        return 1
    if form == Form.IMPLICIT_CONST:
        return constant
    if form == Form.SDATA:
        return reader.sleb()
    if form in _BLOCKS:
        return reader.take(reader.unsigned(_BLOCKS[form]))
    if form in (Form.EXPRLOC, Form.BLOCK):
        return reader.take(reader.uleb())
    if form == Form.DATA16:
        return reader.take(16)
    raise reader.damage(f"an attribute has the unknown form 0x{form:x}")
