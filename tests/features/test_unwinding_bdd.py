# SPDX-License-Identifier: MIT
"""Steps for unwind rules: what a user sees of them in the symbol file."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from crashsym.breakpad.reader import read
from crashsym.breakpad.records import CfiRecord
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection
from pytest_bdd import given, parsers, scenarios, then, when
from support import crashsym, require_tool

scenarios("unwinding.feature")

ARM = "arm-linux-gnueabihf-"
LIBRARY = """
extern "C" int vendor_calls_back(int (*callback)(int), int value) {
  int first = callback(value);
  return callback(first + value) * first;
}
"""
PROGRAM = '#include <stdio.h>\nint main() { return puts("lazy") < 0; }\n'


@dataclass
class Subject:
    """The folder of one scenario; where its functions and its section are; the last run."""

    folder: Path
    functions: dict[str, int] = field(default_factory=dict)
    section: tuple[int, int] = (0, 0)
    last: subprocess.CompletedProcess[bytes] | None = None

    @property
    def result(self) -> subprocess.CompletedProcess[bytes]:
        assert self.last is not None
        return self.last

    def record_at(self, address: int) -> CfiRecord:
        [record] = [
            record
            for record in read(self.result.stdout).cfi
            if record.address <= address < record.address + record.size
        ]
        return record


@pytest.fixture
def subject(tmp_path: Path) -> Subject:
    return Subject(tmp_path)


def _run(subject: Subject, *command: str) -> None:
    subprocess.run(command, cwd=subject.folder, check=True, capture_output=True)


def _compile_library(subject: Subject, name: str) -> None:
    require_tool(f"{ARM}g++", "g++-arm-linux-gnueabihf")
    (subject.folder / "vendor.cc").write_text(LIBRARY)
    flags = ("-O2", "-g", "-shared", "-fPIC", "-Wl,--build-id=sha1")
    _run(subject, f"{ARM}g++", *flags, "vendor.cc", "-o", name)
    with (subject.folder / name).open("rb") as stream:
        table = ELFFile(stream).get_section_by_name(".symtab")
        assert isinstance(table, SymbolTableSection)
        # Without the bit that says Thumb.
        subject.functions = {s.name: s["st_value"] & ~1 for s in table.iter_symbols()}


@given(parsers.parse('the library "{name}" for 32-bit Arm, stripped of everything'))
def stripped_library(subject: Subject, name: str) -> None:
    _compile_library(subject, name)
    _run(subject, f"{ARM}strip", name)


@given(
    parsers.parse('the library "{name}" for 32-bit Arm, stripped, with its debug file in ".debug"')
)
def split_library(subject: Subject, name: str) -> None:
    _compile_library(subject, name)
    (subject.folder / ".debug").mkdir()
    _run(subject, f"{ARM}objcopy", "--only-keep-debug", name, f".debug/{name}")
    _run(subject, f"{ARM}strip", name)


@given(parsers.parse('the program "{name}" for x86-64 with a lazy procedure linkage table'))
def lazy_program(subject: Subject, name: str) -> None:
    compiler = require_tool("x86_64-linux-gnu-gcc", "gcc")
    (subject.folder / "lazy.c").write_text(PROGRAM)
    flags = ("-g", "-no-pie", "-fcf-protection=none", "-Wl,-z,lazy", "-Wl,--build-id=sha1")
    _run(subject, compiler, *flags, "lazy.c", "-o", name)
    with (subject.folder / name).open("rb") as stream:
        elf = ELFFile(stream)
        section = elf.get_section_by_name(".plt")
        assert section is not None
        base = next(s["p_vaddr"] for s in elf.iter_segments() if s["p_type"] == "PT_LOAD")
        subject.section = (section["sh_addr"] - base, section["sh_size"])


@when(parsers.parse('I run "crashsym dump {name}"'))
def dump(subject: Subject, name: str) -> None:
    subject.last = crashsym("dump", name, cwd=subject.folder)


@then(parsers.parse("the exit code is {code:d}"))
def exit_code(subject: Subject, code: int) -> None:
    assert subject.result.returncode == code, subject.result.stderr.decode()


@then(parsers.parse('stderr does not say "{text}"'))
def not_said(subject: Subject, text: str) -> None:
    assert text not in subject.result.stderr.decode()


@then(
    parsers.parse(
        'there are unwind rules for "{name}" that restore "{register}" and the return address'
    )
)
def rules_of_function(subject: Subject, name: str, register: str) -> None:
    record = subject.record_at(subject.functions[name])
    assert record.address == subject.functions[name]
    assert ".ra: .cfa -4 + ^" in record.rules
    assert f" {register}: .cfa " in record.rules


@then(parsers.parse('the unwind rules for "{name}" follow its prologue'))
def rules_follow(subject: Subject, name: str) -> None:
    record = subject.record_at(subject.functions[name])
    assert record.rules == ".cfa: sp 0 + .ra: lr"
    assert any(".ra: .cfa -4 + ^" in rules for _, rules in record.deltas)


@then('there are unwind rules at each instruction of its section ".plt"')
def rules_of_section(subject: Subject) -> None:
    start, size = subject.section
    assert size >= 32
    record = subject.record_at(start)
    assert (record.address, record.size) == (start, size)
    assert record.deltas[-1][1] == ".cfa: $rsp 8 + $rip 0 + 16 % 5 + 16 / 8 * +"
