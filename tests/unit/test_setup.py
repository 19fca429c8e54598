# SPDX-License-Identifier: MIT
"""scripts/setup on machines of which each tool is a script that writes down how it was called."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from support import REPOSITORY, require_tool

# The tools that every machine has, and set-up uses as they are.
BASE_TOOLS = (
    "sh",
    "dirname",
    "sed",
    "sort",
    "tail",
    "tr",
    "find",
    "cat",
    "cksum",
    "cp",
    "mkdir",
    "rm",
)
PYTHON = """
echo "python3 $*" >>"$LOG"
case "$*" in
    *version_info*) echo 3.11 ;;
    *Python.h*) [ -z "${WITHOUT_HEADERS:-}" ] ;;
    *"import ensurepip"*) [ -z "${WITHOUT_ENSUREPIP:-}" ] ;;
    *"print(sys.version)"*) echo "3.11.2 (a build)" ;;
    *"-m venv"*) rm -rf .venv && mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
    *"-m pip"*) echo "kernel: ${CRASHSYM_KERNEL:-}" >"$LOG.kernel"; exit "${PIP_EXIT_CODE:-0}" ;;
esac
"""
NOT_ROOT = "echo 1000"
ROOT = "echo 0"
VENV_CALL = "python3 -m venv --clear .venv"
PIP_CALL = "python3 -m pip install -q --disable-pip-version-check -e"
REFUSED = "exit 1"


@dataclass(frozen=True)
class Machine:
    """A project folder and a PATH with nothing but stand-ins."""

    folder: Path

    @property
    def project(self) -> Path:
        return self.folder / "project"

    @property
    def calls(self) -> list[str]:
        """How the tools were called, without the questions to Python that change nothing."""
        log = (self.folder / "log").read_text(encoding="utf-8").splitlines()
        return [line for line in log if not line.startswith("python3 -c")]

    def add(self, name: str, script: str) -> None:
        path = self.folder / "bin" / name
        path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        path.chmod(0o755)

    def set_up(self, purpose: str, **variables: str) -> subprocess.CompletedProcess[str]:
        (self.folder / "log").write_text("", encoding="utf-8")
        environment = {"PATH": str(self.folder / "bin"), "LOG": str(self.folder / "log")}
        return subprocess.run(
            [self.project / "scripts" / "setup", purpose],
            env=environment | variables,
            capture_output=True,
            check=False,
            text=True,
            timeout=60,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Return a Debian machine with python3, g++ and make, and a user who may not install."""
    machine = Machine(tmp_path)
    (tmp_path / "bin").mkdir()
    for name in BASE_TOOLS:
        (tmp_path / "bin" / name).symlink_to(require_tool(name, "coreutils"))
    machine.add("python3", PYTHON)
    machine.add("id", NOT_ROOT)
    machine.add("sudo", REFUSED)
    machine.add("dpkg-query", REFUSED)
    machine.add("apt-get", 'echo "apt-get $*" >>"$LOG"')
    machine.add("env", 'while case "$1" in *=*) ;; *) false ;; esac; do shift; done; "$@"')
    for name in ("g++", "make"):
        machine.add(name, "")
    (machine.project / "scripts").mkdir(parents=True)
    (machine.project / "tests" / "yocto").mkdir(parents=True)
    shutil.copy(REPOSITORY / "scripts" / "setup", machine.project / "scripts")
    (machine.project / "pyproject.toml").write_text("[project]\n", encoding="utf-8")
    (machine.project / "setup.py").touch()
    kernel = machine.project / "lib" / "crashsym" / "kernel"
    kernel.mkdir(parents=True)
    (kernel / "walk.pyx").touch()
    (machine.project / "tests" / "apt-packages.txt").write_text("# cross\ng++-arm\nclang\n")
    (machine.project / "tests" / "yocto" / "apt-packages.txt").write_text("cpio # why\nclang\n")
    return machine


def test_the_demo_needs_no_extra_packages(machine: Machine) -> None:
    result = machine.set_up("demo")
    assert result.returncode == 0
    assert machine.calls == [VENV_CALL, f"{PIP_CALL} ."]


def test_a_second_run_changes_nothing_and_says_nothing(machine: Machine) -> None:
    machine.set_up("demo")
    result = machine.set_up("demo")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert machine.calls == []


