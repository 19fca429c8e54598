# SPDX-License-Identifier: MIT
"""Sentry's endpoint for debug files: its listing with filters and pages, download, delete, zip.

Source: getsentry/sentry, src/sentry/api/endpoints/debug_files.py, src/sentry/api/base.py.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from servers.debugfile import normalized_debug_id
from servers.messages import Request, Response, json_response
from servers.sentry_state import MIME_TYPES, Dif, Project
from servers.wire import BadRequestError, Blob, file_blocks, write_blob

_PER_PAGE = 20
_MOST_PER_PAGE = 100
_LONGEST_BREAKPAD_ID = 45


def listing(project: Project, request: Request, url: str) -> Response:
    """Answer with one page, the newest files first, and links to the pages around it."""
    found = _found(list(reversed(project.difs)), request)
    size, page = _page(request)
    shown = found[page * size : (page + 1) * size]
    more = len(found) > (page + 1) * size
    links = [
        _link(request, url, "previous", page > 0, f"{size}:{max(page - 1, 0)}:1"),
        _link(request, url, "next", more, f"{size}:{page + 1}:0"),
    ]
    return json_response(200, [dif.as_json() for dif in shown], {"Link": ", ".join(links)})


def download(project: Project, number: str) -> Response | None:
    dif = _numbered(project, number)
    if dif is None:
        return None
    suffix = ".sym" if dif.facts.format == "breakpad" else ".debug"
    headers = {
        "Content-Type": "application/octet-stream",
        "Content-Disposition": f'attachment; filename="{dif.debug_id}{suffix}"',
    }
    return Response(200, dif.blob, headers)


def delete(project: Project, number: str | None) -> Response | None:
    dif = _numbered(project, number or "")
    if dif is None:
        return None
    project.difs.remove(dif)
    return Response(204)


def unpack(archive: Blob, folder: Path) -> Iterator[tuple[str, Blob]]:
    """Yield the files of a zip.

    Raises:
        BadRequestError: it is none.
    """
    try:
        with zipfile.ZipFile(archive.path) as content:
            for info in content.infolist():
                if info.is_dir():
                    continue
                with content.open(info) as file:
                    yield info.filename, write_blob(folder, file_blocks(file))
    except zipfile.BadZipFile as error:
        raise BadRequestError(str(error)) from error


def _numbered(project: Project, number: str) -> Dif | None:
    return next((dif for dif in project.difs if str(dif.number) == number), None)


def _found(difs: list[Dif], request: Request) -> list[Dif]:
    formats = [text for text in request.query.get("file_formats", ()) if text in MIME_TYPES]
    if formats:
        difs = [dif for dif in difs if dif.facts.format in formats]
    query = request.argument("query") or ""
    debug_id, code_id = request.argument("debug_id"), request.argument("code_id")
    if query and len(query) <= _LONGEST_BREAKPAD_ID and not debug_id:
        debug_id = normalized_debug_id(query)
    by_debug_id = [dif for dif in difs if dif.debug_id == debug_id]
    by_code_id = [dif for dif in difs if dif.facts.code_id == code_id]
    if debug_id:
        # With both, the code id counts when no file has the debug id.
        return by_debug_id or (by_code_id if code_id else [])
    if code_id:
        return by_code_id
    return [dif for dif in difs if dif.contains(query)] if query else difs


def _page(request: Request) -> tuple[int, int]:
    """Return how many files a page has, and the number of this one."""
    try:
        size = min(int(request.argument("per_page") or _PER_PAGE), _MOST_PER_PAGE)
        _, page, _ = (int(part) for part in (request.argument("cursor") or "0:0:0").split(":"))
    except ValueError:
        raise BadRequestError("Invalid cursor parameter.") from None
    return size, page


def _link(request: Request, url: str, name: str, results: bool, cursor: str) -> str:
    words = "&".join(
        f"{quote(key)}={quote(value)}"
        for key, values in request.query.items()
        for value in values
        if key != "cursor"
    )
    target = f"{url}{request.path}?{words}&cursor={cursor}"
    there = "true" if results else "false"
    return f'<{target}>; rel="{name}"; results="{there}"; cursor="{cursor}"'
