# SPDX-License-Identifier: MIT
"""The pipeline: a module's files in, its symbol file and what is wrong with them out."""

from __future__ import annotations

from crashsym import findings
from crashsym.breakpad.cpus import CPUS, Cpu
from crashsym.breakpad.module import ModuleRecord
from crashsym.breakpad.writer import module_name, write_module
from crashsym.dwarf.inputs import DebugInputs
from crashsym.engines import NoFunctions, engine
from crashsym.errors import MalformedError, PackedError, UnsupportedError, counted
from crashsym.findings import Finding
from crashsym.firstpage import why_no_build_id
from crashsym.packers import packer_of
from crashsym.splitpair import read_debuglink
from crashsym.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

    from crashsym.elf import ElfFile
    from crashsym.engines.protocols import CfiPart, Engine, FunctionPart, Part
    from crashsym.sourcelinks import SourceLinks
    from crashsym.splitpair import SplitPair


OUTPUT_VERSION = 3  # to be raised when the same input gives other symbols or findings


class DumpOptions(Value):
    """What goes into a symbol file; ``strict``: a module with findings gives none.

    ``keep_suffixes``: the names of clones say so (``f() [clone .part.0]``).
    ``debug_folders``: where files that debug information names are looked for, too.
    ``links``: what FILE records have instead of paths.
    For remedies: ``debug_options`` say where debug files are, the first of them names a folder;
    ``can_excuse``: findings can be excused.
    """

    inlines: bool = True
    cfi: bool = True
    strict: bool = False
    keep_suffixes: bool = False
    debug_folders: tuple[Path, ...] = ()
    links: SourceLinks | None = None
    debug_options: tuple[str, ...] = ("--debug-dir", "--debug-file")
    can_excuse: bool = False

    def or_excuse(self, remedy: str) -> str:
        """Return a remedy as a sentence, with the last resort where there is one."""
        return f"{remedy}, or let a policy excuse it." if self.can_excuse else f"{remedy}."


class Dump(Value):
    """A symbol file in parts, and the findings about the files that it was made from.

    ``others`` are the files, besides the halves of the module, that it was made from.
    """

    module: ModuleRecord
    functions: FunctionPart
    publics: Part | None
    rules: CfiPart | None
    findings: list[Finding]
    others: tuple[Path, ...] = ()
    links: SourceLinks | None = None

    def write(self, stream: BinaryIO) -> None:
        """Write the symbol file, in the order that Breakpad writes.

        Source: Breakpad src/common/module.cc, Module::Write.
        """
        write_module(stream, self.module)
        if self.links is None:
            self.functions.write(stream)
        else:
            self.links.write(self.functions.write, stream)
        for part in (self.publics, self.rules):
            if part is not None:
                part.write(stream)


class _Job:
    """One module on its way through the pipeline."""

    def __init__(self, pair: SplitPair, path: str, options: DumpOptions, use: Engine) -> None:
        self.pair = pair
        self.path = path
        self.options = options
        self.cpu = _cpu(pair.elf_file, path, options)
        self.engine = use
        self.findings: list[Finding] = []
        self.damage: list[str] = []
        self.others: tuple[Path, ...] = ()

    def report(self, code: str, why: str, remedy: str = "") -> None:
        what = _TITLES.get(code, "symbols are incomplete")
        self.findings.append(Finding(code, self.path, what, why, remedy))

    def damaged(self, where: str, why: str) -> None:
        place = where if not where.startswith("'") else where.rpartition("' ")[2]
        self.damage.append(f"{place}: {why}")

    def take_damage(self, part: FunctionPart | Part, gone: str = "") -> None:
        """Note the damage of a part; that a section is ``gone`` is a finding of its own."""
        for where, why in part.damage:
            if not gone or f"{gone}+" not in where:
                self.damaged(where, why)

    def report_damage(self) -> None:
        """Report all damage as one finding: the first place, and how many there are more."""
        if self.damage:
            others = counted(len(self.damage) - 1, "more place")
            more = f" (and {others})" if len(self.damage) > 1 else ""
            remedy = "Rebuild the file; the rest is kept."
            self.report(findings.MALFORMED, self.damage[0] + more, remedy)


