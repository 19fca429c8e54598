# SPDX-License-Identifier: MIT
"""Clients of S3 servers, and moto's server, which others have written."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from boto3.session import Session
from botocore.config import Config
from moto.server import ThreadedMotoServer
from servers.s3 import S3

ACCOUNT = S3()


def client(url: str, secret: str = ACCOUNT.secret_key, key: str = ACCOUNT.access_key) -> Any:
    """Return boto3's client, which repeats nothing."""
    config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
    session = Session(key, secret, region_name=ACCOUNT.region)
    return session.client("s3", endpoint_url=url, config=config)


@contextmanager
def moto() -> Iterator[str]:
    """Yield the URL of moto's server, which has the bucket."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        url = f"http://{host}:{port}"
        made = client(url)
        made.create_bucket(Bucket=ACCOUNT.bucket)
        yield url
        for page in made.get_paginator("list_objects_v2").paginate(Bucket=ACCOUNT.bucket):
            for one in page.get("Contents", ()):
                made.delete_object(Bucket=ACCOUNT.bucket, Key=one["Key"])
        for one in made.list_multipart_uploads(Bucket=ACCOUNT.bucket).get("Uploads", ()):
            made.abort_multipart_upload(
                Bucket=ACCOUNT.bucket, Key=one["Key"], UploadId=one["UploadId"]
            )
    finally:
        server.stop()
