# SPDX-License-Identifier: MIT
"""What Python code may use of the parts of this folder, which `setup.py` joins."""

from typing import BinaryIO

from crashsym.breakpad.cpus import Cpu
from crashsym.dwarf.inputs import DebugInputs
from crashsym.engines.protocols import FunctionPart
from crashsym.splitpair import SplitPair

# ---- cfi

class Cfi:
    count: int
    code_bytes: int
    damage: list[tuple[str, str]]
    def write(self, stream: BinaryIO) -> None: ...

def read_cfi(pair: SplitPair, cpu: Cpu) -> Cfi: ...

# ---- functions

class Functions:
    functions: int
    lines: int
    inlines: int
    function_bytes: int
    line_bytes: int
    has_lines: bool
    @property
    def damage(self) -> list[tuple[str, str]]: ...
    def covers(self, address: int) -> bool: ...
    def mark(self, address: int) -> None: ...
    def write(self, stream: BinaryIO) -> None: ...

def read_functions(
    inputs: DebugInputs, *, isa_bit: bool, inlines: bool, keep_suffixes: bool, load_base: int
) -> Functions: ...

# ---- symbols

class Publics:
    count: int
    damage: list[tuple[str, str]]
    def write(self, stream: BinaryIO) -> None: ...

def read_publics(
    pair: SplitPair, functions: FunctionPart, *, isa_bit: bool, keep_suffixes: bool
) -> Publics: ...

# ---- for tests

def ask_all(names: list[bytes]) -> list[bytes | None]: ...
def demangle_here(name: bytes) -> bytes | None: ...
def tidy(*parts: bytes) -> bytes: ...
