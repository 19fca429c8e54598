# SPDX-License-Identifier: MIT
"""The manifest: every ELF file of a recipe or an image by build id.

Format "crashsym-manifest/1", described by docs/reference/crashsym-manifest-1.schema.json. Nothing
in it depends on the host, the user or the time.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from crashsym.coverage import Coverage
from crashsym.errors import ConfigError, ManifestError, described
from crashsym.files import check_writable, open_regular, write_atomically
from crashsym.jsondata import parse
from crashsym.source import Source, read_source
from crashsym.texts import as_unicode

SCHEMA = "crashsym-manifest/1"
LEFT_OUT = "left-out"
_LARGEST = 256 << 20  # bytes: 300 000 files
_DEEPEST = 8  # levels of `Manifest.build`
_MOST = 1 << 63
STATUSES = (
    *("ok", "no-debug-info", "no-lines", "no-unwind-info", "no-build-id", "mismatch", "excused"),
    *("missing-debug-file", "conflict", "unreadable", "malformed", "unsupported", "packed"),
    *("crashed", LEFT_OUT),
)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many records of each kind the symbol file has."""

    functions: int
    lines: int
    inlines: int
    publics: int
    cfi: int


@dataclass(frozen=True, slots=True)
class Symbols:
    """The symbol file of a module; ``path`` is relative to the store."""

    path: str
    sha256: str
    counts: Counts
    coverage: Coverage


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof that a server has the symbols: its name, its id for them, their SHA-256."""

    server: str
    id: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Module:
    """One ELF file as it lies on the target.

    ``sha256`` is that of the file. A file that could not be read, or is "left-out", as no crash is
    in it, has neither ``debug_id`` nor ``debug_file`` nor ``arch`` nor ``symbols``; one that is in
    "conflict" lacks only the last.
    ``alternate_debug_id`` is the debug id of a big-endian file by those processors that do not
    swap its bytes; None, and not written, where there is only one.
    """

    path: str
    build_id: str | None
    debug_id: str | None
    debug_file: str | None
    arch: str | None
    size: int
    sha256: str | None
    recipe: str | None
    version: str | None
    package: str | None
    source: Source | None
    symbols: Symbols | None
    status: str
    reason: str | None
    receipts: tuple[Receipt, ...] = ()
    alternate_debug_id: str | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """Modules sorted by path and build id; ``build`` is None in a recipe's fragment."""

    modules: tuple[Module, ...]
    build: dict[str, Any] | None = None

    @classmethod
    def of(cls, modules: Iterable[Module], build: dict[str, Any] | None = None) -> Manifest:
        """Sort the modules; the order is total, so that equal content gives equal bytes."""
        return cls(tuple(sorted(modules, key=_order)), build)

    def to_bytes(self) -> bytes:
        """Return the JSON text of the manifest, UTF-8, keys in the order of the schema."""
        document: dict[str, Any] = {"schema": SCHEMA}
        if self.build is not None:
            document["build"] = self.build
        document["modules"] = [module_document(module) for module in self.modules]
        text = json.dumps(document, indent=1, ensure_ascii=False)
        try:
            return f"{text}\n".encode()
        except UnicodeEncodeError:  # a manifest of others has half a character
            return f"{json.dumps(_as_unicode(document), indent=1, ensure_ascii=False)}\n".encode()

    def write(self, path: Path) -> None:
        """Write the manifest, whole or not at all.

        Raises:
            StoreError: the operating system refuses.
        """
        write_atomically(path, self.to_bytes())


