# SPDX-License-Identifier: MIT
"""Each finding of an image is provoked, says its remedy, and is gone once the remedy is applied."""

from __future__ import annotations

import hashlib
import json
import lzma
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from builders import upx
from crashsym.elf import ElfFile
from support import REPOSITORY, require_tool

SCHEMA = json.loads((REPOSITORY / "docs/reference/crashsym-image-1.schema.json").read_text())
FINDINGS = (REPOSITORY / "docs/reference/findings.md").read_text()
APP = "/usr/bin/app"
C = """
__attribute__((noinline)) int twice(int n) { return n + n; }
int main(int argc, char **argv) { return twice(argc); }
"""
LIBRARY = "int {name}(int n) {{ return n * {number}; }}\n"
NOPS = ".text\n.globl f\n{head}f:\n{begin}.rept 9000\nnop\n.endr\nret\n{end}{tail}"
DESCRIBED = (".type f, @function\n", ".cfi_startproc\n", ".cfi_endproc\n", ".size f, .-f\n")
MOVED = "SECTIONS { .note.gnu.build-id : { *(.note.gnu.build-id) } } INSERT AFTER .eh_frame;"
# crashsym whose reader of one file is killed
KILLED = """
import os, signal, sys
from crashsym import onefile
usual = onefile.dump_module
def killed(pair, *rest):
    if pair.elf_file.path.name == "bad":
        os.kill(os.getpid(), signal.SIGKILL)
    return usual(pair, *rest)
onefile.dump_module = killed
from crashsym.cli.main import main
sys.exit(main())
"""


