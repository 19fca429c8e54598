# SPDX-License-Identifier: MIT
# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Names in mangled names: of functions, variables, types and their parts.

Source: Itanium C++ ABI section 5.1.2, 5.1.3, 5.1.4.3, 5.1.6 and 5.1.8.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memset

from crashsym.kernel.mangledarguments cimport parameters, template_arguments
from crashsym.kernel.mangledtext cimport (
    CONST, DEEPEST, EXPANSION, EXPOSED, HIDDEN, LAMBDAS, RESTRICT, VOLATILE, Mangled, Name, Part,
    Word, compact_number, eat, known, peek, peek_second, put, put_letter, put_number, put_word,
    put_wide, remember_name, set_aside, set_word, take_digits, template_parameter,
)
from crashsym.kernel.mangledtypes cimport read_type
from crashsym.kernel.mangledwords cimport standard

_OPERATOR_NAMES = {
    b"nw": b"new", b"na": b"new[]", b"dl": b"delete", b"da": b"delete[]", b"aw": b"co_await",
    b"ps": b"+", b"ng": b"-", b"ad": b"&", b"de": b"*", b"co": b"~", b"pl": b"+", b"mi": b"-",
    b"ml": b"*", b"dv": b"/", b"rm": b"%", b"an": b"&", b"or": b"|", b"eo": b"^", b"aS": b"=",
    b"pL": b"+=", b"mI": b"-=", b"mL": b"*=", b"dV": b"/=", b"rM": b"%=", b"aN": b"&=",
    b"oR": b"|=", b"eO": b"^=", b"ls": b"<<", b"rs": b">>", b"lS": b"<<=", b"rS": b">>=",
    b"eq": b"==", b"ne": b"!=", b"lt": b"<", b"gt": b">", b"le": b"<=", b"ge": b">=",
    b"ss": b"<=>", b"nt": b"!", b"aa": b"&&", b"oo": b"||", b"pp": b"++", b"mm": b"--",
    b"cm": b",", b"pm": b"->*", b"pt": b"->", b"cl": b"()", b"ix": b"[]",
}
_OPERATOR_TEXTS = {
    code: b"operator " + name if name[:1].isalpha() else b"operator" + name
    for code, name in _OPERATOR_NAMES.items()
}

cdef Word OPERATORS[26 * 64]
for _code, _text in _OPERATOR_TEXTS.items():
    set_word(&OPERATORS[(_code[0] - 97) * 64 + _code[1] % 64], _text)

cdef Word NO_NAMESPACE
set_word(&NO_NAMESPACE, b"(anonymous namespace)")


# ---- parts of names


cdef inline bint _source_name(Mangled* m) noexcept nogil:
    cdef uint64_t size
    cdef const uint8_t* text
    if peek(m) == c'0' or not take_digits(m, &size) or size > <uint64_t>(m.end - m.at):
        return False
    text = m.at
    m.at += size
    if size >= 10 and memcmp(text, b"_GLOBAL_", 8) == 0 and text[9] == c'N' and (
        text[8] == c'_' or text[8] == c'$' or text[8] == c'.'
    ):
        m.last_name, m.last_size = NO_NAMESPACE.text, NO_NAMESPACE.size
    else:
        m.last_name, m.last_size = <const char*>text, <uint32_t>size
    return put_wide(m, m.last_name, m.last_size)


cdef bint _operator(Mangled* m, Name* name) noexcept nogil:
    cdef uint8_t first = m.at[0], second = peek_second(m)
    cdef uint32_t first_argument = m.first_argument, end_of_arguments = m.end_of_arguments
    cdef Part part
    cdef Word* word
    if first == c'c' and second == c'v':
        m.at += 2
        name.has_no_result = True
        if m.in_lambda or m.in_pattern or m.in_expression or not put(m, b"operator ", 9):
            return False
        m.first_argument = m.end_of_arguments = 0  # they would follow
        if not read_type(m, &part) or part.split != part.end or part.quals or peek(m) == c'I':
            return False
        m.first_argument, m.end_of_arguments = first_argument, end_of_arguments
        return True
    if first == c'l' and second == c'i':
        m.at += 2
        return put(m, b'operator"" ', 11) and _source_name(m)
    if second < 0x40:
        return False
    word = &OPERATORS[(first - c'a') * 64 + (second & 63)]
    m.at += 2
    return word.size != 0 and put_word(m, word)


