# SPDX-License-Identifier: MIT
# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Arguments of templates and parameters of functions in mangled names.

Source: Itanium C++ ABI section 5.1.5.10, 5.1.6 and 5.1.8.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t

from crashsym.kernel.mangledtext cimport (
    DEEPEST, EXPANSION, INSIDE, MOST_ARGUMENTS, PACK, Mangled, Name, Part, Word, eat, fill, insert,
    peek, peek_second, put, put_letter, put_wide, put_word, set_aside, template_parameter, whole,
)

_SUFFIXES_OF_NUMBERS = {b"i": b"", b"j": b"u", b"l": b"l", b"m": b"ul", b"x": b"ll", b"y": b"ull"}

cdef Word SUFFIXES[26]

fill(SUFFIXES, _SUFFIXES_OF_NUMBERS)


cdef inline bint _end_list(Mangled* m, uint32_t kept, uint32_t empty) noexcept nogil:
    """Take back the comma before an item that is empty, which may be one, the last."""
    if m.count != kept:
        m.count = m.dropped = kept
    return empty < 2


cdef bint _types(Mangled* m) noexcept nogil:
    """Read types up to an "E" or the reference qualifier before it."""
    cdef const uint8_t* first = m.at
    cdef uint32_t start, kept = m.count, empty = 0
    cdef Part part
    while peek(m) and peek(m) != c'E':
        if peek_second(m) == c'E' and (peek(m) == c'R' or peek(m) == c'O'):
            break
        if m.at != first and not put(m, b", ", 2):
            return False
        start = m.count
        if not m.read_type(m, &part):
            return False
        if m.count > start:
            kept = m.count
        else:
            empty += 1
    return _end_list(m, kept, empty) and m.at != first


cdef bint _arguments(Mangled* m) noexcept nogil:
    """Read template arguments up to an "E"."""
    cdef const uint8_t* first = m.at
    cdef uint32_t start, kept = m.count, empty = 0
    while peek(m) and peek(m) != c'E':
        if m.at != first and not put(m, b", ", 2):
            return False
        start = m.count
        if not _argument(m):
            return False
        if m.count > start:
            kept = m.count
        else:
            empty += 1
    return _end_list(m, kept, empty)


cdef bint parameters(Mangled* m, uint8_t exposed) noexcept nogil:
    """Read the types of parameters and write them; those of lambdas are `EXPOSED`."""
    cdef uint8_t second, before = m.exposed
    cdef bint found
    if peek(m) == c'v':
        second = peek_second(m)
        if second == 0 or second == c'E' or (
            (second == c'R' or second == c'O') and m.at[2] == c'E'
        ):
            m.at += 1
            return True
    m.exposed = exposed
    found = _types(m)
    m.exposed = before
    return found


cdef bint template_arguments(Mangled* m) noexcept nogil:
    """Read template arguments, of which "I" is next; `first_read` and `end_of_read` are set."""
    cdef const char* last_name = m.last_name
    cdef uint32_t last_size = m.last_size, first = m.argument_count
    cdef uint8_t exposed = m.exposed
    m.at += 1
    if m.text[m.count - 1] == c'<' and not put_letter(m, c' '):
        return False
    if not put_letter(m, c'<'):
        return False
    m.exposed = 0
    if not _arguments(m) or not eat(m, c'E') or m.aside - m.count < 2:
        return False
    m.exposed = exposed
    m.text[m.count] = c' '
    m.count += m.text[m.count - 1] == c'>' and m.dropped != m.count
    m.text[m.count] = c'>'
    m.count += 1
    m.last_name, m.last_size = last_name, last_size
    m.first_read, m.end_of_read, m.argument_count = first, m.argument_count, first
    return True


cdef inline bint _argument(Mangled* m) noexcept nogil:
    """Read one template argument and put it on the stack of arguments."""
    cdef uint32_t start = m.count
    cdef Part* part = &m.arguments[m.argument_count]
    cdef uint8_t letter = peek(m)
    if m.argument_count >= MOST_ARGUMENTS:
        return False
    m.argument_count += 1
    if letter == c'L':
        if not _literal(m):
            return False
        whole(m, start, part)
        return True
    if letter == c'X':
        return _expression_argument(m, part)
    if letter == c'J':
        return _pack(m, part)
    return m.read_type(m, part)


cdef bint _inside(Mangled* m, Name* name) noexcept nogil:
    """Read a function or variable that is no local one, and "E"."""
    return peek(m) != c'Z' and m.read_encoding(m, INSIDE, name) and eat(m, c'E')


cdef bint _pack(Mangled* m, Part* part) noexcept nogil:
    """Read "J" and arguments, none of which may be a pack."""
    cdef const char* last_name = m.last_name
    cdef uint32_t last_size = m.last_size, start = m.count, first = m.argument_count, i
    m.at += 1
    if not _arguments(m) or not eat(m, c'E'):
        return False
    m.last_name, m.last_size = last_name, last_size
    whole(m, start, part)
    part.kind, part.count = PACK, <uint16_t>(m.argument_count - first)
    for i in range(first, m.argument_count):
        if m.arguments[i].kind == PACK:
            return False
    return True


