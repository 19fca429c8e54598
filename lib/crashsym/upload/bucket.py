# SPDX-License-Identifier: MIT
"""A bucket of an S3 server: boto3 signs requests and reads answers, `Transport` sends them.

So proxies, authorities, repetitions and their end are those of all other servers. Sources: the API
reference of Amazon S3; botocore's event ``before-send``, whose handler may answer itself.
"""

from __future__ import annotations

import io
import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from typing import Any

import requests
from boto3.session import Session
from botocore import xform_name
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from crashsym.errors import AuthenticationError, ConfigError, RejectedError
from crashsym.upload.bodies import FileBody
from crashsym.upload.secret import Secret
from crashsym.upload.targets import Target
from crashsym.upload.transport import Answer, Request, Transport

_DONE = frozenset({200, 201, 204})
_NO_SERVER = "Check the URL of the target: a proxy or a login page may have answered."
# Refusals that mean: not now (Amazon S3 API reference, "Error responses").
_AGAIN = frozenset({"RequestTimeout", "OperationAborted", "ConditionalRequestConflict"})
_CONFIG = Config(
    retries={"total_max_attempts": 1},  # Transport repeats
    ignore_configured_endpoint_urls=True,  # what the ledger has acknowledged is of one server
    # Only what we say: not every server knows checksums, and none has to know trailers.
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
)
# A server with a name of its own seldom has one for each bucket.
_PATH_STYLE = Config(s3={"addressing_style": "path"})


@dataclass(frozen=True, slots=True)
class Reply:
    """The status of an answer, and what it says; nothing unless it is a success."""

    status: int
    fields: Mapping[str, Any] = field(default_factory=dict)


class Bucket:
    """Asks for objects of one bucket, from several threads."""

    def __init__(self, target: Target, transport: Transport) -> None:
        """Find the credentials.

        Raises:
            ConfigError: there are none, or the settings of boto3 make no sense.
        """
        # At lower levels botocore logs requests with all their headers.
        logging.getLogger("botocore").setLevel(logging.WARNING)
        self._transport = transport
        self._name = target.options["bucket"]
        self._now = threading.local()
        self._hidden: set[str] = set()
        transport.authorities = os.environ.get("AWS_CA_BUNDLE", "")
        try:
            self._client = self._made(target)
        except (BotoCoreError, ValueError) as error:
            why = transport.hidden(str(error))
            raise ConfigError("cannot use a bucket", where=transport.where, why=why) from None
        self._client.meta.events.register("before-send.s3", self._send)

    def _made(self, target: Target) -> Any:
        session = _session(target, self._transport)
        credentials = session.get_credentials()
        if credentials is None:
            raise ConfigError(
                "no credentials",
                where=self._transport.where,
                why="neither the target nor boto3's usual places have any",
                remedy="Set access_key and token, or what boto3 reads, like AWS_PROFILE.",
            )
        self._hide(credentials.get_frozen_credentials().secret_key)
        config = _CONFIG.merge(_PATH_STYLE) if target.url else _CONFIG
        return session.client("s3", endpoint_url=target.url or None, config=config)

    def ask(
        self,
        operation: str,
        accept: frozenset[int] = frozenset(),
        body: Callable[[], FileBody] | None = None,
        **parameters: Any,
    ) -> Reply:
        """Return what the server answers to an operation, which is called as in the API.

        A status of ``accept`` is an answer, not an error. ``body`` is opened for each attempt.

        Raises:
            AuthenticationError: the credentials cannot be had, or may not do this.
            RejectedError: it refuses, or it is no S3 server.
            UnavailableError: it could not be reached in time, or not was willing.
            UnreadableError: the body cannot be read.
        """
        said: Mapping[str, Any] = {}

        def once(left: float) -> Answer:
            nonlocal said
            self._now.left = left
            with closing(body()) if body is not None else nullcontext() as opened:
                more = {"Body": opened} if opened is not None else {}
                answer, said = self._call(operation, {**parameters, **more})
            return answer

        answer = self._transport.ask(operation, accept | _DONE, once)
        return Reply(answer.status, said)

    def wanted(self, operation: str, reply: Reply, name: str) -> str:
        """Return a part of an answer that each S3 server gives.

        Raises:
            RejectedError: there is none: something else than an S3 server has answered.
        """
        value = reply.fields.get(name)
        if isinstance(value, str) and value:
            return value
        why = f"HTTP {reply.status}, but the answer has no {name}"
        raise self._transport.error(RejectedError, operation, why, _NO_SERVER)

    def _call(
        self, operation: str, parameters: Mapping[str, Any]
    ) -> tuple[Answer, Mapping[str, Any]]:
        call = getattr(self._client, xform_name(operation))
        try:
            fields: dict[str, Any] = call(Bucket=self._name, **parameters)
        except ClientError as error:
            return self._refusal(error.response), {}
        except _RedirectError:
            return self._now.answer, {}
        except ResponseParserError:
            why = f"the answer is no XML: {self._transport.words(self._now.answer)}"
            raise self._transport.error(RejectedError, operation, why, _NO_SERVER) from None
        except BotoCoreError as error:  # of what is left, all are about credentials
            raise self._transport.error(AuthenticationError, operation, str(error)) from None
        return Answer(fields["ResponseMetadata"]["HTTPStatusCode"], {}, b""), fields

    def _refusal(self, response: Mapping[str, Any]) -> Answer:
        """Return what the server has refused with, in its words.

        Raises:
            requests.Timeout: it says that it may be willing later.
        """
        answer: Answer = self._now.answer
        status: int = response["ResponseMetadata"]["HTTPStatusCode"]
        code, message = response["Error"].get("Code", ""), response["Error"].get("Message", "")
        if code == str(status) and answer.data:  # it is no XML
            return answer
        words = message if code == str(status) else f"{code}: {message}"
        if code in _AGAIN:
            raise requests.Timeout(f"HTTP {status}: {words}")
        return Answer(status, answer.headers, words.encode())

    def _send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        """Send a request, which is signed."""
        headers = {
            name: _text(value)
            for name, value in request.headers.items()
            if name not in ("User-Agent", "Expect")  # nobody waits for "100 Continue"
        }
        self._hide(headers.get("X-Amz-Security-Token"))
        body = (lambda: request.body) if isinstance(request.body, FileBody) else request.body
        size = len(request.body) if isinstance(request.body, FileBody) else 0
        signed = Request("", request.method, request.url, headers, body, content=size)
        answer = self._now.answer = self._transport.once(signed, self._now.left)
        if 300 <= answer.status < 400 and "x-amz-bucket-region" not in answer.headers:
            raise _RedirectError
        return AWSResponse(request.url, answer.status, answer.headers, _Raw(answer.data))

    def _hide(self, text: str | None) -> None:
        if text and text not in self._hidden:
            self._hidden.add(text)
            self._transport.hide(Secret(text))


def _session(target: Target, transport: Transport) -> Session:
    key, region = target.options.get("access_key"), target.options.get("region")
    if key is None:
        return Session(region_name=region)
    if transport.secret is None:
        remedy = "Say where the secret key is: token = { file = … }, or name a --token-file."
        raise ConfigError(
            "no token", where=transport.where, why="access_key is alone", remedy=remedy
        )
    return Session(key, transport.secret.reveal(), region_name=region)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


class _RedirectError(Exception):
    """An answer points elsewhere, and names no region, for which botocore would ask without end."""


class _Raw(io.BytesIO):
    """What botocore reads an answer from."""

    def stream(self) -> Iterator[bytes]:
        yield self.read()
