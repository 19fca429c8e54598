# SPDX-License-Identifier: MIT
"""What recipes that inherit crashdump have noted of their files: where the source is from."""

from __future__ import annotations

from pathlib import Path

from crashsym.errors import ConfigError, ManifestError
from crashsym.files import why_no_folder
from crashsym.findings import MALFORMED, Finding, Owner
from crashsym.manifest import Module, read
from crashsym.packaged import is_name
from crashsym.source import Source

_LONGEST = 200  # bytes of a recipe's name: no file name has many more


class Fragments:
    """The folder CRASHDUMP_DEPLOY_DIR of a build; without one, nothing is known.

    ``problems`` are fragments that cannot be read. One of a recipe is read when the first of its
    files is asked for: others may just be written.
    """

    def __init__(self, folder: Path | None) -> None:
        """Take the folder.

        Raises:
            ConfigError: it is none.
        """
        if folder is not None and (why := why_no_folder(folder)):
            raise ConfigError(
                "cannot tell where sources are from",
                where=f"'{folder}'",
                why=why,
                remedy="Give CRASHDUMP_DEPLOY_DIR of the build.",
            )
        self._folder = folder
        self._known: dict[str, list[Module]] = {}
        self.problems: list[Finding] = []

    def source_of(self, module: Module) -> Source | None:
        """Return where the source of a module is from, if its recipe has noted this very build.

        A build id tells a build, and stays when a file is stripped; without one its bytes do.
        """
        if module.recipe is None or not is_name(module.recipe) or len(module.recipe) > _LONGEST:
            return None
        for noted in self._of(module.recipe):
            if module.build_id is not None and module.build_id == noted.build_id:
                return noted.source
            if module.sha256 is not None and module.sha256 == noted.sha256:
                return noted.source
        return None

    def _of(self, recipe: str) -> list[Module]:
        if recipe not in self._known:
            places = self._folder.glob(f"*/manifests/{recipe}.json") if self._folder else ()
            found = [module for place in sorted(places) for module in self._read(place, recipe)]
            self._known[recipe] = found
        return self._known[recipe]

    def _read(self, place: Path, recipe: str) -> tuple[Module, ...]:
        try:
            return read(place, regular=True).modules
        except ManifestError as error:
            self.problems.append(_unusable(place, recipe, error.why))
            return ()


def _unusable(place: Path, recipe: str, why: str) -> Finding:
    where = "/".join(place.parts[-3:])
    remedy = f"Build the recipe again: bitbake -c cleansstate {recipe}, then the image."
    what = "cannot tell where sources are from"
    return Finding(MALFORMED, where, what, why, remedy, Owner(None, recipe))