cdef bint _literal(Mangled* m) noexcept nogil:
    """Read a number, a value of an enumeration, or what is named."""
    cdef Part part
    cdef Name name
    cdef uint8_t kind
    cdef uint32_t letter
    cdef bint negative
    cdef Word* suffix = NULL
    cdef const uint8_t* digits
    m.at += 1
    kind = peek(m)
    if kind == c'b' and m.at[2] == c'E' and (m.at[1] | 1) == c'1':
        kind = m.at[1]
        m.at += 3
        return put(m, b"true", 4) if kind == c'1' else put(m, b"false", 5)
    letter = <uint32_t>kind - c'a'
    if letter < 26 and SUFFIXES[letter].text != NULL:
        suffix = &SUFFIXES[letter]
        m.at += 1
    elif kind == c'_' or kind == c'Z':  # a function or variable
        if kind == c'_':
            m.at += 1
        return eat(m, c'Z') and _inside(m, &name)
    elif c'd' <= kind <= c'g':
        return False
    else:
        if not put_letter(m, c'(') or not m.read_type(m, &part) or not put_letter(m, c')'):
            return False
        if part.kind == EXPANSION or part.split != part.end:
            return False
    negative = eat(m, c'n')
    digits = m.at
    while c'0' <= peek(m) <= c'9':
        m.at += 1
    if m.at == digits or (negative and not put_letter(m, c'-')):
        return False
    if not put_wide(m, <const char*>digits, <uint32_t>(m.at - digits)):
        return False
    return (suffix == NULL or put_word(m, suffix)) and eat(m, c'E')


# ---- expressions


cdef bint _expression_argument(Mangled* m, Part* part) noexcept nogil:
    """Read "X", an expression and "E"."""
    cdef bint in_expression = m.in_expression
    m.at += 1
    m.in_expression = True
    if not _expression(m, part) or not eat(m, c'E'):
        return False
    m.in_expression = in_expression
    return True


cdef bint _expression(Mangled* m, Part* part) noexcept nogil:
    """Read an expression of those that are frequent as template arguments."""
    cdef Part origin
    cdef uint32_t start = m.count
    cdef uint8_t letter = peek(m), second = peek_second(m)
    cdef bint found = False
    if letter == c'T':
        return template_parameter(m, part, &origin)
    if m.depth >= DEEPEST or m.left <= 0:
        return False
    m.depth += 1
    m.left -= 1
    if letter == c'L':
        found = _literal(m)
    elif letter == c's' and second == c'r':
        found = _member_of_type(m)
    elif letter == c's' and second == c'p':
        m.at += 2
        found = expansion(m, part, _expression)
    elif c'1' <= letter <= c'9':
        found = _value_of_name(m)
    elif letter == c'n' and second == c't':
        m.at += 2
        found = put_letter(m, c'!') and _operand(m)
    elif letter == c'a' and second == c'd':
        m.at += 2
        found = _address(m)
    elif (letter == c'a' and second == c'a') or (letter == c'o' and second == c'o'):
        m.at += 2
        found = _operand(m) and put(m, b"&&" if letter == c'a' else b"||", 2) and _operand(m)
    m.depth -= 1
    if part.kind != EXPANSION or second != c'p':
        whole(m, start, part)
    return found


cdef bint _value_of_name(Mangled* m) noexcept nogil:
    """Read the name of a member or of a template of variables."""
    cdef Name name
    return m.read_unqualified(m, &name) and (peek(m) != c'I' or template_arguments(m))


cdef bint _member_of_type(Mangled* m) noexcept nogil:
    """Read "sr", a type and the name of its member.

    What begins with a name may be an older form, for which the library makes guesses.
    """
    cdef Part part
    m.at += 2
    if peek(m) != c'S' and peek(m) != c'T' and peek(m) != c'N':
        return False
    if not m.read_type(m, &part) or part.kind == EXPANSION or part.split != part.end:
        return False
    return part.quals == 0 and put(m, b"::", 2) and c'1' <= peek(m) <= c'9' and _value_of_name(m)


cdef bint _address(Mangled* m) noexcept nogil:
    """Read a function or variable of which the address is taken."""
    cdef Name name
    cdef Part part
    cdef uint32_t start, first_known = m.known_count
    if not put_letter(m, c'&') or not eat(m, c'L') or not eat(m, c'_') or not eat(m, c'Z'):
        return False
    start = m.count
    if not _inside(m, &name):
        return False
    if not name.is_function and name.is_simple:
        return True
    whole(m, start, &part)
    if name.is_function and name.is_qualified:  # without its parameters
        part.start = name.parameters
        return set_aside(m, &part, name.first_known)
    part.split = start
    return insert(m, &part, first_known, b"(", 1) and put_letter(m, c')')


cdef bint _operand(Mangled* m) noexcept nogil:
    """Read an expression and write it in parentheses, unless it is a name."""
    cdef Part part
    cdef bint alone = peek(m) == c's' and peek_second(m) == c'r'
    if c'1' <= peek(m) <= c'9' or (not alone and not put_letter(m, c'(')):
        return False
    return _expression(m, &part) and part.kind != EXPANSION and (alone or put_letter(m, c')'))


cdef bint expansion(Mangled* m, Part* part, Reader read) noexcept nogil:
    """Read a pattern with ``read``, and write it for each element of the pack in it."""
    cdef const uint8_t* pattern = m.at
    cdef const uint8_t* after = NULL
    cdef uint32_t start = m.count, first_known = m.known_count, context = m.context
    cdef bint frozen = m.frozen, done = False
    if m.in_pattern or m.in_lambda:
        return False
    m.in_pattern, m.pack_size, m.pack_index = True, -1, 0
    while not done:
        m.contexts += 1
        m.context = m.contexts
        m.at = pattern
        if not read(m, part) or m.pack_size < 0 or (m.pack_index and m.at != after):
            return False
        after = m.at
        m.frozen = True
        m.pack_index += 1
        done = m.pack_index >= m.pack_size
        if not done and not put(m, b", ", 2):
            return False
    m.frozen, m.context, m.in_pattern = frozen, context, False
    if m.pack_size == 0:
        whole(m, start, part)
        if not set_aside(m, part, first_known):
            return False
    m.dependent = start + 1
    whole(m, start, part)
    part.kind = EXPANSION
    return True
