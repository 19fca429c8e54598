# SPDX-License-Identifier: MIT
"""Where the split debug file of one ELF file may lie, and the files that it names."""

from __future__ import annotations

from crashsym.elf import ElfFile
from crashsym.errors import ConfigError, InputError, MismatchError, UnreadableError
from crashsym.files import why_no_folder
from crashsym.findings import MALFORMED, MISMATCH, UNREADABLE, Finding
from crashsym.splitpair import check_halves, read_debuglink
from crashsym.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_CODES = ((MismatchError, MISMATCH), (UnreadableError, UNREADABLE))


class Search(Value):
    """The debug file that belongs to a file, or None; and why others that were there do not."""

    found: Path | None
    refused: tuple[InputError, ...] = ()

    def findings(self, path: str) -> list[Finding]:
        """Return a finding about ``path`` for the first that was refused, if none was found."""
        if self.found is not None:
            return []
        return [
            Finding(
                next((code for kind, code in _CODES if isinstance(error, kind)), MALFORMED),
                path,
                "its debug file is not used",
                f"{error.where}: {error.why}",
                error.remedy,
            )
            for error in self.refused[:1]
        ]


def find_split_debug(elf_file: ElfFile, folders: list[Path]) -> Search:
    """Return the first debug file that is where debuggers look and belongs to ``elf_file``.

    Not searched for where the file has its own debug information. One that is of another build
    (see `check_halves`: other build id, or none and another CRC than in .gnu_debuglink), or that
    cannot be read, is refused, and the search goes on; so it does, without a word, past another
    stripped copy of the file.

    Raises:
        ConfigError: one of ``folders`` does not exist.

    Source: GDB manual, "Debugging Information in Separate Files".
    """
    for folder in folders:
        if why := why_no_folder(folder):
            raise ConfigError(
                "cannot look for debug files",
                where=f"'{folder}'",
                why=why,
                remedy="Give --debug-dir a folder with split debug files.",
            )
    if elf_file.has_bytes(".debug_info"):
        return Search(None)
    refused: list[InputError] = []
    for place in dict.fromkeys(_places(elf_file, folders)):
        if not _is_other_file(place, elf_file.path):
            continue
        try:
            with ElfFile(place) as split_debug:
                check_halves(elf_file, split_debug)
                if any(split_debug.has_bytes(name) for name in (".debug_info", ".symtab")):
                    return Search(place, tuple(refused))
        except InputError as error:
            refused.append(error)
    return Search(None, tuple(refused))


def _is_there(place: Path) -> bool:
    try:
        return place.is_file()
    except (OSError, ValueError):  # a name in the file that no file can have
        return False


def _is_other_file(place: Path, subject: Path) -> bool:
    """Whether there is a file, and not the one whose debug file is wanted."""
    try:
        return _is_there(place) and not place.samefile(subject)
    except OSError:  # it has vanished meanwhile
        return False


def _places(elf_file: ElfFile, folders: list[Path]) -> Iterator[Path]:
    path = elf_file.path.absolute()
    link = read_debuglink(elf_file)
    names = dict.fromkeys([link.name if link and link.name else path.name, path.name])
    for folder in folders:
        if elf_file.build_id is not None:
            digits = str(elf_file.build_id)
            yield folder / ".build-id" / digits[:2] / f"{digits[2:]}.debug"
        for name in names:
            below = folder / path.parent.relative_to("/")
            yield from (below / name, below / ".debug" / name, folder / name)
            yield from (folder / f"{name}.debug", folder / ".debug" / name)
    for name in names:
        yield path.parent / ".debug" / name
        if name != path.name:
            yield path.parent / name


def supplementary_places(
    name: str, build_id: str, paths: Sequence[Path], folders: Sequence[Path]
) -> Iterator[Path]:
    """Yield where the supplementary file that dwz made may lie, the likeliest first.

    ``name`` is what ``.gnu_debugaltlink`` says: absolute, or relative to the (real) folder of the
    file that has it. ``paths`` are the files of the module; ``build_id`` is in hexadecimal digits.
    Only regular files are yielded, each once.

    Source: GDB manual, "Debugging Information in Separate Files"; dwz(1), ``-M``.
    """
    yield from _existing(_supplementary_places(name, build_id, paths, folders))


def _supplementary_places(
    name: str, build_id: str, paths: Sequence[Path], folders: Sequence[Path]
) -> Iterator[Path]:
    base = name.rpartition("/")[2]
    for path in paths:
        yield _real(path).parent / name
    for folder in folders:
        yield folder / ".build-id" / build_id[:2] / f"{build_id[2:]}.debug"
        yield folder / ".dwz" / base
        yield folder / name.lstrip("/")
        yield folder / base
    for path in paths:
        yield path.parent / ".dwz" / base
        yield path.parent / base


def split_places(
    comp_dir: str, dwo_name: str, paths: Sequence[Path], folders: Sequence[Path]
) -> Iterator[Path]:
    """Yield where a ``.dwo`` file may lie: where it was written, beside, or in given folders.

    A relative ``comp_dir`` counts from the folder of each file of the module. Only regular files
    are yielded, each once.

    Source: DWARF 5 section 3.1.2 (DW_AT_dwo_name, DW_AT_comp_dir).
    """
    yield from _existing(_split_places(comp_dir, dwo_name, paths, folders))


def _split_places(
    comp_dir: str, dwo_name: str, paths: Sequence[Path], folders: Sequence[Path]
) -> Iterator[Path]:
    base = dwo_name.rpartition("/")[2]
    for path in paths:
        yield path.absolute().parent / comp_dir / dwo_name
    for path in paths:
        yield path.parent / dwo_name.lstrip("/")
        yield path.parent / base
    for folder in folders:
        yield folder / comp_dir.lstrip("/") / dwo_name.lstrip("/")
        yield folder / dwo_name.lstrip("/")
        yield folder / base


def package_places(paths: Sequence[Path], folders: Sequence[Path]) -> Iterator[Path]:
    """Yield where the package of all split units may lie: ``NAME.dwp``, for every file of a module.

    Without the ``.debug`` at the end of a name also. Only regular files are yielded, each once.

    Source: DWARF 5 section 7.3.5; GDB and LLDB look there.
    """
    yield from _existing(_package_places(paths, folders))


def _package_places(paths: Sequence[Path], folders: Sequence[Path]) -> Iterator[Path]:
    names = [f"{path.name}.dwp" for path in paths]
    names += [f"{path.stem}.dwp" for path in paths if path.suffix == ".debug"]
    for folder in [*(path.parent for path in paths), *folders]:
        for name in dict.fromkeys(names):
            yield folder / name


def _existing(places: Iterator[Path]) -> Iterator[Path]:
    seen: set[Path] = set()
    for place in places:
        if place not in seen and _is_there(place):
            yield place
        seen.add(place)


def _real(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError):  # a circle of symbolic links
        return path
