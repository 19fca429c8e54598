# SPDX-License-Identifier: MIT
"""A bucket: what moto's server has afterwards, what is never overwritten, no part that remains."""

from __future__ import annotations

import gzip
import hashlib
import logging
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from builders.buckets import ACCOUNT, client, moto
from builders.uploading import Bench, kept, shown, states
from crashsym.upload import s3, transport
from servers.certificates import make_certificate
from servers.faults import Answer, CutAnswer, Order, Plan, Slow
from servers.proxy import ProxyServer
from servers.s3 import IGNORED, OBEYED, REFUSED, S3, S3Server, error

MORE = (f'bucket = "{ACCOUNT.bucket}"', f'access_key = "{ACCOUNT.access_key}"')
PART = 5 << 20  # the smallest that moto takes
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY")
CHAIN = ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "PROFILE", "CA_BUNDLE", "REGION")


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let neither this machine's settings count, nor the address that tells roles of instances."""
    monkeypatch.setattr(transport, "_FIRST", 0.01)
    for name in (*VARIABLES, *(name.lower() for name in VARIABLES)):
        monkeypatch.delenv(name, raising=False)
    for name in ("REQUESTS_CA_BUNDLE", *(f"AWS_{name}" for name in CHAIN)):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "NETRC"):
        monkeypatch.setenv(name, str(tmp_path / f"no-{name}"))


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with moto() as found:
        yield found


@pytest.fixture
def theirs(url: str) -> Any:
    """boto3's client of moto's server, which has nothing."""
    found = client(url)
    for page in found.get_paginator("list_objects_v2").paginate(Bucket=ACCOUNT.bucket):
        for one in page.get("Contents", ()):
            found.delete_object(Bucket=ACCOUNT.bucket, Key=one["Key"])
    return found


def aimed(bench: Bench, url: str, *more: str) -> Bench:
    bench.target("s3", url, *MORE, bench.token(ACCOUNT.secret_key), *more)
    return bench


def key(bench: Bench, number: int = 0) -> str:
    symbols = bench.manifest.modules[number].symbols
    assert symbols is not None
    return symbols.path


def content(theirs: Any, name: str) -> bytes:
    data = theirs.get_object(Bucket=ACCOUNT.bucket, Key=name)["Body"].read()
    assert isinstance(data, bytes)
    return data


# -- moto's server


