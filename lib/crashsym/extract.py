# SPDX-License-Identifier: MIT
"""A tree of target files in; a store, a manifest and the findings out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from crashsym import findings
from crashsym.cache import Cache
from crashsym.dump import DumpOptions
from crashsym.errors import ConflictError, StoreError
from crashsym.files import StagedFolder
from crashsym.findings import EXCUSED, Finding, Owner, Policy
from crashsym.limits import Limits
from crashsym.manifest import Manifest, Module
from crashsym.onefile import Outcome, Recipe, Task, Work
from crashsym.parallel import Died, run
from crashsym.progress import Progress
from crashsym.store import Store
from crashsym.tree import HalfIndex, Tree

_GROUP = 64  # files


@dataclass(slots=True)
class Extraction:
    """What came out: the modules, how many symbol files are new, and all findings.

    ``known`` files were not read, as a `Cache` knew what comes out. ``refused`` are modules as they
    were made; the manifest has them without symbols, since the store kept others of the same id.
    """

    manifest: Manifest
    new: int = 0
    known: int = 0
    findings: list[Finding] = field(default_factory=list)
    refused: list[Module] = field(default_factory=list)


def extract(  # noqa: PLR0913 - each is a separate decision of the caller
    tree: Tree,
    halves: HalfIndex,
    store: Store,
    recipe: Recipe,
    options: DumpOptions,
    *,
    jobs: int,
    cache: Cache | None = None,
    show: Callable[[Progress], object] | None = None,
) -> Extraction:
    """Make the symbol files of all subjects and put them into the store.

    Files are worked on in parallel, the largest first, each in a process of its own; they enter
    the store in the order of their paths. One that cannot be used becomes a finding and costs
    nothing else. ``show`` is called whenever one is done.

    Raises:
        StoreError: the store cannot be written.
    """
    tasks = [Task(number, subject) for number, subject in enumerate(tree.subjects)]
    by_size = sorted(tasks, key=lambda task: (-task.subject.size, task.number))
    progress = Progress({task.number: task.subject for task in by_size}, show)
    with StagedFolder(store.root, tidy=True) as folder:
        work = Work(halves, recipe, options, Path(folder), cache)
        outcomes = _known(work, tasks, jobs, progress)
        unknown = [task for task in by_size if task.number not in outcomes]
        progress.work()
        for task, result in run(work.do, unknown, jobs, partial(_limits, halves)):
            if isinstance(result, StoreError):
                raise result
            outcome = _died(task, result) if isinstance(result, Died) else result
            outcomes[task.number] = outcome.of(Owner(task.subject.package, recipe.name))
            progress.done(task.number)
        extraction = _collect([outcomes[task.number] for task in tasks], store, work.folder)
    owner = Owner(None, recipe.name)
    extraction.findings[:0] = [finding._replace(owner=owner) for finding in tree.findings]
    return extraction


def _known(work: Work, tasks: list[Task], jobs: int, progress: Progress) -> dict[int, Outcome]:
    """Return what the cache knows, by the number of the file.

    A process for each file would take longer than to look: here many share one. Where it dies, its
    files are not known.
    """
    if work.cache is None or work.cache.is_empty():
        return {}
    groups = [tasks[i : i + _GROUP] for i in range(0, len(tasks), _GROUP)]
    known = {}
    for group, result in run(work.look_up, groups, jobs, partial(_limits, work.halves)):
        del group
        for task, outcome in () if isinstance(result, Died) else result:
            known[task.number] = outcome.of(Owner(task.subject.package, work.recipe.name))
            progress.done(task.number)
    return known


def _limits(halves: HalfIndex, work: Task | list[Task]) -> Limits:
    tasks = [work] if isinstance(work, Task) else work
    return Limits.for_bytes(sum(task.subject.size for task in tasks) + halves.largest)


def _died(task: Task, death: Died) -> Outcome:
    finding = Finding(
        findings.CRASHED,
        task.subject.path,
        "no symbols",
        death.why,
        "Exclude it, or report it as a bug of crashsym.",
    )
    return Outcome(None, None, (finding,))


def _collect(outcomes: list[Outcome], store: Store, work: Path) -> Extraction:
    result = Extraction(Manifest(()))
    modules = []
    for number, outcome in enumerate(outcomes):
        result.findings += outcome.findings
        result.known += outcome.known
        if outcome.module is None or outcome.record is None:
            continue
        module = outcome.module
        try:
            entry = store.add(outcome.record, work / f"{number}.sym")
            result.new += entry.new
        except ConflictError as error:
            result.findings.append(_conflict(module, error))
            result.refused.append(module)
            module = replace(module, symbols=None, status=findings.CONFLICT, reason=error.why)
        modules.append(module)
    result.manifest = Manifest.of(modules)
    return result


def _conflict(module: Module, error: ConflictError) -> Finding:
    owner = Owner(module.package, module.recipe)
    why = f"{error.where}: {error.why}"
    return Finding(findings.CONFLICT, module.path, error.what, why, error.remedy, owner)


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
    return replace(result, manifest=Manifest.of(modules, result.manifest.build), findings=found)