def test_the_demo_needs_nothing_more_after_the_tests(machine: Machine) -> None:
    machine.set_up("test")
    assert machine.calls == [VENV_CALL, f"{PIP_CALL} .[test]"]
    machine.set_up("demo")
    assert machine.calls == []


def test_the_tests_need_more_after_the_demo(machine: Machine) -> None:
    machine.set_up("demo")
    machine.set_up("test")
    assert machine.calls == [f"{PIP_CALL} .[test]"]


def test_changed_dependencies_are_installed(machine: Machine) -> None:
    machine.set_up("demo")
    (machine.project / "pyproject.toml").write_text("[project]\ndependencies = ['x']\n")
    machine.set_up("demo")
    assert machine.calls == [f"{PIP_CALL} ."]


def test_a_moved_checkout_is_installed_again(machine: Machine) -> None:
    machine.set_up("demo")
    moved = machine.folder / "elsewhere" / "project"
    moved.parent.mkdir()
    machine.project.rename(moved)
    machine.project.symlink_to(moved)
    machine.set_up("demo")
    assert machine.calls == [f"{PIP_CALL} ."]


def test_a_broken_environment_is_made_anew(machine: Machine) -> None:
    machine.set_up("demo")
    (machine.project / ".venv" / "bin" / "python").unlink()
    machine.set_up("demo")
    assert machine.calls == [VENV_CALL, f"{PIP_CALL} ."]


@pytest.mark.parametrize("changed", ["lib/crashsym/kernel/walk.pyx", "setup.py"])
def test_a_changed_kernel_is_compiled_again(machine: Machine, changed: str) -> None:
    machine.set_up("demo")
    (machine.project / changed).write_text("# changed\n", encoding="utf-8")
    machine.set_up("demo")
    assert machine.calls == [f"{PIP_CALL} ."]


def test_a_compiled_module_that_went_away_is_compiled_again(machine: Machine) -> None:
    module = machine.project / "lib/crashsym/kernel/walk.so"
    module.touch()
    machine.set_up("demo")
    machine.set_up("demo")
    assert machine.calls == []
    module.unlink()
    machine.set_up("demo")
    assert machine.calls == [f"{PIP_CALL} ."]


@pytest.mark.parametrize("purpose", ["demo", "test", "bench"])
def test_without_headers_it_goes_on_without_the_kernel(machine: Machine, purpose: str) -> None:
    result = machine.set_up(purpose, WITHOUT_HEADERS="1")
    assert result.returncode == 0
    assert (
        "setup: packages are missing: python3-dev: not installed. "
        "Install them with 'sudo apt-get install python3-dev'; "
        "until then crashsym works without its kernel, slower.\n"
    ) in result.stderr
    machine.set_up(purpose)  # the headers have come
    assert [call.rpartition(" ")[0] for call in machine.calls] == [PIP_CALL]


def test_the_build_machine_does_not_go_on_without_headers(machine: Machine) -> None:
    result = machine.set_up("demo", WITHOUT_HEADERS="1", CI="true")
    assert result.returncode == 2
    assert "'sudo apt-get install python3-dev', then try again." in result.stderr
    assert machine.calls == [VENV_CALL]


@pytest.mark.parametrize(("ci", "kernel"), [("true", "required"), ("false", "")])
def test_the_build_machine_must_compile_the_kernel(machine: Machine, ci: str, kernel: str) -> None:
    machine.set_up("demo", CI=ci)
    assert (machine.folder / "log.kernel").read_text() == f"kernel: {kernel}\n"


def test_a_failed_pip_run_is_repeated(machine: Machine) -> None:
    result = machine.set_up("demo", PIP_EXIT_CODE="1")
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1] == (
        "setup: cannot install Python packages: .venv: pip failed. "
        "Its message stands above; is there a network?"
    )
    assert machine.set_up("demo").returncode == 0
    assert machine.calls == [f"{PIP_CALL} ."]


def test_one_line_names_what_the_demo_lacks(machine: Machine) -> None:
    (machine.folder / "bin" / "g++").unlink()
    result = machine.set_up("demo")
    assert result.returncode == 2
    assert result.stderr == (
        "setup: packages are missing: g++: not installed. "
        "Install them with 'sudo apt-get install g++', then try again.\n"
    )
    assert machine.calls == []


