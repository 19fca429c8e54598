# SPDX-License-Identifier: MIT
"""The benchmark's own arithmetic: what it counts, judges and writes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from corpus.matrix import THUMB, X86_64, Cpu
from oracles.peers import breakpad_package

from bench import __main__ as command
from bench import breakpad, c_sources, cxx_sources
from bench.compare import CPU, USER, Compared, Measured
from bench.errors import BenchError
from bench.farm import Facts, FarmFile, Library
from bench.measure import Memory, resident, run, tree_of
from bench.objects import Sources, copies
from bench.report import Results, markdown, table
from bench.targets import MB, Verdict, verdicts
from bench.tools import (
    BREAKPAD_NAME,
    FULL_BREAKPAD,
    MOZILLA,
    OURS,
    Tool,
    complaint,
    count,
)
from bench.tools import tools as bench_tools
from bench.whole import Start, Tree

RECORDS = {"FUNC": 3, "INLINE": 2, "PUBLIC": 1, "STACK CFI": 4, "bytes": 5 * MB}
TOOL = Tool(OURS, "crashsym 1", lambda path, output: [str(path), str(output)])


def measured(cpu: float, anonymous: int = 0, complaint: str = "", system: float = 0) -> Measured:
    return Measured(
        cpu - system, cpu, cpu, Memory(2 * anonymous, anonymous), RECORDS, complaint=complaint
    )


def compared(
    name: str,
    size: float,
    seconds: dict[str, float],
    *,
    cpu: Cpu = X86_64,
    compressed: bool = False,
) -> Compared:
    file = FarmFile(name, cpu, Library(Sources("cc", "c", (), "Qz"), 1))
    tools = {tool: measured(value) for tool, value in seconds.items()}
    return Compared(file, Facts(int(size * MB), compressed), "C, 1 unit", tools)


def fast(name: str, size: float, times: float = 1) -> Compared:
    """A file on which crashsym is 10 ``times`` faster than Mozilla's and 40 than Breakpad's."""
    ours = size / 100
    seconds = {MOZILLA: times * 10 * ours, BREAKPAD_NAME: 30 * ours, FULL_BREAKPAD: 40 * ours}
    return compared(name, size, {OURS: ours, **seconds})


def of(found: list[Verdict], words: str) -> Verdict:
    [one] = [one for one in found if words in one.target]
    return one


def test_a_ratio_is_the_peers_time_by_ours() -> None:
    one = compared("a.so", 1, {OURS: 2.0, MOZILLA: 3.0})
    assert one.ratio(MOZILLA, CPU) == 1.5
    assert one.ratio(BREAKPAD_NAME, CPU) is None
    one.by_tool[OURS] = measured(2.0, system=0.5)
    assert (one.ratio(MOZILLA, USER), one.ratio(MOZILLA, CPU)) == (2.0, 1.5)


def test_a_failed_run_gives_no_ratio() -> None:
    one = compared("a.so", 1, {OURS: 2.0, MOZILLA: 3.0})
    one.by_tool[MOZILLA] = measured(0.1, complaint="exit 1: no")
    assert one.ratio(MOZILLA, CPU) is None


def test_the_worst_file_decides() -> None:
    found = verdicts([fast("good.so", 93), fast("bad.so", 381, 0.4)], None, [])
    verdict = of(found, "5x Mozilla")
    assert verdict.met is False
    assert verdict.fact == "4.00x on bad.so, 1 of 2 files below (user + system: 4.00x on bad.so)"
    assert of(found, "20x Breakpad").met is True


def test_factors_are_of_user_seconds_and_never_slower_of_all() -> None:
    one = compared("a.so", 93, {OURS: 1.2, MOZILLA: 5.0, FULL_BREAKPAD: 20.0})
    one.by_tool[OURS] = measured(1.2, system=0.2)
    found = verdicts([one], None, [])
    assert of(found, "5x Mozilla").met is True
    assert of(found, "20x Breakpad").fact == "20.00x on a.so (user + system: 16.67x on a.so)"
    one.by_tool[MOZILLA] = measured(1.1)
    assert of(verdicts([one], None, []), "never slower than mozilla").met is False


def test_each_worst_figure_has_the_name_of_its_own_file() -> None:
    busy, slow = (compared(n, 93, {OURS: 1.0, MOZILLA: 8.0}) for n in ("busy.so", "slow.so"))
    slow.by_tool[MOZILLA] = measured(7.0)
    busy.by_tool[OURS] = measured(2.0, system=1.0)
    fact = of(verdicts([busy, slow], None, []), "5x Mozilla").fact
    assert fact == "7.00x on slow.so (user + system: 4.00x on busy.so)"


def test_the_factor_is_of_the_breakpad_that_does_all_of_the_work() -> None:
    one = fast("a.so", 93)
    one.by_tool[BREAKPAD_NAME] = measured(2 * one.by_tool[OURS].cpu)
    assert of(verdicts([one], None, []), "20x Breakpad").met is True
    one.by_tool[FULL_BREAKPAD] = measured(19 * one.by_tool[OURS].cpu)
    verdict = of(verdicts([one], None, []), "20x Breakpad")
    assert verdict.met is False
    assert "all inlined calls (breakpad-full)" in verdict.target


def test_a_breakpad_of_ones_own_stands_for_the_full_one(tmp_path: Path) -> None:
    own = tmp_path / "dump_syms-1234"
    tool = next(tool for tool in bench_tools(own) if tool.name == FULL_BREAKPAD)
    assert tool.command(Path("a.so"), Path("out")) == [str(own), "-d", "a.so"]
    assert "dump_syms-1234" in tool.title


def test_breakpad_is_edited_where_the_edits_fit_or_not_at_all() -> None:
    source = breakpad_package() / "deps/breakpad" / breakpad.EDITED
    text = source.read_text(encoding="utf-8")
    assert breakpad.edited(text).count("DW_TAG_lexical_block") == 4
    with pytest.raises(BenchError, match="cannot build Breakpad"):
        breakpad.edited(text.replace("int call_site_line_;", ""))


def test_factors_are_asked_of_large_uncompressed_files_only() -> None:
    small = compared("small.so", 89, {OURS: 1, MOZILLA: 2, FULL_BREAKPAD: 2})
    packed = compared("z.so", 99, {OURS: 1, MOZILLA: 2, FULL_BREAKPAD: 2}, compressed=True)
    found = verdicts([small, packed], None, [])
    assert of(found, "5x Mozilla").met is None
    assert of(found, "never slower than mozilla").met is True


def test_the_arm_file_has_its_own_factor() -> None:
    one = compared("arm.so", 55, {OURS: 1, MOZILLA: 3.9}, cpu=THUMB)
    assert of(verdicts([one], None, []), "ARM").met is False


def test_our_own_failure_meets_no_target() -> None:
    one = fast("a.so", 93)
    one.by_tool[OURS] = measured(0.1, complaint="no FUNC record")
    verdict = of(verdicts([one, fast("b.so", 93)], None, []), "5x Mozilla")
    assert verdict.met is False
    assert "a.so" in verdict.fact


@pytest.mark.parametrize(("anonymous", "met"), [(300 * MB, True), (301 * MB, False)])
def test_memory_is_judged_by_the_anonymous_part(anonymous: int, met: bool) -> None:
    one = compared("a.so", 381, {OURS: 1})
    one.by_tool[OURS] = measured(1, anonymous)
    assert of(verdicts([one], None, []), "anonymous memory").met is met


@pytest.mark.parametrize(("large", "met"), [(0.2, True), (2.9, True), (3.1, False)])
def test_growth_is_judged_by_the_rise_of_seconds_per_mb(large: float, met: bool) -> None:
    files = [
        compared("libcxx-x86_64-20.so", 20, {OURS: 0.2}),
        compared("libcxx-x86_64-200.so", 200, {OURS: large}),
        compared("libcxx-x86_64-1.so", 1, {OURS: 9.0}),
        compared("libc-units.so", 30, {OURS: 9.0}),
    ]
    assert of(verdicts(files, None, []), "linear").met is met


def test_the_tree_and_the_start_are_judged_by_wall_time() -> None:
    tree = Tree(2, 100 * MB, {1: 1.8, 2: 1.0}, {1: Memory(), 2: Memory()})
    found = verdicts([], tree, [Start("crashsym --version", 0.16)])
    assert of(found, "two cores").met is True
    assert of(found, "command start").met is False


def test_records_are_counted_at_line_starts(tmp_path: Path) -> None:
    path = tmp_path / "a.sym"
    path.write_text(
        "MODULE Linux x86_64 0 a\nFILE 0 FUNC \nFUNC 1 1 0 f\nINLINE_ORIGIN 0 g\n"
        "INLINE 0 1 0 0 1 1\nFUNC m 2 1 0 h\nSTACK CFI INIT 1 1 .cfa: 1\n"
    )
    assert count(path) == {
        "FUNC": 2,
        "INLINE": 1,
        "PUBLIC": 0,
        "STACK CFI": 1,
        "bytes": path.stat().st_size,
    }
    assert count(tmp_path / "none.sym")["FUNC"] == 0


@pytest.mark.parametrize(
    ("code", "messages", "expected"),
    [
        (0, "", ""),
        (3, "crashsym: warning: cannot x: 'a': b. [no-unwind-info]\n", ""),
        (3, "crashsym: error: it died [crashed]\n", "exit 3: crashsym: error: it died [crashed]"),
        (-11, "", "exit -11: no message"),
    ],
)
def test_our_run_is_fair_only_without_serious_findings(
    code: int, messages: str, expected: str
) -> None:
    assert complaint(TOOL, code, messages, RECORDS) == expected


def test_an_output_without_functions_does_not_count() -> None:
    assert complaint(TOOL, 0, "", {**RECORDS, "FUNC": 0}) == "no FUNC record"


def test_exit_3_of_a_peer_is_a_failure() -> None:
    peer = Tool(MOZILLA, "", TOOL.command)
    assert complaint(peer, 3, "[no-unwind-info]", RECORDS).startswith("exit 3")


def test_a_run_tells_exit_code_and_keeps_the_output(tmp_path: Path) -> None:
    script = "import os, sys; print('out'); print('err', file=sys.stderr); os.abort()"
    out, err = tmp_path / "out", tmp_path / "err"
    done = run([sys.executable, "-u", "-c", script], out, err, watch=True)
    assert (done.exit_code, out.read_text(), err.read_text()) == (-6, "out\n", "err\n")


def test_memory_includes_children() -> None:
    child = "kept = bytearray(64 << 20); print(flush=True); input()"
    script = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        pids = list(tree_of(process.pid))
        memory = sum(map(resident, pids), Memory())
        process.communicate(b"\n")
    assert len(pids) == 2
    assert 64 << 20 <= memory.anonymous < memory.total
    assert resident(pids[1]) == Memory()


def test_copies_are_renamed_round_by_round(tmp_path: Path) -> None:
    objects = [tmp_path / "a", tmp_path / "b"]
    for path in objects:
        path.write_bytes(b"_ZN7Qz000003fooE\0" + path.name.encode())
    made = [path.read_bytes() for path in copies(objects, "Qz00000", 4, tmp_path)]
    assert made == [
        b"_ZN7Qz000003fooE\0a",
        b"_ZN7Qz000003fooE\0b",
        b"_ZN7Qz000013fooE\0a",
        b"_ZN7Qz000013fooE\0b",
    ]


def test_sources_depend_on_the_seed_alone() -> None:
    assert c_sources.translation_unit(7) == c_sources.translation_unit(7)
    assert c_sources.translation_unit(7) != c_sources.translation_unit(8)
    units = [cxx_sources.translation_unit(seed, 1, 0) for seed in (3, 3, 2, 4)]
    assert units[0] == units[1] == units[2] != units[3]


def test_a_table_aligns_figures_right() -> None:
    assert table(["a", "b"], [["x", "1"]]) == "| a | b |\n| --- | ---: |\n| x | 1 |\n"


def test_the_page_has_times_ratios_and_targets() -> None:
    one = compared("a.so", 93, {OURS: 2, MOZILLA: 3}, compressed=True)
    one.by_tool[OURS] = measured(2, 7 * MB)
    tools = [TOOL, Tool(MOZILLA, "dump_syms 2", TOOL.command)]
    page = markdown(Results(tools, 3, [one], None, [Start("crashsym --version", 0.1)]))
    assert "| a.so (compressed) | 93.0 | 2 s | 3 s | 1.50 |" in page
    assert "| a.so (compressed) | 93.0 | 7 / 14 | 0 / 0 |" in page
    assert "| never slower than mozilla, user + system | met | 1.50x on a.so |" in page
    assert "| crashsym --version | 0.100 s |" in page


@pytest.mark.parametrize(
    "options", [["--quick"], ["--files", "*arm*"], ["--only-ours"], ["--part", "tree"]]
)
def test_a_partial_call_does_not_replace_the_published_results(options: list[str]) -> None:
    args = command._parser().parse_args(options)
    assert command.output_folder(args) is None
    args = command._parser().parse_args([*options, "--output", "x"])
    assert command.output_folder(args) == Path("x")


def test_a_full_call_writes_the_published_results() -> None:
    folder = command.output_folder(command._parser().parse_args([]))
    assert folder is not None
    assert folder.parts[-2:] == ("docs", "performance")


def test_a_pattern_that_fits_no_file_is_refused() -> None:
    with pytest.raises(BenchError, match=r"'nothing\*': no file has such a name"):
        command.chosen_files(command._parser().parse_args(["--files", "nothing*"]))
