# SPDX-License-Identifier: MIT
"""C++ names that may explode: the kernel asks a process of its own for all of a file at once."""

from __future__ import annotations

import importlib.util
import io
import signal
from contextlib import suppress
from pathlib import Path

import pytest

if importlib.util.find_spec("crashsym.kernel.joined") is None:
    pytest.skip("the kernel was not built", allow_module_level=True)

from builders import dwarf, elf
from builders.cxa import cxa_demangle
from builders.dwarf import Attribute, Die, Dwarf
from builders.elf import Elf, Section
from builders.encode import Format
from builders.engines import both
from builders.functions import names, read
from builders.names import doubling_cxx
from crashsym.demangle.apart import Apart
from crashsym.demangle.itanium import is_harmless
from crashsym.demangle.limits import LONGEST
from crashsym.dwarf.inputs import DebugInputs
from crashsym.elf import ElfFile
from crashsym.engines.compiled import CompiledEngine
from crashsym.kernel.joined import ask_all, demangle_here

FMT = Format()
ENDLESS = b"_Z1aIXsriED"  # libstdc++ 12 never comes back
GREEDY = doubling_cxx(22).encode()


def risky(number: int) -> bytes:
    """Return a name that neither the kernel nor this process may make readable."""
    name = b"_Z1f%dxIiEDTplfp_Li%dEET_" % (number, number)
    name = name.replace(b"1f", b"%d" % (len(str(number)) + 2) + b"f", 1)
    assert not is_harmless(name.decode())
    assert demangle_here(name) is None
    return name


GOOD = [risky(number) for number in range(40)]


def cxa_text(name: str) -> str | None:
    found = cxa_demangle(name.encode())
    return None if found is None else found.decode()


def readable(name: bytes) -> bytes:
    found = cxa_demangle(name)
    assert found is not None
    return found


def test_all_are_answered_in_order() -> None:
    assert ask_all(GOOD) == [readable(name) for name in GOOD]
    assert ask_all([]) == []


def test_what_is_no_name_has_no_answer() -> None:
    assert ask_all([GOOD[0], b"_Zbroken", b"", GOOD[1]]) == [
        readable(GOOD[0]),
        None,
        None,
        readable(GOOD[1]),
    ]


@pytest.mark.parametrize("bad", [ENDLESS, GREEDY], ids=["endless", "greedy"])
def test_a_name_that_explodes_costs_that_name(bad: bytes) -> None:
    assert ask_all([bad, *GOOD]) == [None, *(readable(name) for name in GOOD)]
    assert ask_all([GOOD[0], bad]) == [readable(GOOD[0]), None]


def test_after_three_names_that_never_end_no_more_are_tried() -> None:
    good = readable(GOOD[0])
    endless = [ENDLESS.replace(b"1a", b"1%c" % letter) for letter in b"abc"]
    asked = [endless[0], GOOD[0], endless[1], GOOD[1], endless[2], GOOD[2], GOOD[0]]
    assert ask_all(asked) == [None, good, None, readable(GOOD[1]), None, None, good]


def test_a_name_is_asked_once() -> None:
    assert ask_all([ENDLESS] * 9 + [GOOD[0]]) == [None] * 9 + [readable(GOOD[0])]


def test_more_answers_than_the_two_processes_share() -> None:
    """Each of these is some 50 000 bytes, and the memory of both has room for 80 of them."""
    long = [b"_Z1z" + doubling_cxx(13)[4:].encode() + b"i" * number for number in range(200)]
    expected = [cxa_demangle(name) for name in long]
    assert min(len(text) for text in expected if text) > 40_000
    assert ask_all(long) == expected


@pytest.mark.parametrize("levels", range(9, 16))
def test_an_answer_longer_than_a_name_may_be_is_none(levels: int) -> None:
    name = doubling_cxx(levels).encode()
    text = readable(name)
    assert ask_all([name]) == [text if len(text) <= LONGEST else None]


def test_the_other_process_has_all_of_many_names() -> None:
    """Their text is kept where large arrays are, which forked processes do not get else."""
    many = [risky(number) for number in range(40_000)]
    assert sum(map(len, many)) > 1 << 20
    answers = ask_all(many)
    assert None not in answers
    assert answers[::4000] == [readable(name) for name in many[::4000]]


