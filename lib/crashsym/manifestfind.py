# SPDX-License-Identifier: MIT
"""Modules of manifests by id, path or name."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from crashsym.manifest import Module


def find(modules: Iterable[Module], wanted: str) -> list[Module]:
    """Return the modules that ``wanted`` may mean: first by id, then by path, then by name.

    Each is there once, those of one kind in the order given. Ids are build ids and debug ids, of
    either case, dashes ignored; a build id may be cut off behind its 8th digit, a debug id may lack
    its age and be the alternate one. Names are those of the file, the debug file (SONAME), the
    package and the recipe. Paths and names may be globs, whose ``*`` fits "/" as well.
    """
    known = list(dict.fromkeys(modules))
    kinds = (_has_id, _has_path, _has_name)
    return list(dict.fromkeys(m for fits in kinds for m in known if fits(m, wanted)))


def _has_id(module: Module, wanted: str) -> bool:
    wanted = wanted.replace("-", "").lower()
    build_id = (module.build_id or "").lower()
    if wanted == build_id or (len(wanted) >= 8 and build_id.startswith(wanted)):
        return bool(wanted)
    ids = {i.lower() for i in (module.debug_id, module.alternate_debug_id) if i is not None}
    return wanted in ids | {i[:32] for i in ids}


def _has_path(module: Module, wanted: str) -> bool:
    return _fits(module.path, wanted)


def _has_name(module: Module, wanted: str) -> bool:
    names = (module.path.rpartition("/")[2], module.debug_file, module.package, module.recipe)
    return any(name is not None and _fits(name, wanted) for name in names)


def _fits(text: str, wanted: str) -> bool:
    return text == wanted or fnmatchcase(text, wanted)
