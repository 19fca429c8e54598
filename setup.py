# SPDX-License-Identifier: MIT
"""Builds the kernel where there is a compiler; without one crashsym works, slower."""

from __future__ import annotations

from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

_FOLDER = Path("lib/crashsym/kernel")

setup(
    ext_modules=cythonize(
        [
            Extension(
                f"crashsym.kernel.{source.stem}",
                [str(source)],
                extra_compile_args=["-O2", "-fno-strict-aliasing"],
                libraries=["stdc++"] if source.stem == "names" else [],
                optional=True,
            )
            for source in sorted(_FOLDER.glob("*.pyx"))
        ],
        include_path=["lib"],
        build_dir="build/kernel",
        nthreads=2,
    )
)
