# SPDX-License-Identifier: MIT
"""What is to be sent: the files that the modules of a manifest have, each once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from crashsym.manifest import Module, Receipt, Symbols
from crashsym.upload.extent import Extent

SYMBOLS = "symbols"  # a Breakpad symbol file
DEBUG = "debug-files"  # an ELF file with debug information
KINDS = (SYMBOLS, DEBUG)
_DEBUG_ID = re.compile("[0-9A-Fa-f]{33,40}")  # a GUID and an age
_SHA256 = re.compile("[0-9a-f]{64}")
_LONGEST_NAME = 255  # bytes, NAME_MAX
_BUILD_ID = re.compile("(?:[0-9a-f]{2})+")


@dataclass(frozen=True, slots=True)
class Item:
    """One file to send, of a kind of `KINDS`.

    ``content`` are its bytes; None where only a manifest is at hand, which is enough to ask for it.
    ``place`` is where a store, or gdb's folder of debug files, has it.
    ``sha256`` is what the manifest says of it. ``paths`` are the modules that need it, as they lie
    on the target. ``arch`` is the word of the MODULE record. ``receipts`` are those of the modules.
    ``has_lines``: the symbols were made from debug information.
    """

    kind: str
    content: Extent | None
    place: str
    sha256: str
    debug_file: str
    debug_id: str
    build_id: str | None
    arch: str
    paths: tuple[str, ...]
    receipts: tuple[Receipt, ...] = ()
    has_lines: bool = False

    @property
    def name(self) -> str:
        """What people and servers call the file."""
        return f"{self.debug_file}.sym" if self.kind == SYMBOLS else self.debug_file

    @property
    def at_hand(self) -> Extent:
        """Its bytes, for those who send it.

        Raises:
            LookupError: they are not at hand: such a file can only be asked for.
        """
        if self.content is None:
            raise LookupError(f"of '{self.name}' there is only the manifest")
        return self.content

    @property
    def size(self) -> int:
        """How many bytes it has, for those who send it."""
        return self.at_hand.size


@dataclass(frozen=True, slots=True)
class Unusable:
    """A file that cannot be sent, the modules that need it, and why."""

    file: str
    paths: tuple[str, ...]
    why: str


class Store(Protocol):
    """What has symbol files by their place in it."""

    def name(self, place: str) -> str:
        """Return what messages call a file."""
        ...

    def find(self, place: str) -> Extent | None:
        """Return the bytes of a file; None where the manifest has to do.

        Raises:
            OSError: it is not there.
        """
        ...


def symbol_items(modules: Iterable[Module], store: Store) -> tuple[list[Item], list[Unusable]]:
    """Return the symbol files of modules, in order of their place, and those that are unusable.

    A file that is not there, has other bytes than the manifest says, or of which that says two
    different things, is of no use. Modules without symbols have nothing to send.
    """
    needed: dict[str, tuple[Symbols, list[Module]]] = {}
    for module in modules:
        if module.symbols is not None:
            needed.setdefault(module.symbols.path, (module.symbols, []))[1].append(module)
    found = [
        _symbol_item(store, symbols, sharing)
        for _, (symbols, sharing) in sorted(needed.items(), key=lambda one: one[0])
    ]
    items, doubtful = _without_rivals([one for one in found if isinstance(one, Item)], store)
    return items, [*(one for one in found if isinstance(one, Unusable)), *doubtful]


def _without_rivals(items: list[Item], store: Store) -> tuple[list[Item], list[Unusable]]:
    """Return the files that are alone with their name and id, and those that contradict others."""
    by_id: dict[tuple[str, str], list[Item]] = {}
    for item in items:
        by_id.setdefault((item.debug_file, item.debug_id.upper()), []).append(item)
    alone, doubtful = [], []
    for same in by_id.values():
        if len({(one.sha256, one.build_id, one.arch) for one in same}) == 1:
            alone += same
            continue
        for item in same:
            others = ", ".join(f"'{one.paths[0]}'" for one in same if one is not item)
            why = f"the manifest has other symbols with the same name and id, those of {others}"
            doubtful.append(Unusable(store.name(item.place), item.paths, why))
    return sorted(alone, key=lambda item: item.place), doubtful


def _symbol_item(store: Store, symbols: Symbols, modules: list[Module]) -> Item | Unusable:
    module, place = modules[0], symbols.path
    file = store.name(place)
    paths = tuple(sorted({module.path for module in modules}))
    if Path(place).is_absolute() or ".." in Path(place).parts or "\0" in place:
        return Unusable(file, paths, "its place is outside of the store")
    if len({_facts(one) for one in modules}) > 1:
        why = "in the manifest its modules have different names, ids or SHA-256s of their symbols"
        return Unusable(file, paths, why)
    try:
        content = store.find(place)
        digest = content.digest() if content is not None else symbols.sha256
    except OSError as error:
        return Unusable(file, paths, error.strerror or str(error))
    if digest != symbols.sha256:
        return Unusable(file, paths, f"its SHA-256 is {digest}, in the manifest {symbols.sha256}")
    if module.debug_file is None or module.debug_id is None or module.arch is None:
        return Unusable(file, paths, "the manifest does not say its id")
    if mistake := _mistake(module.debug_file, module.debug_id, module.build_id, digest):
        return Unusable(file, paths, f"in the manifest {mistake}")
    return Item(
        kind=SYMBOLS,
        content=content,
        place=place,
        sha256=digest,
        debug_file=module.debug_file,
        debug_id=module.debug_id,
        build_id=module.build_id,
        arch=module.arch,
        paths=paths,
        receipts=tuple(receipt for one in modules for receipt in one.receipts),
        has_lines=symbols.counts.lines > 0,
    )


def _facts(module: Module) -> tuple[str | None, ...]:
    """Return what has to be the same of modules that share a symbol file."""
    sha256 = module.symbols.sha256 if module.symbols is not None else None
    return sha256, module.debug_file, module.debug_id, module.build_id, module.arch


def is_sha256(text: str) -> bool:
    """Whether a text of a manifest has the form of a SHA-256."""
    return _SHA256.fullmatch(text) is not None


def _mistake(debug_file: str, debug_id: str, build_id: str | None, sha256: str) -> str:
    """Return what is wrong with names that become paths; no file goes elsewhere by its name."""
    if debug_file in ("", ".", "..") or "/" in debug_file or "\0" in debug_file:
        return f"its name is {debug_file!r}"
    if (size := len(debug_file.encode())) > _LONGEST_NAME:
        return f"its name has {size} bytes, file names have {_LONGEST_NAME} at most"
    if not _DEBUG_ID.fullmatch(debug_id):
        return f"its debug id is {debug_id!r}"
    if build_id is not None and not _BUILD_ID.fullmatch(build_id):
        return f"its build id is {build_id!r}"
    if not is_sha256(sha256):
        return f"its SHA-256 is {sha256!r}"
    return ""


def debug_items(
    items: Iterable[Item], halves: Mapping[str, Extent]
) -> tuple[list[Item], list[Unusable]]:
    """Return the ELF files with the debug information of the same modules, and what is missing.

    ``halves`` are those files by build id. Each module that had debug information should have one.
    Those that cannot be read, or have other bytes than is said of them, are of no use.
    """
    found, unusable = [], []
    for item in items:
        half = halves.get(item.build_id) if item.build_id is not None else None
        if half is None or item.build_id is None:
            if item.has_lines:
                why = "there is no debug file of its build id"
                unusable.append(Unusable(item.debug_file, item.paths, why))
            continue
        try:
            digest = half.digest()
        except OSError as error:
            unusable.append(Unusable(str(half), item.paths, error.strerror or str(error)))
            continue
        if half.sha256 not in (None, digest):
            why = f"its SHA-256 is {digest}, in the index {half.sha256}"
            unusable.append(Unusable(str(half), item.paths, why))
            continue
        place = debug_place(item.build_id)
        found.append(replace(item, kind=DEBUG, content=half, place=place, sha256=digest))
    return found, unusable


def debug_place(build_id: str) -> str:
    """Return where gdb looks for a debug file (the GDB manual, "Separate Debug Files")."""
    return f".build-id/{build_id[:2]}/{build_id[2:]}.debug"
