"""A file and another one that it names, as one input: split units, packages, what dwz shares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from builders import dwarf as d
from builders import elf, split
from builders.dwarf import Attribute, Die, Dwarf
from builders.elf import Elf, Section
from builders.encode import Format, uleb

from fuzz.seeds import Region, Seed, seed_of

_MAGIC = b"PAIR"
_HEAD = 64  # bytes: the magic, the size of the main file and the name of the other one
_MAIN = "subject"
_FORMAT = Format()
_IDENTITY = bytes(range(20, 40))
# Where the first function is in a unit of `builders.split`, and the method in `_supplement`.
_FIRST, _METHOD = {4: 20, 5: 21}, {4: 18, 5: 19}


@dataclass(frozen=True)
class Pair:
    """A main file, and a file beside it with the name ``name``."""

    main: bytes
    name: str
    other: bytes

    def joined(self) -> bytes:
        """Return both as one input."""
        head = _MAGIC + len(self.main).to_bytes(4, "little") + self.name.encode()
        return head.ljust(_HEAD, b"\0") + self.main + self.other

    @classmethod
    def parted(cls, data: bytes) -> Pair | None:
        """Return what `joined` has joined; None for another input: a file that is alone."""
        if not data.startswith(_MAGIC):
            return None
        end = _HEAD + int.from_bytes(data[4:8], "little")
        return cls(data[_HEAD:end], data[8:_HEAD].rstrip(b"\0").decode(), data[end:])

    def written(self, folder: Path) -> Path:
        """Write both into ``folder``, which has nothing else then; return the main file's path."""
        for file in folder.iterdir():
            file.unlink()
        (folder / self.name).write_bytes(self.other)
        path = folder / _MAIN
        path.write_bytes(self.main)
        return path

    def seeds(self, name: str) -> Iterator[Seed]:
        """Yield a seed with damage for the other file, and one with damage for both."""
        main, other = seed_of(name, self.main), seed_of(name, self.other)
        assert main is not None
        assert other is not None
        second = _moved(other.regions, _HEAD + len(self.main))
        first, data = _moved(main.regions, _HEAD), self.joined()
        for part, regions in (("other", second), ("both", (*first, *second))):
            yield Seed(f"{name}-{part}", data, regions, main.little_endian, ".pair")


def _moved(regions: tuple[Region, ...], by: int) -> tuple[Region, ...]:
    return tuple(replace(region, start=region.start + by) for region in regions)


def pairs() -> list[Seed]:
    """Return the seeds that need no compiler."""
    made: list[Seed] = []
    for version in (4, 5):
        more = _more(version)
        unit, package = split.file(split.sections(version, more)), split.package(version, more)
        main = split.program(version)
        made += Pair(main, "a.dwo", unit).seeds(f"dwo{version}")
        made += Pair(main, f"{_MAIN}.dwp", package).seeds(f"dwp{version}")
        made += Pair(_referring(version), "alt", _supplement(version)).seeds(f"alt{version}")
    return made


def _at(address: int, size: int) -> tuple[Attribute, Attribute]:
    return (d.LOW_PC, d.ADDR, address), (d.HIGH_PC, d.DATA4, size)


def _calls(origin: Attribute) -> Die:
    """Return a function with an inlined call in another one."""
    where: tuple[Attribute, Attribute] = (d.CALL_FILE, d.DATA1, 1), (d.CALL_LINE, d.DATA2, 7)
    inner = Die(d.INLINED, [origin, *_at(0x1208, 8), *where])
    outer = Die(d.INLINED, [origin, *_at(0x1208, 16), *where], [inner])
    return d.function(0x1200, 64, b"outer", outer)


def _more(version: int) -> list[Die]:
    """Return what a split unit has besides: references within it, by offset and by signature."""
    first = _FIRST[version]
    signature: Attribute = (d.SPECIFICATION, d.REF_SIG8, split.SIGNATURE)
    return [
        _calls((d.ABSTRACT_ORIGIN, d.REF4, first)),
        Die(d.SUBPROGRAM, [(d.LINKAGE_NAME, d.STRING, b"_ZN1a1bEv"), *_at(0x1300, 16)]),
        Die(d.SUBPROGRAM, [(d.SPECIFICATION, d.REF_ADDR, first), *_at(0x1320, 16)]),
        Die(d.SUBPROGRAM, [signature, *_at(0x1340, 16)]),
    ]


def _referring(version: int) -> bytes:
    """Return a file whose names are in the supplementary file."""
    old = version == 4
    text, entry = (d.GNU_STRP_ALT, d.GNU_REF_ALT) if old else (d.STRP_SUP, d.REF_SUP4)
    method: Attribute = (d.SPECIFICATION, entry, _METHOD[version])
    children = [
        Die(d.SUBPROGRAM, [(d.NAME, text, 5), *_at(0x1100, 16)]),
        Die(d.SUBPROGRAM, [method, *_at(0x1120, 16)]),
        _calls((d.ABSTRACT_ORIGIN, entry, _METHOD[version])),
        Die(d.IMPORTED_UNIT, [(d.IMPORT, entry, 11 if old else 12)]),
    ]
    info = Dwarf(_FORMAT, version)
    info.unit(Die(d.COMPILE_UNIT, [(d.STMT_LIST, d.SEC_OFFSET, 0)], children))
    rows = d.line_program(_FORMAT, d.sequence(_FORMAT, 0x1100, b"\x01\x4b\x83", end=64))
    link = Section(".gnu_debugaltlink", b"alt\0" + _IDENTITY)
    if not old:
        link = Section(".debug_sup", b"\5\0\0alt\0" + uleb(len(_IDENTITY)) + _IDENTITY)
    return _file(*info.sections(), link, Section(".debug_line", rows))


def _supplement(version: int) -> bytes:
    """Return the supplementary file: ``n::S::method``, and a function that refers to it."""
    info = Dwarf(_FORMAT, version)
    method = Die(d.SUBPROGRAM, [(d.NAME, d.STRP, 5)])
    kind = Die(d.STRUCTURE, [(d.NAME, d.STRING, b"S")], [method])
    space = Die(d.NAMESPACE, [(d.NAME, d.STRING, b"n")], [kind])
    again = Die(d.SUBPROGRAM, [(d.ABSTRACT_ORIGIN, d.REF4, _METHOD[version])])
    info.unit(Die(d.PARTIAL_UNIT, (), [space, again]))
    own = Section(".debug_sup", b"\5\0\1\0" + uleb(len(_IDENTITY)) + _IDENTITY)
    return _file(*info.sections(), Section(".debug_str", b"none\0method\0"), own)


def _file(*sections: Section) -> bytes:
    note = elf.build_id(_FORMAT, _IDENTITY)
    return Elf((elf.code(), note, *sections)).build()
