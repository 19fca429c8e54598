# SPDX-License-Identifier: MIT
"""The programs that are compared: how each is called, and whether what it wrote is sane."""

from __future__ import annotations

import mmap
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import crashsym as library
import pytest
from corpus.build import run
from corpus.matrix import Cpu
from oracles.peers import BREAKPAD, breakpad_dump_syms, mozilla_dump_syms
from oracles.repairs import with_debug_addr

from bench.breakpad import full_dump_syms
from bench.errors import BenchError

OURS, MOZILLA, BREAKPAD_NAME, FULL_BREAKPAD = "crashsym", "mozilla", "breakpad", "breakpad-full"
COUNTED = ("FUNC", "INLINE", "PUBLIC", "STACK CFI")

# Findings about what a file lacks do not make its symbol file less than it can be.
_HARMLESS = {"no-unwind-info", "no-build-id"}
_FINDINGS = 3


@dataclass(frozen=True)
class Tool:
    """One program. ``command`` makes the symbol file of the first path at the second.

    ``repair`` returns the input, or a copy of it in the folder given, that the tool reads right.
    """

    name: str
    title: str
    command: Callable[[Path, Path], list[str]]
    to_stdout: bool = False
    repair: Callable[[Path, Path, Cpu], Path] | None = None

    def prepared(self, path: Path, folder: Path, cpu: Cpu) -> Path:
        """Return the input for this tool."""
        return self.repair(path, folder, cpu) if self.repair else path


def crashsym() -> str:
    """Return the path of our command beside this Python, its modules compiled as pip does it.

    Where nobody has, or PYTHONDONTWRITEBYTECODE is set, each run would compile them anew.
    """
    path = Path(sys.executable).parent / "crashsym"
    if not path.is_file():
        raise BenchError(
            f"cannot measure: '{path}': no such file. Run 'scripts/setup bench', then use"
            " '.venv/bin/python -m bench'."
        )
    run([sys.executable, "-m", "compileall", "-q", str(Path(library.__file__).parent)])
    return str(path)


def tools(full: Path | None = None) -> tuple[Tool, ...]:
    """Return ours and the peers, the peers downloaded and compiled if need be.

    ``full`` is a dump_syms of Breakpad that somebody has built of newer sources, to be measured in
    place of that which `bench.breakpad` makes: the one that npm has leaves out the inlined
    functions below a DW_TAG_lexical_block.
    """
    ours = crashsym()
    try:
        mozilla, breakpad = str(mozilla_dump_syms()), str(breakpad_dump_syms())
        complete = full or full_dump_syms()
    except (pytest.skip.Exception, pytest.fail.Exception) as reason:
        raise BenchError(f"cannot compare: the peers: {reason}") from reason
    origin = f"npm {BREAKPAD.name} {BREAKPAD.version}"
    return (
        Tool(
            OURS,
            run([ours, "--version"]).strip(),
            lambda path, output: [ours, "dump", str(path), "-o", str(output)],
        ),
        Tool(
            MOZILLA,
            f"Mozilla's {run([mozilla, '--version']).strip()} --inlines -j 1",
            lambda path, out: [mozilla, "--inlines", "-j", "1", str(path), "-o", str(out)],
        ),
        _breakpad(BREAKPAD_NAME, breakpad, origin),
        _breakpad(FULL_BREAKPAD, str(complete), full.name if full else f"{origin}, edited"),
    )


def _breakpad(name: str, path: str, origin: str) -> Tool:
    return Tool(
        name,
        f"Breakpad's dump_syms -d ({origin})",
        lambda elf, _: [path, "-d", str(elf)],
        to_stdout=True,
        repair=with_debug_addr,
    )


def count(symbols: Path) -> dict[str, int]:
    """Return how many records of each kind a symbol file has, and its size as ``bytes``."""
    size = symbols.stat().st_size if symbols.is_file() else 0
    if not size:
        return dict.fromkeys((*COUNTED, "bytes"), 0)
    with symbols.open("rb") as stream, mmap.mmap(stream.fileno(), 0, prot=mmap.PROT_READ) as data:
        found = {kind: len(re.findall(b"\n%b " % kind.encode(), data)) for kind in COUNTED}
    return {**found, "bytes": size}


def complaint(tool: Tool, exit_code: int, messages: str, records: dict[str, int]) -> str:
    """Return why a run is no fair measurement; nothing if it is one."""
    fair = (0, _FINDINGS) if tool.name == OURS and _codes(messages) <= _HARMLESS else (0,)
    if exit_code not in fair:
        last = (messages.strip() or "no message").splitlines()[-1]
        return f"exit {exit_code}: {last}"
    return "" if records["FUNC"] else "no FUNC record"


def _codes(messages: str) -> set[str]:
    """Return the codes of the findings that our command printed."""
    return set(re.findall(r"\[([a-z-]+)\]$", messages, re.MULTILINE))
