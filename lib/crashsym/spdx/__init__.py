# SPDX-License-Identifier: MIT
"""The SPDX document of an image and its manifest, each made to name the other.

Both have the build ids; the document the manifest's hash, the manifest the document's id.
"""

from __future__ import annotations

import hashlib

from crashsym.errors import InputError
from crashsym.manifest import Manifest
from crashsym.spdx.document import TOOL, Amended, Document, Form, ManifestFile
from crashsym.spdx.version2 import Version2
from crashsym.spdx.version3 import Version3


def amend(document: Document, manifest: Manifest, file_name: str) -> Amended:
    """Add the manifest and its build ids to a document, whose content is changed.

    ``file_name`` is how the manifest is to be called, without folders.

    Raises:
        InputError: the document does not follow SPDX, or has nothing of the manifest.
    """
    form: Form = Version3(document) if document.version.startswith("3.") else Version2(document)
    known = [module for module in manifest.modules if module.build_id is not None]
    missing = [module for module in known if not form.identify(module)]
    if known and len(missing) == len(known) and not any(map(form.knows, known)):
        raise _unrelated(document)
    foreign = tuple(m for m in missing if m.package is not None and not form.knows(m))
    form.add(module for module in missing if module.package is None or form.knows(module))
    name = _new_name(document, manifest, form.name)
    named = {"document": name, "version": document.version}
    naming = Manifest(manifest.modules, {**(manifest.build or {}), "spdx": named}).to_bytes()
    form.finish(name, ManifestFile(file_name, naming))
    added = len(missing) - len(foreign)
    return Amended(document.content, naming, len(known) - len(missing), added, foreign)


def _new_name(document: Document, manifest: Manifest, old: str) -> str:
    """Return the id of the document that is made of these two: always the same of the same.

    It is not that of the original: SPDX wants each content to have an id of its own.
    """
    modules = Manifest(manifest.modules).to_bytes()
    digest = hashlib.sha256(document.sha256.encode() + modules).hexdigest()
    return f"{old}/{TOOL}-{digest[:32]}"


def _unrelated(document: Document) -> InputError:
    return InputError(
        "nothing to refer to",
        where=document.where,
        why="it has not one file or package of the manifest",
        remedy="Give the manifest and the SPDX document of the same image.",
    )
