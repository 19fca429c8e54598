# SPDX-License-Identifier: MIT
"""Targets: the symbol servers and folders to upload to, by name from a file, or as a URL.

crashsym.toml::

    [target.sentry]
    kind = "sentry"
    url = "https://sentry.example.com"
    organization = "acme"
    project = "gateway"
    token = { file = "/run/secrets/sentry" }   # or environment, command, netrc
    send = ["symbols", "debug-files"]          # default: symbols

As a URL: ``sentry+https://sentry.example.com/acme/gateway``, ``tecken+https://…``,
``symupload-v1+https://…``, ``symupload-v2+https://…``, ``bugsnag+https://…``,
``backtrace+https://submit.backtrace.io/acme``, ``https://…`` (PUT), ``s3://bucket/prefix``,
``store:/srv/symbols``.
A token for a URL is in ~/.netrc, or in a file that the command line names.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from crashsym.errors import ConfigError
from crashsym.files import open_regular
from crashsym.upload import secret
from crashsym.upload.items import KINDS as CONTENTS
from crashsym.upload.items import SYMBOLS
from crashsym.upload.layouts import DEFAULT_LAYOUT, LAYOUTS, TAKES
from crashsym.upload.secret import Secret

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_ANY = ("kind", "send")
_HTTP = ("url", "token", "jobs", "patience", *_ANY)
# What a target of each kind says, and what it has to say.
KEYS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    kind: (frozenset((*needed, *more, *common)), frozenset(needed))
    for kind, needed, more, common in (
        ("sentry", ("url", "organization", "project"), ("wait", "protocol"), _HTTP),
        ("tecken", ("url",), ("limit",), _HTTP),
        ("symupload-v1", ("url",), ("version",), _HTTP),
        ("symupload-v2", ("url",), ("product",), _HTTP),
        ("bugsplat", ("url", "database", "application", "version", "client"), (), _HTTP),
        ("bugsnag", ("url",), ("version", "product", "overwrite"), _HTTP),
        ("backtrace", ("url",), ("subdomain", "tag", "limit"), ("url", "token", "patience", *_ANY)),
        ("http", ("url",), ("layout", "compress", "user", "presign"), _HTTP),
        ("s3", ("bucket",), ("prefix", "region", "access_key", "layout", "compress"), _HTTP),
        ("store", ("path",), ("layout", "compress"), _ANY),
    )
}
_SYMBOLS_ALONE = ("tecken", "bugsplat")
COMPRESSIONS = ("none", "gzip", "zstd")
PROTOCOLS = ("chunks", "zip")
_SCHEME = re.compile(rf"((?:{'|'.join(KEYS)})\+)?(https?|s3)://")
_REST = re.compile("[?#]")
_TOKEN = ("file", "environment", "command", "netrc")
_FORMS = {
    "bucket": (re.compile("[A-Za-z0-9][A-Za-z0-9._-]{1,254}"), "Give the name of a bucket."),
    "prefix": (re.compile(r"/?((?!\.{1,2}(/|$))[^/]+(/|$))+"), "Give a path, like team/symbols."),
}
_LARGEST = 1 << 16  # bytes of a file: `tomllib` takes a time that grows with the square of a key
_NUMBERS = ("patience", "wait", "limit")
_MOST_JOBS = 64
_CHOICES = {
    "kind": tuple(KEYS),
    "layout": tuple(LAYOUTS),
    "compress": COMPRESSIONS,
    "protocol": PROTOCOLS,
}


@dataclass(frozen=True, slots=True)
class Target:
    """Where to upload to. ``name`` is what messages, ledgers and receipts call it.

    ``options`` are those of its kind, with their defaults where they are read. The token is read
    when it is asked for, and never stored.
    """

    name: str
    kind: str
    url: str
    send: tuple[str, ...] = (SYMBOLS,)
    options: dict[str, Any] = field(default_factory=dict)
    token: dict[str, Any] | None = None

    @property
    def identity(self) -> str:
        """What tells it from all others: where the files go, and not by which token."""
        parts = [self.kind, self.place, *(str(self.options.get(key, "")) for key in _IDENTITY)]
        if "path" in self.options:
            parts.append(str(self.path))
        return "\n".join(parts)

    @property
    def place(self) -> str:
        """Where the files go to on the network: a URL, or a bucket and its server."""
        if self.kind != "s3":
            return self.url
        at = f" at {self.url}" if self.url else ""
        return f"s3://{self.options['bucket']}/{self.prefix}{at}"

    @property
    def prefix(self) -> str:
        """What the keys of a bucket begin with."""
        prefix = str(self.options.get("prefix", "")).strip("/")
        return f"{prefix}/" if prefix else ""

    @property
    def path(self) -> Path:
        """The folder of a store.

        Raises:
            ConfigError: it cannot be told which one it is.
        """
        place = self.options["path"]
        home = os.path.expanduser(place)  # noqa: PTH111 - pathlib raises where there is none
        try:
            if home.startswith("~"):
                raise _no_folder(place, "there is no such home")
            found = Path(home).absolute()
            os.fsencode(found)
        except FileNotFoundError as error:
            raise _no_folder(place, "it is relative, and the current folder is gone") from error
        except UnicodeEncodeError as error:
            raise _no_folder(place, f"in this locale {error.encoding} is all it can be") from error
        return found

    def secret(self) -> Secret | None:
        """Return the token; None if none is configured, and ~/.netrc has none.

        Raises:
            ConfigError: it cannot be had.
        """
        if self.kind == "s3" and "access_key" not in self.options:
            return None  # boto3 looks for both
        source = self.token or {"netrc": True}
        if "file" in source:
            return secret.from_file(source["file"])
        if "environment" in source:
            return secret.from_environment(source["environment"])
        if "command" in source:
            return secret.from_command(source["command"])
        found = secret.from_netrc(self.url) if self.url else None
        if found is None and self.token is not None:
            why = "the target wants a password of it, and there is none for this host"
            raise ConfigError("no token", where=f"'{secret.netrc_file()}'", why=why)
        return found


_IDENTITY = (
    *("organization", "project", "layout", "compress", "product", "version"),
    *("database", "application", "subdomain", "tag"),
)
# What the last words of a URL stand for.
_PLACES = {"sentry": ("organization", "project"), "backtrace": ("subdomain",)}


def find(names: list[str], file: Path | None, token_file: Path | None = None) -> list[Target]:
    """Return the targets of these names or URLs; names are looked for in a file.

    ``token_file`` is for those that do not say themselves where their token is.

    Raises:
        ConfigError: the file cannot be used, or there is no such target.
    """
    known = read(file) if file is not None else {}
    found = [known[name] if name in known else _named(name, known, file) for name in names]
    if token_file is None:
        return found
    source = {"file": str(token_file)}
    return [replace(target, token=target.token or source) for target in found]


def _named(name: str, known: dict[str, Target], file: Path | None) -> Target:
    if ":" in name:
        return of_url(name)
    listed = ", ".join(known) or "none"
    where = f"'{file}'" if file is not None else "no file of targets"
    remedy = (
        "Give a URL, or name a target of the file that --config names (default: crashsym.toml)."
    )
    raise ConfigError(
        f"unknown target '{_shown(name)}'", where=where, why=f"it has {listed}", remedy=remedy
    )


def of_url(text: str) -> Target:
    """Return the target that a URL describes.

    Raises:
        ConfigError: it is none.
    """
    if text.startswith("store:"):
        target = _checked(text, {"kind": "store", "path": text[6:]}, text, of_url=True)
        # The name becomes a part of the manifest, in which no path of a machine is.
        digest = hashlib.sha256(os.fsencode(target.path)).hexdigest()
        return replace(target, name=f"store-{digest[:8]}")
    if text.startswith("s3://"):
        bucket, _, prefix = text[5:].partition("/")
        more = {"prefix": prefix} if prefix else {}
        table = {"kind": "s3", "bucket": bucket, **more}
        return _checked(text, table, _shown(text), of_url=True)
    kind, plus, url = text.partition("+")
    if kind not in KEYS and (not plus or ":" in kind or "@" in url):  # '+' may be in a password
        kind, url = "http", text
    table = {"kind": kind, "url": url}
    for key in reversed(_PLACES.get(kind, ()) if _mistaken_url(url) is None else ()):
        parts = urlsplit(table["url"])
        base, _, table[key] = parts.path.rstrip("/").rpartition("/")
        table["url"] = parts._replace(path=base).geturl()
    return _checked(text, table, _shown(text), of_url=True)


def _shown(url: str) -> str:
    """Return a URL without what may be a password or a signature in it, however wrong it is."""
    before, at, rest = url.rpartition("@")
    if at:
        scheme = _SCHEME.match(before)
        rest = f"{scheme[0] if scheme else ''}…{'' if _REST.search(before) else f'@{rest}'}"
    mark = _REST.search(rest)
    return f"{rest[: mark.end()]}…" if mark else rest


def read(file: Path) -> dict[str, Target]:
    """Return the targets of a file by name.

    Raises:
        ConfigError: it cannot be read, or a table in it is not as it has to be.
    """
    try:
        with open_regular(file, follow=True) as stream:
            data = stream.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise _unusable(str(file), f"it has more than {_LARGEST} bytes")
        document = tomllib.loads(data.decode("utf-8"))
    except OSError as error:
        raise _unusable(str(file), error.strerror or str(error)) from error
    except (ValueError, RecursionError) as error:
        raise _unusable(str(file), f"it is no TOML ({error})") from error
    odd = [f"'{key}'" for key in document if key != "target"]
    tables = document.get("target", {})
    if odd or not isinstance(tables, dict):
        remedy = "Begin each target with [target.NAME]."
        raise _unusable(str(file), f"unknown key {', '.join(odd) or 'target'}", remedy)
    return {name: _checked(name, table, str(file)) for name, table in tables.items()}


def _checked(name: str, table: Any, where: str, *, of_url: bool = False) -> Target:
    mistake = _mistake(table) if isinstance(table, dict) else ("it is no table", "")
    if mistake:
        why = mistake[0] if of_url else f"target '{name}': {mistake[0]}"
        raise _unusable(where, why, mistake[1])
    options = {key: value for key, value in table.items() if key not in _FIELDS}
    return Target(
        name=name,
        kind=table["kind"],
        url=table.get("url", "").rstrip("/"),
        send=tuple(table.get("send", (SYMBOLS,))),
        options=options,
        token=table.get("token"),
    )


_FIELDS = ("kind", "url", "send", "token")


def _mistake(table: dict[str, Any]) -> tuple[str, str] | None:
    """Return what is wrong with a target and what to do; None if nothing is."""
    kind = table.get("kind")
    if not isinstance(kind, str) or kind not in KEYS:
        return f"kind is {kind!r}", f"It is one of {', '.join(KEYS)}."
    known, needed = KEYS[kind]
    for key, value in table.items():
        if key not in known:
            return f"unknown key '{key}'", f"The keys of '{kind}' are {', '.join(sorted(known))}."
        if mistake := _mistaken_value(key, value):
            return mistake
    if "url" in table and (mistake := _mistaken_url(table["url"])):
        return mistake
    missing = [f"'{key}'" for key in sorted(needed) if not table.get(key)]
    if missing:
        return f"{', '.join(missing)} is missing", "Give it."
    if kind == "s3" and "token" in table and "access_key" not in table:
        return "'access_key' is missing", "Give it: the token is its secret key."
    return _mistaken_contents(table)


def _mistaken_contents(table: dict[str, Any]) -> tuple[str, str] | None:
    """Return what a target is sent and has no place for, as `_mistake`."""
    kind, layout = table["kind"], table.get("layout", DEFAULT_LAYOUT)
    if "layout" in KEYS[kind][0]:
        takes, what = TAKES[layout], f"layout '{layout}'"
        remedy = f"Give send = {json.dumps(takes)}, or another layout."
    else:
        takes, what = ((SYMBOLS,) if kind in _SYMBOLS_ALONE else CONTENTS), f"'{kind}'"
        remedy = f"Give send = {json.dumps(takes)}."
    odd = [content for content in table.get("send", (SYMBOLS,)) if content not in takes]
    return (f"{what} has no place for {odd[0]}", remedy) if odd else None


def _mistaken_value(key: str, value: Any) -> tuple[str, str] | None:
    if key == "token":
        return _mistaken_token(value)
    if key == "send":
        good = isinstance(value, list) and value and all(one in CONTENTS for one in value)
        return None if good else (f"send is {value!r}", f"Give a list of {', '.join(CONTENTS)}.")
    if key == "presign":
        good = isinstance(value, list) and value and all(isinstance(word, str) for word in value)
        return None if good else (f"presign is {value!r}", "Give a command: a list of words.")
    if key == "overwrite":
        good = isinstance(value, bool)
        return None if good else (f"overwrite is {value!r}", "Give true or false.")
    if key == "jobs":
        good = type(value) is int and 0 < value <= _MOST_JOBS
        return None if good else (f"jobs is {value!r}", f"Give a number from 1 to {_MOST_JOBS}.")
    if key in _NUMBERS:
        good = type(value) in (int, float) and 0 < value <= 1 << 40
        return None if good else (f"{key} is {value!r}", "Give a number above 0.")
    if key in _CHOICES and value not in _CHOICES[key]:
        return f"{key} is {value!r}", f"It is one of {', '.join(_CHOICES[key])}."
    if key in _FORMS and isinstance(value, str) and not _FORMS[key][0].fullmatch(value):
        return f"{key} is not as it has to be", _FORMS[key][1]  # it may have a password
    good = isinstance(value, str) and bool(value) and value.isprintable()
    shown = "" if key == "url" else f" {value!r}"  # a URL may have a password
    return None if good else (f"{key} is{shown or ' no text'}", "Give a text.")


def _mistaken_token(value: Any) -> tuple[str, str] | None:
    remedy = f"Give {{ {' = … } or { '.join(_TOKEN)} = true }}; never the token itself."
    if not isinstance(value, dict) or len(value) != 1 or next(iter(value)) not in _TOKEN:
        return "token does not say where it is", remedy
    ((source, place),) = value.items()
    if source == "command":
        good = isinstance(place, list) and place and all(isinstance(w, str) for w in place)
    elif source == "netrc":
        good = place is True
    else:
        good = isinstance(place, str) and bool(place)
    return None if good else (f"token: {source} is not as it has to be", remedy)


def _mistaken_url(url: str) -> tuple[str, str] | None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "url is none", "Give https://…"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "url is none of http or https", "Give https://…"
    if "@" in parts.netloc:
        return "url has a user or a password", "Name a token instead; messages show the URL."
    if port == 0:
        return "url has port 0", "Give the port on which the server listens."
    if parts.query or parts.fragment or " " in url:
        return "url has more than a path", "Take out what begins with '?' or '#', and blanks."
    return None


def _no_folder(place: str, why: str) -> ConfigError:
    remedy = "Give the path of a folder, like /srv/symbols."
    return ConfigError("cannot use a folder", where=f"'{place}'", why=why, remedy=remedy)


def _unusable(where: str, why: str, remedy: str = "") -> ConfigError:
    return ConfigError("cannot use the targets", where=f"'{where}'", why=why, remedy=remedy)