def _children() -> list[str]:
    """Return the processes of this one. Source: proc(5), /proc/PID/task/TID/children."""
    lists = Path("/proc/self/task").glob("*/children")
    return sorted(child for one in lists for child in one.read_text().split())


def test_no_process_is_left() -> None:
    before = _children()
    ask_all([ENDLESS, GOOD[0]])
    assert _children() == before


# ---- in files


def _function(address: int, linkage: bytes, name: bytes | None, *calls: Die) -> Die:
    attributes: list[Attribute] = [
        (dwarf.LINKAGE_NAME, dwarf.STRING, linkage),
        (dwarf.LOW_PC, dwarf.ADDR, address),
        (dwarf.HIGH_PC, dwarf.DATA4, 16),
    ]
    if name is not None:
        attributes.append((dwarf.NAME, dwarf.STRING, name))
    return Die(dwarf.SUBPROGRAM, attributes, calls or None)


def _file(*functions: Die) -> bytes:
    info = Dwarf(FMT)
    root = [(dwarf.NAME, dwarf.STRING, b"a.cc")]
    info.unit(Die(dwarf.COMPILE_UNIT, [*root], functions))
    return Elf((elf.code(), elf.build_id(FMT), *info.sections()), format=FMT).build()


def test_functions_have_the_answers(tmp_path: Path) -> None:
    functions = (_function(0x1000 + 16 * n, name, b"f") for n, name in enumerate(GOOD[:8]))
    found = names(read(tmp_path / "a", _file(*functions)))
    assert list(found.values()) == [readable(name).decode() for name in GOOD[:8]]


@pytest.mark.parametrize("bad", [ENDLESS, b"_Z1fIDTplfp_E"], ids=["endless", "broken"])
def test_without_an_answer_a_function_is_called_by_its_name(tmp_path: Path, bad: bytes) -> None:
    functions = [_function(0x1000, bad, b"f"), _function(0x1010, bad, None)]
    functions += [_function(0x1020, bad, b"g"), _function(0x1030, GOOD[0], b"h")]
    found = names(read(tmp_path / "a", _file(*functions)))
    assert list(found.values()) == ["f", bad.decode(), "g", readable(GOOD[0]).decode()]


def test_one_name_of_which_each_function_has_another(tmp_path: Path) -> None:
    """That has no answer, so that each is called by its own, and work grows with their number."""
    texts = [b"%d" % number for number in range(3000)]
    functions = [
        Die(
            dwarf.SUBPROGRAM,
            [
                (dwarf.LINKAGE_NAME, dwarf.STRP, 1),
                (dwarf.NAME, dwarf.STRING, b"f" + text),
                (dwarf.LOW_PC, dwarf.ADDR, 0x1000 + number),
                (dwarf.HIGH_PC, dwarf.DATA1, 1),
            ],
        )
        for number, text in enumerate(texts)
    ]
    info = Dwarf(FMT)
    info.unit(Die(dwarf.COMPILE_UNIT, [(dwarf.NAME, dwarf.STRING, b"a.cc")], functions))
    strings = Section(".debug_str", b"\0" + ENDLESS + b"\0")
    parts = (elf.code(), elf.build_id(FMT), *info.sections(), strings)
    found = names(read(tmp_path / "a", Elf(parts, format=FMT).build()))
    assert list(found.values()) == [f"f{text.decode()}" for text in texts]


def test_names_that_are_too_long_together_cost_no_other_unit(tmp_path: Path) -> None:
    innocent = [dwarf.function(0x1000 + 16 * n, 16, b"innocent%d" % n) for n in range(100)]
    long = [
        _function(
            0x1800 + n, b"_Z%dzX%d" % (2 + len(str(n)), n) + doubling_cxx(12).encode()[4:], b"f"
        )
        for n in range(300)
    ]
    info = Dwarf(FMT)
    for functions in (innocent, long):
        info.unit(Die(dwarf.COMPILE_UNIT, [(dwarf.NAME, dwarf.STRING, b"a.cc")], functions))
    path = tmp_path / "a"
    path.write_bytes(Elf((elf.code(), elf.build_id(FMT), *info.sections()), format=FMT).build())
    with ElfFile(path) as elf_file:
        part = CompiledEngine().functions(
            DebugInputs(elf_file), elf_file.load_base, inlines=True, keep_suffixes=False
        )
        stream = io.BytesIO()
        part.write(stream)
    assert stream.getvalue().count(b" innocent") == 100


