"""Read hand-made debug information in this process."""

from __future__ import annotations

from pathlib import Path

from crashsym.dwarf import DebugInputs, FunctionTable, Problem, read_functions
from crashsym.elf import ElfFile


def read(path: Path, data: bytes | None = None, *folders: Path) -> FunctionTable:
    """Write ``data`` to ``path`` (None: it is there) and return its functions; without problems."""
    table, problems = read_with_problems(path, data, *folders)
    assert problems == ()
    return table


def read_with_problems(
    path: Path, data: bytes | None = None, *folders: Path
) -> tuple[FunctionTable, tuple[Problem, ...]]:
    """Return the functions of a file, and what is wrong with the files beside it."""
    if data is not None:
        path.write_bytes(data)
    with ElfFile(path) as file:
        inputs = DebugInputs(file, folders=folders)
        return read_functions(inputs), inputs.problems


def names(table: FunctionTable) -> dict[int, str]:
    """Return address → name."""
    return {function.address: function.name for function in table.functions}
