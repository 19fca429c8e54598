# SPDX-License-Identifier: MIT
"""Run a program instruction by instruction in QEMU's user-mode emulator.

Speaks GDB's remote serial protocol over a socket in a private folder (GDB manual, appendix "Remote
Protocol"; qemu: gdbstub). Nothing here reads debug information.
"""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from corpus.conformance.machines import Machine

_AT_ENTRY = 9
_PATIENCE = 60.0  # seconds for one answer


class EmulatorError(RuntimeError):
    """The emulator did not start, ended early, or gave an answer that is none."""


class Emulator:
    """A stopped program; every method leaves it stopped."""

    def __init__(self, machine: Machine, connection: socket.socket) -> None:
        self._machine = machine
        self._socket = connection
        self._input = connection.makefile("rb")

    def registers(self) -> dict[str, int]:
        """The general registers and the program counter."""
        raw = bytes.fromhex(self._ask("g").replace("x", "0"))
        size = self._machine.word
        return {
            name: self._machine.number(raw[number * size : (number + 1) * size])
            for number, name in enumerate(self._machine.registers)
        }

    def memory(self, address: int, size: int) -> bytes:
        """``size`` bytes at ``address``; fewer or none where the program has no memory."""
        answer = self._ask(f"m{address:x},{size:x}")
        return b"" if answer.startswith("E") else bytes.fromhex(answer)

    def word(self, address: int) -> int:
        """The stack word at ``address``."""
        raw = self.memory(address, self._machine.word)
        if len(raw) != self._machine.word:
            raise EmulatorError(f"no memory at {address:#x}")
        return self._machine.number(raw)

    def entry(self) -> int:
        """Where the program's own code is entered, as it was loaded (AT_ENTRY)."""
        self._socket.sendall(_packet("qXfer:auxv:read::0,1000"))
        words = self._auxiliary(self._receive_raw())
        return dict(zip(words[::2], words[1::2], strict=False))[_AT_ENTRY]

    def _auxiliary(self, raw: bytes) -> list[int]:
        if raw[:1] not in b"lm":
            raise EmulatorError(f"no auxiliary vector: {raw!r}")
        size, data = self._machine.word, raw[1:]
        return [self._machine.number(data[at : at + size]) for at in range(0, len(data), size)]

    def step(self) -> bool:
        """Execute one instruction; False when the program has ended."""
        return self._stopped(self._ask("s"))

    def run_to(self, address: int) -> bool:
        """Run until the instruction at ``address`` is next; False when the program has ended."""
        self._ask(f"Z0,{address:x},4")
        alive = self._stopped(self._ask("c"))
        if alive:
            self._ask(f"z0,{address:x},4")
        return alive

    @staticmethod
    def _stopped(answer: str) -> bool:
        if answer[:1] in ("W", "X"):
            return False
        if answer[:3] not in ("T05", "S05"):
            raise EmulatorError(f"the program stopped with {answer!r}")
        return True

    def _ask(self, text: str) -> str:
        self._socket.sendall(_packet(text))
        return self._receive_raw().decode("latin-1")

    def _receive_raw(self) -> bytes:
        """The content of the next packet, unescaped and without run-length encoding."""
        body = b""
        while True:
            byte = self._input.read(1)
            if not byte:
                raise EmulatorError("the emulator ended")
            if byte == b"$":
                body = b""
            elif byte == b"#":
                self._input.read(2)
                self._socket.sendall(b"+")
                return _decoded(body)
            elif byte != b"+" or body:
                body += byte


def _packet(text: str) -> bytes:
    return f"${text}#{sum(text.encode()) & 255:02x}".encode()


def _decoded(body: bytes) -> bytes:
    """Undo escapes (``}`` and the byte XOR 0x20) and repeats (``*`` and a count + 29)."""
    out = bytearray()
    number = 0
    while number < len(body):
        byte = body[number]
        if byte == ord("}"):
            number += 1
            out.append(body[number] ^ 0x20)
        elif byte == ord("*"):
            number += 1
            out += out[-1:] * (body[number] - 29)
        else:
            out.append(byte)
        number += 1
    return bytes(out)


@contextmanager
def started(machine: Machine, path: Path, arguments: Sequence[str]) -> Iterator[Emulator]:
    """Start ``path``, stopped before its first instruction; it ends with the context."""
    with tempfile.TemporaryDirectory() as scratch:
        address = str(Path(scratch) / "gdb")
        command = [*machine.emulator[:1], "-g", address, *machine.emulator[1:]]
        environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"}
        process = subprocess.Popen(
            [*command, str(path), *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        try:
            with _connected(process, address) as connection:
                yield Emulator(machine, connection)
        finally:
            process.kill()
            process.communicate()


def _connected(process: subprocess.Popen[bytes], address: str) -> socket.socket:
    """Connect as soon as the emulator listens."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(_PATIENCE)
    deadline = time.monotonic() + _PATIENCE
    while not Path(address).exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise EmulatorError(f"{process.args!r} does not listen")
        time.sleep(0.01)
    # The socket appears a moment before the emulator listens on it.
    while (error := connection.connect_ex(address)) == errno.ECONNREFUSED:
        if process.poll() is not None or time.monotonic() > deadline:
            raise EmulatorError(f"{process.args!r} does not listen")
        time.sleep(0.01)
    if error:
        raise EmulatorError(f"{process.args!r} does not listen: {os.strerror(error)}")
    return connection
