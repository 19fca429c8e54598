# SPDX-License-Identifier: MIT
"""One file of a tree: joined with its debug half, made into symbols, and described."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from crashsym import findings
from crashsym.breakpad.module import ModuleRecord
from crashsym.cache import Cache, Known, digest_on_target, file_digest, key_of
from crashsym.coverage import PLT, Coverage
from crashsym.dump import Dump, DumpOptions, dump_module
from crashsym.elf import ElfFile
from crashsym.errors import (
    InputError,
    MismatchError,
    PackedError,
    StoreError,
    UnreadableError,
    UnsupportedError,
)
from crashsym.files import not_written
from crashsym.findings import Finding, Owner
from crashsym.manifest import Counts, Module, Symbols
from crashsym.source import Source
from crashsym.splitpair import SplitPair, read_debuglink
from crashsym.store import symbol_path
from crashsym.tree import HalfIndex, TreeFile

_CODE_OF_ERROR: tuple[tuple[type[InputError], str], ...] = (
    (UnreadableError, findings.UNREADABLE),
    (UnsupportedError, findings.UNSUPPORTED),
    (PackedError, findings.PACKED),
    (InputError, findings.MALFORMED),
)
# Of several findings the first here is the status of a module.
_STATUSES = ("mismatch", "no-build-id", "no-debug-info", "no-lines", "no-unwind-info")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What the manifest says about where the files come from."""

    name: str | None = None
    version: str | None = None
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """A file to work on; ``number`` is its place among all."""

    number: int
    subject: TreeFile


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came out; the symbol file itself is in the work folder.

    ``known``: the file was not read, as a `Cache` knew what comes out.
    """

    module: Module | None
    record: ModuleRecord | None
    findings: tuple[Finding, ...]
    known: bool = False

    def of(self, owner: Owner) -> Outcome:
        """Return the same with findings that say whose the file is."""
        found = tuple(finding._replace(owner=owner) for finding in self.findings)
        return replace(self, findings=found)


@dataclass(frozen=True, slots=True)
class _Opened:
    """A file joined with its debug half; ``cache``, if it may be used, has it under ``key``."""

    pair: SplitPair
    trouble: tuple[Finding, ...]
    digest: str
    cache: Cache | None = None
    key: str = ""


@dataclass(frozen=True, slots=True)
class Work:
    """What is the same for all files; ``folder`` receives the symbol files, called by number."""

    halves: HalfIndex
    recipe: Recipe
    options: DumpOptions
    folder: Path
    cache: Cache | None = None

    def do(self, task: Task) -> Outcome | StoreError:
        """Work on one file; what cannot be used is a finding, what cannot be written an error."""
        try:
            with ExitStack() as stack:
                return self._do(stack, task.subject, self.folder / f"{task.number}.sym")
        except StoreError as error:
            return error
        except InputError as error:
            return Outcome(None, None, (_finding_of(error, task.subject.path),))

    def _do(self, stack: ExitStack, subject: TreeFile, symbols: Path) -> Outcome:
        opened = self._open(stack, subject)
        dump, made = self._dump(opened.pair, subject, opened.trouble, symbols)
        made = replace(made, module=replace(made.module, sha256=opened.digest))
        if self.options.strict and made.findings:
            return Outcome(None, None, made.findings)
        if opened.cache:
            opened.cache.keep(opened.key, made, dump.others, symbols)
        return self._outcome(subject, made)

    def look_up(self, tasks: Sequence[Task]) -> list[tuple[Task, Outcome]]:
        """Return the files of which the cache knows what comes out, with that."""
        found = []
        for task in tasks:
            try:
                with ExitStack() as stack:
                    outcome = self._look_up(stack, task)
            except (InputError, StoreError):
                continue  # `do` meets it, too, and says so
            if outcome is not None:
                found.append((task, outcome))
        return found

    def _look_up(self, stack: ExitStack, task: Task) -> Outcome | None:
        opened = self._open(stack, task.subject)
        if not opened.cache:
            return None
        symbols = self.folder / f"{task.number}.sym"
        found = opened.cache.take(opened.key, task.subject.path, symbols)
        return None if found is None else replace(self._outcome(task.subject, found), known=True)

    def _open(self, stack: ExitStack, subject: TreeFile) -> _Opened:
        elf_file = stack.enter_context(ElfFile(subject.file))
        pair, trouble = self._pair(stack, elf_file, subject)
        digest = digest_on_target(subject.file, subject.path)
        cache = None if trouble or self.options.strict else self.cache
        if cache is None:
            return _Opened(pair, trouble, digest)
        half = None
        if pair.split_debug is not None:
            half = digest_on_target(pair.split_debug.path, subject.path)
        key = key_of(digest, half, subject.file.name, self.options)
        return _Opened(pair, trouble, digest, cache, key)

    def _outcome(self, subject: TreeFile, known: Known) -> Outcome:
        module = replace(
            known.module,
            path=subject.path,
            package=subject.package,
            recipe=self.recipe.name,
            version=self.recipe.version,
            source=self.recipe.source,
        )
        return Outcome(module, known.record, known.findings)

    def _pair(
        self, stack: ExitStack, elf_file: ElfFile, subject: TreeFile
    ) -> tuple[SplitPair, tuple[Finding, ...]]:
        """Join a file and its debug half; a wrong half is a finding, and the file goes on alone."""
        if elf_file.has_bytes(".debug_info"):
            return SplitPair(elf_file), ()
        build_id = str(elf_file.build_id) if elf_file.build_id is not None else None
        place = self.halves.find(subject, build_id, read_debuglink(elf_file))
        if place is None:
            return SplitPair(elf_file), ()
        try:
            return SplitPair(elf_file, stack.enter_context(ElfFile(place))), ()
        except MismatchError as error:
            code, why = findings.MISMATCH, f"'{place.name}': {error.why}"
        except InputError as error:
            code, why = _code_of(error), error.why
        remedy = "Rebuild and package both halves together."
        finding = Finding(code, subject.path, "its debug file is not used", why, remedy)
        return SplitPair(elf_file), (finding,)

    def _dump(
        self, pair: SplitPair, subject: TreeFile, trouble: tuple[Finding, ...], symbols: Path
    ) -> tuple[Dump, Known]:
        """Make the symbol file and describe it."""
        dump = dump_module(pair, subject.file.name, subject.path, self.options)
        found = (*trouble, *_besides(trouble, dump.findings))
        sha256 = _write(dump, symbols)
        status, reason = _status(found)
        build_id = pair.elf_file.build_id
        module = Module(
            path=subject.path,
            build_id=str(build_id) if build_id is not None else None,
            debug_id=dump.module.debug_id,
            debug_file=dump.module.debug_file,
            arch=dump.module.arch,
            size=subject.size,
            sha256=None,
            recipe=None,
            version=None,
            package=None,
            source=None,
            symbols=_symbols(pair.elf_file, dump, sha256),
            status=status,
            reason=reason,
            alternate_debug_id=pair.elf_file.alternate_debug_id,
        )
        return dump, Known(module, dump.module, found)


def _besides(trouble: tuple[Finding, ...], found: list[Finding]) -> list[Finding]:
    """Return what else is to say of a file: that a half was refused explains what it lacks."""
    refused = any(finding.code == findings.MISMATCH for finding in trouble)
    return [one for one in found if not (refused and one.code == findings.NO_DEBUG_INFO)]


def _symbols(elf_file: ElfFile, dump: Dump, sha256: str) -> Symbols:
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
        coverage=_coverage(elf_file, dump),
    )


def _coverage(elf_file: ElfFile, dump: Dump) -> Coverage:
    """Return what a symbol file covers, once it has been written."""
    tables = (s for s in elf_file.sections if s.executable and s.name in PLT)
    return Coverage(
        code=sum(end - start for start, end in elf_file.executable_ranges),
        plt=sum(section.size for section in tables),
        functions=dump.functions.function_bytes,
        lines=dump.functions.line_bytes,
        cfi=dump.rules.code_bytes if dump.rules is not None else 0,
    )


def _write(dump: Dump, file: Path) -> str:
    """Write a symbol file that is to go to the store around its folder; return its SHA-256."""
    try:
        with file.open("wb") as stream:
            dump.write(stream)
        return file_digest(file)
    except OSError as error:
        raise not_written(file.parent.parent, error) from error


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
