# SPDX-License-Identifier: MIT
"""An SDK: where its target sysroots are, what was found in all of them, and an image beside it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from crashsym.errors import ConfigError, UnreadableError
from crashsym.extract import Extraction
from crashsym.files import why_no_folder
from crashsym.findings import OTHER_BUILD, Finding, Owner
from crashsym.fragments import Fragments
from crashsym.image import attributed, owners_of, with_owner, without_symbols
from crashsym.manifest import Manifest, Module
from crashsym.owners import Owners
from crashsym.targetroot import TargetRoot
from crashsym.texts import target_path
from crashsym.tree import Tree

_ENVIRONMENT = "environment-setup-"
_TARGET, _NATIVE = b"SDKTARGETSYSROOT", b"OECORE_NATIVE_SYSROOT"
# Where the sysroots of an SDK, and of an extensible SDK, are when they are not where they were.
_ABOVE = ("sysroots", "tmp/sysroots")
_LARGEST = 1 << 20  # bytes; those of OE-Core have less than 5000


class Sysroot(NamedTuple):
    """The sysroot of a target: what it is called in the SDK, and its folder, without links."""

    name: str
    folder: Path


def find_sysroots(sdk: Path) -> list[Sysroot]:
    """Return the target sysroots of an SDK, each once; ``sdk`` itself if that is one.

    What an SDK's files ``environment-setup-*`` say is read, and never executed. A sysroot is in
    the SDK that names it, or it is none: neither a link nor ``..`` leads out of it.

    Raises:
        ConfigError: there is none; one that is named is not there, or is, or holds, that of the
            host's tools; or a file cannot be read.

    Source: OE-Core meta/classes-recipe/toolchain-scripts.bbclass,
    meta/recipes-core/meta/meta-environment-extsdk.bb.
    """
    if why := why_no_folder(sdk):
        raise _none(sdk, why)
    home = sdk.resolve()
    files = _environment_files(home)
    if not files:
        return [_itself(sdk, home)]
    folders = [_target(home, file, said) for file in files if _TARGET in (said := _read(file))]
    if not folders:
        raise _none(sdk, f"no {_TARGET.decode()} in its file {files[0].name}")
    return [Sysroot(_name(folder, home), folder) for folder in dict.fromkeys(folders)]


def _environment_files(home: Path) -> list[Path]:
    return [file for file in _contents(home) if file.name.startswith(_ENVIRONMENT)]


def _contents(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise _none(folder, error.strerror or str(error)) from error


def _read(file: Path) -> dict[bytes, str]:
    """Return what an environment file says; as in a shell, the last line counts.

    It is never outside of its folder, nor a pipe, nor read without limit.
    """
    try:
        data = TargetRoot(file.parent).read(f"/{file.name}") or b""
    except UnreadableError as error:
        raise _unusable(file, error.why) from error
    if len(data) > _LARGEST:
        raise _unusable(file, f"it has more than {_LARGEST} bytes")
    said: dict[bytes, str] = {}
    for line in data.splitlines():
        head, equals, value = line.partition(b"=")
        words = head[:100].split()
        if equals and len(words) in (1, 2) and words[:-1] in ([], [b"export"]):
            said[words[-1]] = os.fsdecode(value.strip().strip(b"\"'"))
    return said


def _target(home: Path, file: Path, said: dict[bytes, str]) -> Path:
    """Return the sysroot that an environment file names."""
    named, native = said[_TARGET], said.get(_NATIVE)
    if not named.startswith("/") or set(named) & {"$", "`", "\0"}:
        raise _unusable(file, f"its {_TARGET.decode()} is '{named}', no plain absolute path")
    folder = _place(home, named)
    if folder is None:
        moved = " and ".join(f"'{place}'" for place in _moved(named))
        why = f"its sysroot '{named}' is no folder in this SDK"
        raise _unusable(file, why + (f", neither are {moved}" if moved else ""))
    host = _place(home, native) if native is not None else None
    if host is not None and host.is_relative_to(folder):
        raise _unusable(file, f"its sysroot '{named}' has the host's tools")
    return folder


def _place(home: Path, named: str) -> Path | None:
    """Return the folder in the SDK that a path means, also where the SDK was before it was moved.

    The SDK itself is no sysroot: all others are in it.
    """
    for place in (Path(named), *(home / below for below in _moved(named))):
        try:
            found = place.resolve()
        except (OSError, RuntimeError, ValueError):  # a circle of links, a name that none can have
            continue
        if found != home and found.is_relative_to(home) and not why_no_folder(found):
            return found
    return None


def _moved(named: str) -> list[str]:
    name = PurePosixPath(named).name
    return [] if name in ("", "..") else [f"{above}/{name}" for above in _ABOVE]


def _itself(sdk: Path, home: Path) -> Sysroot:
    """Return a folder that is a sysroot itself, and not that of the host's tools."""
    likely = (f for f in _contents(home) if f.name == "usr" or f.name.startswith("lib"))
    if all(why_no_folder(folder) for folder in likely):
        raise _none(sdk, f"no file {_ENVIRONMENT}* in it, and neither a folder usr nor lib")
    for above in home.parents[1:3]:
        if home in _native_sysroots(above):
            raise _none(sdk, f"in the SDK '{above}' it has the host's tools")
    return Sysroot(".", home)


