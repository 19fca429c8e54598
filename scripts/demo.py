# SPDX-License-Identifier: MIT
"""Show the whole way from a build to a readable stack, without Yocto.

Builds the example program, splits and strips it the way OpenEmbedded does, makes its symbol files
and manifest with ``crashsym extract``, lets the stripped program crash, and prints its stack before
and after ``crashsym symbolicate``. First for this machine, then for 32-bit ARM where its cross
compiler is installed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import resource
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
SOURCES = PROJECT / "recipes-devtools" / "crashdump-example" / "files"

# What OE-Core's bitbake.conf and security_flags.inc give to a target recipe.
TARGET_SOURCES = "/usr/src/debug/crashdump-example/1.0"
COMPILER_FLAGS = (
    "-O2 -g -feliminate-unused-debug-types -pipe "
    "-fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -Wformat -Wformat-security"
)
LINKER_FLAGS = "-Wl,-O1 -Wl,--hash-style=gnu -Wl,--as-needed -Wl,-z,relro,-z,now -Wl,--build-id"

ARM_PREFIX = "arm-linux-gnueabihf-"
ARM_SYSROOT = "/usr/arm-linux-gnueabihf"
LONGEST_SECONDS = 60
COUNTED = ("functions", "lines", "inlines", "publics", "cfi")


class DemoError(Exception):
    """A step failed; the text is the complete message."""


@dataclass(frozen=True)
class Target:
    """A CPU to build for: ``prefix`` begins the names of its tools, ``emulator`` its commands.

    ``emulator`` is empty where the programs run as they are, and ``None`` where they cannot run.
    """

    cpu: str
    prefix: str = ""
    emulator: tuple[str, ...] | None = ()


@dataclass(frozen=True)
class Workplace:
    """The folders and files of one target, all below ``folder``."""

    folder: Path

    @property
    def sources(self) -> Path:
        """Where the program is built."""
        return self.folder / "src"

    @property
    def root(self) -> Path:
        """The root file system of the target."""
        return self.folder / "root"

    @property
    def store(self) -> Path:
        """The symbol store."""
        return self.folder / "symbols"

    @property
    def manifest(self) -> Path:
        """The manifest of the files below ``root``."""
        return self.folder / "manifest.json"

    @property
    def stack(self) -> Path:
        """What the program printed when it crashed."""
        return self.folder / "stack.txt"


def say(*lines: str) -> None:
    """Print ``lines`` at once, in order with what the commands print."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def call(
    command: Sequence[str | Path], folder: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run ``command`` in ``folder`` with further environment ``variables``; keep what it prints."""
    words = [str(word) for word in command]
    try:
        return subprocess.run(  # noqa: S603  (no shell; every command is written in this file)
            words,
            cwd=folder,
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise DemoError(
            f"cannot run a tool: '{words[0]}': no such command. "
            "Run 'scripts/setup demo' and do what it says."
        ) from None
    except subprocess.TimeoutExpired:
        raise DemoError(
            f"a command hangs: {shlex.join(words)}: not done after {LONGEST_SECONDS} s. "
            f"Run it by hand in '{folder}'."
        ) from None


def need(command: Sequence[str | Path], folder: Path) -> str:
    """Run ``command`` and return its standard output; its failure is the demo's."""
    result = call(command, folder)
    if result.returncode != 0:
        sys.stderr.write(result.stdout + result.stderr)
        words = shlex.join(str(word) for word in command)
        raise DemoError(
            f"a command failed: {words}: exit code {result.returncode}. Its messages stand above; "
            f"to repeat it, go to '{folder}'."
        )
    return result.stdout


def crashsym(place: Workplace, *arguments: str | Path) -> str:
    """Show and run a ``crashsym`` command below the target's folder, and return what it prints."""
    shown = [str(argument) for argument in arguments]
    say("", f"$ crashsym {shlex.join(shown)}")
    return need([sys.executable, "-m", "crashsym", *shown], place.folder)


def build(target: Target, place: Workplace) -> None:
    """Compile the example and install it below the root."""
    shutil.copytree(SOURCES, place.sources)
    prefix_map = shlex.quote(f"-ffile-prefix-map={place.sources}={TARGET_SOURCES}")
    need(
        [
            "make",
            f"CXX={target.prefix}g++",
            f"CXXFLAGS={COMPILER_FLAGS} {prefix_map}",
            f"LDFLAGS={LINKER_FLAGS}",
            f"DESTDIR=../{place.root.name}",
            "install",
        ],
        place.sources,
    )


def elf_files(root: Path) -> Iterator[Path]:
    """Yield the regular ELF files below ``root``, sorted; a hard-linked file under each name."""
    for path in sorted(root.rglob("*")):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                if file.read(4) == b"\x7fELF":
                    yield path


def split_and_strip(target: Target, root: Path) -> None:
    """Do what ``process_split_and_strip_files`` of OE-Core's lib/oe/package.py does.

    Of a hard-linked file only the first name gets a debug half; the others become links again.
    """
    done: dict[int, Path] = {}
    for path in list(elf_files(root)):
        inode = path.stat().st_ino
        if inode in done:
            path.unlink()
            path.hardlink_to(done[inode])
            continue
        split_debug = path.parent / ".debug" / path.name
        split_debug.parent.mkdir(exist_ok=True)
        need([f"{target.prefix}objcopy", "--only-keep-debug", path, split_debug], root)
        need([f"{target.prefix}objcopy", "--add-gnu-debuglink", split_debug, path], root)
        options = ["--remove-section=.comment", "--remove-section=.note"]
        if ".so" in path.name:
            options.append("--strip-unneeded")
        need([f"{target.prefix}strip", *options, path], root)
        done[inode] = path