class Device:
    """A root file system with the database of dpkg, debug halves beside it, and what came out."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root, self.halves = folder / "root", folder / "dbg"
        self.store, self.manifest = folder / "store", folder / "m.json"
        self.command = [sys.executable, "-m", "crashsym"]
        self.halves.mkdir()
        self.keep_store = False

    def place(self, path: str) -> Path:
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        return file

    def compile(self, *options: str, path: str = APP, source: str = C, kind: str = "c") -> Path:
        """Compile a file into the root."""
        file = self.place(path)
        command = [require_tool("gcc"), "-Wl,--build-id", *(options or ("-g",)), "-o", str(file)]
        subprocess.run([*command, "-x", kind, "-"], input=source.encode(), check=True)
        return file

    def library(self, name: str, number: int, *options: str) -> Path:
        flags = ("-g", "-shared", "-fPIC", *options)
        source = LIBRARY.format(name=name, number=number)
        return self.compile(*flags, path=f"/usr/lib/{name}.so", source=source)

    def call(self, tool: str, *arguments: str | Path) -> None:
        subprocess.run([require_tool(tool), *arguments], check=True, cwd=self.root)

    def package(self) -> None:
        """Let the database of packages have all files as they are now."""
        files = [file for file in self.root.rglob("*") if file.is_file()]
        found = {f"/{file.relative_to(self.root)}": file.read_bytes() for file in files}
        info = self.root / "var/lib/dpkg/info"
        info.mkdir(parents=True, exist_ok=True)
        digests = {p: hashlib.md5(d, usedforsecurity=False).hexdigest() for p, d in found.items()}
        status = "Package: all\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n"
        (info.parent / "status").write_text(status)
        (info / "all.list").write_text("".join(f"{path}\n" for path in digests))
        sums = "".join(f"{digest}  {path[1:]}\n" for path, digest in digests.items())
        (info / "all.md5sums").write_text(sums)

    def run(self, *options: str | Path) -> dict[str, list[dict[str, str]]]:
        """Return the findings by their codes; the store is new, as that of the image class is."""
        if not self.keep_store and self.store.exists():
            shutil.rmtree(self.store)
        places = ("--debug-root", self.halves, "--store", self.store, "--manifest", self.manifest)
        command = [*self.command, "image", self.root, *places, "--json", *options]
        if os.geteuid() == 0:  # without the rights that let root pass by the modes of files
            rights = "-dac_override,-dac_read_search"
            command = [require_tool("setpriv", "util-linux"), "--bounding-set", rights, *command]
        done = subprocess.run(command, capture_output=True, check=False, timeout=600)
        document = json.loads(done.stdout)
        found: dict[str, list[dict[str, str]]] = {}
        for finding in document["findings"]:
            found.setdefault(finding["code"], []).append(finding)
        assert done.returncode == (3 if found else 0), done.stderr.decode()
        return found


Options = tuple["str | Path", ...]
# Makes a device with the fault, or changes it to be as the remedy says; returns options.
Case = Callable[[Device, bool], Options]


def no_build_id(device: Device, fault: bool) -> Options:
    device.compile("-g", *(["-Wl,--build-id=none"] if fault else []))
    return ()


def no_debug_info(device: Device, fault: bool) -> Options:
    device.compile("-g0" if fault else "-g")
    return ()


def no_lines(device: Device, fault: bool) -> Options:
    program = device.compile()
    if fault:
        device.call("objcopy", "--remove-section=.debug_line", program)
    return ()


def no_unwind_info(device: Device, fault: bool) -> Options:
    flags = ("-fno-asynchronous-unwind-tables",) if fault else ()
    library = device.library("f", 3, "-nostdlib", *flags)
    if fault:
        device.call("objcopy", "--remove-section=.debug_frame", library)
    return ()


def late_build_id(device: Device, fault: bool) -> Options:
    (device.folder / "moved.ld").write_text(MOVED)
    device.compile("-g", *([f"-Wl,-T,{device.folder}/moved.ld"] if fault else []))
    return ()


def split(device: Device) -> None:
    half = device.halves / "usr/bin/.debug/app"
    half.parent.mkdir(parents=True, exist_ok=True)
    device.call("objcopy", "--only-keep-debug", device.place(APP), half)
    device.call("strip", "--strip-debug", device.place(APP))


def mismatch(device: Device, fault: bool) -> Options:
    device.compile("-g", "-O2")
    split(device)
    if fault:
        device.compile("-g0", "-O0")
    return ()


def missing_debug_file(device: Device, fault: bool) -> Options:
    common = device.folder / "elsewhere/.dwz/all"
    if not fault:
        return ("--debug-root", common.parents[1])
    common.parent.mkdir(parents=True)
    libraries = [device.library(name, 3) for name in ("one", "two")]
    device.call("dwz", "-m", common, "-M", "/usr/lib/debug/.dwz/all", *libraries)
    return ()


def unreadable(device: Device, fault: bool) -> Options:
    device.compile().chmod(0o000 if fault else 0o755)
    return ()


def malformed(device: Device, fault: bool) -> Options:
    program = device.compile()
    if fault:
        with ElfFile(program) as file:
            section = file.section(".debug_info")
        assert section is not None
        data = bytearray(program.read_bytes())
        middle = section.file_offset + section.size // 2
        data[middle : middle + 32] = bytes([0x7F] * 32)
        program.write_bytes(data)
    return ()


def unsupported(device: Device, fault: bool) -> Options:
    module = device.place("/lib/modules/6/x.ko")
    packed = module.with_name("x.ko.xz")
    source = (
        'char info[] __attribute__((section(".modinfo"))) = "license=GPL"; int f(void) {return 1;}'
    )
    device.compile("-g", "-r", "-nostdlib", path="/lib/modules/6/x.ko", source=source)
    packed.unlink(missing_ok=True)
    if fault:
        packed.write_bytes(lzma.compress(module.read_bytes()))
        module.unlink()
        device.compile()
    return ()


def packed(device: Device, fault: bool) -> Options:
    program = device.compile()
    if fault:
        program.write_bytes(upx.pack(program.read_bytes()))
    return ()


def conflict(device: Device, fault: bool) -> Options:
    device.keep_store = True
    device.compile()
    if fault:
        device.package()
        device.run()
    (symbols,) = device.store.rglob("*.sym")
    symbols.write_text("MODULE\n") if fault else symbols.unlink()
    return ()


def crashed(device: Device, fault: bool) -> Options:
    device.command = [sys.executable, "-c", KILLED]
    device.compile()
    device.compile(path="/usr/bin/bad")
    return () if fault else ("--exclude", "/usr/bin/bad")


def changed(device: Device, fault: bool) -> Options:
    device.compile()
    split(device)
    device.package()
    if fault:
        device.call("strip", "--remove-section=.comment", device.place(APP))
    return ()


def unowned(device: Device, fault: bool) -> Options:
    device.compile()
    device.package()
    if fault:
        device.compile(path="/usr/bin/made")
    return ()


def duplicate_build_id(device: Device, fault: bool) -> Options:
    same = [f"-Wl,--build-id=0x{'ab' * 20}"] if fault else []
    for number, name in enumerate(("one", "two"), 3):
        source = "".join(LIBRARY.format(name=f"{name}{n}", number=n) for n in range(number))
        flags = ("-g", "-shared", "-fPIC", *same)
        device.compile(*flags, path=f"/usr/lib/{name}.so", source=source)
    return ()


def worse(device: Device, fault: bool) -> Options:
    old = device.folder / "old.json"
    device.compile()
    if fault:
        device.package()
        device.run()
        device.manifest.rename(old)
        device.compile("-g0")
    return ("--baseline", old)


def low_coverage(device: Device, fault: bool) -> Options:
    head, begin, end, tail = 4 * ("",) if fault else DESCRIBED
    (device.folder / "f.s").write_text(NOPS.format(head=head, begin=begin, end=end, tail=tail))
    device.compile("-g", "-Wa,-g", "-x", "assembler", f"{device.folder}/f.s")
    return ()


def stale(device: Device, fault: bool) -> Options:
    device.keep_store = True
    device.compile()
    if fault:
        tool = device.compile(path="/usr/bin/tool")
        device.package()
        device.run()
        tool.unlink()
    else:
        shutil.rmtree(device.store / "tool")
    return ("--policy", "stale=warning")


def unused_excuse(device: Device, fault: bool) -> Options:
    device.compile()
    rules = device.folder / "rules.toml"
    excuse = "[[rule]]\npath = '/gone'\nlevel = 'excused'\nreason = 'r'\nexpires = 9999-12-31\n"
    rules.write_text(excuse if fault else "")
    return ("--policy", "unused-excuse=warning", "--policy", rules)


# Code: how to come by it, and what both the message and the reference say to do.
CASES: dict[str, tuple[Case, str]] = {
    "no-build-id": (no_build_id, "-Wl,--build-id"),
    "no-debug-info": (no_debug_info, "-g"),
    "no-lines": (no_lines, "-g1"),
    "no-unwind-info": (no_unwind_info, "-funwind-tables"),
    "late-build-id": (late_build_id, "Look for a linker script"),
    "mismatch": (mismatch, "Rebuild"),
    "missing-debug-file": (missing_debug_file, "--debug-root"),
    "unreadable": (unreadable, "Give the building user the right"),
    "malformed": (malformed, "Rebuild"),
    "unsupported": (unsupported, "CONFIG_MODULE_COMPRESS_NONE=y"),
    "packed": (packed, "Let no recipe and no hook of the image run"),
    "conflict": (conflict, "emove that file and repeat the command"),
    "crashed": (crashed, "Exclude it"),
    "changed": (changed, "its recipe do"),
    "unowned": (unowned, "Let a recipe package it"),
    "duplicate-build-id": (duplicate_build_id, "Link each file on its own"),
    "worse": (worse, "Look for what its recipe, or the options of its compiler, changed"),
    "low-coverage": (low_coverage, "assembler needs"),
    "stale": (stale, "Remove them, or give each image a store of its own"),
    "unused-excuse": (unused_excuse, "Delete the rule, or correct its patterns"),
}


def test_no_finding_of_an_image_is_left_out() -> None:
    codes = SCHEMA["properties"]["findings"]["items"]["properties"]["code"]["enum"]
    assert sorted(CASES) == sorted(codes)


@pytest.mark.parametrize("code", CASES)
def test_a_finding_is_said_with_its_remedy_and_goes_away_with_it(tmp_path: Path, code: str) -> None:
    case, remedy = CASES[code]
    device = Device(tmp_path)
    options = case(device, True)
    if code not in ("changed", "unowned"):  # these are about what is done after packaging
        device.package()
    found = device.run(*options)
    also = {"no-debug-info"} if code == "worse" else set()  # what it comes down to
    assert set(found) == {code} | also, found
    for finding in found[code]:
        assert remedy in finding["message"]
    (row,) = re.findall(rf"^\| `{code}` .*$", FINDINGS, re.MULTILINE)
    assert remedy.strip(".") in row.replace("`", "")
    options = case(device, False)
    device.package()
    assert device.run(*options) == {}
