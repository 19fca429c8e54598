# SPDX-License-Identifier: MIT
"""What pip makes of the project, where there is a compiler and where there is none."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from support import REPOSITORY

PARTS = ("LICENSE", "MANIFEST.in", "README.md", "bin", "lib", "pyproject.toml", "setup.py")
SOURCES = REPOSITORY / "lib/crashsym/kernel"
HOOK = "import sys, setuptools.build_meta as backend; getattr(backend, sys.argv[1])(sys.argv[2])"


def checkout(folder: Path) -> Path:
    """Copy the project, without what was compiled in it."""
    folder.mkdir(parents=True)
    left_out = shutil.ignore_patterns("*.so", "__pycache__", "*.egg-info")
    for name in PARTS:
        if (REPOSITORY / name).is_dir():
            shutil.copytree(REPOSITORY / name, folder / name, ignore=left_out)
        else:
            shutil.copy(REPOSITORY / name, folder)
    return folder


def call(hook: str, project: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Call a hook of the build backend as pip does; what it makes is in dist/."""
    own = ("CFLAGS", "CC", "CRASHSYM_KERNEL")
    environment = {k: v for k, v in os.environ.items() if k not in own}
    return subprocess.run(
        [sys.executable, "-c", HOOK, hook, "dist"],
        cwd=project,
        env={**environment, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def wheel(project: Path, **variables: str) -> dict[str, bytes]:
    """Build a wheel, quickly unless CFLAGS are given; return its files."""
    result = call("build_wheel", project, **{"CFLAGS": "-O0", **variables})
    assert result.returncode == 0, result.stderr
    (built,) = (project / "dist").glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def modules(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return the compiled modules among the files of a wheel."""
    return {name: data for name, data in files.items() if name.endswith(".so")}


@pytest.fixture(scope="module")
def from_sdist(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a wheel that was built from the source distribution."""
    folder = tmp_path_factory.mktemp("sdist")
    project = checkout(folder / "project")
    result = call("build_sdist", project)
    assert result.returncode == 0, result.stderr
    (archive,) = (project / "dist").glob("*.tar.gz")
    subprocess.run(["tar", "-xzf", archive, "-C", folder], check=True)
    (unpacked,) = folder.glob("crashsym-*")
    return wheel(unpacked)


def dump(installed: Path, **variables: str) -> subprocess.CompletedProcess[bytes]:
    """Dump a program with what a wheel has brought."""
    return subprocess.run(
        [sys.executable, "-m", "crashsym", "dump", "/bin/true"],
        cwd=installed,
        env={**os.environ, **variables},
        capture_output=True,
        check=False,
    )


def test_a_wheel_from_the_sdist_has_the_kernel_which_works(
    from_sdist: dict[str, bytes], tmp_path: Path
) -> None:
    (module,) = modules(from_sdist)
    assert module.startswith("crashsym/kernel/joined.")
    for name, data in from_sdist.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    result = dump(tmp_path, CRASHSYM_ENGINE="kernel")
    assert result.stdout.startswith(b"MODULE ")
    assert b"engine is missing" not in result.stderr


def test_a_wheel_has_types_and_no_sources_of_the_kernel(from_sdist: dict[str, bytes]) -> None:
    assert "crashsym/py.typed" in from_sdist
    typed = {Path(name).name for name in from_sdist if name.endswith(".pyi")}
    assert typed == {stub.name for stub in SOURCES.glob("*.pyi")}
    assert [name for name in from_sdist if name.endswith((".pyx", ".pxd", ".c"))] == []


def test_a_wheel_has_what_the_html_page_is_made_of(from_sdist: dict[str, bytes]) -> None:
    for name in ("report.css", "report.js"):
        source = REPOSITORY / "lib/crashsym/report" / name
        assert from_sdist[f"crashsym/report/{name}"] == source.read_bytes()


def test_the_recipe_takes_every_kind_of_file_that_a_wheel_has(from_sdist: dict[str, bytes]) -> None:
    (recipe,) = (REPOSITORY / "recipes-devtools/crashsym").glob("python3-crashsym_*.bb")
    (listed,) = re.findall(r"kinds = \((.*?)\)", recipe.read_text())
    kinds = tuple(re.findall(r'"(.*?)"', listed))
    ours = [name for name in from_sdist if name.startswith("crashsym/")]
    assert [name for name in ours if not name.endswith((*kinds, ".so"))] == []


def test_a_wheel_has_the_command_which_imports_little(from_sdist: dict[str, bytes]) -> None:
    [script] = [data for name, data in from_sdist.items() if name.endswith("/scripts/crashsym")]
    assert script.startswith(b"#!python\n")
    imports = [line for line in script.splitlines() if b"import" in line]
    assert imports == [
        b"from __future__ import annotations",
        b"import os",
        b"import sys",
        b"    from crashsym.cli.main import main",
    ]


def test_the_kernel_is_the_same_wherever_it_is_built(
    from_sdist: dict[str, bytes], tmp_path: Path
) -> None:
    project = checkout(tmp_path / "in/another/folder")
    built = modules(wheel(project))
    assert built == modules(from_sdist)
    assert [name for name, data in built.items() if str(tmp_path).encode() in data] == []


def test_without_a_compiler_there_is_a_wheel_and_the_command_says_what_it_lacks(
    tmp_path: Path,
) -> None:
    files = wheel(checkout(tmp_path / "project"), CC="/bin/false")
    assert modules(files) == {}
    (built,) = (tmp_path / "project/dist").glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        archive.extractall(tmp_path / "installed")
    result = dump(tmp_path / "installed")
    assert result.stdout.startswith(b"MODULE ")
    assert result.stderr.startswith(b"crashsym: the compiled engine is missing; the Python ")


def test_a_required_kernel_that_cannot_be_compiled_is_an_error(tmp_path: Path) -> None:
    project = checkout(tmp_path / "project")
    result = call("build_wheel", project, CC="/bin/false", CRASHSYM_KERNEL="required")
    assert result.returncode != 0
    assert "/bin/false" in result.stderr
    assert list((project / "dist").glob("*.whl")) == []


def test_whoever_wants_debug_information_gets_it(tmp_path: Path) -> None:
    project = checkout(tmp_path / "project")
    (module,) = modules(wheel(project, CFLAGS="-g -O0")).values()
    assert b".debug_info" in module
