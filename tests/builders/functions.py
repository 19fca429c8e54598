"""Read hand-made debug information in this process."""

from __future__ import annotations

import io
from pathlib import Path

from crashsym.dwarf.inputs import DebugInputs, Problem
from crashsym.dwarf.model import FunctionTable
from crashsym.dwarf.reference import read_functions
from crashsym.elf import ElfFile
from crashsym.engines.compiled import CompiledEngine
from crashsym.engines.reference import ReferenceEngine


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
        _compare_engines(file, folders)
        return read_functions(inputs), inputs.problems


def _compare_engines(file: ElfFile, folders: tuple[Path, ...]) -> None:
    """Assert that the engines write the same records, and report damage both or neither."""
    made = []
    for engine in (ReferenceEngine(), CompiledEngine()):
        inputs = DebugInputs(file, folders=folders)
        part = engine.functions(inputs, file.load_base, inlines=True, keep_suffixes=False)
        stream = io.BytesIO()
        part.write(stream)
        codes = [problem.code for problem in inputs.problems]
        made.append((stream.getvalue().decode(), bool(part.damage), codes))
    assert made[0] == made[1]


def names(table: FunctionTable) -> dict[int, str]:
    """Return address → name."""
    return {function.address: function.name for function in table.functions}
