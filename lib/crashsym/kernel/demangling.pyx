# SPDX-License-Identifier: MIT
# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Which names are demangled right here; the compiled form of `crashsym.demangle.itanium`."""

from libc.stdint cimport uint8_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memchr, memcmp, memcpy, strchr, strlen, strncmp

from crashsym.kernel.base cimport Array, Memory, Span, reserve
from crashsym.kernel.mangled cimport demangle_plain
from crashsym.kernel.strings cimport is_plain

cdef extern from *:
    """
    extern char *__cxa_demangle(const char *name, char *buffer, size_t *length, int *status);
    """
    char* __cxa_demangle(const char* name, char* buffer, size_t* length, int* status) nogil

cdef enum:
    LONGEST_MANGLED = 8192
    LONGEST_ABBREVIATED = 72
    LONGEST_EXPANDED = 1 << 20


cdef bint _is_simple_pack(const uint8_t* at, const uint8_t* end) noexcept nogil:
    """Whether what is repeated for each element of a pack is, but for qualifiers, the element."""
    while at < end and at[0] in (b"R", b"O", b"K", b"P", b"V"):
        at += 1
    return at < end and at[0] == b"T"


cdef bint _is_harmless(Span name) noexcept nogil:
    """Whether the C++ library may have a name, see `crashsym.demangle.itanium.is_harmless`."""
    cdef const uint8_t* at = name.data
    cdef const uint8_t* end = at + name.size
    cdef uint64_t weight = name.size
    cdef unsigned int repetitions = 0
    cdef bint begun = False  # with "S" or "T", and "_" may end a repetition
    cdef uint8_t before = 0
    while at < end:
        if at[0] == b"X" or (before == b"D" and at[0] in (b"T", b"O")):
            return False  # an expression
        if at[0] == b"S" or at[0] == b"T":
            begun = True
        elif at[0] == b"_":
            repetitions += begun
            begun = False
        elif at[0] >= b"a":
            begun = False
            if before == b"S":
                weight += LONGEST_ABBREVIATED
            if before == b"A" or (before == b"D" and at[0] in (b"t", b"v")):
                return False  # what may hold an expression
            if before == b"D" and at[0] == b"p" and not _is_simple_pack(at + 1, end):
                return False
        elif not (b"0" <= at[0] <= b"9" or b"A" <= at[0] <= b"Z"):
            begun = False
        before = at[0]
        at += 1
    return repetitions < 22 and weight << repetitions <= LONGEST_EXPANDED


cdef Readable demangle(
    Span name, Array* scratch, Memory* memory, Span* text, char** made
) noexcept:
    """Give the readable form of a name.

    It is printable ASCII in ``scratch``, or else in ``made``, which the caller has to free.
    """
    made[0] = NULL
    if name.size < 3 or name.data[0] != b"_" or name.data[1] != b"Z" or not is_plain(name):
        return ASK
    # Rust's older form ends in the length and the hash of 16 digits, "17h…E".
    if name.size > 22 and memcmp(name.data + name.size - 20, b"17h", 3) == 0:
        return ASK
    if demangle_plain(name, scratch, memory, text):
        return MADE
    if name.size > LONGEST_MANGLED or memchr(name.data, c'.', name.size) != NULL:
        return ASK
    if not _is_harmless(name):
        return RISKY
    if not reserve(scratch, name.size + 1, 1, memory):  # its count stays 0
        return NONE
    memcpy(scratch.items, name.data, name.size)
    scratch.items[name.size] = 0
    made[0] = __cxa_demangle(scratch.items, NULL, NULL, NULL)
    if made[0] == NULL:
        return NONE
    text.data, text.size = <const uint8_t*>made[0], strlen(made[0])
    if text.size <= LONGEST_NAME:
        return MADE
    free(made[0])
    made[0] = NULL
    return NONE


# ---- suffixes of clones; see `crashsym.demangle.suffixes`, which knows some more of them

cdef const char* NUMBERED = b".isra.part.constprop.clone.lto_priv.specialized.__uniq."
cdef const char* UNNUMBERED = b".cold.warm.localalias.argelim.argprom.retelim."


cdef bint _is_one_of(const char* words, const uint8_t* word, uint64_t size) noexcept nogil:
    """Whether ``word``, which begins with a dot, is one of the words that stand between dots."""
    cdef const char* at = words
    while at != NULL and at[1]:
        if strncmp(at, <const char*>word, size) == 0 and at[size] == c'.':
            return True
        at = strchr(at + 1, c'.')
    return False


cdef inline bint _is_of_word(uint8_t char) noexcept nogil:
    return (
        c'a' <= char <= c'z' or c'A' <= char <= c'Z' or c'0' <= char <= c'9' or char == c'_'
    )


cdef inline const uint8_t* _end_of_word(const uint8_t* at, const uint8_t* end) noexcept nogil:
    """Return where a word of letters, digits and "_" ends, of which the first is not looked at."""
    at += 1
    while at < end and _is_of_word(at[0]):
        at += 1
    return at


cdef bint _is_number(const uint8_t* at, const uint8_t* end) noexcept nogil:
    """Whether there are a dot and decimal digits."""
    if end - at < 2:
        return False
    for i in range(1, end - at):
        if not c'0' <= at[i] <= c'9':
            return False
    return True


cdef Span without_suffixes(Span name) noexcept nogil:
    """Return an identifier without the suffixes behind it; all others as they are."""
    cdef const uint8_t* end = name.data + name.size
    cdef const uint8_t* at = name.data
    cdef const uint8_t* stop
    cdef Span plain = name
    cdef bint complete
    if name.size < 2 or not _is_of_word(at[0]):
        return name
    at = _end_of_word(at, end)
    plain.size = <uint64_t>(at - name.data)
    while at < end:
        stop = _end_of_word(at, end)
        complete = _is_one_of(UNNUMBERED, at, <uint64_t>(stop - at))
        if at[0] != c'.' or stop - at > 12 or not (
            complete or _is_one_of(NUMBERED, at, <uint64_t>(stop - at))
        ):
            return name
        at = stop
        while at < end:
            stop = _end_of_word(at, end)
            if at[0] != c'.' or not _is_number(at, stop):
                break
            complete = True
            at = stop
        if not complete:
            return name
    return plain
