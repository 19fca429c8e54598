# SPDX-License-Identifier: MIT
"""The compiled engine; importing it fails where the kernel was not built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crashsym.codeaddr import has_isa_bit
from crashsym.engines import NoFunctions
from crashsym.kernel.functions import read_functions

if TYPE_CHECKING:
    from crashsym.breakpad.cpus import Cpu
    from crashsym.engines import FunctionPart, Part
    from crashsym.splitpair import SplitPair

SECTIONS = (
    ".debug_info",
    ".debug_abbrev",
    ".debug_str",
    ".debug_line_str",
    ".debug_str_offsets",
    ".debug_addr",
    ".debug_ranges",
    ".debug_rnglists",
    ".debug_line",
)


class CompiledEngine:
    """See `crashsym.engines.Engine`."""

    name = "kernel"

    def functions(
        self, pair: SplitPair, cpu: Cpu, *, inlines: bool, keep_suffixes: bool
    ) -> FunctionPart:
        """See `crashsym.engines.Engine.functions`."""
        holder = pair.holder(".debug_info")
        if holder is None:
            return NoFunctions()
        return read_functions(
            {name: holder.section_view(name) for name in SECTIONS},
            code=holder.executable_ranges,
            big=not pair.elf_file.little_endian,
            isa_bit=has_isa_bit(pair.elf_file.machine),
            inlines=inlines,
            keep_suffixes=keep_suffixes,
            load_base=pair.elf_file.load_base,
        )

    def publics(
        self, pair: SplitPair, cpu: Cpu, functions: FunctionPart, *, keep_suffixes: bool
    ) -> Part:
        """See `crashsym.engines.Engine.publics`."""
        from crashsym.engines.reference import ReferenceEngine

        return ReferenceEngine().publics(pair, cpu, functions, keep_suffixes=keep_suffixes)

    def cfi(self, pair: SplitPair, cpu: Cpu) -> Part:
        """See `crashsym.engines.Engine.cfi`."""
        from crashsym.engines.reference import ReferenceEngine

        return ReferenceEngine().cfi(pair, cpu)
