# SPDX-License-Identifier: MIT
from typing import BinaryIO

from crashsym.dwarf.inputs import DebugInputs

class Functions:
    functions: int
    lines: int
    inlines: int
    has_lines: bool
    @property
    def damage(self) -> list[tuple[str, str]]: ...
    def covers(self, address: int) -> bool: ...
    def mark(self, address: int) -> None: ...
    def write(self, stream: BinaryIO) -> None: ...

def read_functions(
    inputs: DebugInputs, *, isa_bit: bool, inlines: bool, keep_suffixes: bool, load_base: int
) -> Functions: ...