_TITLES = {
    findings.NO_BUILD_ID: "symbols are found by a weak id",
    findings.LATE_BUILD_ID: "a core file does not have its build id",
    findings.NO_DEBUG_INFO: "no functions and lines",
    findings.NO_LINES: "no lines",
    findings.NO_UNWIND_INFO: "no unwind rules",
}


def dump_module(
    pair: SplitPair, debug_file: str, path: str, options: DumpOptions, use: Engine | None = None
) -> Dump:
    """Make the symbol file of one module; damage becomes findings, and the rest is kept.

    ``debug_file`` is the name for the MODULE record where the file has no SONAME; ``path`` the
    name for findings. ``use`` is the engine of this process if it is not given.

    Raises:
        PackedError: the code that runs is not in the file.
        UnsupportedError: the file is for a CPU that is not in `CPUS`.
        MalformedError: there is nothing to identify the file by.
    """
    _check_unpacked(pair.elf_file, path, options)
    job = _Job(pair, path, options, use or engine())
    module = _module_record(job, debug_file)
    functions = _functions(job)
    publics = _publics(job, functions)
    rules = _cfi(job) if options.cfi else None
    _report_missing(job, functions, publics, rules)
    job.report_damage()
    return Dump(module, functions, publics, rules, job.findings, job.others, options.links)


def _check_unpacked(elf_file: ElfFile, path: str, options: DumpOptions) -> None:
    packer = packer_of(elf_file)
    if packer is not None:
        raise PackedError(
            "no symbols",
            where=f"'{path}'",
            why=f"{packer} has packed it: the code that runs is not in the file",
            remedy=options.or_excuse(
                "Let no recipe and no hook of the image run upx on it, unpack what comes packed"
                " with 'upx -d'"
            ),
        )


def _cpu(elf_file: ElfFile, path: str, options: DumpOptions) -> Cpu:
    cpu = CPUS.get(elf_file.machine)
    if cpu is None:
        known = ", ".join(sorted({known.arch for known in CPUS.values()}))
        raise UnsupportedError(
            "cannot make symbols",
            where=f"'{path}'",
            why=f"CPU {elf_file.machine}, {elf_file.bits} bit",
            remedy=options.or_excuse(f"Give a file for {known}"),
        )
    return cpu


def _module_record(job: _Job, debug_file: str) -> ModuleRecord:
    elf_file = job.pair.elf_file
    identifier = elf_file.identifier
    if identifier is None:
        raise MalformedError(
            "cannot make symbols",
            where=f"'{job.path}'",
            why="no build id, and no .text to make an id from",
            remedy=job.options.or_excuse("Link it with '-Wl,--build-id'"),
        )
    if elf_file.build_id is None:
        job.report(
            findings.NO_BUILD_ID,
            "no GNU build id, the hash of its .text stands in",
            job.options.or_excuse("Link it with '-Wl,--build-id'"),
        )
    _report_late_build_id(job)
    try:
        soname = elf_file.soname
    except MalformedError as error:
        job.damaged(error.where, error.why)
        soname = None
    name = module_name(soname, debug_file)
    return ModuleRecord("Linux", job.cpu.arch, identifier.debug_id, name, identifier.code_id)


def _report_late_build_id(job: _Job) -> None:
    why = why_no_build_id(job.pair.elf_file)
    if why is not None:
        remedy = (
            "Look for a linker script or a tool that moves .note.gnu.build-id; for Go, link with"
            " -ldflags=-linkmode=external"
        )
        job.report(findings.LATE_BUILD_ID, why, job.options.or_excuse(remedy))