def _as_unicode(value: Any) -> Any:
    if isinstance(value, dict):
        return {as_unicode(key): _as_unicode(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return list(map(_as_unicode, value))
    return as_unicode(value) if isinstance(value, str) else value


def check_place(path: Path, what: str = "manifest") -> None:
    """Refuse, before the work, a place where an output cannot go, or where an ELF file is.

    Raises:
        StoreError: it cannot be written.
        ConfigError: an ELF file would be overwritten.
    """
    check_writable(path)
    if _begins_like_elf(path):
        raise ConfigError(
            f"cannot write the {what}",
            where=f"'{path}'",
            why="it is an ELF file",
            remedy="Name another file.",
        )


def _begins_like_elf(path: Path) -> bool:
    try:
        if not path.is_file():
            return False
        with path.open("rb") as stream:
            return stream.read(4) == b"\x7fELF"
    except OSError:
        return False  # nobody could have extracted it


def module_document(module: Module) -> dict[str, Any]:
    """Return a module as the schema has it."""
    found = asdict(module)
    if module.alternate_debug_id is None:
        del found["alternate_debug_id"]
    return found


def _order(module: Module) -> tuple[str, str, str]:
    return module.path, module.build_id or "", json.dumps(asdict(module), sort_keys=True)


def read(path: Path, *, regular: bool = False) -> Manifest:
    """Read a manifest or a fragment; ``regular``: only if it is a file, no link and no pipe.

    Raises:
        ManifestError: it cannot be read, is no manifest, or one of an unknown version.
    """
    try:
        with open_regular(path) if regular else path.open("rb") as stream:
            data = stream.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise _unusable(path, f"it has more than {_LARGEST} bytes")
    except OSError as error:
        raise _unusable(path, error.strerror or str(error)) from error
    return of_bytes(data, path)


def of_bytes(data: bytes, path: Path) -> Manifest:
    """Return the manifest that a JSON text is; messages call it ``path``.

    Raises:
        ManifestError: it is no manifest, or one of an unknown version.
    """
    try:
        document = _json(data)
    except (ValueError, RecursionError) as error:
        raise _unusable(path, f"it is no JSON ({error})") from error
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema != SCHEMA:
        raise _unusable(path, f"its schema is {described(schema)}, this crashsym reads {SCHEMA!r}")
    try:
        modules = [read_module(value) for value in _list(document["modules"])]
        build = _build(document.get("build"))
    except (KeyError, TypeError) as error:
        raise _unusable(path, f"it does not follow its schema ({error})") from error
    return Manifest.of(modules, build)


def _json(data: bytes) -> Any:
    """Return a document, in which text has no half of a character.

    Raises:
        ValueError: it is none, or has numbers that are none.
    """
    document = parse(data)
    return _as_unicode(document) if b"\\u" in data or b"\xed" in data else document


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"modules is {described(value)}")
    return value


def _build(value: Any) -> dict[str, Any] | None:
    if value is None:
        return None
    merged = value.get("merged", []) if isinstance(value, dict) else None
    if not isinstance(merged, list) or not all(isinstance(one, dict) for one in merged):
        raise TypeError(f"build is {described(value)}, or what it has merged")
    if any("merged" in one for one in merged) or not _is_flat(value, _DEEPEST):
        raise TypeError("build has too much in itself")
    return dict(value)


def _is_flat(value: Any, left: int) -> bool:
    """Whether a document has no more levels than are left."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return left > 0 and all(_is_flat(one, left - 1) for one in inner)


def _unusable(path: Path, why: str) -> ManifestError:
    return ManifestError(
        "cannot read the manifest",
        where=f"'{path}'",
        why=why,
        remedy="Make it with 'crashsym extract', 'image' or 'sdk'.",
    )


_TEXT, _OPTIONAL = (str,), (str, type(None))
_MODULE_TYPES: dict[str, tuple[type, ...]] = {
    "path": _TEXT,
    "build_id": _OPTIONAL,
    "debug_id": _OPTIONAL,
    "debug_file": _OPTIONAL,
    "arch": _OPTIONAL,
    "size": (int,),
    "sha256": _OPTIONAL,
    "recipe": _OPTIONAL,
    "version": _OPTIONAL,
    "package": _OPTIONAL,
    "source": (dict, type(None)),
    "symbols": (dict, type(None)),
    "status": _TEXT,
    "reason": _OPTIONAL,
    "receipts": (list,),
}
_ALTERNATE = "alternate_debug_id"  # the one key that may be absent


def _checked(value: Any, types: Mapping[str, tuple[type, ...]], what: str) -> dict[str, Any]:
    if not isinstance(value, dict) or set(value) != set(types):
        raise TypeError(f"a {what} has other keys than {', '.join(types)}")
    for key, kinds in types.items():
        if not isinstance(value[key], kinds):
            raise TypeError(f"{key} of a {what} is {described(value[key])}")
    return dict(value)


def read_module(value: Any) -> Module:
    """Return the module of a document that `module_document` has made.

    Raises:
        TypeError: it does not follow the schema.
    """
    types = _MODULE_TYPES
    if isinstance(value, dict) and _ALTERNATE in value:
        types = {**types, _ALTERNATE: _TEXT}
    module = _checked(value, types, "module")
    _natural(module["size"])
    if module["status"] not in STATUSES:
        raise TypeError(f"status is {described(module['status'])}")
    if module["source"] is not None:
        module["source"] = read_source(module["source"])
    if module["symbols"] is not None:
        types = {"path": _TEXT, "sha256": _TEXT, "counts": (dict,), "coverage": (dict,)}
        symbols = _checked(module["symbols"], types, "symbols")
        module["symbols"] = Symbols(
            symbols["path"],
            symbols["sha256"],
            Counts(**_numbers(symbols["counts"], Counts)),
            Coverage(**_numbers(symbols["coverage"], Coverage)),
        )
    receipts = [
        Receipt(**_checked(receipt, dict.fromkeys(_names(Receipt), _TEXT), "receipt"))
        for receipt in module["receipts"]
    ]
    return Module(**{**module, "receipts": tuple(receipts)})


def _numbers(value: Any, kind: type[Counts | Coverage]) -> dict[str, Any]:
    found = _checked(value, dict.fromkeys(_names(kind), (int,)), kind.__name__.lower())
    return {name: _natural(number) for name, number in found.items()}


def _natural(number: int) -> int:
    if not 0 <= number < _MOST:
        raise TypeError(f"{described(number)} is no number of anything")
    return number


def _names(kind: type[Counts | Coverage | Receipt]) -> list[str]:
    return [field.name for field in fields(kind)]


def merge(manifests: Iterable[Manifest]) -> Manifest:
    """Return one manifest with the modules of all; equal ones are in it once.

    Of several builds (root file systems, machines, releases), ``build`` lists all as "merged".

    Raises:
        ManifestError: two manifests give different symbols for the same place in the store.
    """
    modules: dict[Module, None] = {}
    stored: dict[str, Module] = {}
    builds: list[dict[str, Any]] = []
    for manifest in manifests:
        builds += _builds(manifest)
        for module in manifest.modules:
            if module.symbols is not None:
                known = stored.setdefault(module.symbols.path, module)
                if known.symbols is not None and known.symbols.sha256 != module.symbols.sha256:
                    raise _contradiction(
                        f"'{known.path}' of {known.recipe or 'no recipe'} and '{module.path}' of"
                        f" {module.recipe or 'no recipe'}",
                        f"two different symbol files are called '{module.symbols.path}'",
                    )
            modules[module] = None
    return Manifest.of(modules, _merged(builds))


def _builds(manifest: Manifest) -> list[dict[str, Any]]:
    if manifest.build is None:
        return []
    merged = manifest.build.get("merged")
    return merged if isinstance(merged, list) else [manifest.build]


def _merged(builds: list[dict[str, Any]]) -> dict[str, Any] | None:
    different = {json.dumps(build, sort_keys=True): build for build in builds}
    if len(different) < 2:
        return next(iter(different.values()), None)
    return {"merged": [different[text] for text in sorted(different)]}


def _contradiction(where: str, why: str) -> ManifestError:
    return ManifestError(
        "cannot merge manifests",
        where=where,
        why=why,
        remedy="Leave one out, or make it anew with the same crashsym and the same options.",
    )
