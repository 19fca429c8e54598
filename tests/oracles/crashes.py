"""A program that crashes for real and leaves a minidump, as it would on a target.

Breakpad's client library is compiled from the source in the npm package, once, into the cache. The
program and its library are split and stripped as OE does it before they run.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from corpus.build import cache_root, run
from oracles.peers import (
    BREAKPAD,
    breakpad_package,
    breakpad_stackwalk,
    keep,
    require_x86_64,
    rust_stackwalk,
)

SOURCES = Path(__file__).parent.parent / "corpus" / "crash"
LIBRARY = "libcorpuscrash.so.1"
CLIENT_FLAGS = ("-std=c++17", "-O1", "-w", "-DHAVE_GETCONTEXT=1")


@dataclass(frozen=True)
class Frame:
    """One line of a stack: ``trust`` is how the unwinder found it."""

    module: str
    function: str
    file: str
    line: int
    trust: str


def client_library() -> Path:
    """Breakpad's client library for this machine, an archive."""
    require_x86_64()
    said = " ".join((BREAKPAD.sha256, *CLIENT_FLAGS, run(["g++", "--version"])))
    home = cache_root() / "breakpad-client" / hashlib.sha256(said.encode()).hexdigest()[:16]
    if not home.is_dir():
        _compile_client(home)
    return home / "libbreakpad_client.a"


def includes() -> list[str]:
    """Compiler options for the headers of Breakpad's client."""
    deps = breakpad_package() / "deps"
    return [f"-I{deps / 'breakpad/src'}", f"-I{deps}"]


def _compile_client(home: Path) -> None:
    source = breakpad_package() / "deps/breakpad"
    makefile = (source / "Makefile.am").read_text(encoding="utf-8")
    listed = makefile.split("src_client_linux_libbreakpad_client_a_SOURCES = ")[1]
    files = re.findall(r"\bsrc/\S+\.cc\b", listed.split("if !HAVE_GETCONTEXT")[0])
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent, prefix=".building-") as scratch:
        done = Path(scratch) / "done"
        done.mkdir()
        for file in files:
            target = done / (file.replace("/", "-") + ".o")
            run(["g++", *CLIENT_FLAGS, *includes(), "-c", str(source / file), "-o", str(target)])
        objects = sorted(map(str, done.glob("*.o")))
        run(["ar", "rcs", str(done / "libbreakpad_client.a"), *objects])
        keep(done, home)


def install(root: Path) -> None:
    """Build the program and its library into ``root``, split and stripped, each with ``.debug``."""
    programs, libraries = root / "usr/bin", root / "usr/lib"
    for folder in (programs, libraries):
        (folder / ".debug").mkdir(parents=True)
    library, program = libraries / f"{LIBRARY}.0.0", programs / "crash"
    flags = ["-O2", "-g", "-fPIC", "-Wl,--build-id=sha1"]
    soname = ["-shared", f"-Wl,-soname,{LIBRARY}"]
    run(["g++", *flags, *soname, str(SOURCES / "library.cc"), "-o", str(library)])
    (libraries / LIBRARY).symlink_to(library.name)
    archives = [str(libraries / LIBRARY), str(client_library()), "-lpthread"]
    source = str(SOURCES / "crash.cc")
    run(["g++", *flags, "-w", *includes(), source, *archives, "-o", str(program)])
    for file in (library, program):
        _split(file)


def _split(file: Path) -> None:
    debug = file.parent / ".debug" / file.name
    run(["objcopy", "--only-keep-debug", str(file), str(debug)])
    run(["objcopy", f"--add-gnu-debuglink={debug}", str(file)])
    run(["strip", "--remove-section=.comment", "--remove-section=.note", str(file)])


def crash(root: Path, where: str, folder: Path) -> Path:
    """Let the program crash in its ``first`` or ``second`` thread; return the minidump."""
    folder.mkdir()
    environment = {**os.environ, "LD_LIBRARY_PATH": str(root / "usr/lib")}
    command = [str(root / "usr/bin/crash"), str(folder), where]
    done = subprocess.run(command, env=environment, check=False, capture_output=True)
    assert done.returncode < 0, f"it did not crash: exit {done.returncode}"
    (minidump,) = folder.glob("*.dmp")
    return minidump


def breakpad_stack(minidump: Path, store: Path) -> list[Frame]:
    """The crashed thread as Breakpad's minidump_stackwalk prints it."""
    text = run([str(breakpad_stackwalk()), str(minidump), str(store)])
    match = re.search(r"^Thread \d+ \(crashed\)\n(.*?)\n\n", text, re.MULTILINE | re.DOTALL)
    assert match, text
    chunks = re.split(r"^ ?\d+  ", match[1], flags=re.MULTILINE)[1:]
    return [_breakpad_frame(chunk) for chunk in chunks]


_TRUST = {
    "given as instruction pointer in context": "context",
    "inline record": "inline",
    "call frame info": "cfi",
}


def _breakpad_frame(chunk: str) -> Frame:
    head = chunk.splitlines()[0]
    how = chunk.rsplit("Found by: ", 1)[1].strip()
    trust = _TRUST.get(how, how)
    match = re.fullmatch(r"(\S+?)!(.*) \[(.*) : (\d+) \+ 0x[0-9a-f]+\]", head)
    if not match:
        module, _, function = head.rpartition(" + 0x")[0].partition("!")
        return Frame(module, function, "", 0, trust)
    return Frame(match[1], match[2], match[3], int(match[4]), trust)


def rust_stack(minidump: Path, store: Path) -> list[Frame]:
    """The crashed thread as rust-minidump's minidump-stackwalk reports it."""
    options = ["--json", "--symbols-path", str(store)]
    document = json.loads(run([str(rust_stackwalk()), *options, str(minidump)]))
    frames: list[Frame] = []
    for frame in document["crashing_thread"]["frames"]:
        module, inlines = frame["module"], frame["inlines"] or ()
        frames += [_rust_frame(module, inline, "inline") for inline in inlines]
        frames.append(_rust_frame(module, frame, frame["trust"]))
    return frames


def _rust_frame(module: str | None, found: dict[str, str | int | None], trust: str) -> Frame:
    function, file, line = found["function"], found["file"], found["line"]
    return Frame(module or "", str(function or ""), str(file or ""), int(line or 0), trust)


def line_of(file: str, text: str) -> int:
    """The number of the one line of ``file`` that contains ``text``."""
    lines = (SOURCES / file).read_text(encoding="utf-8").splitlines()
    (number,) = (n for n, line in enumerate(lines, start=1) if text in line)
    return number


def up_to(frames: list[Frame], last: str) -> list[Frame]:
    """``frames`` up to the function ``last``."""
    for number, frame in enumerate(frames):
        if re.search(rf"\b{last}\b", frame.function):
            return frames[: number + 1]
    pytest.fail(f"{last} is not on the stack: {frames}")
