# SPDX-License-Identifier: MIT
"""Builds the kernel where there is a compiler; without one crashsym works, slower.

Its parts, the sources in ``lib/crashsym/kernel``, become one module: it is loaded in a quarter of
the time that a module for each part would take, and calls between parts are calls in C.

``CRASHSYM_KERNEL=required`` in the environment: a kernel that cannot be built is an error.
``CFLAGS`` with ``-g…`` or ``-O…`` replaces what is said here about debug information or optimising.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

_FOLDER = Path("lib/crashsym/kernel")
_JOINED = Path("build/kernel/joined")
_FROM_PART = re.compile(r"^from crashsym\.kernel\.(\w+) cimport (?:\([^)]*\)|.*)\n", re.MULTILINE)


def _is_required() -> bool:
    wanted = os.environ.get("CRASHSYM_KERNEL", "")
    if wanted not in ("", "required"):
        raise SystemExit(f"setup.py: CRASHSYM_KERNEL: '{wanted}' is not 'required'. Unset it.")
    return wanted == "required"


def _compile_args() -> list[str]:
    """Return options that come after those of Python and of CFLAGS, and win."""
    given = os.environ.get("CFLAGS", "").split()
    # Cython would compile code at import to register its generators with collections.abc.
    args = ["-fno-strict-aliasing", "-DCYTHON_REGISTER_ABCS=0"]
    if not any(flag.startswith("-O") for flag in given):
        args.append("-O2")
    if not any(flag.startswith("-g") for flag in given):
        args += ["-g0", f"-ffile-prefix-map={Path.cwd()}=."]  # the same file wherever it is built
    return args


def _parts() -> list[str]:
    """Return the names of the parts, each after those that it declares something with."""
    parts: list[str] = []

    def add(name: str) -> None:
        declarations = _FOLDER / f"{name}.pxd"
        if declarations.exists():
            for needed in _FROM_PART.findall(declarations.read_text(encoding="utf-8")):
                add(needed)
        if name not in parts:
            parts.append(name)

    for source in sorted(_FOLDER.glob("*.p[xy][dx]")):
        add(source.stem)
    return parts


def _join(suffix: str) -> Path:
    """Write the parts' files with a suffix into one; leave it alone where nothing changed."""
    files = [_FOLDER / (name + suffix) for name in _parts()]
    texts = [file.read_text(encoding="utf-8") for file in files if file.exists()]
    joined = _JOINED / f"crashsym/kernel/joined{suffix}"
    text = _FROM_PART.sub("", "\n\n".join(texts))
    if not joined.exists() or joined.read_text(encoding="utf-8") != text:
        joined.parent.mkdir(parents=True, exist_ok=True)
        joined.write_text(text, encoding="utf-8")
    return joined


def _modules() -> list[Extension]:
    _join(".pxd")
    modules: list[Extension] = cythonize(
        [
            Extension(
                "crashsym.kernel.joined",
                [str(_join(".pyx"))],
                extra_compile_args=_compile_args(),
                libraries=["stdc++"],
            )
        ],
        include_path=[str(_JOINED)],
        compiler_directives={"language_level": 3},
    )
    for module in modules:
        module.optional = not _is_required()  # cythonize does not keep what Extension was given
    return modules


setup(ext_modules=_modules())
