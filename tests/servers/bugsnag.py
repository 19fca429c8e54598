# SPDX-License-Identifier: MIT
"""Bugsnag: forms with a symbol file, or with a shared object.

Source: bugsnag/bugsnag-cli, pkg/upload/breakpad.go and linux.go, pkg/server/request.go: any 2xx is
success, a 409 means that the file is there. The answers are those of BugSnag's published
description of its upload API; by what it tells ELF files apart is our assumption.
"""

from __future__ import annotations

from collections.abc import Sequence

from servers.base import Server, step
from servers.certificates import Certificate
from servers.faults import Order
from servers.messages import Request, Response, text_response
from servers.symupload_v1 import module_words
from servers.wire import BadRequestError, Blob


class BugsnagServer(Server):
    """Kept by ``debug_file/debug_identifier`` or the name of the shared object."""

    def __init__(
        self,
        api_key: str = "0123456789abcdef0123456789abcdef",
        faults: Sequence[Order] = (),
        certificate: Certificate | None = None,
    ) -> None:
        super().__init__(faults, certificate)
        self.api_key = api_key

    def expired(self) -> Response:
        return text_response(401, "invalid apiKey")

    @step("breakpad-symbol", "POST", "/breakpad-symbol", stores=True)
    def breakpad_symbol(self, request: Request) -> Response:
        form = request.form()
        if request.argument("api_key") != self.api_key:
            return self.expired()
        file = form.file("symbol_file")
        if file is None:
            raise BadRequestError("symbol_file is missing")
        words = module_words(file.blob)
        fields = form.fields
        name = fields.get("debug_file") or words[4]
        identifier = fields.get("debug_identifier") or words[3]
        overwrite = request.argument("overwrite") == "true"
        key = f"{name}/{identifier}"
        return self._take(request, key, file.blob, overwrite) or text_response(200, "OK")

    @step("linux", "POST", "/linux", stores=True)
    def linux(self, request: Request) -> Response:
        form = request.form()
        if form.fields.get("apiKey") != self.api_key:
            return self.expired()
        file = form.file("soFile")
        name = form.fields.get("sharedObjectName")
        if file is None or not name:
            raise BadRequestError("soFile or sharedObjectName is missing")
        overwrite = form.fields.get("overwrite") == "true"
        return self._take(request, name, file.blob, overwrite) or text_response(202, "Accepted")

    def _take(self, request: Request, key: str, blob: Blob, overwrite: bool) -> Response | None:
        if not blob.size:
            return text_response(422, "received empty file")
        request.deliver(key, blob)
        with self.lock:
            if key in self.kept and not overwrite:
                return text_response(409, "duplicate symbol file")
            self.keep(request, key, blob)
        return None
