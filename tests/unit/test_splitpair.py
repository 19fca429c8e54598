"""Split pairs: which half answers, how a debug file is found, and what proves that it belongs."""

from __future__ import annotations

import lzma
import subprocess
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from builders import elf
from builders.elf import Elf, Section
from builders.encode import Format
from crashsym.debugfiles import Search, find_split_debug
from crashsym.elf import ElfFile
from crashsym.errors import InputError, MismatchError
from crashsym.splitpair import SplitPair, read_debuglink
from crashsym.tree import HalfIndex, TreeFile, scan
from support import crashsym, require_tool

FMT = Format()
FORMATS = [Format(bits, little) for bits in (32, 64) for little in (True, False)]


def symbols(fmt: Format, *names: bytes, table: str = ".symtab") -> tuple[Section, Section]:
    """Return a symbol table of that name and its strings."""
    entries, strings = elf.symbol_table(fmt, names)
    linked = f"{table}.names"
    kind = elf.DYNSYM if table == ".dynsym" else elf.SYMTAB
    return (
        Section(table, entries.data, kind, link=linked, entry_size=entries.entry_size),
        Section(linked, strings.data, elf.STRTAB),
    )


def minidebuginfo(fmt: Format, *names: bytes, machine: int = elf.X86_64) -> Section:
    """Return ``.gnu_debugdata`` with function symbols of these names."""
    sections = (elf.code(), *symbols(fmt, *names))
    embedded = Elf(sections, format=fmt, machine=machine).build()
    return Section(".gnu_debugdata", lzma.compress(embedded))


def names_of(
    folder: Path, subject: bytes, half: bytes | None = None
) -> tuple[list[str], list[str]]:
    """Return the names of the function symbols of a pair, and what is damaged."""
    damage: list[InputError] = []
    (folder / "subject").write_bytes(subject)
    (folder / "half").write_bytes(half or subject)
    with ElfFile(folder / "subject") as elf_file, ElfFile(folder / "half") as split_debug:
        pair = SplitPair(elf_file, split_debug if half else None)
        found = pair.function_symbols(damage.append)
    return [symbol.name for symbol in found], [error.why for error in damage]


@pytest.mark.parametrize("fmt", FORMATS, ids=str)
def test_the_fullest_symbol_table_is_taken(tmp_path: Path, fmt: Format) -> None:
    dynamic = symbols(fmt, b"dynamic", table=".dynsym")
    static, mini = symbols(fmt, b"static"), minidebuginfo(fmt, b"mini")

    def module(*sections: Section) -> bytes:
        return elf.module(*sections, fmt=fmt)

    half = module(*symbols(fmt, b"half"))
    assert names_of(tmp_path, module(*static, mini, *dynamic), half) == (["half"], [])
    assert names_of(tmp_path, module(*static, mini, *dynamic), module()) == (["static"], [])
    assert names_of(tmp_path, module(mini, *dynamic), module()) == (["mini", "dynamic"], [])
    assert names_of(tmp_path, module(mini)) == (["mini"], [])
    assert names_of(tmp_path, module(*dynamic)) == (["dynamic"], [])
    assert names_of(tmp_path, module()) == ([], [])


_INNER = Elf((elf.code(), *symbols(FMT, b"mini"))).build()
DAMAGED_MINI = {
    "no xz stream": b"nothing of the kind",
    "half a stream": lzma.compress(_INNER)[:-30],
    "no ELF file": lzma.compress(b"text"),
    "half an ELF file": lzma.compress(_INNER[:200]),
    "a bomb": lzma.compress(bytes(50_000_000)),
    "another CPU": minidebuginfo(FMT, b"mini", machine=elf.ARM).data,
    "another word size": minidebuginfo(Format(32), b"mini").data,
    "another byte order": minidebuginfo(Format(64, little_endian=False), b"mini").data,
}


@pytest.mark.parametrize("data", DAMAGED_MINI.values(), ids=DAMAGED_MINI)
def test_damaged_minidebuginfo_costs_itself_alone(tmp_path: Path, data: bytes) -> None:
    dynamic = symbols(FMT, b"dynamic", table=".dynsym")
    found, damage = names_of(tmp_path, elf.module(Section(".gnu_debugdata", data), *dynamic))
    assert found == ["dynamic"]
    assert len(damage) == 1


