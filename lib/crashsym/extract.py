# SPDX-License-Identifier: MIT
"""A tree of target files in; a store, a manifest and the findings out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from crashsym import findings
from crashsym.breakpad.module import ModuleRecord
from crashsym.dump import Dump, DumpOptions, dump_module
from crashsym.elf import ElfFile
from crashsym.errors import (
    ConflictError,
    InputError,
    MismatchError,
    StoreError,
    UnreadableError,
    UnsupportedError,
)
from crashsym.files import StagedFolder
from crashsym.findings import EXCUSED, Finding, Owner, Policy
from crashsym.limits import Limits
from crashsym.manifest import Counts, Manifest, Module, Source, Symbols
from crashsym.parallel import Died, run
from crashsym.splitpair import SplitPair, read_debuglink
from crashsym.store import Store, symbol_path
from crashsym.tree import HalfIndex, Tree, TreeFile

_CODE_OF_ERROR: tuple[tuple[type[InputError], str], ...] = (
    (UnreadableError, findings.UNREADABLE),
    (UnsupportedError, findings.UNSUPPORTED),
    (InputError, findings.MALFORMED),
)
# Of several findings the first here is the status of a module.
_CHUNK = 1 << 20
_STATUSES = ("mismatch", "no-build-id", "no-debug-info", "no-unwind-info")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What the manifest says about where the files come from."""

    name: str | None = None
    version: str | None = None
    source: Source | None = None


