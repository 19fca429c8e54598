# SPDX-License-Identifier: MIT
"""The tests' Sentry server in a process of its own; its state when standard input ends, as JSON."""

from __future__ import annotations

import json
import sys
from collections import Counter

from servers.sentry import Sentry, SentryServer


def main() -> None:
    """Print the address, wait, print what came in and what is kept."""
    with SentryServer(Sentry()) as server:
        print(server.url, flush=True)
        sys.stdin.read()
        requests = server.account.requests
        kept = sorted(blob.sha256 for key, blob in server.kept.items() if "/" in key)
        document = {
            "requests": Counter(request.step for request in requests),
            "bytes": sum(request.received for request in requests),
            "kept": kept,
        }
    print(json.dumps(document))


if __name__ == "__main__":
    main()