@pytest.fixture(params=[s3.PART, PART])
def part(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Let files go at once, and then in parts."""
    size: int = request.param
    monkeypatch.setattr(s3, "PART", size)
    return size


def test_what_is_sent_is_there(
    tmp_path: Path, theirs: Any, url: str, capsys: pytest.CaptureFixture[str], part: int
) -> None:
    bench = aimed(Bench(tmp_path, 2, 11 << 20), url, 'prefix = "team/symbols/"')
    assert bench.run("upload", "--verify", "--json") == 0
    first, verified = shown(capsys.readouterr().out)["targets"]
    size = sum(bench.symbol_file(number).stat().st_size for number in range(2))
    # Apart from the list of parts the files are all that is sent.
    assert size <= first["bytes"] <= size + 2000
    assert [file["state"] for file in verified["files"]] == ["present", "present"]
    for number in range(2):
        name = f"team/symbols/{key(bench, number)}"
        assert content(theirs, name) == bench.symbol_file(number).read_bytes()
        about = theirs.head_object(Bucket=ACCOUNT.bucket, Key=name)
        symbols = bench.manifest.modules[number].symbols
        assert symbols is not None
        assert about["Metadata"] == {"sha256": symbols.sha256}
        assert about["ETag"].endswith('-3"') == (part == PART)
    assert not theirs.list_multipart_uploads(Bucket=ACCOUNT.bucket).get("Uploads")
    # Without the ledger it is the server that knows.
    for file in (bench.store / ".crashsym-uploads").glob("*.jsonl"):
        file.unlink()
    assert bench.run("upload", "--json") == 0
    again = shown(capsys.readouterr().out)
    assert states(again) == ["present", "present"]
    assert again["targets"][0]["bytes"] == 0


def test_compressed(tmp_path: Path, theirs: Any, url: str) -> None:
    bench = aimed(Bench(tmp_path, 1), url, 'compress = "gzip"', 'layout = "unified"')
    assert bench.run("upload", "--verify") == 0
    module = bench.manifest.modules[0]
    assert module.build_id is not None
    name = f"{module.build_id[:2]}/{module.build_id[2:]}/breakpad"
    assert gzip.decompress(content(theirs, name)) == bench.symbol_file().read_bytes()


OTHERS: dict[str, tuple[Callable[[bytes, str], dict[str, Any]], str]] = {
    "another, by its size": (
        lambda data, _: {"Body": data + b"x"},
        "another object, of 3582 bytes",
    ),
    "another, by what it says": (
        lambda data, _: {"Body": data[:-1] + b"x", "Metadata": {"sha256": "ab"}},
        "its SHA-256 is ab",
    ),
    "another, by its checksum": (
        lambda data, digest: {
            "Body": data[:-1] + b"x",
            "Metadata": {"sha256": digest},
            "ChecksumAlgorithm": "SHA256",
        },
        "its SHA-256 is ",
    ),
    "another, by its ETag": (lambda data, _: {"Body": data[:-1] + b"x"}, "does not say its SHA"),
    "the same, by its ETag": (lambda data, _: {"Body": data}, ""),
    "the same, by what it says": (
        lambda data, digest: {"Body": data, "Metadata": {"SHA256": digest}},
        "",
    ),
}


@pytest.mark.parametrize("case", OTHERS)
def test_what_is_there_is_kept(
    tmp_path: Path, theirs: Any, url: str, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    bench = aimed(Bench(tmp_path, 1), url)
    data = bench.symbol_file().read_bytes()
    made, says = OTHERS[case]
    there = made(data, hashlib.sha256(data).hexdigest())
    theirs.put_object(Bucket=ACCOUNT.bucket, Key=key(bench), **there)
    assert bench.run() == (3 if says else 0)
    said = capsys.readouterr().err
    assert says in said
    assert ("refused: " in said) == bool(says)
    assert bench.run("verify") == (3 if says else 0)
    assert content(theirs, key(bench)) == there["Body"]


def test_no_bucket(
    tmp_path: Path, url: str, theirs: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = Bench(tmp_path, 1)
    more = ('bucket = "nobody-s"', MORE[1], bench.token("any"))
    bench.target("s3", url, *more)
    assert bench.run() == 3
    said = capsys.readouterr().err
    assert "PutObject: HTTP 404: NoSuchBucket: The specified bucket does not exist" in said


# -- servers that know less, and what comes between


@pytest.mark.parametrize("part", [s3.PART, 1000])
@pytest.mark.parametrize("checksums", [OBEYED, IGNORED, REFUSED])
@pytest.mark.parametrize("conditions", [OBEYED, IGNORED, REFUSED])
def test_a_server_that_knows_less(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, conditions: str, checksums: str, part: int
) -> None:
    monkeypatch.setattr(s3, "PART", part)
    settings = S3(smallest_part=1, conditions=conditions, checksums=checksums)
    with S3Server(settings) as server:
        bench = aimed(Bench(tmp_path, 3), server.url, "jobs = 1")
        assert bench.run("upload", "--verify") == 0
        assert kept(server) == bench.wanted
        assert not server.uploads
        # It is asked once.
        refusals = [one for one in server.account.requests if one.status == 501]
        assert len(refusals) <= 2
        assert bool(refusals) == (conditions == REFUSED or (checksums == REFUSED and part > 1000))


@pytest.mark.parametrize("part", [s3.PART, 1000])
@pytest.mark.parametrize("is_same", [True, False])
def test_an_object_that_comes_between(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    part: int,
    is_same: bool,
) -> None:
    monkeypatch.setattr(s3, "PART", part)
    # At first nobody is there, says the server.
    with S3Server(S3(smallest_part=1), [Order("head", Answer(404))]) as server:
        bench = aimed(Bench(tmp_path, 1), server.url)
        data = bench.symbol_file().read_bytes() if is_same else b"other"
        digest = hashlib.sha256(data).hexdigest()
        there = {"Body": data, "Metadata": {"sha256": digest}}
        client(server.url).put_object(Bucket=ACCOUNT.bucket, Key=key(bench), **there)
        assert bench.run("upload", "--json") == (0 if is_same else 3)
        assert states(shown(capsys.readouterr().out)) == ["present" if is_same else "refused"]
        assert [blob.read() for blob in server.kept.values()] == [data]
        assert not server.uploads


def later(status: int, code: str) -> Answer:
    answer = error(status, code, "Later.")
    assert isinstance(answer.body, bytes)
    return Answer(status, answer.body, answer.headers)


@pytest.mark.parametrize(
    ("step", "answer"),
    [
        ("put", later(400, "RequestTimeout")),
        ("put", later(409, "ConditionalRequestConflict")),
        ("put", later(503, "SlowDown")),
        ("complete", later(200, "InternalError")),
    ],
)
def test_what_is_said_to_be_temporary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, answer: Answer
) -> None:
    monkeypatch.setattr(s3, "PART", 1000 if step == "complete" else s3.PART)
    with S3Server(S3(smallest_part=1), [Order(step, answer)]) as server:
        assert aimed(Bench(tmp_path, 1), server.url).run() == 0
        assert server.account.statuses(step) == [answer.status, 200]


def test_an_answer_to_the_end_of_parts_that_gets_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "PART", 1000)
    with S3Server(S3(smallest_part=1), [Order("complete", CutAnswer())]) as server:
        assert aimed(Bench(tmp_path, 1), server.url).run() == 0
        assert server.account.statuses("complete") == [None, 404]
        assert server.account.files[next(iter(server.kept))].times == 1


def test_the_words_of_a_server_that_is_not_willing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    orders = [Order("put", later(503, "SlowDown"), onwards=True)]
    with S3Server(None, orders) as server:
        assert aimed(Bench(tmp_path, 1), server.url, "patience = 0.1").run() == 3
    said = capsys.readouterr().err
    assert "failed: " in said
    assert "PutObject: HTTP 503: SlowDown: Later." in said


# -- files that change, and parts


@pytest.mark.parametrize("part", [s3.PART, 1000])
def test_a_file_that_changes_while_it_is_sent(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    part: int,
) -> None:
    monkeypatch.setattr(s3, "PART", part)
    with S3Server(S3(smallest_part=1)) as server:
        bench = aimed(Bench(tmp_path, 1), server.url)
        real = s3.Content.body

        def body(self: s3.Content, chosen: s3.Part) -> s3.PartBody:
            if part != 1000 or chosen.start:
                data = bench.symbol_file().read_bytes()
                bench.symbol_file().write_bytes(data[:-1] + b"?")
            return real(self, chosen)

        monkeypatch.setattr(s3.Content, "body", body)
        assert bench.run() == 3
        assert "it has changed since the command began" in capsys.readouterr().err
        assert not server.kept
        assert not server.uploads


def test_parts_that_cannot_be_removed_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(s3, "PART", 1000)
    orders = [Order("part", later(400, "InvalidPart"), 2), Order("abort", Answer(500), 1, True)]
    with S3Server(S3(smallest_part=1), orders) as server:
        assert aimed(Bench(tmp_path, 1), server.url, "patience = 0.1").run() == 3
        assert len(server.uploads) == 1
    said = capsys.readouterr().err
    assert "UploadPart: HTTP 400: InvalidPart: Later." in said
    assert "the parts that were sent are left there: HTTP 500" in said


def large(folder: Path, url: str) -> Bench:
    """Return a file of four parts."""
    return aimed(Bench(folder, 1, 3 * s3.PART + 1000), url)


def in_the_middle(bench: Bench, server: S3Server, number: signal.Signals) -> int:
    child = bench.start()
    while not server.account.statuses("part") and child.poll() is None:
        time.sleep(0.01)
    child.send_signal(number)
    said = child.communicate(timeout=60)[1]
    assert "Traceback" not in said
    return child.returncode


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_leaves_no_parts(tmp_path: Path, number: signal.Signals) -> None:
    with S3Server(None, [Order("part", Slow(0.3), onwards=True)]) as server:
        code = in_the_middle(large(tmp_path, server.url), server, number)
        assert code in (130, -number)
        assert len(server.account.statuses("part")) < 4
        assert server.account.statuses("abort") == [204]
        assert not server.uploads


def test_after_a_kill_the_file_is_sent_again(tmp_path: Path) -> None:
    with S3Server(None, [Order("part", Slow(0.3), onwards=True)]) as server:
        bench = large(tmp_path, server.url)
        assert in_the_middle(bench, server, signal.SIGKILL) == -signal.SIGKILL
        server.plan = Plan([])
        assert len(server.uploads) == 1
        assert bench.run() == 0
        assert kept(server) == bench.wanted
        assert len(server.uploads) == 1, "the orphan of the documentation"


@pytest.mark.parametrize("size", [300 << 20, pytest.param(2 << 30, marks=pytest.mark.slow)])
def test_a_large_file_takes_no_memory(tmp_path: Path, size: int) -> None:
    bench = Bench(tmp_path, 1)
    digest = bench.enlarge(size)
    with S3Server() as server:
        aimed(bench, server.url)
        assert bench.memory() < 64 << 10
        assert {(blob.sha256, blob.size) for blob in server.kept.values()} == {(digest, size)}


# -- credentials


def test_boto3_s_places_of_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with S3Server() as server:
        bench = Bench(tmp_path, 2)
        bench.target("s3", server.url, MORE[0])
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCOUNT.access_key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", ACCOUNT.secret_key)
        assert bench.run() == 0
        assert kept(server) == bench.wanted


def test_no_credentials(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bench = Bench(tmp_path, 1)
    assert bench.run(to="s3://symbols/team") == 2
    said = capsys.readouterr().err
    assert "no credentials: 's3://symbols/team' (s3://symbols/team/): neither the target" in said
    bench.target("s3", "http://127.0.0.1:1", *MORE)
    assert bench.run() == 2
    assert "no token: 'server' (s3://symbols/ at http://127.0.0.1:1)" in capsys.readouterr().err
    # The name of a profile is no secret.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_PROFILE", "nobody")
        assert bench.run(to="s3://symbols/team") == 2
    assert "The config profile (nobody) could not be found" in capsys.readouterr().err


def test_credentials_are_nowhere(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    secret, token = "canary/of+a=secret", "canary/of+a=session"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCOUNT.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    monkeypatch.setenv("AWS_SESSION_TOKEN", token)
    caplog.set_level(logging.DEBUG)
    echo = Answer(
        400, f"<Error><Code>Bad</Code><Message>{token} {secret}</Message></Error>".encode()
    )
    settings = S3(secret_key=secret)
    with S3Server(settings, [Order("put", echo)]) as server:
        bench = Bench(tmp_path, 2)
        bench.target("s3", server.url, MORE[0], "jobs = 1")
        assert bench.run("upload", "--json") == 3
        assert server.account.statuses("put") == [400, 200]
    out = capsys.readouterr()
    assert "HTTP 400: Bad: [token] [token]" in out.err
    files = "".join(
        file.read_text() for file in tmp_path.rglob("*") if file.is_file() and file.suffix != ".sym"
    )
    for place in (out.out, out.err, caplog.text, files, bench.ledger()):
        assert "canary" not in place


def test_a_wrong_secret_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with S3Server() as server:
        bench = Bench(tmp_path, 5)
        bench.target("s3", server.url, *MORE, bench.token("canary"), "jobs = 1")
        assert bench.run() == 3
        assert server.account.statuses("head") == [403], "the others are not tried"
    said = capsys.readouterr().err
    assert "HeadObject: HTTP 403: Forbidden. Check the token" in said
    assert "canary" not in said


def test_without_boto3(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("boto3", "boto3.session"):
        monkeypatch.setitem(sys.modules, name, None)
    for name in ("crashsym.upload.s3", "crashsym.upload.bucket"):
        monkeypatch.delitem(sys.modules, name)
    assert Bench(tmp_path, 1).run(to="s3://symbols") == 2
    said = capsys.readouterr().err
    assert "cannot use a bucket: 's3://symbols': the Python module boto3" in said
    assert "pip install boto3" in said


def test_only_a_bucket_needs_boto3(tmp_path: Path) -> None:
    code = "import crashsym.upload.run, sys; print([n for n in sys.modules if 'boto' in n])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


# -- the way there


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", ""])
def test_private_authorities(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variable: str,
) -> None:
    certificate = make_certificate(tmp_path)
    if variable:
        monkeypatch.setenv(variable, str(certificate.authority))
    with S3Server(None, (), certificate) as server:
        bench = aimed(Bench(tmp_path, 1), server.url)
        assert bench.run() == (0 if variable else 3)
        assert (kept(server) == bench.wanted) == bool(variable)
    said = capsys.readouterr().err
    assert ("its certificate cannot be trusted" in said) != bool(variable)


def test_amazon_s_own_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(tmp_path, 1)
    lines = [*MORE, bench.token("any"), 'region = "eu-central-1"', "patience = 0.1"]
    text = "\n".join(["[target.server]", 'kind = "s3"', *lines, ""])
    (tmp_path / "crashsym.toml").write_text(text)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with ProxyServer({}) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        assert bench.run() == 3
        assert proxy.seen[0] == ("CONNECT", "symbols.s3.eu-central-1.amazonaws.com:443")
