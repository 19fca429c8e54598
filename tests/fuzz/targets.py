"""What a mutated file is put through; a target raises `Disagreement`, or whatever is a bug."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from crashsym.breakpad.cpus import CPUS
from crashsym.bytesource import MemoryBytes
from crashsym.dwarf.inputs import DebugInputs
from crashsym.elf import ElfFile
from crashsym.engines.compiled import CompiledEngine
from crashsym.engines.protocols import Engine, FunctionPart, Part
from crashsym.engines.reference import ReferenceEngine
from crashsym.errors import InputError, MalformedError
from crashsym.splitpair import SplitPair

from fuzz.pairs import Pair

# A folder that is not there: mutated names of other files must not find any.
_PATH = Path("/nonexistent/fuzzed.so")
# Made before the runner forks, and removed by the process that has made it.
_FOLDER = TemporaryDirectory(prefix="crashsym-fuzz-")
_ENGINES: tuple[Engine, Engine] = (ReferenceEngine(), CompiledEngine())


class Disagreement(Exception):  # noqa: N818 - it is the finding
    """The engines give different records, and not both of them say that the input is damaged."""


@dataclass(frozen=True)
class Result:
    """What one engine made of a part of a file; ``records`` None: it refused.

    ``problems`` are the codes of what is wrong with the files beside it.
    """

    records: bytes | None
    damage: tuple[tuple[str, str], ...]
    functions: FunctionPart | None = None
    problems: tuple[str, ...] = ()


def _open(data: bytes) -> SplitPair | None:
    pair = Pair.parted(data)
    path = _PATH if pair is None else pair.written(Path(_FOLDER.name))
    try:
        file = ElfFile(path, MemoryBytes(pair.main if pair else data, f"'{path}'"))
    except InputError:
        return None
    return SplitPair(file) if file.machine in CPUS else None


def _written(part: FunctionPart | Part) -> bytes:
    stream = BytesIO()
    part.write(stream)
    return stream.getvalue()


def _functions(engine: Engine, pair: SplitPair) -> Result:
    """Make the functions; only the error that is promised may come."""
    base = pair.elf_file.load_base
    try:
        inputs = DebugInputs(pair.elf_file)
        part = engine.functions(inputs, base, inlines=True, keep_suffixes=False)
    except MalformedError as error:
        return Result(None, ((error.where, error.why),))
    problems = tuple(problem.code for problem in inputs.problems)
    return Result(_written(part), tuple(part.damage), part, problems)


def _publics(engine: Engine, pair: SplitPair, functions: FunctionPart) -> Result:
    cpu = CPUS[pair.elf_file.machine]
    try:
        part = engine.publics(pair, cpu, functions, keep_suffixes=False)
    except MalformedError as error:
        return Result(None, ((error.where, error.why),))
    return Result(_written(part), tuple(part.damage))


def _cfi(engine: Engine, pair: SplitPair) -> Result:
    part = engine.cfi(pair, CPUS[pair.elf_file.machine])
    return Result(_written(part), tuple(part.damage))


def agree(what: str, reference: Result, kernel: Result) -> None:
    """Check that both have the same records, or that both say that something is damaged.

    Raises:
        Disagreement: neither is so.
    """
    if reference.damage and kernel.damage:
        return
    if reference.records != kernel.records:
        raise Disagreement(f"{what}: {_difference(reference, kernel)}")
    if bool(reference.damage) != bool(kernel.damage):
        raise Disagreement(f"{what}: only one says damage: {_saids(reference, kernel)}")
    if reference.problems != kernel.problems:
        raise Disagreement(f"{what}: {reference.problems}, kernel {kernel.problems}")


def _difference(reference: Result, kernel: Result) -> str:
    ours = (reference.records or b"(refused)").splitlines()
    theirs = (kernel.records or b"(refused)").splitlines()
    for number, (one, other) in enumerate(zip(ours, theirs, strict=False), 1):
        if one != other:
            return f"record {number}: {one!r}, kernel {other!r}; {_saids(reference, kernel)}"
    return f"{len(ours)} records, kernel {len(theirs)}; {_saids(reference, kernel)}"


def _saids(reference: Result, kernel: Result) -> str:
    said = [result.damage[0] if result.damage else None for result in (reference, kernel)]
    return f"reference: {said[0]}, kernel: {said[1]}"


def differential(data: bytes) -> None:
    """Compare all parts that both engines make of a file.

    Raises:
        Disagreement: see `agree`.
    """
    pair = _open(data)
    if pair is None:
        return
    reference, kernel = _ENGINES
    one, other = _functions(reference, pair), _functions(kernel, pair)
    agree("functions", one, other)
    if one.functions and other.functions and one.records == other.records:
        first = _publics(reference, pair, one.functions)
        agree("publics", first, _publics(kernel, pair, other.functions))
    agree("cfi", _cfi(reference, pair), _cfi(kernel, pair))


def kernel(data: bytes) -> None:
    """Put a file through the kernel alone."""
    pair = _open(data)
    if pair is None:
        return
    engine = _ENGINES[1]
    found = _functions(engine, pair)
    if found.functions is not None:
        _publics(engine, pair, found.functions)
    _cfi(engine, pair)


TARGETS: dict[str, Callable[[bytes], None]] = {"differential": differential, "kernel": kernel}