cdef bint _special_member(Mangled* m, Name* name) noexcept nogil:
    """Read a constructor or destructor."""
    cdef uint8_t kind = peek_second(m)
    cdef bint is_destructor = m.at[0] == c'D'
    cdef Part base
    cdef uint32_t first_known = m.known_count
    if kind == c'I' and not is_destructor:  # inherited; it is named after its base
        m.at += 2
        if not c'1' <= peek(m) <= c'5':
            return False
        m.at += 1
        if not read_type(m, &base) or not set_aside(m, &base, first_known):
            return False
    elif c'1' <= kind <= c'5' and not (is_destructor and kind == c'3') or (
        is_destructor and kind == c'0'
    ):
        m.at += 2
    else:
        return False
    if m.last_name == NULL:
        return False
    name.has_no_result = True
    if is_destructor and not put_letter(m, c'~'):
        return False
    return put_wide(m, m.last_name, m.last_size)


cdef bint _nameless(Mangled* m, Name* name) noexcept nogil:
    """Read a lambda or an unnamed type."""
    cdef uint64_t number
    cdef uint32_t start = m.count
    cdef uint32_t context = m.context, dependent = m.dependent
    cdef bint in_lambda = m.in_lambda
    name.is_nameless = True
    if peek_second(m) == c't':
        m.at += 2
        if not compact_number(m, &number) or not put(m, b"{unnamed type#", 14):
            return False
        if not put_number(m, number + 1) or not put_letter(m, c'}'):
            return False
        return remember_name(m, start)
    if peek_second(m) != c'l':
        return False
    m.at += 2
    m.in_lambda, m.context = True, LAMBDAS
    if not put(m, b"{lambda(", 8) or not parameters(m, EXPOSED) or not put(m, b")#", 2):
        return False
    m.in_lambda, m.context, m.dependent = in_lambda, context, dependent
    if not eat(m, c'E') or not compact_number(m, &number):
        return False
    return put_number(m, number + 1) and put_letter(m, c'}')


cdef bint _tags(Mangled* m, Name* name) noexcept nogil:
    cdef const char* last_name = m.last_name
    cdef uint32_t last_size = m.last_size
    while eat(m, c'B'):
        name.has_tags = True
        if not put(m, b"[abi:", 5) or not _source_name(m) or not put_letter(m, c']'):
            return False
    m.last_name, m.last_size = last_name, last_size
    return True


cdef bint _discriminator(Mangled* m) noexcept nogil:
    """Read "_1" or "__10_", which is not shown."""
    cdef uint64_t number
    if not eat(m, c'_'):
        return True
    if eat(m, c'_'):
        return take_digits(m, &number) and number >= 10 and eat(m, c'_')
    if not c'0' <= peek(m) <= c'9':
        return False
    m.at += 1
    return not c'0' <= peek(m) <= c'9'


cdef bint read_unqualified(Mangled* m, Name* name) noexcept nogil:
    cdef uint8_t letter = peek(m)
    cdef bint found
    name.is_template = name.has_no_result = name.has_tags = name.is_nameless = False
    name.is_simple = False
    if c'1' <= letter <= c'9':
        found = _source_name(m)
        name.is_simple = peek(m) != c'B'
    elif c'a' <= letter <= c'z':
        found = _operator(m, name)
    elif letter == c'C' or letter == c'D':
        found = _special_member(m, name)
    elif letter == c'L':
        m.at += 1
        found = _source_name(m) and _discriminator(m)
    elif letter == c'U':
        found = _nameless(m, name)
    else:
        return False
    return found and (peek(m) != c'B' or _tags(m, name))


cdef inline bint _unqualified(Mangled* m, Name* name) noexcept nogil:
    """Do what `read_unqualified` does, which takes longer for the most frequent part."""
    if not c'1' <= peek(m) <= c'9':
        return read_unqualified(m, name)
    name.is_template = name.has_no_result = name.has_tags = name.is_nameless = False
    name.is_simple = False
    if not _source_name(m):
        return False
    if peek(m) == c'B':
        return _tags(m, name)
    name.is_simple = True
    return True


cdef inline bint _arguments_of_name(Mangled* m, Name* name) noexcept nogil:
    if name.is_template or (name.has_no_result and name.has_tags):
        return False
    name.is_template = True
    return template_arguments(m)


