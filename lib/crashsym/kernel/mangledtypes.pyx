# SPDX-License-Identifier: MIT
# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Types in mangled names; a part that is not known here is one for the library.

Declarators are written from the inside out: the text of a pointer to a function is made from that
of the function, "void ()", where "(*)" is inserted, and its `split` is behind the "*".

Source: Itanium C++ ABI section 5.1.5 to 5.1.10.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memmove

from crashsym.kernel.mangledarguments cimport expansion, parameters, template_arguments
from crashsym.kernel.mangledtext cimport (
    ARRAY, COLLAPSED, CONST, COVERED, DEEPEST, EXPANSION, EXPOSED, FUNCTION, LVALUE, MOST_KNOWN,
    NOEXCEPT, PLAIN, RESTRICT, RVALUE, VOLATILE, Mangled, Name, Part, Word, check_scope, eat, fill,
    insert, is_lower, known, peek, peek_second, put, put_letter, put_wide, put_word, remember,
    remember_name, resolve, set_aside, template_parameter, whole,
)
from crashsym.kernel.mangledwords cimport standard

_BUILTIN_NAMES = {
    b"a": b"signed char", b"b": b"bool", b"c": b"char", b"d": b"double", b"e": b"long double",
    b"f": b"float", b"g": b"__float128", b"h": b"unsigned char", b"i": b"int",
    b"j": b"unsigned int", b"l": b"long", b"m": b"unsigned long", b"n": b"__int128",
    b"o": b"unsigned __int128", b"s": b"short", b"t": b"unsigned short", b"v": b"void",
    b"w": b"wchar_t", b"x": b"long long", b"y": b"unsigned long long", b"z": b"...",
}
_BUILTIN_NAMES_OF_D = {
    b"n": b"decltype(nullptr)", b"a": b"auto", b"c": b"decltype(auto)", b"i": b"char32_t",
    b"s": b"char16_t", b"u": b"char8_t",
}

cdef Word BUILTINS[26]
cdef Word BUILTINS_OF_D[26]

fill(BUILTINS, _BUILTIN_NAMES)
fill(BUILTINS_OF_D, _BUILTIN_NAMES_OF_D)


cdef bint read_type(Mangled* m, Part* part) noexcept nogil:
    """Read a type and write it behind all other text."""
    cdef uint8_t letter = peek(m)
    cdef bint found
    if m.depth >= DEEPEST or m.left <= 0:
        return False
    m.depth += 1
    m.left -= 1
    if letter == c'S' and m.at[1] == c't':
        letter = c'N'
    if letter == c'S':
        found = _abbreviated(m, part)
    elif letter == c'P' or letter == c'R' or letter == c'O':
        found = _pointer(m, part, letter)
    elif letter == c'K' or letter == c'V' or letter == c'r':
        found = _qualified(m, part)
    elif (
        letter == c'N' or letter == c'Z' or letter == c'1' or letter == c'2' or letter == c'3'
        or letter == c'4' or letter == c'5' or letter == c'6' or letter == c'7' or letter == c'8'
        or letter == c'9'
    ):
        found = _named(m, part)
    elif letter == c'T':
        found = _parameter(m, part)
    elif letter == c'F':
        found = _function(m, part, 0) and remember(m, part)
    elif letter == c'A':
        found = _array(m, part)
    elif letter == c'M':
        found = _pointer_to_member(m, part)
    elif letter == c'D':
        found = _other(m, part)
    else:
        found = is_lower(letter) and _builtin(m, part, &BUILTINS[letter - c'a'])
    m.depth -= 1
    return found


cdef inline bint _builtin(Mangled* m, Part* part, Word* word) noexcept nogil:
    cdef uint32_t start = m.count
    m.at += 1
    if word.size == 0 or not put_word(m, word):
        return False
    whole(m, start, part)
    return True


cdef inline bint _named(Mangled* m, Part* part) noexcept nogil:
    cdef Name name
    cdef uint32_t start = m.count
    if not m.read_name(m, &name) or name.quals or name.reference:
        return False
    whole(m, start, part)
    return remember_name(m, start)


cdef bint _abbreviated(Mangled* m, Part* part) noexcept nogil:
    cdef uint32_t start = m.count
    if is_lower(peek_second(m)):
        if not standard(m, False) or peek(m) == c'B':
            return False
        whole(m, start, part)
    else:
        m.at += 1
        if not known(m, part) and (m.last_known == MOST_KNOWN or not _refer_again(m, part)):
            return False
        if m.exposed and (part.split != part.end or m.exposed == EXPOSED and part.quals):
            return False
    return peek(m) != c'I' or _instance(m, part)


