"""Is this a symbol file of ours? Its form is stricter than what other tools may write.

Beyond what the checker of the library says: limits as in rust-minidump breakpad-symbols parser.rs,
only the records that we write, and every STACK CFI INIT gives ``.cfa`` and ``.ra`` first.
"""

from __future__ import annotations

import io
import re

from crashsym.breakpad.lint import CODES
from crashsym.breakpad.lint import lint as check
from crashsym.breakpad.reader import read

_ADDRESS, _SIZE, _NUMBER = r"[0-9a-f]{1,16}", r"[0-9a-f]{1,8}", r"\d{1,10}"
_RECORDS = re.compile(
    "|".join(
        (
            r"MODULE Linux [a-z]\w* [0-9A-F]{33} \S.*",
            r"INFO CODE_ID (?:[0-9A-F]{2})+",
            rf"(?:FILE|INLINE_ORIGIN) {_NUMBER} .+",
            rf"FUNC (?:m )?{_ADDRESS} {_SIZE} 0 .+",
            rf"INLINE {_NUMBER} {_NUMBER} {_NUMBER} {_NUMBER}(?: {_ADDRESS} {_SIZE})+",
            rf"{_ADDRESS} {_SIZE} {_NUMBER} {_NUMBER}",
            rf"PUBLIC (?:m )?{_ADDRESS} 0 .+",
            rf"STACK CFI INIT {_ADDRESS} {_SIZE} \.cfa: .+ \.ra: .+",
            rf"STACK CFI {_ADDRESS} \S+: \S.*",
        )
    )
)
_LARGE_NUMBER = re.compile(r"(?<=\s)-?\d{20,}(?=\s|$)")


def lint(data: bytes) -> list[str]:
    """Return the lines of a symbol file, each of them checked."""
    text = data.decode("utf-8")
    assert text.endswith("\n")
    lines = text[:-1].split("\n")
    for line in lines:
        assert _RECORDS.fullmatch(line), f"no record: {line[:200]!r}"
        assert not (line.startswith("STACK") and _LARGE_NUMBER.search(line)), line[:200]
    read(data)
    findings = check(io.BytesIO(data)).findings
    errors = [f.message("output") for f in findings if CODES[f.code].level == "error"]
    assert not errors, errors
    return lines
