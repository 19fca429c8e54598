# SPDX-License-Identifier: MIT
"""What four independent readers of DWARF say of each address: function, file, line, inlined calls.

addr2line reads with BFD (binutils), eu-addr2line with libdw (elfutils), llvm-symbolizer with LLVM's
DebugInfo library and gdb with its own reader. None shares its DWARF code with another.
"""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from corpus.build import run
from corpus.conformance.names import demangle, normal_path


@dataclass(frozen=True)
class Frame:
    """A function and a place in it: of the instruction, or of the call inlined there.

    ``function`` is demangled. Empty strings and the line 0 mean that the tool does not know.
    """

    function: str
    file: str
    line: int


# Innermost first; the last one is the function that has the code. Empty: the tool knows nothing.
Answer = tuple[Frame, ...]
Answers = dict[int, Answer]

_PLACE = re.compile(r"(.*?):(\d+|\?)(?::\d+)?(?: \(discriminator \d+\))?$")
_INLINED = re.compile(r"(.*) inlined (?:at .* )?in .*")
_MAPPING = re.compile(r"\$[atdx](\..*)?")
_GDB = Path(__file__).with_name("ask_gdb.py")


def _place(text: str) -> tuple[str, int]:
    match = _PLACE.match(text)
    if not match or match[1] == "??":
        return "", 0
    return match[1], 0 if match[2] == "?" else int(match[2])


def ask_addr2line(path: Path, addresses: Sequence[int]) -> Answers:
    """Ask binutils' addr2line."""
    return _ask_in_lines(["addr2line", "-a", "-i", "-f", "-e", str(path)], addresses)


def ask_eu_addr2line(path: Path, addresses: Sequence[int]) -> Answers:
    """Ask elfutils' eu-addr2line."""
    return _ask_in_lines(["eu-addr2line", "-a", "-i", "-f", "-A", "-e", str(path)], addresses)


def _ask_in_lines(command: list[str], addresses: Sequence[int]) -> Answers:
    """Ask a tool that answers with the address and two lines for each frame."""
    asked = "".join(f"{address:#x}\n" for address in addresses)
    # eu-addr2line exits with 1 after an address that it does not know.
    done = subprocess.run(command, input=asked, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1) or done.stderr:
        raise RuntimeError(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr}")
    found: Answers = {}
    lines = done.stdout.splitlines()
    address = 0
    number = 0
    while number < len(lines):
        if lines[number].startswith("0x"):
            address = int(lines[number], 16)
            found[address] = ()
            number += 1
            continue
        name = _INLINED.sub(r"\1", lines[number])
        name = "" if name == "??" else name.split("+0x")[0]
        found[address] += (Frame(name, *_place(lines[number + 1])),)
        number += 2
    return _tidy(found)


def ask_llvm(path: Path, addresses: Sequence[int]) -> Answers:
    """Ask llvm-symbolizer for its JSON."""
    options = ["--inlines", "--no-demangle", "--output-style=JSON", f"--obj={path}"]
    asked = "".join(f"{address:#x}\n" for address in addresses)
    done = subprocess.run(
        ["llvm-symbolizer", *options], input=asked, capture_output=True, text=True, check=True
    )
    found: Answers = {}
    for line in done.stdout.splitlines():
        for answer in json.loads(line) if line.startswith("[") else [json.loads(line)]:
            found[int(answer["Address"], 16)] = tuple(
                Frame(frame["FunctionName"], frame["FileName"], frame["Line"])
                for frame in answer.get("Symbol", ())
            )
    return _tidy(found)


def ask_gdb(path: Path, addresses: Sequence[int]) -> Answers:
    """Ask gdb's Python interface; it does not tell the place of an inlined call."""
    with tempfile.TemporaryDirectory() as scratch:
        question, answer = Path(scratch, "question"), Path(scratch, "answer")
        question.write_text(json.dumps(list(addresses)))
        words = f"QUESTION, ANSWER = {str(question)!r}, {str(answer)!r}"
        command = ["gdb-multiarch", "-nx", "-batch", "-ex", f"python {words}"]
        run([*command, "-x", str(_GDB), str(path)])
        given = json.loads(answer.read_text())
    return _tidy({int(a): tuple(Frame(*frame) for frame in frames) for a, frames in given.items()})


def _tidy(answers: Answers) -> Answers:
    """Demangle the names, normalise the paths, and leave out frames that say nothing.

    Without a line, a file name alone is that of a STT_FILE symbol, not of debug information.
    """
    names = demangle(frame.function for frames in answers.values() for frame in frames)
    # $a, $t, $d and $x mark a change of code within a function; they name nothing.
    names |= {name: "" for name in names if _MAPPING.fullmatch(name)}
    nothing = Frame("", "", 0)
    return {
        address: tuple(
            Frame(names[f.function], normal_path(f.file) if f.line or "/" in f.file else "", f.line)
            for f in frames
            if f != nothing
        )
        for address, frames in answers.items()
    }


TOOLS: dict[str, Callable[[Path, Sequence[int]], Answers]] = {
    "addr2line": ask_addr2line,
    "eu-addr2line": ask_eu_addr2line,
    "llvm-symbolizer": ask_llvm,
    "gdb-multiarch": ask_gdb,
}