def test_minidebuginfo_inside_of_minidebuginfo_is_not_followed(tmp_path: Path) -> None:
    inner = Elf((elf.code(), minidebuginfo(FMT, b"deep"))).build()
    subject = elf.module(Section(".gnu_debugdata", lzma.compress(inner)))
    assert names_of(tmp_path, subject) == ([], [])


def test_a_symtab_that_cannot_be_read_counts_as_not_there(tmp_path: Path) -> None:
    table, strings = symbols(FMT, b"static")
    broken = Section(".symtab", table.data, elf.SYMTAB, link=table.link, size=1 << 40)
    subject = elf.module(*symbols(FMT, b"dynamic", table=".dynsym"), broken, strings)
    found, damage = names_of(tmp_path, subject)
    assert found == ["dynamic"]
    assert len(damage) == 1


def test_minidebuginfo_made_by_the_usual_tools(tmp_path: Path) -> None:
    """The steps of Fedora's and OE's packaging; nm says which symbols the program had."""
    gcc, objcopy, nm = (require_tool(t, "binutils") for t in ("gcc", "objcopy", "nm"))
    program, mini = tmp_path / "program", tmp_path / "mini"
    source = "static __attribute__((noinline)) int hidden(int n) { return n * 3; }\n"
    source += "__attribute__((noinline)) int seen(int n) { return hidden(n) + 1; }\n"
    source += "int main(void) { return seen(4); }\n"
    command = [gcc, "-g", "-O1", "-fno-ipa-icf", "-x", "c", "-", "-o", str(program)]
    subprocess.run(command, input=source.encode(), check=True)
    wanted = subprocess.run([nm, program], capture_output=True, check=True, text=True).stdout
    defined = {
        words[2]: words[0] for line in wanted.splitlines() if len(words := line.split()) == 3
    }
    subprocess.run([objcopy, "-S", "--remove-section=.comment", program, mini], check=True)
    subprocess.run([objcopy, "--only-keep-debug", program, mini], check=True)
    subprocess.run([objcopy, "--strip-debug", "--remove-section=.comment", mini], check=True)
    (tmp_path / "mini.xz").write_bytes(lzma.compress(mini.read_bytes()))
    subprocess.run([objcopy, "-S", program], check=True)
    subprocess.run(
        [objcopy, "--add-section", f".gnu_debugdata={tmp_path / 'mini.xz'}", program], check=True
    )
    done = crashsym("dump", program)
    assert done.returncode == 3, done.stderr  # it has no debug information
    publics = {
        words[3]: int(words[1], 16)
        for line in done.stdout.decode().splitlines()
        if (words := line.split())[0] == "PUBLIC"
    }
    for name in ("hidden", "seen", "main"):
        assert publics[name] == int(defined[name], 16)


# Debug links


def linked(fmt: Format, name: bytes, target: bytes, *extra: Section) -> bytes:
    """Return a stripped file without build id that points to a debug file."""
    padded = (name + b"\0").ljust((len(name) + 4) & ~3, b"\0")
    link = Section(".gnu_debuglink", padded + fmt.number(zlib.crc32(target), 4))
    return Elf((elf.text(64), link, *extra), format=fmt).build()


def search(subject: Path, *folders: Path) -> Search:
    """Look for the debug file of a file."""
    with ElfFile(subject) as elf_file:
        return find_split_debug(elf_file, list(folders))


def half_of(fmt: Format = FMT, *, note: Sequence[Section] = ()) -> bytes:
    """Return a debug half without build id, unless one is given."""
    sections = (elf.code(), *note, Section(".debug_info", b"x"))
    return Elf(sections, format=fmt).build()


@pytest.mark.parametrize("fmt", FORMATS, ids=str)
def test_a_debug_file_with_the_right_checksum_is_found(tmp_path: Path, fmt: Format) -> None:
    half = half_of(fmt)
    (tmp_path / "app").write_bytes(linked(fmt, b"app.dbg", half))
    (tmp_path / "app.dbg").write_bytes(half)
    assert search(tmp_path / "app") == Search(tmp_path / "app.dbg")


