"""Split units: a program with skeletons, and its ``.dwo`` file or its package.

``version`` is that of DWARF: 4 stands for GNU's extensions of it.
"""

from __future__ import annotations

from collections.abc import Sequence

from builders import dwarf, elf
from builders.dwarf import Attribute, Die, Dwarf, sequence
from builders.elf import Elf, Section
from builders.encode import Format, uleb

FMT = Format()
ID, SIGNATURE = 7, 9
_STRINGS = b"zero\0f\0g\0"
_SIZE: Attribute = (dwarf.HIGH_PC, dwarf.DATA1, 16)


def program(version: int, *, name: int = 0, folder: int = 1, directory: bytes = b"/src") -> bytes:
    """Return the file with the skeleton; it has addresses, lines and (DWARF 4) range lists.

    ``name`` and ``folder`` are the indexes of DW_AT_dwo_name and DW_AT_comp_dir, ``directory`` is
    what the latter has at index 1.
    """
    four = version == 4
    info = Dwarf(FMT, version)
    base = dwarf.GNU_ADDR_BASE if four else dwarf.ADDR_BASE
    text = dwarf.GNU_STR_INDEX if four else dwarf.STRX
    attributes: list[Attribute] = [
        (dwarf.GNU_DWO_NAME if four else dwarf.DWO_NAME, text, name),
        (dwarf.COMP_DIR, text, folder),
        (dwarf.STMT_LIST, dwarf.SEC_OFFSET, 0),
        (dwarf.LOW_PC, dwarf.ADDR, 0x2000),
        (base, dwarf.SEC_OFFSET, 16),
    ]
    if four:
        attributes += [
            (dwarf.GNU_DWO_ID, dwarf.DATA8, ID),
            (dwarf.GNU_RANGES_BASE, dwarf.SEC_OFFSET, 32),
        ]
        info.unit(Die(dwarf.COMPILE_UNIT, attributes))
    else:
        info.unit(Die(0x4A, attributes), kind=4, tail=FMT.number(ID, 8))
    return Elf(
        (elf.code(), elf.build_id(FMT), *info.sections(), *_of_skeleton(version, directory))
    ).build()


def _of_skeleton(version: int, directory: bytes) -> tuple[Section, ...]:
    header = b"" if version == 4 else bytes(8)
    return (
        Section(".debug_addr", bytes(16) + FMT.word(0x5000, 0x1000, 0x3000)),
        Section(".debug_ranges", bytes(32 + 16) + FMT.word(0x10, 0x20, 0, 0)),
        Section(".debug_line", dwarf.line_program(FMT, sequence(FMT, 0x1000, b"\x01", end=16))),
        Section(".debug_str", b"a.dwo\0" + directory + b"\0"),
        Section(".debug_str_offsets", header + FMT.numbers(4, 0, 6)),
    )


