# SPDX-License-Identifier: MIT
"""Where the debug information of one module comes from: one file, or that and several others.

Shared by all engines: they decode bytes, and all that is to be known about files is here.
"""

from __future__ import annotations

from crashsym import findings
from crashsym.budget import Budget
from crashsym.debugfiles import package_places, split_places
from crashsym.dwarf.sections import DwarfSections
from crashsym.elf import ElfFile
from crashsym.errors import InputError, MalformedError, MismatchError
from crashsym.value import Value, cached_property

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from crashsym.dwarf.package import Package
    from crashsym.dwarf.units import UnitReader

_OF_LINKS = (".gnu_debugaltlink", ".debug_sup")
_REMEDIES = {
    findings.MISSING_DEBUG_FILE: "Put it beside the file.",
    findings.MISMATCH: "Give the one of the same build.",
    findings.MALFORMED: "Make it anew; the rest is kept.",
}


class Problem(Value):
    """What is wrong with the files beside the main one; ``code`` is one of `findings.CODES`."""

    code: str
    why: str
    remedy: str


class SplitUnit(Value):
    """One unit of a ``.dwo`` or ``.dwp`` file.

    ``sections`` are the bytes that its offsets and indexes refer to, under their names without
    ``.dwo``: the whole sections of a ``.dwo`` file; the unit's own slices from a package. The unit
    begins at ``offset`` of ``section``, which is ``.debug_info`` or ``.debug_types``; no other unit
    there is to be read. References of form DW_FORM_ref_addr count from the start of
    ``.debug_info`` in ``sections``. ``.debug_addr``, ``.debug_line`` and (before DWARF 5)
    ``.debug_ranges`` are those of the main file. ``where`` is the path for messages.
    """

    sections: DwarfSections
    section: str
    offset: int
    where: str


class _SplitFile(Value):
    """A ``.dwo`` file; where in ``.debug_info`` is the first unit with an id."""

    place: Path
    reader: UnitReader
    offsets: dict[int, int]


