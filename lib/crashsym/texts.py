# SPDX-License-Identifier: MIT
"""Names of files that are no UTF-8. Inside, such bytes are what `surrogateescape` makes of them."""

from __future__ import annotations

from crashsym.errors import written

_HEX = frozenset("0123456789abcdef")


def as_unicode(text: str) -> str:
    r"""Return a text that can be written as UTF-8: a byte that is none of it is ``\xNN``."""
    if text.isascii():
        return text
    return "".join(written(c) if "\ud800" <= c <= "\udfff" else c for c in text)


def target_path(path: str) -> str:
    r"""Return a path as manifests, findings and policies have it.

    As `as_unicode`, and a backslash that looks like the begin of ``\xNN`` is ``\x5c``: so different
    paths stay different, and nearly all of them are as they were.
    """
    head, *rest = path.split("\\x")
    for part in rest:
        head += ("\\x5cx" if len(part) > 1 and _HEX.issuperset(part[:2]) else "\\x") + part
    return as_unicode(head)
