# SPDX-License-Identifier: MIT
"""A root file system: each ELF file in it has one entry in the manifest, and an owner."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path, PurePosixPath

from crashsym.cache import file_digest
from crashsym.extract import Extraction
from crashsym.findings import CHANGED, DUPLICATE_BUILD_ID, PACKED, UNOWNED, Finding, Owner
from crashsym.fragments import Fragments
from crashsym.manifest import LEFT_OUT, STATUSES, Manifest, Module, Symbols
from crashsym.owners import Owners, Packaged
from crashsym.store import Store
from crashsym.tree import Tree, TreeFile


def account(
    tree: Tree, extraction: Extraction, owners: Owners, fragments: Fragments, store: Store
) -> Extraction:
    """Return what came out of a tree, completed to an account of all ELF files in it.

    Files without symbols have an entry as well: those that could not be used, with the code of
    their finding as status, and those that are "left-out", as no crash is in them. Modules and
    findings say whose a file is, and modules where their source is from; what is wrong with a file
    as a part of the image is a finding.
    """
    modules = [*extraction.manifest.modules, *without_symbols(tree, extraction)]
    owned = owners_of(modules, owners)
    modules = attributed(modules, owned, fragments)
    files = {file.path: file.file for file in (*tree.subjects, *tree.relocatable)}
    found = [*extraction.findings, *owners.problems, *fragments.problems]
    found += _duplicates([*modules, *extraction.refused], store)
    if owners.packages:
        for module in modules:
            found += _objections(module, owned[module.path], files[module.path])
    found = [with_owner(finding, owned.get(finding.path)) for finding in found]
    manifest = Manifest.of(modules, extraction.manifest.build)
    return replace(extraction, manifest=manifest, findings=found)


def without_symbols(tree: Tree, extraction: Extraction) -> Iterator[Module]:
    """Yield an entry for each file of a tree that extraction gave none."""
    there = {module.path for module in extraction.manifest.modules}
    why = {f.path: f for f in reversed(extraction.findings) if f.code in STATUSES}
    for subject in tree.subjects:
        if subject.path not in there:
            finding = why[subject.path]
            yield _bare(subject, finding.code, finding.why)
    for file in tree.relocatable:
        yield _bare(file, LEFT_OUT, "an object file or a core: nothing of it is ever run")


def _bare(file: TreeFile, status: str, reason: str) -> Module:
    return Module(
        path=file.path,
        build_id=None,
        debug_id=None,
        debug_file=None,
        arch=None,
        size=file.size,
        sha256=None,
        recipe=None,
        version=None,
        package=None,
        source=None,
        symbols=None,
        status=status,
        reason=reason,
    )


def owners_of(modules: Iterable[Module], owners: Owners) -> dict[str, Packaged | None]:
    """Return whose each module is, by its path."""
    return {module.path: owners.of(module.path, module.size) for module in modules}


def attributed(
    modules: Iterable[Module], owned: Mapping[str, Packaged | None], fragments: Fragments
) -> list[Module]:
    """Return modules that say whose they are and, if that is known, where their source is from."""
    found = []
    for module in modules:
        owner = owned[module.path]
        if owner is None:
            found.append(module)
            continue
        package, recipe, version = owner.package, owner.recipe, owner.version
        named = replace(module, package=package, recipe=recipe, version=version)
        found.append(replace(named, source=fragments.source_of(named)))
    return found


def with_owner(finding: Finding, packaged: Packaged | None) -> Finding:
    """Return a finding that says whose the file is, if that is known."""
    if packaged is None:
        return finding
    return finding._replace(owner=Owner(packaged.package, packaged.recipe))


def _objections(module: Module, packaged: Packaged | None, file: Path) -> Iterator[Finding]:
    """Yield what is wrong with a file, given what its package says."""
    if packaged is None:
        remedy = "Let a recipe package it: a hook of the image may have made it."
        yield Finding(UNOWNED, module.path, "nobody's file", "no package has it", remedy)
        return
    if module.status == PACKED:
        return  # that says it
    why = ""
    if packaged.size is not None and packaged.size != module.size:
        why = f"{module.size} bytes, in '{packaged.package}' it has {packaged.size}"
    elif packaged.md5 is not None and (found := _md5(file)) not in (packaged.md5, None):
        why = f"its MD5 is {found}, in '{packaged.package}' it is {packaged.md5}"
    if why:
        remedy = (
            "Look for a hook of the image that strips, signs or patches it; let its recipe do it."
        )
        yield Finding(CHANGED, module.path, "changed after packaging", why, remedy)


def _md5(file: Path) -> str | None:
    try:
        return file_digest(file, "md5")
    except OSError:
        return None  # that it cannot be read is a finding already


def _duplicates(modules: Iterable[Module], store: Store) -> Iterator[Finding]:
    """Yield a finding for each file that has the build id of another one, and other symbols.

    Other bytes alone do no harm: Debian's packages perl and perl-base have libraries that differ in
    their .gnu_debuglink.
    """
    first: dict[str, Module] = {}
    for module in sorted(modules, key=lambda module: module.path):
        if module.build_id is None or module.symbols is None:
            continue
        other = first.setdefault(module.build_id, module)
        if other.symbols is not None and _differ(module.symbols, other.symbols, store):
            yield Finding(
                DUPLICATE_BUILD_ID,
                module.path,
                "its symbols can be taken for another file's",
                f"'{other.path}' has the build id {module.build_id} and other symbols",
                "Link each file on its own; a tool that changes code has to make a new build id.",
            )


def _differ(symbols: Symbols, others: Symbols, store: Store) -> bool:
    """Whether symbol files say different things; those of different names differ in one record."""
    if symbols.path == others.path:
        return symbols.sha256 != others.sha256
    return _records(symbols, store) != _records(others, store)


def _records(symbols: Symbols, store: Store) -> str:
    """Return a digest of what follows the MODULE record."""
    _, _, data = (store.read(PurePosixPath(symbols.path)) or b"").partition(b"\n")
    return sha256(data).hexdigest()
