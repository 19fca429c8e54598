# SPDX-License-Identifier: MIT
from typing import BinaryIO

from crashsym.engines.protocols import FunctionPart
from crashsym.splitpair import SplitPair

class Publics:
    count: int
    damage: list[tuple[str, str]]
    def write(self, stream: BinaryIO) -> None: ...

def read_publics(
    pair: SplitPair, functions: FunctionPart, *, isa_bit: bool, keep_suffixes: bool
) -> Publics: ...
