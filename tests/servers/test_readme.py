"""The page about the servers names every step and every fault."""

from __future__ import annotations

import re
from pathlib import Path

from servers.faults import FAULTS
from servers.samples import SAMPLES

PAGE = Path(__file__).with_name("README.md").read_text(encoding="utf-8")


def test_every_step_is_on_the_page() -> None:
    rows = re.findall(r"^\| `(\w+Server)` \| ([^|]+) \|", PAGE, re.MULTILINE)
    assert {name: steps.split(", ") for name, steps in rows} == {
        kind.__name__: [f"{step.name} S" if step.stores else step.name for step in kind.STEPS]
        for kind in SAMPLES
    }


def test_every_fault_is_on_the_page() -> None:
    table = PAGE.split("## Faults")[1].split("## ")[0]
    named = re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE)[1:]
    assert ", ".join(named).split(", ") == [*FAULTS]
