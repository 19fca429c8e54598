# SPDX-License-Identifier: MIT
from collections.abc import Iterable, Mapping
from typing import BinaryIO

class Functions:
    functions: int
    lines: int
    inlines: int
    @property
    def damage(self) -> list[tuple[str, str]]: ...
    def covers(self, address: int) -> bool: ...
    def write(self, stream: BinaryIO) -> None: ...

def read_functions(
    sections: Mapping[str, bytes | memoryview],
    *,
    code: Iterable[tuple[int, int]],
    big: bool,
    isa_bit: bool,
    inlines: bool,
    keep_suffixes: bool,
    load_base: int,
) -> Functions: ...
