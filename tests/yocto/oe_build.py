# SPDX-License-Identifier: MIT
"""A BitBake build directory for the tests: offline, with what the distribution has installed."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from yocto import from_venv

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
LAYER_PARTS = (
    "LICENSE",
    "MANIFEST.in",
    "README.md",
    "SECURITY.md",
    "bin",
    "classes",
    "conf",
    "kas",
    "lib",
    "pyproject.toml",
    "recipes-devtools",
    "setup.py",
)
LOCAL_CONF = """\
CONF_VERSION = "2"
MACHINE ?= "qemuarm64"
DISTRO ?= "offline"
DL_DIR = "${TOPDIR}/downloads"
SSTATE_DIR ?= "${TOPDIR}/sstate-cache"
BB_NUMBER_THREADS = "2"
PARALLEL_MAKE = "-j 2"
BB_SERVER_TIMEOUT = "120"
# Of OE-Core's own recipes none is built: not reading them makes a start seconds, not minutes.
BBMASK += "/oe-core/meta/recipes-"
"""


@dataclass(frozen=True)
class BuildRun:
    """What one command in the build directory printed, and its exit code."""

    exit_code: int
    output: str

    def ran(self, recipe: str, task: str) -> bool:
        """Tell whether the task really ran (not from sstate, not already done)."""
        return self._names_task(recipe, f"do_{task}")

    def restored(self, recipe: str, task: str) -> bool:
        """Tell whether the task's result came from sstate."""
        return self._names_task(recipe, f"do_{task}_setscene")

    def restored_recipes(self, task: str) -> list[str]:
        """Name the recipes whose result of ``task`` came from sstate."""
        return sorted(re.findall(rf"recipe (\S+): task do_{task}_setscene: Started", self.output))

    @property
    def started(self) -> list[tuple[str, str]]:
        """Return what really ran or was restored: recipe with version and revision, task."""
        return re.findall(r"^NOTE: recipe (\S+): task (\S+): Started$", self.output, re.MULTILINE)

    @property
    def summary(self) -> str:
        """Return BitBake's line about how many tasks there were."""
        found = re.search(r"^NOTE: (Tasks Summary: .*)$", self.output, re.MULTILINE)
        return found[1] if found else "no tasks"

    def _names_task(self, recipe: str, task: str) -> bool:
        pattern = rf"^NOTE: recipe {re.escape(recipe)}-\S+: task {task}: Started$"
        return re.search(pattern, self.output, re.MULTILINE) is not None


@dataclass(frozen=True)
class OeBuild:
    """A work folder: OE-Core, BitBake, copies of the layers, and build directories.

    BitBake refuses to run as root: as root, all commands run as the ordinary user ``user``.
    """

    work: Path
    user: str | None
    build: Path

    @property
    def layer(self) -> Path:
        """The copy of this repository's layer."""
        return self.work / "meta-crashdump"

    def run(self, *command: str, environment: Mapping[str, str] | None = None) -> BuildRun:
        """Run a command in the build directory, with an environment free of the caller's."""
        prefix = []
        if self.user is not None:
            prefix = ["setpriv", "--reuid", self.user, "--regid", self.user, "--init-groups", "--"]
        path = [self.work / "oe-core/scripts", self.work / "bitbake/bin", "/usr/local/bin"]
        clean = {
            "BUILDDIR": str(self.build),
            "HOME": str(self.work / "home"),
            "LANG": "en_US.UTF-8",
            "PATH": ":".join(map(str, [*path, "/usr/sbin", "/usr/bin", "/sbin", "/bin"])),
            "TERM": "dumb",
            **(environment or {}),
        }
        result = subprocess.run(
            [*prefix, *command],
            cwd=self.build,
            env=clean,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="backslashreplace",
            check=False,
        )
        return BuildRun(result.returncode, result.stdout)

    def bitbake(self, *arguments: str, succeeds: bool | None = True) -> BuildRun:
        """Run bitbake; its exit code must be 0 if ``succeeds``; None leaves that to the caller."""
        run = self.run("bitbake", *arguments)
        assert succeeds is None or (run.exit_code == 0) is succeeds, run.output
        return run

    def stop_servers(self) -> None:
        """End the BitBake servers that wait for further commands."""
        for build in [self.build, *self.work.glob("build-*"), *self.work.glob("kas/*/build")]:
            if (build / "bitbake.sock").exists():
                OeBuild(self.work, self.user, build).run("bitbake", "-m")

    def configure(self, text: str) -> None:
        """Replace what is set on top of local.conf."""
        self.write(self.build / "conf/auto.conf", text)

    def move_layer(self, source: Path, target: Path) -> None:
        """Move the layer to another folder, and tell the build directory."""
        target.parent.mkdir(exist_ok=True)
        source.rename(target)
        listed = self.build / "conf/bblayers.conf"
        self.write(listed, listed.read_text().replace(f'{source}"', f'{target}"'))

    def write(self, path: Path, text: str) -> None:
        """Write a file that the building user owns."""
        made = [folder for folder in path.parents if not folder.exists()]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        self.own([*made, path])

    def own(self, paths: Iterable[Path]) -> None:
        """Hand files over to the building user."""
        if self.user is not None:
            for path in paths:
                shutil.chown(path, self.user, self.user)

    def own_tree(self, root: Path) -> None:
        """Hand a folder and all that is in it over to the building user."""
        self.own(path for path in [root, *root.rglob("*")] if not path.is_symlink())


def clone(source: Path, target: Path) -> None:
    """Clone one commit; other people's repositories are only read."""
    command = ["git", "-c", "safe.directory=*", "clone", "--quiet", "--depth", "1"]
    subprocess.run([*command, source.resolve().as_uri(), str(target)], check=True)


def copy_layer(target: Path) -> None:
    """Copy what of this repository makes the layer."""
    target.mkdir()
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "*.so")
    for name in LAYER_PARTS:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=ignored)
        elif source.exists():
            shutil.copy2(source, target / name)


def write_configuration(build: Path, layers: Iterable[Path], local_conf: str) -> None:
    """Write bblayers.conf and local.conf of a build directory."""
    conf = build / "conf"
    conf.mkdir(parents=True)
    listed = " ".join(str(layer) for layer in layers)
    conf.joinpath("bblayers.conf").write_text(
        f'LCONF_VERSION = "7"\nBBPATH = "${{TOPDIR}}"\nBBFILES ?= ""\nBBLAYERS ?= "{listed}"\n'
    )
    conf.joinpath("local.conf").write_text(local_conf)


def create(work: Path, user: str | None, oecore: Path, bitbake: Path) -> OeBuild:
    """Set up the work folder and the build directory that the scenarios share."""
    clone(oecore, work / "oe-core")
    clone(bitbake, work / "bitbake")
    copy_layer(work / "meta-crashdump")
    for name in ("meta-offline", "meta-testing"):
        shutil.copytree(HERE / name, work / name)
    faulty = work / "meta-testing/recipes-testing/faulty"
    shutil.copytree(HERE.parent / "builders", faulty / "files/builders")
    recipe = work / "meta-offline/recipes-offline/host-cython"
    from_venv.copy("cython", recipe / "files/site-packages")
    layers = [work / "oe-core/meta", *(work / n for n in ("meta-offline", "meta-testing"))]
    write_configuration(work / "build", [*layers, work / "meta-crashdump"], LOCAL_CONF)
    (work / "home").mkdir()
    made = OeBuild(work, user, work / "build")
    if user is not None:
        subprocess.run(["chown", "-R", f"{user}:", str(work)], check=True)
    work.chmod(0o755)
    return made
