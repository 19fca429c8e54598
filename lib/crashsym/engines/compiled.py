# SPDX-License-Identifier: MIT
"""The compiled engine; importing it fails where the kernel was not built."""

from __future__ import annotations

import sys

from crashsym.codeaddr import has_isa_bit
from crashsym.kernel.joined import read_cfi, read_functions, read_publics

TYPE_CHECKING = False
if TYPE_CHECKING:
    from crashsym.breakpad.cpus import Cpu
    from crashsym.dwarf.inputs import DebugInputs
    from crashsym.engines.protocols import CfiPart, FunctionPart, Part
    from crashsym.splitpair import SplitPair


def _begin_table() -> None:
    """Like the reference, see `crashsym.demangle.begin_table`; few files need that package."""
    if "crashsym.demangle" in sys.modules:
        from crashsym.demangle import begin_table

        begin_table()


class CompiledEngine:
    """See `crashsym.engines.protocols.Engine`."""

    name = "kernel"

    def functions(
        self, inputs: DebugInputs, load_base: int, *, inlines: bool, keep_suffixes: bool
    ) -> FunctionPart:
        """See `crashsym.engines.protocols.Engine.functions`."""
        _begin_table()
        return read_functions(
            inputs,
            isa_bit=has_isa_bit(inputs.elf_file.machine),
            inlines=inlines,
            keep_suffixes=keep_suffixes,
            load_base=load_base,
        )

    def publics(
        self, pair: SplitPair, cpu: Cpu, functions: FunctionPart, *, keep_suffixes: bool
    ) -> Part:
        """See `crashsym.engines.protocols.Engine.publics`."""
        machine = pair.elf_file.machine
        if machine == "EM_PPC64" and pair.elf_file.section(".opd") is not None:
            from crashsym.engines.reference import ReferenceEngine

            reference = ReferenceEngine()
            return reference.publics(pair, cpu, functions, keep_suffixes=keep_suffixes)
        isa_bit = has_isa_bit(machine)
        _begin_table()
        return read_publics(pair, functions, isa_bit=isa_bit, keep_suffixes=keep_suffixes)

    def cfi(self, pair: SplitPair, cpu: Cpu) -> CfiPart:
        """See `crashsym.engines.protocols.Engine.cfi`."""
        return read_cfi(pair, cpu)