def test_a_debug_file_with_another_checksum_is_refused_and_said(tmp_path: Path) -> None:
    (tmp_path / "app").write_bytes(linked(FMT, b"app.dbg", half_of()))
    (tmp_path / "app.dbg").write_bytes(half_of() + b"\0")
    found = search(tmp_path / "app")
    assert found.found is None
    assert [type(error) for error in found.refused] == [MismatchError]
    wanted = f"CRC is {zlib.crc32(half_of() + bytes(1)):08x}, wanted {zlib.crc32(half_of()):08x}"
    assert wanted in found.refused[0].why
    done = crashsym("dump", tmp_path / "app")
    assert done.returncode == 3
    assert b"error: its debug file is not used: " in done.stderr
    assert b"[mismatch]" in done.stderr
    assert done.stdout.startswith(b"MODULE ")


def test_the_search_goes_on_behind_a_debug_file_of_another_build(tmp_path: Path) -> None:
    half, folder = half_of(), tmp_path / "debug"
    folder.mkdir()
    (tmp_path / "app").write_bytes(linked(FMT, b"app.dbg", half))
    (folder / "app.dbg").write_bytes(half + b"\0")
    (tmp_path / "app.dbg").write_bytes(half)
    found = search(tmp_path / "app", folder)
    assert found.found == tmp_path / "app.dbg"
    assert len(found.refused) == 1
    assert b"mismatch" not in crashsym("dump", tmp_path / "app", "--debug-dir", folder).stderr


def test_equal_build_ids_need_no_checksum(tmp_path: Path) -> None:
    note = elf.build_id(FMT)
    (tmp_path / "app").write_bytes(linked(FMT, b"app.dbg", b"another file", note))
    (tmp_path / "app.dbg").write_bytes(half_of(note=[note]))
    assert search(tmp_path / "app") == Search(tmp_path / "app.dbg")


def test_another_build_id_is_refused_whatever_the_checksum(tmp_path: Path) -> None:
    half = half_of(note=[elf.build_id(FMT, bytes(range(20, 40)))])
    (tmp_path / "app").write_bytes(linked(FMT, b"app.dbg", half, elf.build_id(FMT)))
    (tmp_path / "app.dbg").write_bytes(half)
    assert search(tmp_path / "app").found is None


def test_a_build_id_tree_is_searched(tmp_path: Path) -> None:
    place = tmp_path / "debug" / ".build-id" / elf.BUILD_ID.hex()[:2]
    place.mkdir(parents=True)
    (tmp_path / "app").write_bytes(Elf((elf.text(), elf.build_id(FMT))).build())
    half = place / f"{elf.BUILD_ID.hex()[2:]}.debug"
    half.write_bytes(half_of(note=[elf.build_id(FMT)]))
    assert search(tmp_path / "app", tmp_path / "debug") == Search(half)
    half.write_bytes(half_of(note=[elf.build_id(FMT, bytes(range(20, 40)))]))
    assert search(tmp_path / "app", tmp_path / "debug").found is None


@pytest.mark.parametrize(
    "place",
    [
        "debug/BELOW/app.dbg",
        "debug/BELOW/.debug/app.dbg",
        "debug/app.dbg",
        "debug/app.dbg.debug",
        "debug/.debug/app.dbg",
        "debug/BELOW/app",
        "debug/BELOW/.debug/app",
        "debug/app",
        "debug/app.debug",
        "debug/.debug/app",
        "bin/.debug/app.dbg",
        "bin/app.dbg",
        "bin/.debug/app",
    ],
)
def test_each_place_is_searched(tmp_path: Path, place: str) -> None:
    """BELOW is the folder of the file, as it is in a tree of debug files."""
    folder = tmp_path / "bin"
    half = tmp_path / place.replace("BELOW", str(folder.relative_to("/")))
    for needed in (folder, tmp_path / "debug", half.parent):
        needed.mkdir(parents=True, exist_ok=True)
    half.write_bytes(half_of())
    (folder / "app").write_bytes(linked(FMT, b"app.dbg", half_of()))
    assert search(folder / "app", tmp_path / "debug") == Search(half)