def units(
    version: int, more: Sequence[Die] = (), root: Sequence[Attribute] = ()
) -> tuple[Dwarf, bytes]:
    """Return the split unit, and the type unit: ``struct S`` in ``namespace n``.

    The latter claims code, which it cannot have.

    ``more`` are entries at the end of the split unit, ``root`` attributes of its first one.
    """
    four = version == 4
    text, address = (
        (dwarf.GNU_STR_INDEX, dwarf.GNU_ADDR_INDEX) if four else (dwarf.STRX, dwarf.ADDRX)
    )
    ranges: Attribute = (dwarf.RANGES, dwarf.RNGLISTX, 1)
    if four:
        ranges = (dwarf.RANGES, dwarf.SEC_OFFSET, 16)
    method = Die(
        dwarf.SUBPROGRAM,
        [(dwarf.NAME, dwarf.STRING, b"method"), (dwarf.LOW_PC, address, 2), _SIZE],
    )
    children = (
        Die(dwarf.SUBPROGRAM, [(dwarf.NAME, text, 1), (dwarf.LOW_PC, address, 1), _SIZE]),
        Die(dwarf.SUBPROGRAM, [(dwarf.NAME, text, 2), ranges]),
        Die(dwarf.STRUCTURE, [(dwarf.SIGNATURE, dwarf.REF_SIG8, SIGNATURE)], [method]),
        *more,
    )
    info = Dwarf(FMT, version)
    if four:
        own: Attribute = (dwarf.GNU_DWO_ID, dwarf.DATA8, ID)
        info.unit(Die(dwarf.COMPILE_UNIT, [own, *root], children))
    else:
        info.unit(Die(dwarf.COMPILE_UNIT, root, children), kind=5, tail=FMT.number(ID, 8))
    member = Die(dwarf.STRUCTURE, [(dwarf.NAME, dwarf.STRING, b"S")])
    first = info.entry(Die(dwarf.TYPE_UNIT, [], [member]))
    space = info.entry(Die(dwarf.NAMESPACE, [(dwarf.NAME, dwarf.STRING, b"n")], [member]))
    header = info.header(kind=6)
    place = 4 + len(header) + 12 + len(first) + len(space)
    body = header + FMT.number(SIGNATURE, 8) + FMT.number(place, 4)
    claims = info.entry(dwarf.function(0x6000, 16, b"not_code"))
    body += first + space + info.entry(member) + claims + b"\0\0"
    return info, FMT.number(len(body), 4) + body


def sections(
    version: int, more: Sequence[Die] = (), root: Sequence[Attribute] = ()
) -> dict[str, bytes]:
    """Return the sections of a ``.dwo`` file by name; the type unit stands last in its section."""
    info, kind = units(version, more, root)
    header = b"" if version == 4 else bytes(8)
    lists = bytes(12) + FMT.numbers(4, 0, 8) + b"\4" + uleb(0x10) + uleb(0x20) + b"\0"
    found = {
        ".debug_info": bytes(info.info) + (kind if version == 5 else b""),
        ".debug_types": kind if version == 4 else b"",
        ".debug_abbrev": bytes(info.abbrev) + b"\0",
        ".debug_str": _STRINGS,
        ".debug_str_offsets": header + FMT.numbers(4, 0, 5, 7),
        ".debug_rnglists": lists if version == 5 else b"",
    }
    return {name: data for name, data in found.items() if data}


def file(contents: dict[str, bytes]) -> bytes:
    parts = [
        Section(name if name.endswith("_index") else f"{name}.dwo", data)
        for name, data in contents.items()
    ]
    return Elf(parts, type=elf.RELOCATABLE).build()


def index(version: int, signature: int, columns: dict[int, tuple[int, int]]) -> bytes:
    """Return an index with one unit; ``columns``: DW_SECT_* → offset and size of its slice."""
    out = FMT.numbers(4, version, len(columns), 1, 2) + FMT.numbers(8, 0, signature)
    out += FMT.numbers(4, 0, 1, *columns)
    out += FMT.numbers(4, *(offset for offset, _ in columns.values()))
    return out + FMT.numbers(4, *(size for _, size in columns.values()))


def package(version: int, more: Sequence[Die] = (), root: Sequence[Attribute] = ()) -> bytes:
    """Return a package, in which something else stands before each slice."""
    parts, (info, kind) = sections(version, more, root), units(version, more, root)
    other, size = b"\xff" * 12, len(info.info)
    shared = {
        number: (len(other), len(parts[name]))
        for number, name in ((3, ".debug_abbrev"), (6, ".debug_str_offsets"))
    }
    columns = {1: (len(other), size), **shared}
    types = {2: (len(other), len(kind)), **shared}
    if version == 5:
        columns[8] = (len(other), len(parts[".debug_rnglists"]))
        types = {1: (len(other) + size, len(kind)), **shared}
    whole = {name: other + data for name, data in parts.items()}
    whole[".debug_str"] = _STRINGS
    number = 2 if version == 4 else 5
    whole[".debug_cu_index"] = index(number, ID, columns)
    whole[".debug_tu_index"] = index(number, SIGNATURE, types)
    return file(whole)
