# SPDX-License-Identifier: MIT
"""One scenario's use of the shared build directory."""

from __future__ import annotations

import sys
from pathlib import Path

from yocto.deployed import Deployed
from yocto.oe_build import BuildRun, OeBuild


class Developer:
    """Someone who configures, builds and looks at what was deployed.

    The build directory is shared by all scenarios: what a scenario changed is put back by
    ``tidy_up``, and "fresh" means a TMPDIR of its own with the shared state cache of all.
    """

    def __init__(self, oe: OeBuild) -> None:
        self.oe = oe
        self.last = BuildRun(0, "")
        self.noted: dict[str, dict[str, bytes]] = {}
        self._settings: list[str] = []
        self._tmpdir = oe.build / "tmp"
        self._changed: dict[Path, str | None] = {}
        self._moved: Path | None = None

    def set(self, assignment: str) -> None:
        """Add one line of configuration, for what is built from now on."""
        self._settings.append(assignment)

    def unset(self, assignment: str) -> None:
        """Take a line of configuration back."""
        self._settings.remove(assignment)

    def use_machine(self, machine: str) -> None:
        """Build for ``machine`` from now on, and in the TMPDIR of the scenarios for it."""
        self.set(f'MACHINE = "{machine}"')
        self._tmpdir = self.oe.build / f"tmp-{machine}"

    def use_fresh_tmpdir(self) -> None:
        """Build into an empty TMPDIR from now on."""
        number = len(list(self.oe.build.glob("tmp-fresh-*")))
        self._tmpdir = self.oe.build / f"tmp-fresh-{number}"

    def build(self, targets: str, succeeds: bool | None = True) -> None:
        """Run bitbake; ``succeeds`` None: the scenario itself looks at the exit code."""
        self._configure()
        self.last = self.oe.bitbake(*targets.split(), succeeds=succeeds)
        sys.stdout.write(f"{self.last.summary}\n")  # pytest -rP shows it

    def run_task(self, recipe: str, task: str, succeeds: bool | None = True) -> None:
        """Run one task of a recipe, and what it needs; ``succeeds`` as for ``build``."""
        self._configure()
        self.last = self.oe.bitbake(recipe, "-c", task, succeeds=succeeds)

    def clean(self, recipe: str) -> None:
        """Take what was built of a recipe away; the shared state cache keeps its part."""
        self.run_task(recipe, "clean")

    def tasks(self, recipe: str) -> str:
        """List the names of a recipe's tasks."""
        self._configure()
        return self.oe.bitbake(recipe, "-c", "listtasks").output

    def change(self, path: Path, text: str) -> None:
        """Give a file of the layer other content until the scenario ends."""
        self._changed.setdefault(path, path.read_text() if path.exists() else None)
        self.oe.write(path, text)

    def move_layer(self, target: Path) -> None:
        """Let the layer's checkout lie elsewhere until the scenario ends."""
        self.oe.move_layer(self.oe.layer, target)
        self._moved = target

    def deployed(self, recipe: str) -> Deployed:
        """Return what the class left for ``recipe``."""
        return Deployed(self._tmpdir / "deploy/crashdump", recipe)

    @property
    def images(self) -> Path:
        """The folder with the images of the only machine that they were built for."""
        (folder,) = self._tmpdir.glob("deploy/images/*")
        return folder

    @property
    def pkgdata(self) -> Path:
        """The package data of the only machine that was built for."""
        (folder,) = self._tmpdir.glob("pkgdata/*/runtime")
        return folder.parent

    @property
    def fragments(self) -> Path:
        """What recipes have noted, each in a manifest of its own."""
        return self._tmpdir / "deploy/crashdump"

    def image_file(self, image: str, suffix: str) -> Path:
        """Return the place of a file that lies beside an image and is called like it."""
        return self.images / f"{image}-{self.images.name}.rootfs.{suffix}"

    def sdk_files(self, image: str) -> list[Path]:
        """Return all that lies in the deploy folder of the SDK of an image."""
        return [f for f in self._tmpdir.glob("deploy/sdk/**/*") if f"-{image}-" in str(f)]

    def sdk_file(self, image: str, suffix: str) -> Path:
        """Return the place of a file that is called like the installer of an image's SDK."""
        (installer,) = self._tmpdir.glob(f"deploy/sdk/*-{image}-*.sh")
        return installer.with_name(f"{installer.name.removesuffix('.sh')}.{suffix}")

    def work_folder(self, recipe: str) -> Path:
        """Return the recipe's WORKDIR for the machine built last."""
        folders = list(self._tmpdir.glob(f"work/*/{recipe}/*"))
        return max(folders, key=lambda folder: folder.stat().st_mtime_ns)

    def packages(self, recipe: str) -> Path:
        """Return the folder with the recipe's packages, each in a folder of its own."""
        return self.work_folder(recipe) / "packages-split"

    def tidy_up(self) -> None:
        """Put back what the scenario changed in the layer."""
        if self._moved is not None:
            self.oe.move_layer(self._moved, self.oe.layer)
        for path, text in self._changed.items():
            if text is None:
                path.unlink()
            else:
                self.oe.write(path, text)

    def _configure(self) -> None:
        settings = [*self._settings, f'TMPDIR = "{self._tmpdir}"']
        self.oe.configure("".join(f"{setting}\n" for setting in settings))
