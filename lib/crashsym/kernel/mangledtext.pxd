# SPDX-License-Identifier: MIT
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

cdef enum:
    ROOM = 1 << 15  # bytes of text; longer names are for the library
    MOST_KNOWN = 256
    MOST_ARGUMENTS = 256
    DEEPEST = 64
    LAMBDAS = 1  # the context of the parameters of lambdas, which are "auto:1" wherever they stand

cdef enum:  # The library mixes up the declarators of lambdas' parameters and those of the lambda:
    COVERED = 1  # here those of functions and arrays,
    EXPOSED = 2  # here qualifiers, too

cdef enum:  # kinds of parts
    PLAIN
    LVALUE  # a reference
    RVALUE
    COLLAPSED  # a reference made of two
    FUNCTION  # or array: a declarator goes into parentheses
    ARRAY
    PACK  # a template argument, of which the elements are the next arguments
    EXPANSION  # several types with commas, or none

cdef enum:  # qualifiers
    RESTRICT = 1
    VOLATILE = 2
    CONST = 4
    NOEXCEPT = 8  # of functions


cdef struct Part:
    # A type or a name and where its text is.
    uint32_t start
    uint32_t end
    uint32_t split  # where a declarator goes: "void (*|)(int)"; for most it is the end
    uint32_t context  # in which its template parameters were replaced; 0: it has none
    uint16_t count  # PACK: elements
    uint16_t parameter  # of a template: 1 + its number; 0: it is none
    uint16_t scope  # of a template parameter to which there are references, see `check_scope`
    uint16_t referent  # of a reference to a template parameter: 1 + the number of that in `known`
    uint8_t kind
    uint8_t quals  # the outermost ones
    uint8_t mark  # "R" or "O", if there is a referent
    uint8_t closed  # there are parameters of a function in it, written 1: outside, 2: in a lambda


cdef struct Name:
    bint is_template  # its last part has template arguments
    bint has_no_result  # it is a constructor, a destructor or a conversion
    bint has_tags
    bint is_nameless  # a lambda or an unnamed type
    bint is_qualified  # "A::f"
    bint is_simple  # "f" or "A::f"
    uint8_t quals
    uint8_t reference  # "R", "O" or 0
    bint is_function
    uint32_t parameters  # where these begin
    uint32_t first_known  # among them


cdef enum Result:  # what becomes of the type that a function returns
    SHOWN  # in front of the whole name
    HIDDEN
    INSIDE  # in front of the name, which is part of another


cdef struct Mangled:
    const uint8_t* at
    const uint8_t* end
    char* text
    uint32_t count  # bytes written
    uint32_t aside  # from here on is text that has been set aside
    int depth
    int left  # types and names that may still be read, parts that are read again for packs included
    # what "S_" stands for
    uint32_t known_count
    bint frozen  # no more of it now
    # what "T_" stands for
    uint32_t argument_count
    uint32_t first_argument
    uint32_t end_of_arguments
    uint32_t context
    uint32_t contexts
    uint16_t scope  # number of the function whose arguments these are
    uint16_t scopes
    uint32_t last_known  # what was referred to last; MOST_KNOWN: nothing
    uint32_t dependent  # 1 + where a template parameter was written last
    uint32_t closed  # the same, of a function that is no longer read
    bint in_lambda
    bint in_pattern
    bint in_expression
    int pack_size  # -1: not known yet
    int pack_index
    # the template arguments read last
    uint32_t first_read
    uint32_t end_of_read
    uint32_t dropped  # where the comma before an empty pack was taken back
    uint8_t exposed  # see `EXPOSED`
    const char* last_name  # that of a constructor
    uint32_t last_size
    Part result  # what the function returns, if it is shown; its text is behind that of the name
    uint32_t name_start
    bint has_result
    bint (*read_type)(Mangled* m, Part* part) noexcept nogil
    bint (*read_unqualified)(Mangled* m, Name* name) noexcept nogil
    bint (*read_name)(Mangled* m, Name* name) noexcept nogil
    bint (*read_encoding)(Mangled* m, Result result, Name* name) noexcept nogil
    Part known[MOST_KNOWN]
    Part arguments[MOST_ARGUMENTS]


cdef struct Word:
    const char* text
    uint32_t size


cdef inline uint8_t peek(Mangled* m) noexcept nogil:
    return m.at[0] if m.at < m.end else 0


cdef inline uint8_t peek_second(Mangled* m) noexcept nogil:
    return m.at[1] if m.end - m.at > 1 else 0


