# SPDX-License-Identifier: MIT
from typing import BinaryIO

from crashsym.breakpad.cpus import Cpu
from crashsym.splitpair import SplitPair

class Cfi:
    count: int
    damage: list[tuple[str, str]]
    def write(self, stream: BinaryIO) -> None: ...

def read_cfi(pair: SplitPair, cpu: Cpu) -> Cfi: ...
