# SPDX-License-Identifier: MIT
"""The numbers of DWARF that functions and names need; forms are in `crashsym.dwarf.forms`."""

from __future__ import annotations

from enum import IntEnum


class Tag(IntEnum):
    """The DW_TAG_* that functions and names need (DWARF 5 section 7.5.3)."""

    CLASS_TYPE = 0x02
    ENTRY_POINT = 0x03
    ENUMERATION_TYPE = 0x04
    COMPILE_UNIT = 0x11
    STRUCTURE_TYPE = 0x13
    UNION_TYPE = 0x17
    INLINED_SUBROUTINE = 0x1D
    MODULE = 0x1E
    SUBPROGRAM = 0x2E
    INTERFACE_TYPE = 0x38
    NAMESPACE = 0x39
    PARTIAL_UNIT = 0x3C
    TYPE_UNIT = 0x41
    SKELETON_UNIT = 0x4A


class At(IntEnum):
    """The DW_AT_* that functions and names need (DWARF 5 section 7.5.4; the last: GNU, MIPS)."""

    NAME = 0x03
    STMT_LIST = 0x10
    LOW_PC = 0x11
    HIGH_PC = 0x12
    LANGUAGE = 0x13
    COMP_DIR = 0x1B
    ABSTRACT_ORIGIN = 0x31
    SPECIFICATION = 0x47
    RANGES = 0x55
    CALL_FILE = 0x58
    CALL_LINE = 0x59
    SIGNATURE = 0x69
    LINKAGE_NAME = 0x6E
    STR_OFFSETS_BASE = 0x72
    ADDR_BASE = 0x73
    RNGLISTS_BASE = 0x74
    DWO_NAME = 0x76
    MIPS_LINKAGE_NAME = 0x2007
    GNU_DWO_NAME = 0x2130
    GNU_DWO_ID = 0x2131
    GNU_RANGES_BASE = 0x2132
    GNU_ADDR_BASE = 0x2133


class Kind(IntEnum):
    """DW_UT_* (DWARF 5 section 7.5.1); older units are COMPILE, those of .debug_types TYPE."""

    COMPILE = 1
    TYPE = 2
    PARTIAL = 3
    SKELETON = 4
    SPLIT_COMPILE = 5
    SPLIT_TYPE = 6