cdef bint _instance(Mangled* m, Part* part) noexcept nogil:
    """Read the arguments of a template that has been written."""
    if part.split != part.end or part.kind == EXPANSION or not template_arguments(m):
        return False
    whole(m, part.start, part)
    return remember_name(m, part.start)


cdef bint _parameter(Mangled* m, Part* part) noexcept nogil:
    cdef Part origin
    if not template_parameter(m, part, &origin) or not remember(m, &origin):
        return False
    return peek(m) != c'I' or _instance(m, part)


cdef bint _other(Mangled* m, Part* part) noexcept nogil:
    """Read a type that begins with "D"."""
    cdef uint8_t second = peek_second(m)
    if second == c'p':
        m.at += 2
        return expansion(m, part, m.read_type) and remember(m, part)
    if second == c'o':
        m.at += 2
        return peek(m) == c'F' and _function(m, part, NOEXCEPT) and remember(m, part)
    m.at += 1
    return is_lower(second) and _builtin(m, part, &BUILTINS_OF_D[second - c'a'])


# ---- declarators


cdef inline bint _declare(
    Mangled* m, Part* part, uint32_t first_known, const char* text, uint32_t size
) noexcept nogil:
    """Insert "*" or the like."""
    if part.kind != PLAIN and not _prepare(m, part, first_known):
        return False
    part.kind, part.quals, part.parameter, part.referent = PLAIN, 0, 0, 0
    return insert(m, part, first_known, text, size)


cdef bint _prepare(Mangled* m, Part* part, uint32_t first_known) noexcept nogil:
    """Insert the parentheses that a declarator needs."""
    cdef char last
    if part.kind == EXPANSION:
        return False
    if part.kind == FUNCTION or part.kind == ARRAY:
        last = m.text[part.split - 1]
        if last != c' ' and (part.kind == ARRAY or (last != c'(' and last != c'*')):
            if not insert(m, part, first_known, b" ", 1):
                return False
        if not insert(m, part, first_known, b"()", 2):
            return False
        part.split -= 1
    return True


cdef bint _pointer(Mangled* m, Part* part, uint8_t letter) noexcept nogil:
    """Read a pointer or a reference; references to references collapse."""
    cdef uint32_t first_known = m.known_count
    cdef uint8_t exposed = m.exposed, next_letter
    cdef uint32_t referent
    m.at += 1
    next_letter = peek(m)
    if exposed:
        m.exposed = COVERED
    if not read_type(m, part):
        return False
    m.exposed = exposed
    if letter == c'P':
        return _declare(m, part, first_known, b"*", 1) and remember(m, part)
    if not part.parameter:
        return _refer(m, part, first_known, letter) and remember(m, part)
    if next_letter == c'S':
        referent = m.last_known
    elif m.frozen:
        return _refer(m, part, first_known, letter)
    else:
        referent = m.known_count - 1
    if not check_scope(m, referent) or not _refer(m, part, first_known, letter):
        return False
    part.referent, part.mark = <uint16_t>(referent + 1), letter
    return remember(m, part)


cdef bint _refer(Mangled* m, Part* part, uint32_t first_known, uint8_t letter) noexcept nogil:
    """Make a reference of a type; one to a reference that a template parameter is collapses."""
    cdef bint is_reference = part.kind == LVALUE or part.kind == RVALUE
    if part.kind == COLLAPSED or (is_reference and not part.parameter):
        return False
    part.parameter = 0
    if not is_reference:
        if not (
            _declare(m, part, first_known, b"&", 1) if letter == c'R'
            else _declare(m, part, first_known, b"&&", 2)
        ):
            return False
        part.kind = LVALUE if letter == c'R' else RVALUE
        return True
    if part.kind == RVALUE and letter == c'R':
        memmove(m.text + part.split - 1, m.text + part.split, part.end - part.split)
        m.count -= 1
        part.split -= 1
        part.end -= 1
    part.kind = COLLAPSED
    return True


cdef bint _refer_again(Mangled* m, Part* part) noexcept nogil:
    """Write a reference to a template parameter that first stood in another context."""
    cdef Part* reference = &m.known[m.last_known]
    cdef uint32_t referent = reference.referent - 1
    cdef uint8_t mark = reference.mark
    cdef Part origin
    if reference.referent == 0 or not check_scope(m, referent):
        return False
    return (
        resolve(m, m.known[referent].parameter - 1, part, &origin)
        and _refer(m, part, m.known_count, mark)
    )


