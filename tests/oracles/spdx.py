# SPDX-License-Identifier: MIT
"""What the SPDX project's own code says of documents.

- Of 3.0: its Python model, generated from the SHACL shapes of the specification, and its JSON
  Schema, which comes as a file of an npm package.
- Of 2.2 and 2.3: its library and validator, spdx-tools.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import jsonschema
from oracles.peers import spdx3_schema
from spdx_python_model import v3_0_1 as model
from spdx_tools.spdx.parser.error import SPDXParsingError
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document


def model_problems(data: bytes) -> list[str]:
    """Return what the model of SPDX 3.0 does not accept, references that lead nowhere too."""
    found = model.SHACLObjectSet()
    try:
        model.JSONLDDeserializer().read(io.BytesIO(data), found)
        model.JSONLDSerializer().write(found, io.BytesIO())
    except (TypeError, ValueError) as error:
        return [str(error)]
    [document] = found.foreach_type(model.SpdxDocument)
    imported = {str(getattr(mapped, "externalSpdxId", mapped)) for mapped in document.import_}
    return sorted(found.link() - imported)


def schema_problems(data: bytes) -> list[str]:
    """Return where a document does not follow the JSON Schema of SPDX 3.0."""
    validator = jsonschema.Draft202012Validator(json.loads(spdx3_schema().read_bytes()))
    return [error.json_path for error in validator.iter_errors(json.loads(data))]


def tools_problems(file: Path) -> list[str]:
    """Return what spdx-tools finds wrong in a document of SPDX 2; it wants the name ``*.json``."""
    try:
        parsed = parse_file(str(file))
    except SPDXParsingError as error:
        return [str(message) for message in error.messages]
    return [found.validation_message for found in validate_full_spdx_document(parsed)]


def elements(data: bytes) -> dict[str, Any]:
    """Return the elements of a document of SPDX 3.0 by their ids, as the model reads them."""
    found = model.SHACLObjectSet()
    model.JSONLDDeserializer().read(io.BytesIO(data), found)
    found.link()
    return dict(found.obj_by_id)
