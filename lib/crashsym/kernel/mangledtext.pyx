# SPDX-License-Identifier: MIT
# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The text of a name that is being demangled, and the parts of it that are used again.

Text is written once, where it will stay: a component of a name is a `Part`, a range of the text.
What "S_" and "T_" stand for are such ranges, which are copied.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memmove


_SPARE = bytes(SPARE)
_TEXTS = []  # of words


cdef int set_word(Word* word, bytes text) except -1:
    cdef bytes kept = text + _SPARE
    _TEXTS.append(kept)
    word.text, word.size = kept, len(text)
    return 0


cdef int fill(Word* table, dict words) except -1:
    """Put words into a table by letter."""
    cdef bytes letter, text
    for letter, text in words.items():
        set_word(&table[letter[0] - c'a'], text)
    return 0


cdef uint8_t DIGITS[256]  # 1 + the value of a digit to the base of 36, and 0
for _value, _digit in enumerate("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"):
    DIGITS[ord(_digit)] = _value + 1


cdef bint put_number(Mangled* m, uint64_t number) noexcept nogil:
    cdef char digits[20 + SPARE]
    cdef uint32_t at = 20
    while True:
        at -= 1
        digits[at] = <char>(c'0' + number % 10)
        number //= 10
        if number == 0:
            return put_wide(m, digits + at, 20 - at)


cdef bint keep_aside(Mangled* m, Part* part) noexcept nogil:
    """Copy the text of a part that will be changed where it is."""
    cdef uint32_t size = part.end - part.start
    if size > m.aside - m.count:
        return False
    m.aside -= size
    memcpy(m.text + m.aside, m.text + part.start, size)
    move(part, m.aside)
    return True


cdef bint compact_number(Mangled* m, uint64_t* number) noexcept nogil:
    """Read "_" as 0, "0_" as 1, "1_" as 2, …"""
    if eat(m, c'_'):
        number[0] = 0
        return True
    if not take_digits(m, number) or not eat(m, c'_'):
        return False
    number[0] += 1
    return True


cdef bint known(Mangled* m, Part* part) noexcept nogil:
    """Read what follows "S" and write the part that it refers to."""
    cdef const uint8_t* at = m.at
    cdef uint32_t index = 0
    cdef Part* found
    m.last_known = MOST_KNOWN
    if at[0] != c'_':
        while True:
            if index >= MOST_KNOWN or DIGITS[at[0]] == 0:
                return False
            index = index * 36 + DIGITS[at[0]] - 1
            at += 1
            if at[0] == c'_':
                break
        index += 1
    m.at = at + 1
    if index >= m.known_count:
        return False
    found = &m.known[index]
    m.last_known = index
    if found.closed:  # for the library, all template parameters in a lambda are that's
        if found.closed != 1 + m.in_lambda:
            return False
        m.closed = m.count + 1
    if found.context:
        if found.context != m.context:
            return found.parameter != 0 and _known_elsewhere(m, found, part)
        m.dependent = m.count + 1
    return put_part(m, found, part)


cdef bint _known_elsewhere(Mangled* m, Part* found, Part* part) noexcept nogil:
    """Write what a template parameter that was first named in another context is in this one."""
    cdef Part origin
    return resolve(m, found.parameter - 1, part, &origin)


cdef bint check_scope(Mangled* m, uint32_t index) noexcept nogil:
    """Check that references to a template parameter stand in the same function.

    In others the library takes the arguments of that where it wrote such a reference first.
    """
    cdef Part* found = &m.known[index]
    if m.in_lambda:
        return True
    if found.scope == 0:
        found.scope = m.scope
    return found.scope == m.scope


cdef Part* _argument_at(Mangled* m, uint64_t index) noexcept nogil:
    """Return a template argument; NULL when there is none or it is not alone."""
    cdef uint32_t at = m.first_argument
    cdef Part* found
    while index and at < m.end_of_arguments:
        at += 1 + m.arguments[at].count
        index -= 1
    if at >= m.end_of_arguments:
        return NULL
    found = &m.arguments[at]
    if found.kind != PACK:
        return found
    if not m.in_pattern or (m.pack_size >= 0 and m.pack_size != <int>found.count):
        return NULL
    m.pack_size = <int>found.count
    return found + 1 + m.pack_index if found.count else found


cdef bint template_parameter(Mangled* m, Part* part, Part* origin) noexcept nogil:
    """Read "T_", "T0_", … and write the argument; for lambdas "auto:1".

    ``origin`` is where that stands, whatever becomes of what is written here.
    """
    cdef uint64_t index
    m.at += 1
    return compact_number(m, &index) and index < MOST_ARGUMENTS and resolve(m, index, part, origin)


cdef bint resolve(Mangled* m, uint64_t index, Part* part, Part* origin) noexcept nogil:
    """Write a template argument by its number."""
    cdef uint32_t start = m.count
    cdef Part* found
    m.dependent = start + 1
    if m.in_lambda:
        if not put(m, b"auto:", 5) or not put_number(m, index + 1):
            return False
        whole(m, start, part)
        origin[0] = part[0]
    else:
        found = _argument_at(m, index)
        if found == NULL or found.kind == EXPANSION:
            return False
        if found.kind == PACK:  # an empty one
            whole(m, start, part)
            origin[0] = part[0]
        elif found.parameter and found.kind != PLAIN:
            return False  # references to it are not collapsed
        else:
            origin[0] = found[0]
            if not put_part(m, found, part):
                return False
    part.parameter = origin.parameter = <uint16_t>(index + 1)
    part.referent = origin.referent = 0
    return True


cdef bint set_aside(Mangled* m, Part* part, uint32_t first_known) noexcept nogil:
    """Take a part, which is written last, away from the text and keep it."""
    cdef uint32_t size = m.count - part.start, start = part.start, i
    if m.aside - m.count < size:
        return False
    m.aside -= size
    memcpy(m.text + m.aside, m.text + start, size)
    for i in range(first_known, m.known_count):
        if start <= m.known[i].start < m.count:
            move(&m.known[i], m.known[i].start - start + m.aside)
    move(part, m.aside)
    m.count = start
    m.dropped = 0
    return True


cdef bint insert_inside(
    Mangled* m, Part* part, uint32_t first_known, const char* text, uint32_t size
) noexcept nogil:
    cdef uint32_t split = part.split, i
    if size > m.aside - m.count:
        return False
    memmove(m.text + split + size, m.text + split, m.count - split)
    memcpy(m.text + split, text, size)
    m.count += size
    for i in range(first_known, m.known_count):
        if split <= m.known[i].start < m.count:
            move(&m.known[i], m.known[i].start + size)
    part.split += size
    part.end = m.count
    return True
