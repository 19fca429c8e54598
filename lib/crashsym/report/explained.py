# SPDX-License-Identifier: MIT
"""What statuses and the codes of findings mean, for a reader who has no other page at hand."""

from __future__ import annotations

from crashsym import findings
from crashsym.manifest import LEFT_OUT

EXPLAINED = {
    "ok": "It has functions, lines and unwind rules; the table says for how much of its code.",
    findings.EXCUSED: "It has findings, all of which the policy accepts until a day it names.",
    LEFT_OUT: "An object file or a core: nothing of it is ever run, so no crash is in it.",
    findings.NO_BUILD_ID: (
        "The file has no build id; a hash of its code stands in for it, which two builds can share."
    ),
    findings.NO_DEBUG_INFO: (
        "The file was compiled without debug information, or its debug file is missing: only the"
        " names that it exports are known."
    ),
    findings.NO_LINES: "Functions are known, source files and lines are not.",
    findings.NO_UNWIND_INFO: "A stack cannot be walked through this file: callers are guesses.",
    findings.LATE_BUILD_ID: (
        "A core file does not have the build id of this file: only a minidump, or the file itself,"
        " tells which symbols are its."
    ),
    findings.MISMATCH: "Its debug file is of another build and was not used.",
    findings.MISSING_DEBUG_FILE: (
        "A further file that its debug information refers to is not there, so some names or"
        " functions are missing."
    ),
    findings.UNREADABLE: "The file or folder could not be opened.",
    findings.MALFORMED: "The file contradicts itself; what could be read of it was kept.",
    findings.UNSUPPORTED: "It is for a CPU, or in a format, that crashsym does not know.",
    findings.PACKED: "A packer like UPX has made it: the code that runs is not in the file.",
    findings.CONFLICT: "The store has other symbols for the same id; those stayed.",
    findings.CRASHED: "Its reader died, or wanted more memory or time than such a file needs.",
    findings.CHANGED: (
        "The file is not as it was packaged: a hook of the image has stripped, signed or patched"
        " it."
    ),
    findings.UNOWNED: "No package has the file: a hook of the image, or a postinst, made it.",
    findings.DUPLICATE_BUILD_ID: (
        "Another file has the same build id and other symbols, so those of one can be taken for"
        " the other's."
    ),
    findings.WORSE: "The file has less than it had in the baseline.",
    findings.STALE: "The store has symbols that no file of the image has.",
    findings.UNUSED_EXCUSE: "The policy excuses something that was not found.",
    findings.OTHER_BUILD: "The image has another build of this file of the SDK.",
    findings.LOW_COVERAGE: "Less of its code has symbols or unwind rules than the policy wants.",
}
