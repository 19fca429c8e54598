"""The rules of a bucket: as moto has them, to boto3 as the client; and those that moto has not."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from builders.buckets import client, moto

from servers.client import SYMBOLS, Sent, send
from servers.s3 import IGNORED, REFUSED, S3, S3Server
from servers.sigv4 import sign

BUCKET = S3().bucket
LARGE = 5 << 20
# What an answer says of an object, as far as it is of us.
FIELDS = ("ETag", "ContentLength", "ContentType", "Metadata", "ChecksumSHA256", "Key", "Bucket")


def checksum(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


class Talk:
    """Calls of boto3 to one server, and what came of each."""

    def __init__(self, url: str) -> None:
        self.client = client(url)
        self.seen: list[Any] = []

    def do(self, operation: str, **parameters: Any) -> Any:
        call = getattr(self.client, operation)
        try:
            answer = call(**{"Bucket": BUCKET, "Key": "a/b c+é.sym", **parameters})
        except ClientError as error:
            answer = error.response
            status = answer["ResponseMetadata"]["HTTPStatusCode"]
            self.seen.append((operation, status, answer["Error"]["Code"]))
            return answer
        found = {name: answer[name] for name in FIELDS if name in answer}
        if operation == "put_object":
            found.pop("ChecksumSHA256", None)  # moto repeats it
        self.seen.append((operation, answer["ResponseMetadata"]["HTTPStatusCode"], found))
        return answer

    def part(self, upload: str, number: int, data: bytes) -> dict[str, Any]:
        answer = self.do("upload_part", UploadId=upload, PartNumber=number, Body=data)
        return {"PartNumber": number, "ETag": answer["ETag"]}

    def create(self, **more: Any) -> str:
        return str(self.do("create_multipart_upload", **more)["UploadId"])

    def complete(self, upload: str, *parts: dict[str, Any], **more: Any) -> Any:
        document = {"Parts": list(parts)}
        return self.do(
            "complete_multipart_upload", UploadId=upload, MultipartUpload=document, **more
        )

    def look(self) -> None:
        self.do("head_object", ChecksumMode="ENABLED")


def objects(talk: Talk) -> None:
    talk.look()
    about = {"Metadata": {"sha256": "ab"}, "ContentType": "application/octet-stream"}
    talk.do("put_object", Body=SYMBOLS, IfNoneMatch="*", **about)
    talk.look()
    talk.do("put_object", Body=b"other", IfNoneMatch="*", **about)
    talk.look()
    talk.do("put_object", Body=b"other", **about)
    talk.look()
    talk.do("head_object", Key="a")


def checksums(talk: Talk) -> None:
    kind = {"ChecksumAlgorithm": "SHA256", "ContentType": "application/octet-stream"}
    talk.do("put_object", Body=SYMBOLS, ChecksumSHA256=checksum(SYMBOLS), **kind)
    talk.look()
    talk.do("head_object")


def no_bucket(talk: Talk) -> None:
    talk.do("head_object", Bucket="nobody")
    talk.do("put_object", Bucket="nobody", Body=b"x")
    talk.do("create_multipart_upload", Bucket="nobody")


def parts(talk: Talk) -> None:
    upload = talk.create(Metadata={"sha256": "cd"}, ContentType="application/octet-stream")
    first = talk.part(upload, 1, b"1" * LARGE)
    talk.part(upload, 2, b"wrong")
    second = talk.part(upload, 2, b"2" * 10)
    talk.look()
    talk.complete(upload, first, {**second, "ETag": '"0123456789abcdef0123456789abcdef"'})
    talk.complete(upload, first, second, IfNoneMatch="*")
    talk.look()
    other = talk.create()
    again = talk.part(other, 1, b"other")
    talk.complete(other, again, IfNoneMatch="*")
    talk.do("abort_multipart_upload", UploadId=other)
    talk.do("abort_multipart_upload", UploadId=other)
    talk.look()


def small_parts(talk: Talk) -> None:
    upload = talk.create()
    talk.complete(upload, talk.part(upload, 1, b"1"), talk.part(upload, 2, b"2"))


@pytest.fixture(scope="module")
def theirs() -> Iterator[str]:
    with moto() as url:
        yield url


@pytest.mark.parametrize("talking", [objects, checksums, no_bucket, parts, small_parts])
def test_a_bucket_answers_as_moto_s_does(theirs: str, talking: Callable[[Talk], None]) -> None:
    expected = Talk(theirs)
    expected.do("delete_object")
    expected.seen.clear()
    talking(expected)
    with S3Server() as server:
        found = Talk(server.url)
        talking(found)
    assert found.seen == expected.seen
    assert any(status >= 400 for _, status, _ in found.seen) or talking is checksums


# -- what moto does not look at


def test_signatures_are_of_the_secret_key() -> None:
    with S3Server() as server:
        for made in (client(server.url, secret="another"), client(server.url, key="OTHER")):  # noqa: S106
            with pytest.raises(ClientError, match=r"SignatureDoesNotMatch|InvalidAccessKeyId"):
                made.put_object(Bucket=BUCKET, Key="a", Body=b"x")
        client(server.url).put_object(Bucket=BUCKET, Key="a", Body=b"x")
        assert server.account.statuses("put") == [403, 403, 200]


@pytest.mark.parametrize("change", ["body", "header", "target", "method", "region", "none"])
def test_all_of_a_request_is_signed(change: str) -> None:
    with S3Server() as server:
        account = server.s3.account
        if change == "region":
            account = (*account[:2], "elsewhere")
        target, host = f"/{BUCKET}/a?x=1", f"127.0.0.1:{server.port}"
        headers = sign("PUT", target, SYMBOLS, host, account)
        body, method = SYMBOLS, "PUT"
        if change == "body":
            body = SYMBOLS + b"\n"
        elif change == "header":
            headers["x-amz-meta-sha256"] = "ab"
        elif change == "target":
            target = target.replace("1", "2")
        elif change == "method":
            method, body = "HEAD", b""
        answer = send(server, Sent(method, target, body, headers))
        assert answer.status == {"none": 200, "body": 400, "region": 400}.get(change, 403)
        assert set(server.kept) == ({"a"} if change == "none" else set())


def test_a_checksum_is_compared() -> None:
    with S3Server() as server:
        made = client(server.url)
        for wrong in (True, False):
            said = checksum(SYMBOLS + b"x" if wrong else SYMBOLS)
            if wrong:
                with pytest.raises(ClientError, match="BadDigest"):
                    made.put_object(Bucket=BUCKET, Key="a", Body=SYMBOLS, ChecksumSHA256=said)
            else:
                made.put_object(Bucket=BUCKET, Key="a", Body=SYMBOLS, ChecksumSHA256=said)
        assert server.account.files["a"].times == 1
        assert not server.account.duplicates


@pytest.mark.parametrize("what", ["conditions", "checksums"])
@pytest.mark.parametrize("how", [IGNORED, REFUSED])
def test_what_a_server_does_not_know(what: str, how: str) -> None:
    settings = S3(conditions=how) if what == "conditions" else S3(checksums=how)
    more = {"IfNoneMatch": "*"} if what == "conditions" else {"ChecksumSHA256": checksum(b"2")}
    with S3Server(settings) as server:
        talk = Talk(server.url)
        talk.do("put_object", Body=b"1")
        talk.do("put_object", Body=b"2", **more)
        assert [status for _, status, _ in talk.seen] == [200, 501 if how == REFUSED else 200]
        talk.look()
        assert "ChecksumSHA256" not in talk.seen[-1][2]


def test_parts_have_an_upload_and_an_order() -> None:
    with S3Server(S3(smallest_part=1)) as server:
        talk = Talk(server.url)
        upload = talk.create()
        made = [talk.part(upload, number, b"x") for number in (1, 2)]
        talk.complete(upload, *reversed(made))
        talk.complete(upload, *made)
        talk.complete(upload, *made)
        talk.do("upload_part", UploadId=upload, PartNumber=1, Body=b"x")
        assert [(status, what) for _, status, what in talk.seen if status >= 400] == [
            (400, "InvalidPartOrder"),
            (404, "NoSuchUpload"),
            (404, "NoSuchUpload"),
        ]


def test_the_account_counts_parts_with_their_object() -> None:
    with S3Server(S3(smallest_part=1)) as server:
        talk = Talk(server.url)
        for _ in range(2):
            upload = talk.create()
            made = [talk.part(upload, number, b"x" * number) for number in (1, 2)]
            assert server.account.files[f"{upload}/2"].size == 2
            talk.complete(upload, *made)
        key = "a/b c+é.sym"
        assert server.kept[key].read() == b"xxx"
        assert server.account.content == {key: 6}
        assert server.account.files[key].times == 2
        assert not server.uploads