def _native_sysroots(home: Path) -> Iterator[Path | None]:
    """Yield where the host's tools are, if a folder is an SDK that says so."""
    try:
        for file in _environment_files(home):
            if (native := _read(file).get(_NATIVE)) is not None:
                yield _place(home, native)
    except ConfigError:
        return  # nobody has asked for this folder


def _name(folder: Path, home: Path) -> str:
    return target_path(os.fsencode(folder.relative_to(home)).decode("utf-8", "surrogateescape"))


def _none(sdk: Path, why: str) -> ConfigError:
    remedy = "Give the folder where the SDK is installed, or one of its target sysroots."
    return ConfigError("no target sysroot", where=f"'{sdk}'", why=why, remedy=remedy)


def _unusable(file: Path, why: str) -> ConfigError:
    return ConfigError(
        "cannot find the target sysroot",
        where=f"'{file}'",
        why=why,
        remedy="Install the SDK whole, or give its target sysroot itself.",
    )


def completed(
    tree: Tree, extraction: Extraction, owners: Owners, fragments: Fragments
) -> Extraction:
    """Return what came out with an entry for each file that could not be used, too.

    Entries say whose a file is, and where its source is from.
    """
    lost = without_symbols(replace(tree, relocatable=[]), extraction)
    modules = [*extraction.manifest.modules, *lost]
    owned = owners_of(modules, owners)
    modules = attributed(modules, owned, fragments)
    found = [with_owner(finding, owned.get(finding.path)) for finding in extraction.findings]
    found += [*owners.problems, *fragments.problems]
    return replace(extraction, manifest=Manifest.of(modules), findings=found)


def joined(results: Sequence[Extraction]) -> Extraction:
    """Return what came out of all sysroots; what is the same in two of them is there once."""
    return Extraction(
        Manifest.of(dict.fromkeys(m for result in results for m in result.manifest.modules)),
        new=sum(result.new for result in results),
        known=sum(result.known for result in results),
        findings=list(dict.fromkeys(f for result in results for f in result.findings)),
        refused=[module for result in results for module in result.refused],
    )


class Comparison(NamedTuple):
    """How many files an image has as well, and a finding for each of another build."""

    compared: int
    findings: list[Finding]


def compare_with_image(modules: Iterable[Module], image: Manifest, where: str) -> Comparison:
    """Compare the build ids of files with those that an image has at the same path.

    ``where`` is the image's manifest, for messages. Files for another CPU are other files, and of
    what could not be read nothing is known.
    """
    there: dict[tuple[str, str | None], list[Module]] = {}
    for module in image.modules:
        if module.debug_id is not None:
            there.setdefault((module.path, module.arch), []).append(module)
    compared, found = 0, list[Finding]()
    for module in modules:
        others = there.get((module.path, module.arch))
        if module.debug_id is None or others is None:
            continue
        compared += 1
        if _build_id(module) not in map(_build_id, others):
            found.append(_other_build(module, others[0], where))
    return Comparison(compared, found)


def _build_id(module: Module) -> str:
    return (module.build_id or "none").lower()


def _other_build(module: Module, other: Module, where: str) -> Finding:
    return Finding(
        OTHER_BUILD,
        module.path,
        "the SDK's file is not the image's",
        f"build id {_build_id(module)}, in '{where}' {_build_id(other)}",
        "Make both in one build; read crashes of this image with the image's own symbols.",
        Owner(other.package, other.recipe),
    )
