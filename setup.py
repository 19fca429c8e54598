# SPDX-License-Identifier: MIT
"""Builds the kernel where there is a compiler; without one crashsym works, slower.

``CRASHSYM_KERNEL=required`` in the environment: a kernel that cannot be built is an error.
``CFLAGS`` with ``-g…`` or ``-O…`` replaces what is said here about debug information or optimising.
"""

from __future__ import annotations

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

_FOLDER = Path("lib/crashsym/kernel")


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


def _modules() -> list[Extension]:
    modules: list[Extension] = cythonize(
        [
            Extension(
                f"crashsym.kernel.{source.stem}",
                [str(source)],
                extra_compile_args=_compile_args(),
                libraries=["stdc++"] if source.stem in ("apart", "demangling") else [],
            )
            for source in sorted(_FOLDER.glob("*.pyx"))
        ],
        include_path=["lib"],
        build_dir="build/kernel",
        compiler_directives={"language_level": 3},
    )
    for module in modules:
        module.optional = not _is_required()  # cythonize does not keep what Extension was given
    return modules


setup(ext_modules=_modules())