# ---- names


cdef bint _first_of_prefix(Mangled* m) noexcept nogil:
    """Read the part that a nested name begins with; "S" is no new part to be remembered."""
    cdef Part part, origin
    cdef uint8_t third
    if peek(m) == c'S':
        if c'a' <= peek_second(m) <= c'z':
            third = m.at[2]
            return standard(m, third == c'C' or third == c'D') and peek(m) != c'B'
        m.at += 1
        if not known(m, &part):
            return False
        return part.split == part.end and part.quals == 0 and part.kind != EXPANSION
    if not template_parameter(m, &part, &origin):
        return False
    return part.split == part.end and part.quals == 0


cdef bint _nested_name(Mangled* m, Name* name) noexcept nogil:
    cdef uint32_t start = m.count
    cdef uint8_t letter
    cdef uint8_t parts = 0
    m.at += 1
    while peek(m) == c'r' or peek(m) == c'V' or peek(m) == c'K':
        letter = RESTRICT if m.at[0] == c'r' else VOLATILE if m.at[0] == c'V' else CONST
        if name.quals >= letter:
            return False
        name.quals |= letter
        m.at += 1
    if peek(m) == c'R' or peek(m) == c'O':
        name.reference = m.at[0]
        m.at += 1
    while not eat(m, c'E'):
        letter = peek(m)
        if parts == 0 and (letter == c'S' or letter == c'T'):
            if not _first_of_prefix(m):
                return False
        elif parts and letter == c'I':
            if not _arguments_of_name(m, name):
                return False
            parts = 2
        elif parts and letter == c'M':
            m.at += 1
            continue
        else:
            if parts and (name.has_no_result or not put(m, b"::", 2)):
                return False
            if not _unqualified(m, name):
                return False
            name.is_qualified = parts != 0
            parts = 2
        parts |= 1
        if letter != c'S' and peek(m) != c'E':
            if not remember_name(m, start):
                return False
    name.is_qualified = name.is_qualified and not (
        name.is_template or name.quals or name.reference
    )
    name.is_simple = name.is_qualified or (name.is_simple and not name.is_template)
    return parts >= 2


cdef bint _local_name(Mangled* m, Name* name) noexcept nogil:
    """Read the name of something in a function."""
    cdef uint64_t number
    cdef bint in_default = False
    m.at += 1
    if not m.read_encoding(m, HIDDEN, name) or not eat(m, c'E') or not put(m, b"::", 2):
        return False
    if eat(m, c's'):
        memset(name, 0, sizeof(Name))
        return put(m, b"string literal", 14) and _discriminator(m)
    if eat(m, c'd'):
        in_default = True
        if not compact_number(m, &number) or not put(m, b"{default arg#", 13):
            return False
        if not put_number(m, number + 1) or not put(m, b"}::", 3):
            return False
    if peek(m) == c'Z' or not read_name(m, name):
        return False
    if in_default and name.is_template:
        return False  # the library takes what it returns for a parameter
    return name.is_nameless or _discriminator(m)


cdef bint _unscoped_name(Mangled* m, Name* name) noexcept nogil:
    cdef uint32_t start = m.count
    cdef bint in_std = peek(m) == c'S'
    if in_std:
        if peek_second(m) != c't' or not put(m, b"std::", 5):
            return False
        m.at += 2
    if not _unqualified(m, name):
        return False
    if peek(m) == c'I' and not name.is_nameless:
        name.is_simple = False
        return remember_name(m, start) and _arguments_of_name(m, name)
    name.is_qualified = in_std
    name.is_simple = name.is_simple or name.is_qualified
    return True


cdef bint read_name(Mangled* m, Name* name) noexcept nogil:
    cdef uint8_t letter = peek(m)
    cdef bint found
    memset(name, 0, sizeof(Name))
    if letter == c'N':
        found = _nested_name(m, name)
        name.is_nameless = False
    elif letter == c'Z':
        if m.depth >= DEEPEST:
            return False
        m.depth += 1
        found = _local_name(m, name)
        m.depth -= 1
        name.is_nameless = name.is_qualified = name.is_simple = False
    else:
        found = _unscoped_name(m, name)
        name.is_nameless = name.is_nameless and not name.is_template and not name.has_tags
    return found