def table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lay out ``rows``, the first of them the heading, in columns; numbers stand to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    numeric = [all(row[column].isdigit() for row in rows[1:]) for column in range(len(widths))]
    for row in rows:
        cells = (
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        )
        yield "  ".join(cells).rstrip()


def manifest_table(manifest: Path) -> list[str]:
    """Return the modules of ``manifest`` as the lines of a table."""
    rows = [["status", "path", "debug id", *COUNTED]]
    for module in json.loads(manifest.read_text(encoding="utf-8"))["modules"]:
        counts = module["symbols"]["counts"]
        row = [module["status"], module["path"], module["debug_id"]]
        rows.append(row + [str(counts[name]) for name in COUNTED])
    return list(table(rows))


def crash(target: Target, place: Workplace) -> list[str]:
    """Let the stripped program crash, and return the frames that it prints."""
    libraries = place.root / "usr" / "lib"
    result = call(
        [*(target.emulator or ()), place.root / "usr" / "bin" / "backend", "--crash", "null"],
        place.folder,
        LD_LIBRARY_PATH=str(libraries),
    )
    frames = [line for line in result.stderr.splitlines() if re.match(r"#\d+ ", line)]
    if result.returncode >= 0 or not frames:
        sys.stderr.write(result.stdout + result.stderr)
        raise DemoError(
            "the example did not crash as it should: backend --crash null: "
            f"exit code {result.returncode}, {len(frames)} frames. What it printed stands above."
        )
    return frames


def check_stack(lines: Iterable[str], wanted: Iterable[str]) -> None:
    """Fail unless each function ``wanted`` stands in a line with a source file and line number."""
    text = "\n".join(lines)
    for function in wanted:
        if not re.search(rf"\b{function}\b.*\.(?:cpp|h):\d+", text):
            raise DemoError(
                f"the stack is not readable: '{function}': no line has it with file and line. "
                "This is a bug of crashsym; please report it with the output above."
            )


def show_stack(target: Target, place: Workplace) -> None:
    """Crash the program and print its stack, raw and readable."""
    frames = crash(target, place)
    place.stack.write_text("".join(f"{frame}\n" for frame in frames), encoding="utf-8")
    say("", "The stripped program crashes: backend --crash null", *frames)
    readable = crashsym(
        place,
        "symbolicate",
        place.stack.name,
        "--store",
        place.store.name,
        "--manifest",
        place.manifest.name,
    ).splitlines()
    say(*readable)
    check_stack(readable, ["newest_sample", "change", "trend", "report", "main"])


def demonstrate(target: Target, output: Path) -> None:
    """Go the whole way for one target, in a new folder below ``output``."""
    place = Workplace(output / target.cpu)
    try:
        if place.folder.exists():
            shutil.rmtree(place.folder)
        place.folder.mkdir(parents=True)
    except OSError as error:
        raise DemoError(
            f"cannot make the folder: '{place.folder}': {error.strerror}. "
            "Name another one with --output."
        ) from None
    say(f"== {target.cpu}: build the example, split and strip it as OpenEmbedded does")
    build(target, place)
    split_and_strip(target, place.root)
    crashsym(
        place,
        "extract",
        place.root.name,
        "--store",
        place.store.name,
        "--manifest",
        place.manifest.name,
    )
    say(*manifest_table(place.manifest))
    if target.emulator is None:
        say(
            "",
            f"The {target.cpu} program is not run: no qemu-arm here. "
            "Get it with 'sudo apt-get install qemu-user'.",
        )
    else:
        show_stack(target, place)
    say("")


def arm_target() -> Target | None:
    """Return what is needed for 32-bit ARM; ``None`` when its compiler is not installed."""
    if shutil.which(f"{ARM_PREFIX}g++") is None:
        return None
    qemu = shutil.which("qemu-arm")
    return Target("arm", ARM_PREFIX, (qemu, "-L", ARM_SYSROOT) if qemu else None)


def run(output: Path) -> None:
    """Show all that this machine has the tools for."""
    started = time.monotonic()
    # The crash is wanted; its core dump would only lie about.
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    demonstrate(Target(platform.machine()), output)
    arm = arm_target()
    if arm is not None:
        demonstrate(arm, output)
    else:
        say(
            "arm is left out: no cross compiler. "
            "Get it with 'sudo apt-get install g++-arm-linux-gnueabihf qemu-user'."
        )
    say(f"Done in {time.monotonic() - started:.0f} s. All of it is in '{output}'.")


def main() -> int:
    """Run the demo; return the exit code."""
    parser = argparse.ArgumentParser(description="Show the way from a build to a readable stack.")
    parser.add_argument(
        "--output", type=Path, default=PROJECT / "build" / "demo", help="folder to work in"
    )
    arguments = parser.parse_args()
    try:
        run(arguments.output.resolve())
    except DemoError as error:
        sys.stderr.write(f"demo: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