@dataclass(slots=True)
class Extraction:
    """What came out: the modules, how many symbol files are new, and all findings."""

    manifest: Manifest
    new: int = 0
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Task:
    number: int
    subject: TreeFile


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What a worker sends back; the symbol file itself waits in the work folder."""

    module: Module | None
    record: ModuleRecord | None
    findings: tuple[Finding, ...]

    def of(self, owner: Owner) -> _Outcome:
        """Return the same with findings that say whose the file is."""
        found = tuple(finding._replace(owner=owner) for finding in self.findings)
        return _Outcome(self.module, self.record, found)


def extract(  # noqa: PLR0913 - each is a separate decision of the caller
    tree: Tree,
    halves: HalfIndex,
    store: Store,
    recipe: Recipe,
    options: DumpOptions,
    *,
    jobs: int,
) -> Extraction:
    """Make the symbol files of all subjects and put them into the store.

    Files are worked on in parallel, the largest first, each in a process of its own; they enter
    the store in the order of their paths. One that cannot be used becomes a finding and costs
    nothing else.

    Raises:
        StoreError: the store cannot be written.
    """
    tasks = [_Task(number, subject) for number, subject in enumerate(tree.subjects)]
    by_size = sorted(tasks, key=lambda task: (-task.subject.size, task.number))
    with StagedFolder(store.root) as folder:
        work = Path(folder)
        function = partial(_dump, halves=halves, recipe=recipe, options=options, work=work)
        outcomes: list[_Outcome | None] = [None] * len(tasks)
        limits = partial(_limits, halves=halves)
        for task, result in run(function, by_size, jobs, limits):
            if isinstance(result, StoreError):
                raise result
            outcome = _died(task, result) if isinstance(result, Died) else result
            outcomes[task.number] = outcome.of(Owner(task.subject.package, recipe.name))
        extraction = _collect([o for o in outcomes if o is not None], store, work)
    owner = Owner(None, recipe.name)
    extraction.findings[:0] = [finding._replace(owner=owner) for finding in tree.findings]
    return extraction


def _limits(task: _Task, *, halves: HalfIndex) -> Limits:
    return Limits.for_bytes(task.subject.size + halves.largest)


def _died(task: _Task, death: Died) -> _Outcome:
    finding = Finding(
        findings.CRASHED,
        task.subject.path,
        "no symbols",
        death.why,
        "Exclude it, or report it as a bug of crashsym.",
    )
    return _Outcome(None, None, (finding,))


def _dump(
    task: _Task, *, halves: HalfIndex, recipe: Recipe, options: DumpOptions, work: Path
) -> _Outcome | StoreError:
    """Work on one file, in a process of its own."""
    subject = task.subject
    try:
        with ExitStack() as stack:
            elf_file = stack.enter_context(ElfFile(subject.file))
            pair, trouble = _pair(stack, elf_file, subject, halves)
            dump = dump_module(pair, subject.path.rpartition("/")[2], subject.path, options)
            found = (*trouble, *dump.findings)
            if options.strict and found:
                return _Outcome(None, None, found)
            sha256 = _write(dump, work / f"{task.number}.sym")
    except StoreError as error:
        return error
    except InputError as error:
        return _Outcome(None, None, (_finding_of(error, subject.path),))
    status, reason = _status(found)
    module = Module(
        path=subject.path,
        build_id=str(elf_file.build_id) if elf_file.build_id is not None else None,
        debug_id=dump.module.debug_id,
        debug_file=dump.module.debug_file,
        arch=dump.module.arch,
        size=subject.size,
        recipe=recipe.name,
        version=recipe.version,
        package=subject.package,
        source=recipe.source,
        symbols=_symbols(dump, sha256),
        status=status,
        reason=reason,
        alternate_debug_id=elf_file.alternate_debug_id,
    )
    return _Outcome(module, dump.module, found)


def _symbols(dump: Dump, sha256: str) -> Symbols:
    return Symbols(
        path=str(symbol_path(dump.module.debug_file, dump.module.debug_id)),
        sha256=sha256,
        counts=Counts(
            functions=dump.functions.functions,
            lines=dump.functions.lines,
            inlines=dump.functions.inlines,
            publics=dump.publics.count if dump.publics is not None else 0,
            cfi=dump.rules.count if dump.rules is not None else 0,
        ),
    )


def _write(dump: Dump, file: Path) -> str:
    """Write a symbol file; return its SHA-256."""
    try:
        with file.open("w+b") as stream:
            dump.write(stream)
            stream.seek(0)
            digest = hashlib.sha256()
            while data := stream.read(_CHUNK):
                digest.update(data)
    except OSError as error:
        raise StoreError(
            "cannot write", where=f"'{file}'", why=error.strerror or str(error)
        ) from error
    return digest.hexdigest()


def _pair(
    stack: ExitStack, elf_file: ElfFile, subject: TreeFile, halves: HalfIndex
) -> tuple[SplitPair, list[Finding]]:
    """Join a file and its debug half; a wrong half is a finding, and the file goes on alone."""
    if elf_file.has_bytes(".debug_info"):
        return SplitPair(elf_file), []
    build_id = str(elf_file.build_id) if elf_file.build_id is not None else None
    place = halves.find(subject, build_id, read_debuglink(elf_file))
    if place is None:
        return SplitPair(elf_file), []
    try:
        return SplitPair(elf_file, stack.enter_context(ElfFile(place))), []
    except MismatchError as error:
        code, why = findings.MISMATCH, error.why
    except InputError as error:
        code, why = _code_of(error), error.why
    remedy = "Rebuild and package both halves together."
    finding = Finding(code, subject.path, "its debug file is not used", why, remedy)
    return SplitPair(elf_file), [finding]


def _code_of(error: InputError) -> str:
    return next(code for kind, code in _CODE_OF_ERROR if isinstance(error, kind))


def _finding_of(error: InputError, path: str) -> Finding:
    return Finding(_code_of(error), path, error.what, error.why, error.remedy)


def _status(found: tuple[Finding, ...]) -> tuple[str, str | None]:
    for status in _STATUSES:
        for finding in found:
            if finding.code == status:
                return status, finding.why
    return "ok", None


def _collect(outcomes: list[_Outcome], store: Store, work: Path) -> Extraction:
    result = Extraction(Manifest(()))
    modules = []
    for number, outcome in enumerate(outcomes):
        result.findings += outcome.findings
        if outcome.module is None or outcome.record is None:
            continue
        modules.append(outcome.module)
        try:
            entry = store.add(outcome.record, work / f"{number}.sym")
            result.new += entry.new
        except ConflictError as error:
            result.findings.append(
                Finding(
                    findings.CONFLICT,
                    outcome.module.path,
                    error.what,
                    f"{error.where}: {error.why}",
                    error.remedy,
                    Owner(outcome.module.package, outcome.module.recipe),
                )
            )
    result.manifest = Manifest.of(modules)
    return result


def count_symbol_files(manifest: Manifest) -> int:
    """Return how many different symbol files the modules of a manifest have."""
    return len({module.symbols.path for module in manifest.modules if module.symbols})


def sorted_findings(found: list[Finding]) -> Iterator[Finding]:
    """Yield findings by path, those of one file in the order they were made."""
    return iter(sorted(found, key=lambda finding: finding.path))


def judge(result: Extraction, policy: Policy) -> Extraction:
    """Return what came out with the excuses of a policy in it.

    A module of which each finding is excused has the status "excused" and the reason; a finding
    whose excuse has expired says so.
    """
    reasons: dict[tuple[str, Owner], list[str]] = {}
    blamed = set()
    for finding in result.findings:
        rule = policy.rule_for(finding)
        if rule.level == EXCUSED:
            reasons.setdefault((finding.path, finding.owner), []).append(rule.reason)
        elif rule.level != "ignore":
            blamed.add((finding.path, finding.owner))
    modules = []
    for module in result.manifest.modules:
        key = (module.path, Owner(module.package, module.recipe))
        if module.status != "ok" and key in reasons and key not in blamed:
            reason = "; ".join(dict.fromkeys(reasons[key]))
            module = replace(module, status=EXCUSED, reason=reason)
        modules.append(module)
    found = [policy.reminded(finding) for finding in result.findings]
    return Extraction(Manifest.of(modules, result.manifest.build), result.new, found)
