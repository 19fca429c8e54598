"""What other tools make of the containers that symbols come in."""

from __future__ import annotations

from pathlib import Path

import pytest
from builders import elf
from builders.encode import Format
from crashsym.elf import ElfFile
from symbolic.debuginfo import Archive

pytestmark = pytest.mark.oracle

# symbolic refuses CPUs that it does not know; these are those of either byte order.
CPUS = {(32, False): elf.PPC, (64, False): 21, (32, True): elf.ARM, (64, True): elf.X86_64}


@pytest.mark.parametrize("build_id", [elf.BUILD_ID, bytes(range(1, 9))], ids=len)
@pytest.mark.parametrize(("bits", "little"), CPUS)
def test_symbolic_has_the_alternate_debug_id(
    tmp_path: Path, bits: int, little: bool, build_id: bytes
) -> None:
    fmt = Format(64 if bits == 64 else 32, little)
    file = tmp_path / "module.so"
    sections = (elf.text(64), elf.build_id(fmt, build_id))
    file.write_bytes(elf.Elf(sections, machine=CPUS[bits, little], format=fmt).build())
    (theirs,) = Archive.open(str(file)).iter_objects()
    with ElfFile(file) as ours:
        assert ours.identifier is not None
        wanted = ours.alternate_debug_id or ours.identifier.debug_id
    assert f"{theirs.debug_id.replace('-', '').upper()}0" == wanted
