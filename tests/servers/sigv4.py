# SPDX-License-Identifier: MIT
"""Signatures of AWS, version 4, in the header Authorization.

Source: AWS Identity and Access Management, "Create a signed AWS API request"; for S3 paths are
encoded once.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from urllib.parse import parse_qsl, quote, urlsplit

_FORM = re.compile(
    "AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<scope>[^,]+), *"
    "SignedHeaders=(?P<names>[^,]+), *Signature=(?P<signature>[0-9a-f]{64})"
)


@dataclass(frozen=True)
class Signed:
    """A header Authorization."""

    key: str
    scope: str
    names: tuple[str, ...]
    signature: str

    @classmethod
    def of(cls, header: str) -> Signed | None:
        found = _FORM.fullmatch(header)
        if found is None:
            return None
        names = tuple(found["names"].split(";"))
        return cls(found["key"], found["scope"], names, found["signature"])

    @property
    def header(self) -> str:
        parts = [f"Credential={self.key}/{self.scope}", f"SignedHeaders={';'.join(self.names)}"]
        return f"AWS4-HMAC-SHA256 {', '.join([*parts, f'Signature={self.signature}'])}"


def signature(method: str, target: str, headers: Mapping[str, str], scope: str, secret: str) -> str:
    """Return the signature of a request, of all ``headers`` that are given, with small names."""
    parts = urlsplit(target)
    query = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
    )
    lines = [
        method,
        parts.path,
        "&".join(f"{name}={value}" for name, value in query),
        *(f"{name}:{' '.join(headers[name].split())}" for name in sorted(headers)),
        "",
        ";".join(sorted(headers)),
        headers["x-amz-content-sha256"],
    ]
    request = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    text = "\n".join(["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, request])
    return _mac(_key(scope, secret), text).hex()


def _key(scope: str, secret: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = _mac(key, part)
    return key


def _mac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def unsigned(names: Iterable[str], signed: Iterable[str]) -> list[str]:
    """Return the headers that have to be signed and are not."""
    needed = {name for name in names if name == "host" or name.startswith("x-amz-")}
    return sorted(needed - set(signed))


def sign(
    method: str, target: str, body: bytes, host: str, account: tuple[str, str, str]
) -> dict[str, str]:
    """Return headers that sign a request for an account: access key, secret key and region."""
    key, secret, region = account
    now = f"{datetime.now(timezone.utc):%Y%m%dT%H%M%SZ}"
    scope = f"{now[:8]}/{region}/s3/aws4_request"
    digest = hashlib.sha256(body).hexdigest()
    headers = {"host": host, "x-amz-content-sha256": digest, "x-amz-date": now}
    found = signature(method, target, headers, scope, secret)
    return {**headers, "Authorization": Signed(key, scope, tuple(sorted(headers)), found).header}
