# SPDX-License-Identifier: MIT
"""A throw-away certificate authority, made by openssl for one test run."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from corpus.build import run
from support import require_tool

# What clients that are strict about RFC 5280 want to see, as Python 3.13 and newer are.
_CA_USE = "keyUsage=critical,keyCertSign,cRLSign"
_SERVER_EXTENSIONS = """\
subjectAltName=IP:127.0.0.1,DNS:localhost
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature,keyEncipherment
extendedKeyUsage=serverAuth
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
"""


@dataclass(frozen=True)
class Certificate:
    """A server's certificate for 127.0.0.1 and localhost, and the authority that signed it."""

    authority: Path
    chain: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.chain, self.key)
        return context


def make_certificate(folder: Path, days: int = 2) -> Certificate:
    """Make an authority and a certificate in ``folder``; with ``days`` 0 it is no longer valid."""
    openssl = require_tool("openssl")
    made = Certificate(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    request, wanted, ca_key = folder / "server.csr", folder / "extensions", folder / "ca.key"
    wanted.write_text(_SERVER_EXTENSIONS, encoding="ascii")
    new = [openssl, "req", "-newkey", "rsa:2048", "-nodes", "-sha256"]
    authority = ["-x509", "-days", "2", "-subj", "/CN=Throw-away test authority"]
    run([*new, *authority, "-addext", _CA_USE, "-keyout", str(ca_key), "-out", str(made.authority)])
    run([*new, "-subj", "/CN=127.0.0.1", "-keyout", str(made.key), "-out", str(request)])
    sign = [openssl, "x509", "-req", "-sha256", "-days", str(days), "-CAcreateserial"]
    signer = ["-CA", str(made.authority), "-CAkey", str(ca_key), "-extfile", str(wanted)]
    run([*sign, *signer, "-in", str(request), "-out", str(made.chain)])
    return made
