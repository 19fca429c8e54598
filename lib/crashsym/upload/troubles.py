# SPDX-License-Identifier: MIT
"""Why a connection came to nothing, in words."""

from __future__ import annotations

import re
import ssl
from http.client import IncompleteRead

# What urllib3 puts before its words, as 1.26 and as 2.8 have it.
_OBJECT = re.compile(r"^(?:<[^>]*>|\w+\(host=[^)]*\)): ")
# TLS that a later attempt can change; all else of it is a matter of certificates and settings.
_BROKEN_OFF = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)


def innermost(error: BaseException) -> BaseException:
    """Return the error that the others are about."""
    for _ in range(10):
        about = (getattr(error, "reason", None), *error.args)
        inner = [one for one in about if isinstance(one, BaseException)]
        if not inner:
            break
        error = inner[0]
    return error


def words_of(error: BaseException) -> str:
    """Return what went wrong in one clause; the text of `requests` has addresses of objects."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate cannot be trusted: {error.verify_message}"
    if isinstance(error, OSError) and error.strerror:
        return str(error.strerror)
    if isinstance(error, IncompleteRead):
        return "the answer breaks off"
    text = str(error)
    return _OBJECT.sub("", text) or text


def is_refused_by_tls(error: BaseException) -> bool:
    """Whether TLS says no, in a way that no later attempt can change."""
    return isinstance(error, ssl.SSLError) and not isinstance(error, _BROKEN_OFF)


def tls_remedy(error: BaseException) -> str:
    """Return what to do where TLS says no."""
    if "WRONG_VERSION_NUMBER" in str(error):
        return "Check the URL of the target: what answers there speaks no TLS."
    return "Name the file with its authority in REQUESTS_CA_BUNDLE, if you trust it."