class DebugInputs:
    """The file that has ``.debug_info``, and those that it refers to.

    - ``elf_file``: the half of the module with ``.debug_info`` (with split DWARF: the skeletons);
    - ``supplementary``: the sections of the file that ``.gnu_debugaltlink`` or ``.debug_sup`` of
      ``elf_file`` names (made by dwz), or None. Its ``.debug_info`` has names and types, no code;
      its own links are not followed;
    - ``size``: the bytes of the sections that were read so far from other files than ``elf_file``,
      each file counted once: what an engine may add to its `Budget`;
    - ``problems``: what is missing or does not belong. It is never an error here.

    ``halves`` are all files of the module; ``NAME.dwp`` is looked for beside each, ``elf_file``'s
    own by default. ``folders`` are those that the user has given. No file is kept open.
    """

    def __init__(
        self, elf_file: ElfFile, *, halves: Sequence[ElfFile] = (), folders: Sequence[Path] = ()
    ) -> None:
        self.elf_file = elf_file
        self._halves = tuple(halves)
        self._folders = tuple(folders)
        self._problems: dict[str, list[str]] = {}
        self._counts: dict[str, int] = {}
        self._package: Package | None = None
        self._package_sought = False
        self._last: _SplitFile | None = None
        self._seen: set[Path] = set()
        self._supplements: list[Path] = []
        self._taken: set[int] = set()
        self._budget = Budget(elf_file.size)
        self._types: list[Iterator[SplitUnit]] = []
        self.size = 0
        self.supplementary = self._find_supplementary()

    @cached_property
    def _paths(self) -> tuple[Path, ...]:
        return tuple(dict.fromkeys(file.path for file in (self.elf_file, *self._halves)))

    @property
    def others(self) -> tuple[Path, ...]:
        """The files that were read besides ``elf_file`` and the other halves, sorted."""
        return tuple(sorted({*self._seen, *self._supplements}))

    @property
    def problems(self) -> tuple[Problem, ...]:
        """One problem of each kind, in the order they were met; how many more is in the text."""
        return tuple(
            Problem(
                code,
                f"{why} (and {self._counts[code] - 1} more)" if self._counts[code] > 1 else why,
                _REMEDIES[code],
            )
            for code, [why] in self._problems.items()
        )

    def _problem(self, code: str, why: str) -> None:
        self._problems.setdefault(code, [why])
        self._counts[code] = self._counts.get(code, 0) + 1

    def _unusable(self, error: InputError) -> None:
        code = findings.MISMATCH if isinstance(error, MismatchError) else findings.MALFORMED
        self._problem(code, f"{error.where}: {error.why}")

    def _find_supplementary(self) -> DwarfSections | None:
        if not any(self.elf_file.has_bytes(name) for name in _OF_LINKS):
            return None
        from crashsym.dwarf.supplement import find_supplement  # few files have a link

        try:
            link, place, sections = find_supplement(self.elf_file, self._paths, self._folders)
        except InputError as error:
            self._unusable(error)
            return None
        if link is not None and sections is None:
            self._problem(
                findings.MISSING_DEBUG_FILE,
                f"its supplementary file '{link.name}' with the id {link.digits} is not there",
            )
        if sections is not None and place is not None:
            self._supplements.append(place)
            self.size += sections.size
        return sections

    def split_unit(self, comp_dir: str, dwo_name: str, dwo_id: int) -> SplitUnit | None:
        """Return the unit that a skeleton stands for; None and a problem where there is none.

        A package is asked first; then ``.dwo`` files. ``dwo_id``, of 64 bits, has to match. Each id
        is given out once: a second skeleton with it is a problem.
        """
        if dwo_id in self._taken:
            self._problem(findings.MALFORMED, f"several skeletons have the id {dwo_id:016x}")
            return None
        self._taken.add(dwo_id)
        try:
            return self._from_package(dwo_id) or self._from_file(comp_dir, dwo_name, dwo_id)
        except InputError as error:
            self._unusable(error)
            return None

    def type_units(self) -> Iterator[SplitUnit]:
        """Yield the type units that came along with the split units since the last call.

        Those of a ``.dwo`` file after each unit taken from it; those of a package once, after the
        first unit from it: in the order of ``.debug_info``, then ``.debug_types``; of a package in
        the order of the slots of its index.
        """
        waiting, self._types = self._types, []
        for units in waiting:
            try:
                yield from units
            except MalformedError as error:  # noqa: PERF203 - one file, not one step
                self._unusable(error)

    def _from_package(self, dwo_id: int) -> SplitUnit | None:
        if not self._package_sought:
            self._package_sought = True
            for place in package_places(self._paths, self._folders):
                with ElfFile(place) as file:
                    self._admit(file)
                    from crashsym.dwarf.package import read_package  # few modules are split

                    self._package = read_package(file)
                self.size += self._package.sections.size
                self._types.append(self._package_types(self._package))
                break
        package = self._package
        row = package.units.rows.get(dwo_id) if package else None
        if package is None or row is None:
            return None
        return SplitUnit(package.slice(package.units, row), ".debug_info", 0, package.where)

    def _package_types(self, package: Package) -> Iterator[SplitUnit]:
        for row in package.types.rows.values():
            sections = package.slice(package.types, row)
            section = ".debug_types" if sections[".debug_types"] else ".debug_info"
            yield SplitUnit(sections, section, 0, package.where)

    def _from_file(self, comp_dir: str, dwo_name: str, dwo_id: int) -> SplitUnit | None:
        trouble: InputError | None = None
        for place in split_places(comp_dir, dwo_name, self._paths, self._folders):
            try:
                file = self._open_split(place)
            except InputError as error:
                trouble = trouble or error
                continue
            if dwo_id in file.offsets:
                self._types.append(_type_units(file.reader, str(place)))
                offset = file.offsets[dwo_id]
                return SplitUnit(file.reader.sections, ".debug_info", offset, str(place))
            trouble = trouble or MismatchError(
                "cannot use the split unit",
                where=f"'{place}'",
                why=f"it has no unit with the id {dwo_id:016x}",
            )
        if trouble is not None:
            raise trouble
        why = f"the split unit '{dwo_name}' of '{comp_dir}' is not there"
        self._problem(findings.MISSING_DEBUG_FILE, why)
        return None

    def _open_split(self, place: Path) -> _SplitFile:
        """Return the units of a ``.dwo`` file; several skeletons in a row may want the same."""
        if self._last is not None and self._last.place == place:
            return self._last
        self._last = None  # its memory is needed
        with ElfFile(place) as file:
            if file.machine != self.elf_file.machine:
                raise MismatchError(
                    "cannot use the split unit",
                    where=f"'{place}'",
                    why=f"made for {file.machine}, wanted {self.elf_file.machine}",
                )
            new = self._admit(file)
            sections = DwarfSections.of(file, ".dwo")
        self.size += sections.size if new else 0
        from crashsym.dwarf.units import Unit, UnitReader

        reader = UnitReader(sections, None, self._budget, split=True)
        offsets: dict[int, int] = {}
        for unit in reader.units(".debug_info"):
            if isinstance(unit, Unit) and unit.dwo_id is not None:
                offsets.setdefault(unit.dwo_id, unit.offset)
        self._last = _SplitFile(place, reader, offsets)
        return self._last

    def _admit(self, file: ElfFile) -> bool:
        """Count a file that is about to be read as input; return whether it is a new one.

        Raises:
            MalformedError: files have been read again and again.
        """
        new = file.path not in self._seen
        if new:
            self._seen.add(file.path)
            self._budget.grow(file.size)
            from crashsym.limits import allow_more  # few modules have another file

            allow_more(file.size)
        self._budget.spend(file.size, f"'{file.path}'")
        return new


def _type_units(reader: UnitReader, where: str) -> Iterator[SplitUnit]:
    from crashsym.dwarf.units import TYPE_KINDS, Unit

    for section in (".debug_info", ".debug_types"):
        for unit in reader.units(section):
            if isinstance(unit, Unit) and unit.header.kind in TYPE_KINDS:
                yield SplitUnit(reader.sections, section, unit.offset, where)