def test_without_build_ids_the_same_code_is_proof(tmp_path: Path) -> None:
    stripped, whole, other = (tmp_path / name for name in ("stripped", "whole", "other"))
    info, text = Section(".debug_info", b"x"), elf.text(64)
    stripped.write_bytes(Elf((text,)).build())
    whole.write_bytes(Elf((text, info)).build())
    other.write_bytes(Elf((replace(text, data=bytes(64)), info)).build())
    with ElfFile(stripped) as ours, ElfFile(whole) as theirs:
        assert SplitPair(ours, theirs).split_debug is theirs
    refused = pytest.raises(MismatchError, match="neither has a build id")
    with ElfFile(stripped) as ours, ElfFile(other) as theirs, refused:
        SplitPair(ours, theirs)


def test_a_stripped_copy_is_no_debug_file(tmp_path: Path) -> None:
    copy = Elf((elf.text(), elf.build_id(FMT))).build()
    (tmp_path / "copies").mkdir()
    (tmp_path / ".debug").mkdir()
    (tmp_path / "app").write_bytes(copy)
    (tmp_path / "copies" / "app").write_bytes(copy)
    (tmp_path / ".debug" / "app").write_bytes(half_of(note=[elf.build_id(FMT)]))
    found = search(tmp_path / "app", tmp_path / "copies", tmp_path)
    assert found == Search(tmp_path / ".debug" / "app")


@pytest.mark.parametrize(
    "data", [b"", b"\0", b"name", b"name\0", b"name\0\0\0\0crc", b"n" * 4096, b"\0\0\0\0\1\2\3"]
)
def test_a_debug_link_that_is_cut_off_is_none(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "app"
    file.write_bytes(elf.module(Section(".gnu_debuglink", data or b"\0")))
    with ElfFile(file) as elf_file:
        assert read_debuglink(elf_file) is None


def test_a_debug_link_is_a_name_and_no_way_out(tmp_path: Path) -> None:
    file = tmp_path / "app"
    file.write_bytes(linked(FMT, b"../../etc/name", b""))
    with ElfFile(file) as elf_file:
        assert read_debuglink(elf_file) == ("name", 0)


def test_objcopy_agrees_on_the_debug_link(tmp_path: Path) -> None:
    objcopy = require_tool("objcopy", "binutils")
    flags = ["-g", "-shared", "-nostdlib", "-Wl,--build-id=none", "-x", "c", "-", "-o"]
    command = [require_tool("gcc"), *flags, str(tmp_path / "app")]
    subprocess.run(command, input=b"int f(void) { return 1; }", check=True)
    half = tmp_path / "app.debug"
    subprocess.run([objcopy, "--only-keep-debug", tmp_path / "app", half], check=True)
    link = f"--add-gnu-debuglink={half}"
    subprocess.run([objcopy, "--strip-debug", link, tmp_path / "app"], check=True)
    assert search(tmp_path / "app") == Search(tmp_path / "app.debug")


def test_a_tree_is_searched_by_the_debug_link_too(tmp_path: Path) -> None:
    half = half_of()
    for place in ("usr/bin", "usr/lib/debug/usr/bin"):
        (tmp_path / place).mkdir(parents=True)
    (tmp_path / "usr/bin/app").write_bytes(linked(FMT, b"other.dbg", half))
    (tmp_path / "usr/lib/debug/usr/bin/other.dbg").write_bytes(half)
    tree = scan(tmp_path, [], packages=False, exclude=())
    with ElfFile(tmp_path / "usr/bin/app") as elf_file:
        link = read_debuglink(elf_file)
    (subject,) = tree.subjects
    assert isinstance(subject, TreeFile)
    index = HalfIndex(tree.halves)
    assert index.find(subject, None) is None
    assert index.find(subject, None, link) == tmp_path / "usr/lib/debug/usr/bin/other.dbg"
