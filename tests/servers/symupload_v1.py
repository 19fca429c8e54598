# SPDX-License-Identifier: MIT
"""Google's sym-upload-v1: one form for each symbol file.

Source: google/breakpad, src/common/linux/symbol_upload.cc and http_upload.cc.
"""

from __future__ import annotations

from servers.base import Server, step
from servers.messages import Request, Response, text_response
from servers.wire import BadRequestError, Blob

FIELDS = ("os", "cpu", "debug_file", "code_file", "debug_identifier")
_MODULE_WORDS = 5


class SymUploadV1Server(Server):
    """Takes forms at every path. Kept by ``debug_file/debug_identifier``; there are no keys."""

    CHECKS_TOKENS = False

    @step("upload", "POST", "/.*", stores=True)
    def upload(self, request: Request) -> Response:
        form = request.form()
        fields, file = form.fields, form.file("symbol_file")
        absent = [name for name in FIELDS if not fields.get(name)]
        if absent or file is None:
            raise BadRequestError(f"fields are missing: {absent or ['symbol_file']}")
        key = f"{fields['debug_file']}/{fields['debug_identifier']}"
        request.deliver(key, file.blob)
        _, os, cpu, identifier, name = module_words(file.blob)
        said = tuple(fields[word] for word in FIELDS)
        # The client takes all five from the MODULE line, so others are a mistake.
        meant = (os, cpu, name, name, identifier.replace("-", ""))
        if said != meant:
            raise BadRequestError(f"the fields are {said}, the file's first line says {meant}")
        self.keep(request, key, file.blob)
        return text_response(200, "OK")


def module_words(blob: Blob) -> list[str]:
    """Return the words of a symbol file's first line.

    Raises:
        BadRequestError: it is no MODULE line of five words.
    """
    with blob.path.open("rb") as file:
        line = file.readline(1024)
    words = line.decode("utf-8", "surrogateescape").rstrip("\r\n").split(" ")
    if not line.endswith(b"\n") or len(words) != _MODULE_WORDS or words[0] != "MODULE":
        raise BadRequestError("the file does not begin with a MODULE line of five words")
    return words
