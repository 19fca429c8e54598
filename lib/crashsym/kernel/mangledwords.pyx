# SPDX-License-Identifier: MIT
# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""What has abbreviations of its own in mangled names.

Source: Itanium C++ ABI section 5.1.10.
"""

from libc.stdint cimport uint8_t

from crashsym.kernel.mangledtext cimport Mangled, Word, fill, is_lower, peek_second, put_word

# As a part of a name, alone, in full before the name of a constructor, and that name.
_STANDARD_NAMES = {
    b"t": (b"std", b"std", None),
    b"a": (b"std::allocator", b"std::allocator", b"allocator"),
    b"b": (b"std::basic_string", b"std::basic_string", b"basic_string"),
    b"s": (
        b"std::string",
        b"std::basic_string<char, std::char_traits<char>, std::allocator<char> >",
        b"basic_string",
    ),
    b"i": (
        b"std::istream", b"std::basic_istream<char, std::char_traits<char> >", b"basic_istream",
    ),
    b"o": (
        b"std::ostream", b"std::basic_ostream<char, std::char_traits<char> >", b"basic_ostream",
    ),
    b"d": (
        b"std::iostream", b"std::basic_iostream<char, std::char_traits<char> >", b"basic_iostream",
    ),
}

cdef Word STANDARD[26]
cdef Word STANDARD_IN_FULL[26]
cdef Word STANDARD_LAST[26]

fill(STANDARD, {letter: names[0] for letter, names in _STANDARD_NAMES.items()})
fill(STANDARD_IN_FULL, {letter: names[1] for letter, names in _STANDARD_NAMES.items()})
fill(STANDARD_LAST, {letter: names[2] for letter, names in _STANDARD_NAMES.items() if names[2]})


cdef bint standard(Mangled* m, bint in_full) noexcept nogil:
    """Read "St", "Sa", "Ss", … and write what it abbreviates."""
    cdef uint8_t letter = peek_second(m)
    cdef Word* word
    if not is_lower(letter):
        return False
    word = &STANDARD_IN_FULL[letter - c'a'] if in_full else &STANDARD[letter - c'a']
    if word.size == 0:
        return False
    if STANDARD_LAST[letter - c'a'].size:
        m.last_name = STANDARD_LAST[letter - c'a'].text
        m.last_size = STANDARD_LAST[letter - c'a'].size
    m.at += 2
    return put_word(m, word)