cdef inline uint8_t _qual_of(uint8_t letter) noexcept nogil:
    if letter == c'K':
        return CONST
    if letter == c'V':
        return VOLATILE
    return RESTRICT if letter == c'r' else 0


cdef bint put_quals(Mangled* m, uint8_t quals, uint8_t reference) noexcept nogil:
    """Write what stands behind the parameters of a member function."""
    if quals & CONST and not put(m, b" const", 6):
        return False
    if quals & VOLATILE and not put(m, b" volatile", 9):
        return False
    if quals & RESTRICT and not put(m, b" restrict", 9):
        return False
    if quals & NOEXCEPT and not put(m, b" noexcept", 9):
        return False
    if reference:
        return put(m, b" &&", 3) if reference == c'O' else put(m, b" &", 2)
    return True


cdef bint _qualified(Mangled* m, Part* part) noexcept nogil:
    cdef uint32_t first_known = m.known_count
    cdef uint8_t qual, all_quals = 0
    cdef bint found = True
    while _qual_of(peek(m)):
        qual = _qual_of(peek(m))
        if all_quals >= qual:  # not the usual order
            return False
        all_quals |= qual
        m.at += 1
    if peek(m) == c'F':
        return _function(m, part, all_quals) and remember(m, part)
    if m.exposed == EXPOSED or not read_type(m, part):
        return False
    if part.kind == FUNCTION or part.kind == EXPANSION:
        return False
    qual = part.quals
    if part.kind == ARRAY and (qual or all_quals & (all_quals - 1)):
        return False
    if qual == all_quals:
        all_quals = 0  # not twice
    elif qual & all_quals:
        return False
    if all_quals & CONST:
        found = insert(m, part, first_known, b" const", 6)
    if found and all_quals & VOLATILE:
        found = insert(m, part, first_known, b" volatile", 9)
    if found and all_quals & RESTRICT:
        found = insert(m, part, first_known, b" restrict", 9)
    if part.kind != ARRAY:
        part.kind = PLAIN
    part.quals, part.parameter, part.referent = qual | all_quals, 0, 0
    return found and remember(m, part)


cdef bint _function(Mangled* m, Part* part, uint8_t quals) noexcept nogil:
    cdef uint32_t start = m.count, split
    cdef uint8_t letter
    m.at += 1
    eat(m, c'Y')
    if m.exposed or not read_type(m, part) or part.kind == EXPANSION or part.split != part.end:
        return False
    if not put(m, b" (", 2):
        return False
    split = m.count - 1
    if not parameters(m, 0) or not put_letter(m, c')'):
        return False
    letter = peek(m)
    if letter == c'R' or letter == c'O':
        m.at += 1
    else:
        letter = 0
    if not put_quals(m, quals, letter):
        return False
    whole(m, start, part)
    part.split, part.kind = split, FUNCTION
    return eat(m, c'E')


cdef bint _array(Mangled* m, Part* part) noexcept nogil:
    cdef const char* bound
    cdef uint32_t size, start = m.count
    cdef uint8_t quals
    cdef Part value, origin
    m.at += 1
    if peek(m) == c'T':
        if not template_parameter(m, &value, &origin) or not set_aside(m, &value, m.known_count):
            return False
        bound, size = m.text + value.start, value.end - value.start
    else:
        bound = <const char*>m.at
        while c'0' <= peek(m) <= c'9':
            m.at += 1
        size = <uint32_t>(<const char*>m.at - bound)
    if not eat(m, c'_') or m.exposed or not read_type(m, part):
        return False
    if part.kind == EXPANSION or part.split != part.end:
        return False
    if not put(m, b" [", 2) or not put_wide(m, bound, size) or not put_letter(m, c']'):
        return False
    quals = part.quals
    whole(m, start, part)
    part.split, part.kind, part.quals = m.count - size - 3, ARRAY, quals
    return remember(m, part)


cdef bint _pointer_to_member(Mangled* m, Part* part) noexcept nogil:
    cdef Part holder
    cdef uint32_t first_known = m.known_count
    m.at += 1
    if m.exposed or not read_type(m, &holder):
        return False
    if holder.kind == EXPANSION or holder.split != holder.end:
        return False
    if not set_aside(m, &holder, first_known):
        return False
    first_known = m.known_count
    if not read_type(m, part) or part.kind == EXPANSION:
        return False
    if part.kind != FUNCTION and part.kind != ARRAY and m.text[part.split - 1] != c'(':
        if not insert(m, part, first_known, b" ", 1):
            return False
    return (
        _declare(m, part, first_known, m.text + holder.start, holder.end - holder.start)
        and insert(m, part, first_known, b"::*", 3) and remember(m, part)
    )