def test_a_process_ends_with_blocked_signals() -> None:
    """Whoever starts us may have blocked them, and the other process has inherited that."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGPROF])
    try:
        assert ask_all([ENDLESS, GOOD[0]]) == [None, readable(GOOD[0])]
        apart = Apart(lambda name: cxa_text(name))
        assert [apart(name.decode()) for name in (ENDLESS, GOOD[0])] == [
            None,
            readable(GOOD[0]).decode(),
        ]
        apart.stop()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def test_a_signal_is_heard_while_the_other_process_works() -> None:
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        with pytest.raises(KeyboardInterrupt):
            _ask_until_interrupted()
    finally:
        signal.signal(signal.SIGALRM, before)


def _ask_until_interrupted() -> None:
    for number in range(100):
        with suppress(OSError):  # no answers, since the process was ended
            ask_all([ENDLESS.replace(b"1a", b"2a%d" % (number % 10))])


def test_each_file_has_limits_of_its_own(tmp_path: Path) -> None:
    endless = [ENDLESS.replace(b"1a", b"1%c" % letter) for letter in b"abcdef"]
    for number in range(2):
        asked = [*endless[3 * number :][:3], GOOD[0]]
        functions = (_function(0x1000 + 16 * n, name, b"f") for n, name in enumerate(asked))
        found = names(read(tmp_path / str(number), _file(*functions)))
        assert list(found.values()) == ["f"] * 4
        good = _file(_function(0x1000, GOOD[1], b"f"))
        assert list(names(read(tmp_path / "good", good)).values()) == [readable(GOOD[1]).decode()]


def test_inlined_calls_have_the_answers(tmp_path: Path) -> None:
    info = Dwarf(FMT)
    header, size = 11, len(GOOD[0]) + 1

    def call(address: int, place: int) -> Die:
        at: list[Attribute] = [(dwarf.LOW_PC, dwarf.ADDR, address), (dwarf.HIGH_PC, dwarf.DATA4, 1)]
        return Die(dwarf.INLINED, [*at, (dwarf.ABSTRACT_ORIGIN, dwarf.REF4, place)])

    def named(linkage: bytes) -> Die:
        return Die(dwarf.SUBPROGRAM, [(dwarf.LINKAGE_NAME, dwarf.STRING, linkage)])

    first = header + 1 + len(b"a.cc") + 1  # behind the unit's own entry
    second = first + 1 + size
    calls = (call(0x1000, first), call(0x1004, second), call(0x1008, first))
    function = dwarf.function(0x1000, 16, b"f", *calls)
    root = [(dwarf.NAME, dwarf.STRING, b"a.cc")]
    info.unit(Die(dwarf.COMPILE_UNIT, [*root], [named(GOOD[0]), named(ENDLESS), function]))
    data = Elf((elf.code(), elf.build_id(FMT), *info.sections()), format=FMT).build()
    [found] = read(tmp_path / "a", data).functions
    answers = [readable(GOOD[0]).decode(), ENDLESS.decode()]
    assert [call.name for call in found.inlines] == [answers[0], answers[1], answers[0]]


def test_symbols_have_the_answers() -> None:
    asked = [b"_Z1fv", GOOD[0], b"plain", ENDLESS, GOOD[1] + b"@@V1", b"_Z1gv", GOOD[2]]
    data = elf.module(*elf.symbol_table(FMT, asked))
    engines = both(lambda engine, pair, cpu: engine.publics(pair, cpu, _Nothing(), **_PLAIN), data)
    shown = [line.split(" ", 3)[3] for line in engines[0].splitlines()]
    good = [readable(name).decode() for name in GOOD[:3]]
    assert shown == ["f()", good[0], "plain", ENDLESS.decode(), good[1], "g()", good[2]]


_PLAIN = {"keep_suffixes": False}


class _Nothing:
    """A module without functions; see `FunctionPart`."""

    functions = lines = inlines = function_bytes = line_bytes = 0
    has_lines = False
    damage = ()

    def covers(self, address: int) -> bool:
        return False

    def mark(self, address: int) -> None:
        raise NotImplementedError

    def write(self, stream: object) -> None:
        raise NotImplementedError