cdef inline bint eat(Mangled* m, uint8_t letter) noexcept nogil:
    if m.at < m.end and m.at[0] == letter:
        m.at += 1
        return True
    return False


cdef inline void copy(char* to, const char* text, uint32_t size) noexcept nogil:
    """Do what memcpy does, which takes longer to be called than to copy the few bytes of a name."""
    cdef uint32_t at = 16
    if size >= 16:
        while at < size:
            memcpy(to + at - 16, text + at - 16, 16)
            at += 16
        memcpy(to + size - 16, text + size - 16, 16)
    elif size >= 8:
        memcpy(to, text, 8)
        memcpy(to + size - 8, text + size - 8, 8)
    elif size >= 4:
        memcpy(to, text, 4)
        memcpy(to + size - 4, text + size - 4, 4)
    elif size:
        to[0] = text[0]
        to[size >> 1] = text[size >> 1]
        to[size - 1] = text[size - 1]


cdef inline bint put(Mangled* m, const char* text, uint32_t size) noexcept nogil:
    if size > m.aside - m.count:
        return False
    copy(m.text + m.count, text, size)
    m.count += size
    return True


cdef inline bint put_word(Mangled* m, Word* word) noexcept nogil:
    return put(m, word.text, word.size)


cdef inline bint put_letter(Mangled* m, char letter) noexcept nogil:
    if m.count >= m.aside:
        return False
    m.text[m.count] = letter
    m.count += 1
    return True


cdef inline void whole(Mangled* m, uint32_t start, Part* part) noexcept nogil:
    """Make a plain part of the text from ``start`` on."""
    part.start, part.end, part.split = start, m.count, m.count
    part.context, part.count, part.parameter, part.scope, part.referent = 0, 0, 0, 0, 0
    part.kind, part.quals, part.mark, part.closed = PLAIN, 0, 0, 0


cdef inline void move(Part* part, uint32_t start) noexcept nogil:
    part.split += start - part.start
    part.end += start - part.start
    part.start = start


cdef inline bint take_number(Mangled* m, uint64_t* number) noexcept nogil:
    """Read a decimal number of at most 6 digits."""
    cdef const uint8_t* at = m.at
    cdef const uint8_t* end = at + 6 if m.end - at > 6 else m.end
    cdef uint64_t value = 0
    while at < end and c'0' <= at[0] <= c'9':
        value = value * 10 + at[0] - c'0'
        at += 1
    number[0] = value
    if at == m.at:
        return False
    m.at = at
    return True


cdef inline bint put_part(Mangled* m, Part* source, Part* part) noexcept nogil:
    """Write a part once more."""
    part[0] = source[0]
    move(part, m.count)
    return put(m, m.text + source.start, source.end - source.start)


cdef inline bint remember(Mangled* m, Part* part) noexcept nogil:
    """Make a part the next that "S_" may refer to."""
    cdef Part* kept
    if m.frozen:
        return True
    if m.known_count == MOST_KNOWN:
        return False
    kept = &m.known[m.known_count]
    m.known_count += 1
    kept[0] = part[0]
    kept.scope = 0
    kept.context = m.context if m.dependent > part.start else 0
    kept.closed = 1 + m.in_lambda if m.closed > part.start else 0
    return part.split == part.end or keep_aside(m, kept)


cdef inline bint remember_name(Mangled* m, uint32_t start) noexcept nogil:
    """Remember the text from ``start`` on."""
    cdef Part* kept
    if m.frozen:
        return True
    if m.known_count == MOST_KNOWN:
        return False
    kept = &m.known[m.known_count]
    m.known_count += 1
    whole(m, start, kept)
    kept.context = m.context if m.dependent > start else 0
    kept.closed = 1 + m.in_lambda if m.closed > start else 0
    return True


cdef bint keep_aside(Mangled* m, Part* part) noexcept nogil
cdef int fill(Word* table, dict words) except -1
cdef bint put_number(Mangled* m, uint64_t number) noexcept nogil
cdef bint compact_number(Mangled* m, uint64_t* number) noexcept nogil
cdef bint known(Mangled* m, Part* part) noexcept nogil
cdef bint check_scope(Mangled* m, uint32_t index) noexcept nogil
cdef bint resolve(Mangled* m, uint64_t index, Part* part, Part* origin) noexcept nogil
cdef bint template_parameter(Mangled* m, Part* part, Part* origin) noexcept nogil
cdef bint set_aside(Mangled* m, Part* part, uint32_t first_known) noexcept nogil
cdef bint insert(
    Mangled* m, Part* part, uint32_t first_known, const char* text, uint32_t size
) noexcept nogil
