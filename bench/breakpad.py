# SPDX-License-Identifier: MIT
"""A dump_syms of Breakpad that writes all inlined functions.

That of the npm package passes over DW_TAG_lexical_block, and so over half of them, which makes it
faster than it would be. Here its source, which is in the package, is compiled after a few edits:
the handler of an inlined function serves for a block, too, of which nothing is written, and a call
of nothing known is left out, where an assertion would end the program.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from corpus.build import cache_root, run
from oracles.peers import BREAKPAD, breakpad_package, keep

from bench.errors import BenchError

_FLAGS = ("-std=c++17", "-O2", "-w", "-DHAVE_A_OUT_H=1", "-DHAVE_GETCONTEXT=1")
EDITED = "src/common/dwarf_cu_to_module.cc"
_NEW_CHILD = (
    "return new InlineHandler(cu_context_, nullptr, offset, is_block_ ? inline_nest_level_ :"
    " inline_nest_level_ + 1, is_block_ ? inlines_ : child_inlines_, tag == DW_TAG_lexical_block);"
)
_NEW_CHILD_OF_FUNCTION = (
    "case DW_TAG_lexical_block: if (!handle_inline_) return NULL; return new InlineHandler("
    "cu_context_, nullptr, offset, 0, child_inlines_, tag == DW_TAG_lexical_block);"
)
_CHILD = r"return new InlineHandler\(cu_context_, nullptr, offset,\s+inline_nest_level_ \+ 1,"
_CHILD_OF_FUNCTION = r"return new InlineHandler\(cu_context_, nullptr, offset, 0,"
# What is found once in the source, and what stands there afterwards.
_EDITS = (
    (
        r"(int inline_nest_level,\s+vector<unique_ptr<Module::Inline>>& inlines)\)(\s+: Generic)",
        r"\1, bool is_block = false)\2",
    ),
    (r"(call_site_line_\(0\),)(\s+inline_nest_level_\()", r"\1 is_block_(is_block),\2"),
    (r"(  int call_site_line_;)", r"  bool is_block_;\n\1"),
    (rf"{_CHILD} child_inlines_\);", f"case DW_TAG_lexical_block: {_NEW_CHILD}"),
    (
        rf"if \(handle_inline_\)\s+{_CHILD_OF_FUNCTION}\s+child_inlines_\);",
        _NEW_CHILD_OF_FUNCTION,
    ),
    (
        r"(void DwarfCUToModule::InlineHandler::Finish\(\) \{)",
        r"\1 if (is_block_ || specification_offset_ == 0) return;",
    ),
)


def full_dump_syms() -> Path:
    """Return the program, compiled once into the cache.

    Raises:
        BenchError: the source is not as it was when the edits were written.
    """
    said = " ".join((BREAKPAD.sha256, *_FLAGS, *map(repr, _EDITS), run(["g++", "--version"])))
    home = cache_root() / "breakpad-full" / hashlib.sha256(said.encode()).hexdigest()[:16]
    if not home.is_dir():
        _compile(home)
    return home / "dump_syms"


def edited(text: str) -> str:
    """Return the source with all edits.

    Raises:
        BenchError: what is to be replaced is not there once.
    """
    for old, new in _EDITS:
        text, found = re.subn(old, new, text)
        if found != 1:
            raise BenchError(f"cannot build Breakpad: '{EDITED}': {found} times '{old}', not once.")
    return text


def _compile(home: Path) -> None:
    deps = breakpad_package() / "deps"
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent, prefix=".building-") as scratch:
        folder, done = Path(scratch) / "breakpad", Path(scratch) / "done"
        done.mkdir()
        shutil.copytree(deps / "breakpad/src", folder / "src")
        source = folder / EDITED
        source.write_text(edited(source.read_text(encoding="utf-8")), encoding="utf-8")
        makefile = (deps / "breakpad/Makefile.am").read_text(encoding="utf-8")
        listed = makefile.split("src_tools_linux_dump_syms_dump_syms_SOURCES = ")[1]
        files = re.findall(r"\bsrc/\S+\.cc\b", listed.split("_CXXFLAGS")[0])
        include = [f"-I{folder / 'src'}", f"-I{deps}", f"-I{deps / 'third_party'}"]

        def compile_one(file: str) -> str:
            target = str(done / (file.replace("/", "-") + ".o"))
            run(["g++", *_FLAGS, *include, "-c", str(folder / file), "-o", target])
            return target

        with ThreadPoolExecutor(2) as pool:
            objects = list(pool.map(compile_one, files))
        run(["g++", *objects, "-lz", "-lpthread", "-o", str(done / "dump_syms")])
        keep(done, home)