def _functions(job: _Job) -> FunctionPart:
    holder = job.pair.holder(".debug_info")
    if holder is None:
        return NoFunctions()
    try:
        inputs = DebugInputs(holder, halves=job.pair.halves, folders=job.options.debug_folders)
        functions = job.engine.functions(
            inputs,
            job.pair.elf_file.load_base,
            inlines=job.options.inlines,
            keep_suffixes=job.options.keep_suffixes,
        )
    except MalformedError as error:
        job.damaged(error.where, error.why)
        return NoFunctions()
    job.others = inputs.others
    for problem in inputs.problems:
        remedy = problem.remedy
        if problem.code == findings.MISSING_DEBUG_FILE:
            remedy = f"{remedy[:-1]}, or name its folder with {job.options.debug_options[0]}."
        job.report(problem.code, problem.why, remedy)
    job.take_damage(functions, gone="" if holder.has_bytes(".debug_line") else ".debug_line")
    return functions


def _publics(job: _Job, functions: FunctionPart) -> Part | None:
    # Go's compiler makes no clones, and a function may be called "cold". Its linker writes this
    # section since Go 1.13 (cmd/link/internal/ld/data.go, buildinfo).
    is_go = job.pair.elf_file.section(".go.buildinfo") is not None
    keep_suffixes = job.options.keep_suffixes or is_go
    try:
        publics = job.engine.publics(job.pair, job.cpu, functions, keep_suffixes=keep_suffixes)
    except MalformedError as error:
        job.damaged(error.where, error.why)
        return None
    job.take_damage(publics)
    return publics


def _cfi(job: _Job) -> CfiPart:
    rules = job.engine.cfi(job.pair, job.cpu)
    job.take_damage(rules)
    return rules


def _linked(elf_file: ElfFile) -> str | None:
    """Return the name of the debug half that a file has been stripped into, where it says so."""
    try:
        link = read_debuglink(elf_file)
    except MalformedError:  # such a link leads nowhere
        return None
    return None if link is None else link.name


def _report_no_functions(job: _Job) -> None:
    why = "no .debug_info section"
    remedy = "Compile it with -g and give its unstripped or .debug file"
    half = _linked(job.pair.elf_file) if job.pair.split_debug is None else None
    if job.pair.holder(".debug_info") is not None:
        why = "its .debug_info describes no function"
    elif half is not None:
        why = f"no .debug_info section, and its debug file '{half}' was not found"
        remedy = f"Say where debug files are ({', '.join(job.options.debug_options)})"
    job.report(findings.NO_DEBUG_INFO, why, job.options.or_excuse(remedy))


# What crt1.o, crti.o and crtbegin.o put into each shared object, with the helpers that they call.
_START_FILES = frozenset(
    (
        *("_init", "_fini", "deregister_tm_clones", "register_tm_clones", "frame_dummy"),
        *("__do_global_dtors_aux", "call_weak_fn", "__x86.get_pc_thunk.bx"),
    )
)


def _is_data_alone(job: _Job) -> bool:
    """Whether the file was made with debug information, and the only code is that of start files.

    So are glibc's tables of character sets (libCNS.so).
    """
    if job.pair.holder(".debug_info") is None or job.pair.holder(".symtab") is None:
        return False
    damage: list[object] = []
    try:
        names = {symbol.name for symbol in job.pair.function_symbols(damage.append)}
    except MalformedError:
        return False  # that is a finding already
    return not damage and names <= _START_FILES


def _report_missing(
    job: _Job, functions: FunctionPart, publics: Part | None, rules: Part | None
) -> None:
    if not functions.functions:
        if _is_data_alone(job):
            return
        _report_no_functions(job)
    elif not functions.has_lines:
        job.report(
            findings.NO_LINES,
            "no line table of its debug information has lines for its functions",
            "Compile it with -g or -g1.",
        )
    has_code = functions.functions or (publics is not None and publics.count)
    # The kernel has its own unwinders (ORC, frame pointers): its modules need no rows.
    unwound = job.pair.elf_file.kind != "kernel module"
    if rules is not None and has_code and unwound and not rules.count:
        job.report(
            findings.NO_UNWIND_INFO,
            "neither .eh_frame, .debug_frame nor .ARM.exidx has rows",
            job.options.or_excuse("Compile it with -funwind-tables or -g"),
        )
