"""What fuzzing has found stays fixed, and a short run of it finds nothing."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

if importlib.util.find_spec("crashsym.kernel.joined") is None:
    pytest.skip("the kernel was not built", allow_module_level=True)

from builders.functions import read_with_problems
from fuzz.mutate import mutated
from fuzz.pairs import Pair, pairs
from fuzz.runner import Runner
from fuzz.seeds import Seed, built, seed_of
from fuzz.targets import Disagreement, Result, agree, differential

FOLDER = Path(__file__).parent.parent / "fuzz/regressions"
LARGEST = 4096
SEEDS = built()
PAIRS = pairs()
ROUNDS = 60  # mutations of each seed


def _notes() -> dict[str, str]:
    lines = (FOLDER / "notes.txt").read_text().splitlines()
    return dict(line.split(": ", 1) for line in lines)


def _files() -> list[Path]:
    return sorted([*FOLDER.glob("*.elf"), *FOLDER.glob("*.pair")])


def test_each_file_is_small_and_has_a_note() -> None:
    files = {file.stem: file.stat().st_size for file in _files()}
    assert files.keys() == _notes().keys()
    assert max(files.values()) <= LARGEST


@pytest.mark.parametrize("file", _files(), ids=lambda file: file.stem)
def test_a_file_that_was_a_bug_is_none_any_more(file: Path) -> None:
    differential(file.read_bytes())


@pytest.mark.parametrize("seed", [*SEEDS, *PAIRS], ids=lambda seed: seed.name)
def test_both_engines_agree_on_damaged_files(seed: Seed) -> None:
    for number in range(ROUNDS):
        differential(mutated(seed, number))


def test_the_seeds_are_read_by_both_engines() -> None:
    for seed in (*SEEDS, *PAIRS):
        differential(seed.data)


def test_the_other_file_of_a_pair_is_read(tmp_path: Path) -> None:
    """Also where that of another pair was before, in the same folder."""
    for seed in PAIRS:
        pair = _pair(seed.data)
        path = pair.written(tmp_path)
        table, problems = read_with_problems(path)
        assert (table.damage, problems) == ((), ())
        (tmp_path / pair.name).unlink()
        _, [problem] = read_with_problems(path)
        assert problem.code == "missing-debug-file"


def _pair(data: bytes) -> Pair:
    pair = Pair.parted(data)
    assert pair is not None
    return pair


@pytest.mark.parametrize("seed", PAIRS, ids=lambda seed: seed.name)
def test_the_other_file_of_a_pair_is_damaged_alone_or_both_are(seed: Seed) -> None:
    whole = _pair(seed.data)
    made = [_pair(mutated(seed, number)) for number in range(100)]
    assert {(pair.name, len(pair.main)) for pair in made} == {(whole.name, len(whole.main))}
    assert len({pair.other for pair in made}) > 30
    assert (len({pair.main for pair in made}) > 30) == seed.name.endswith("-both")


def test_mutations_are_repeatable_and_keep_the_size() -> None:
    for number in range(200):
        made = mutated(SEEDS[-1], number)
        assert made == mutated(SEEDS[-1], number)
        assert len(made) == len(SEEDS[-1].data)
    assert len({mutated(SEEDS[-1], number) for number in range(200)}) > 150


def test_engines_that_differ_are_a_finding() -> None:
    one, damaged = Result(b"FUNC 1 1 0 f\n", ()), Result(b"", (("place", "why"),))
    agree("functions", one, one)
    agree("functions", damaged, Result(b"FUNC\n", (("other", "why"),)))
    mismatch = Result(one.records, (), problems=("mismatch",))
    others = (Result(b"FUNC 2 1 0 f\n", ()), damaged, Result(one.records, damaged.damage), mismatch)
    for other in others:
        with pytest.raises(Disagreement):
            agree("functions", one, other)


def _runner(tmp_path: Path, kind: str) -> Runner:
    """Return a runner whose target misbehaves for the input number 7."""
    seed = seed_of("seed", SEEDS[0].data)
    assert seed is not None
    bad = mutated(seed, 7)

    def target(data: bytes) -> None:
        if data != bad:
            return
        if kind == "crash":
            import ctypes

            ctypes.string_at(0)
        while kind == "hang":
            pass
        if kind == "growth":
            del (bytearray(b"x") * (200 << 20))[0]
            return
        raise ValueError(kind)

    return Runner("test", target, [seed], tmp_path)


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("crash", "crash: SIGSEGV"),
        ("hang", "hang"),
        ("growth", "memory: "),
        ("error", "ValueError"),
    ],
)
def test_the_runner_finds_what_happens_to_an_input(tmp_path: Path, kind: str, why: str) -> None:
    totals = _runner(tmp_path, kind).run(1, 20, 60)
    assert totals.inputs == 20
    assert [path.name for path in totals.findings] == ["test-7.elf", "test-7.txt"]
    assert why in (tmp_path / "test-7.txt").read_text()