@pytest.mark.parametrize(("user", "sudo"), [(ROOT, REFUSED), (NOT_ROOT, 'shift; "$@"')])
def test_missing_packages_are_installed_where_that_is_allowed(
    machine: Machine, user: str, sudo: str
) -> None:
    machine.add("id", user)
    machine.add("sudo", sudo)
    machine.add("true", "")
    (machine.folder / "bin" / "g++").unlink()
    result = machine.set_up("demo")
    assert result.returncode == 0
    install = "install -q -y --no-install-recommends -o DPkg::Lock::Timeout=300"
    assert machine.calls[:2] == ["apt-get update -q", f"apt-get {install} g++"]


def test_a_failed_installation_is_reported(machine: Machine) -> None:
    machine.add("id", ROOT)
    machine.add("apt-get", "exit 100")
    (machine.folder / "bin" / "g++").unlink()
    result = machine.set_up("demo")
    assert result.returncode == 2
    assert "packages are missing: g++: not installed" in result.stderr


def test_the_missing_venv_module_is_named(machine: Machine) -> None:
    result = machine.set_up("demo", WITHOUT_ENSUREPIP="1")
    assert result.returncode == 2
    assert "Install them with 'sudo apt-get install python3-venv'" in result.stderr


def test_the_tests_go_on_without_a_cross_compiler(machine: Machine) -> None:
    result = machine.set_up("test")
    assert result.returncode == 0
    assert result.stderr.splitlines()[0] == (
        "setup: packages are missing: clang cpio g++-arm: not installed. "
        "Install them with 'sudo apt-get install clang cpio g++-arm'; "
        "until then the tests that need them are skipped."
    )
    assert machine.calls == [VENV_CALL, f"{PIP_CALL} .[test]"]


def test_the_build_machine_does_not_go_on_without_a_cross_compiler(machine: Machine) -> None:
    result = machine.set_up("test", CI="true")
    assert result.returncode == 2
    assert "'sudo apt-get install clang cpio g++-arm', then try again." in result.stderr
    assert machine.calls == []


def test_what_is_installed_is_not_asked_for(machine: Machine) -> None:
    machine.add("clang", "")
    machine.add("dpkg-query", '[ "$4" = cpio ] && echo installed')
    result = machine.set_up("test")
    assert "packages are missing: g++-arm: not installed" in result.stderr


def test_an_old_python_is_refused(machine: Machine) -> None:
    machine.add("python3", "echo 3.9")
    result = machine.set_up("demo")
    assert result.returncode == 2
    assert result.stderr == (
        "setup: Python is too old: python3: is 3.9, 3.10 or newer is needed. "
        "Put a newer python3 into PATH.\n"
    )


def test_the_benchmark_needs_the_tests_packages_and_its_own(machine: Machine) -> None:
    machine.add("dpkg-query", "echo installed")
    result = machine.set_up("bench")
    assert result.returncode == 0
    assert machine.calls == [VENV_CALL, f"{PIP_CALL} .[test,bench]"]
    assert machine.set_up("test").returncode == 0
    assert machine.calls == []


def test_an_unknown_purpose_is_refused(machine: Machine) -> None:
    result = machine.set_up("party")
    assert result.returncode == 2
    assert "'party': no such purpose. Use 'scripts/setup demo'" in result.stderr


def shell_scripts() -> list[Path]:
    """Return the shell scripts that people run."""
    files = [path for name in ("scripts", ".ci") for path in (REPOSITORY / name).iterdir()]
    return sorted(path for path in files if path.is_file() and b"sh\n" in first_line(path))


def first_line(path: Path) -> bytes:
    with path.open("rb") as file:
        line = file.readline()
    return line if line.startswith(b"#!") else b""


def test_shell_scripts_are_clean() -> None:
    scripts = shell_scripts()
    assert REPOSITORY / "scripts" / "setup" in scripts
    result = subprocess.run(
        [require_tool("shellcheck"), *scripts], capture_output=True, check=False, text=True
    )
    assert (result.returncode, result.stdout) == (0, "")
