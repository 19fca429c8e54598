# SPDX-License-Identifier: MIT
"""Compare crashsym with Mozilla's and Breakpad's dump_syms: time, memory, trees, start-up.

Without options: all files, three rounds, results into docs/performance. A call that leaves
something out prints its results, and writes them only where --output says.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from bench import PROJECT
from bench.compare import CPU, USER, Compared, compare
from bench.errors import BenchError
from bench.farm import FILES, TINY, FarmFile, facts
from bench.objects import bench_cache
from bench.report import Results, markdown
from bench.targets import MB
from bench.tools import BREAKPAD_NAME, FULL_BREAKPAD, MOZILLA, OURS, Tool, tools
from bench.whole import measure_starts, measure_tree

PARTS = ("files", "tree", "start")
TARGET_MISSED = 3
_ROUNDS = 3
_SCRATCH_BYTES = 6 << 30


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0 if all targets that were measured are met, 3 if one is not."""
    args = _parser().parse_args(arguments)
    # So that gigabytes of outputs and copies are cleared away.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        if args.list:
            return _list(chosen_files(args))
        return _run(args)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small files only, one round")
    parser.add_argument("--files", metavar="GLOB", default="*", help="only files named like this")
    parser.add_argument("--rounds", metavar="N", type=_positive, help="default: 3, or 1 if --quick")
    names = (OURS, MOZILLA, BREAKPAD_NAME, FULL_BREAKPAD)
    parser.add_argument("--tool", choices=names, action="append", help="may be repeated")
    parser.add_argument(
        "--breakpad", metavar="FILE", type=Path, help="as breakpad-full, a dump_syms of your own"
    )
    parser.add_argument("--only-ours", dest="tool", action="store_const", const=[OURS])
    parser.add_argument("--part", choices=PARTS, action="append", help="may be repeated")
    parser.add_argument("--output", metavar="DIR", type=Path, help="write the results here")
    parser.add_argument("--list", action="store_true", help="make the files, print their paths")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def chosen_files(args: argparse.Namespace) -> list[FarmFile]:
    """Return the files to measure."""
    found = [file for file in FILES if fnmatch(file.name, args.files)]
    found = [file for file in found if file.quick or not args.quick]
    if not found:
        names = ", ".join(file.name for file in FILES)
        raise BenchError(f"nothing to measure: '{args.files}': no file has such a name of {names}.")
    return found


def output_folder(args: argparse.Namespace) -> Path | None:
    """Return where the results go: a call that leaves something out writes only if told where."""
    partial = args.quick or args.tool or args.part or args.files != "*"
    default = None if partial else PROJECT / "docs" / "performance"
    return args.output or default


def _list(files: Sequence[FarmFile]) -> int:
    for file in files:
        path = file.path()
        print(f"{facts(path).debug_info / MB:8.1f} MB  {path}")
    return 0


def _run(args: argparse.Namespace) -> int:
    files, parts = chosen_files(args), args.part or PARTS
    used = [tool for tool in tools(args.breakpad) if not args.tool or tool.name in args.tool]
    rounds = args.rounds or (1 if args.quick else _ROUNDS)
    compared, tree, starts = [], None, []
    with tempfile.TemporaryDirectory(dir=_scratch(), prefix="crashsym-bench-") as folder:
        scratch = Path(folder)
        if "files" in parts:
            compared = _compare_all(files, used, rounds, scratch)
        ours = any(tool.name == OURS for tool in used)
        if "tree" in parts and ours and len(files) > 1:
            tree = measure_tree(files, rounds, scratch)
        if "start" in parts and ours:
            starts = measure_starts(used, TINY, scratch)
    return _finish(Results(used, rounds, compared, tree, starts), output_folder(args))


def _compare_all(
    files: Sequence[FarmFile], used: Sequence[Tool], rounds: int, scratch: Path
) -> list[Compared]:
    found = []
    for file in files:
        found.append(compare(file, used, rounds, scratch))
        print(_line(found[-1]), flush=True)
    return found


def _line(one: Compared) -> str:
    parts = [f"{one.file.name:26} {one.facts.debug_info / MB:6.1f} MB"]
    for name, found in one.by_tool.items():
        memory = f"{found.memory.anonymous / MB:.0f}/{found.memory.total / MB:.0f} MB"
        text = f"{found.user:.2f}+{found.cpu - found.user:.2f} s {memory}"
        parts.append(f"{name} {text if not found.complaint else 'failed: ' + found.complaint}")
    for peer in one.by_tool:
        user, cpu = (one.ratio(peer, measure) for measure in (USER, CPU))
        if peer != OURS and user is not None and cpu is not None:
            parts.append(f"{peer}/ours {user:.2f} ({cpu:.2f})")
    return " | ".join(parts)


def _scratch() -> Path:
    """Return where outputs go: in memory if there is room, so that no tool waits for the disk."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of random name is made in it
    if memory.is_dir() and shutil.disk_usage(memory).free >= _SCRATCH_BYTES:
        return memory
    return bench_cache()


def _finish(results: Results, folder: Path | None) -> int:
    found = results.verdicts()
    print("\n".join(["", *map(str, found)]))
    if folder is not None:
        _write(results, folder)
    return TARGET_MISSED if any(one.met is False for one in found) else 0


def _write(results: Results, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.md").write_text(markdown(results), encoding="utf-8")
    if results.compared:
        from bench.plot import plots  # slow to import, and not always needed

        plots(results.compared, folder)
    print(f"bench: written: {folder}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
