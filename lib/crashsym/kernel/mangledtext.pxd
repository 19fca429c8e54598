# SPDX-License-Identifier: MIT
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memmove

cdef enum:
    ROOM = 1 << 15  # bytes of text; longer names are for the library
    MOST_TAKEN = 1024  # bytes of a name; the library of GCC 9 and later takes no longer ones
    SPARE = 32  # bytes that may be read and written behind a text, which are of no meaning
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
    uint8_t is_template  # its last part has template arguments
    uint8_t has_no_result  # it is a constructor, a destructor or a conversion
    uint8_t has_tags
    uint8_t is_nameless  # a lambda or an unnamed type
    uint8_t is_qualified  # "A::f"
    uint8_t is_simple  # "f" or "A::f"
    uint8_t quals
    uint8_t reference  # "R", "O" or 0
    uint8_t is_function
    uint32_t parameters  # where these begin
    uint32_t first_known  # among them


cdef enum Result:  # what becomes of the type that a function returns
    SHOWN  # in front of the whole name
    HIDDEN
    INSIDE  # in front of the name, which is part of another


cdef struct Mangled:
    const uint8_t* at  # in `name`, behind the end of which are zeros
    const uint8_t* end
    char* text
    uint32_t count  # bytes written
    uint32_t aside  # from here on is text that has been set aside
    int left  # types and names that may still be read, parts that are read again for packs included
    uint32_t contexts
    # from here on all is cleared for each name
    int depth
    # what "S_" stands for
    uint32_t known_count
    # what "T_" stands for
    uint32_t argument_count
    uint32_t first_argument
    uint32_t end_of_arguments
    uint32_t context
    uint16_t scope  # number of the function whose arguments these are
    uint16_t scopes
    uint32_t last_known  # what was referred to last; MOST_KNOWN: nothing
    uint32_t dependent  # 1 + where a template parameter was written last
    uint32_t closed  # the same, of a function that is no longer read
    int pack_size  # -1: not known yet
    int pack_index
    # the template arguments read last
    uint32_t first_read
    uint32_t end_of_read
    uint32_t dropped  # where the comma before an empty pack was taken back
    uint32_t last_size
    const char* last_name  # that of a constructor
    uint8_t frozen  # no more for "S_" to stand for
    uint8_t in_lambda
    uint8_t in_pattern
    uint8_t in_expression
    uint8_t exposed  # see `EXPOSED`
    uint8_t has_result
    # up to here
    Part result  # what the function returns, if it is shown; its text is behind that of the name
    uint32_t name_start
    bint (*read_type)(Mangled* m, Part* part) noexcept nogil
    bint (*read_unqualified)(Mangled* m, Name* name) noexcept nogil
    bint (*read_name)(Mangled* m, Name* name) noexcept nogil
    bint (*read_encoding)(Mangled* m, Result result, Name* name) noexcept nogil
    uint8_t name[MOST_TAKEN + SPARE]
    Part known[MOST_KNOWN]
    Part arguments[MOST_ARGUMENTS]


cdef struct Word:
    const char* text  # with `SPARE` bytes behind it
    uint32_t size


cdef inline bint is_lower(uint8_t letter) noexcept nogil:
    return c'a' <= letter <= c'z'


cdef inline uint8_t peek(Mangled* m) noexcept nogil:
    return m.at[0]


cdef inline uint8_t peek_second(Mangled* m) noexcept nogil:
    return m.at[1]


cdef inline bint eat(Mangled* m, uint8_t letter) noexcept nogil:
    if m.at[0] == letter:
        m.at += 1
        return True
    return False


cdef inline bint put(Mangled* m, const char* text, uint32_t size) noexcept nogil:
    """Write a text of a size that the compiler knows."""
    if size > m.aside - m.count:
        return False
    memcpy(m.text + m.count, text, size)
    m.count += size
    return True


cdef inline bint put_wide(Mangled* m, const char* text, uint32_t size) noexcept nogil:
    """Write a text that has `SPARE` bytes behind it; few are so long that the loop goes on."""
    cdef char* to = m.text + m.count
    cdef char* end = to + size
    if size + SPARE > m.aside - m.count:
        return False
    m.count += size
    while True:
        memmove(to, text, 16)  # one may begin where the other ends
        memmove(to + 16, text + 16, 16)
        to += SPARE
        text += SPARE
        if to >= end:
            return True


cdef inline bint put_word(Mangled* m, Word* word) noexcept nogil:
    return put_wide(m, word.text, word.size)


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


cdef inline bint take_digits(Mangled* m, uint64_t* number) noexcept nogil:
    """Read a decimal number of at most 6 digits."""
    cdef const uint8_t* at = m.at
    cdef uint32_t value = <uint32_t>at[0] - c'0', digit = <uint32_t>at[1] - c'0'
    cdef bint more = digit <= 9
    if value > 9:
        return False
    value += more * (value * 9 + digit)  # most have one digit or two
    at += 1 + more
    while more and <uint32_t>at[0] - c'0' <= 9 and at - m.at < 6:
        value = value * 10 + at[0] - c'0'
        at += 1
    number[0] = value
    m.at = at
    return True


cdef inline bint put_part(Mangled* m, Part* source, Part* part) noexcept nogil:
    """Write a part once more."""
    part[0] = source[0]
    move(part, m.count)
    return put_wide(m, m.text + source.start, source.end - source.start)


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
cdef int set_word(Word* word, bytes text) except -1
cdef int fill(Word* table, dict words) except -1
cdef bint put_number(Mangled* m, uint64_t number) noexcept nogil
cdef bint compact_number(Mangled* m, uint64_t* number) noexcept nogil
cdef bint known(Mangled* m, Part* part) noexcept nogil
cdef bint check_scope(Mangled* m, uint32_t index) noexcept nogil
cdef bint resolve(Mangled* m, uint64_t index, Part* part, Part* origin) noexcept nogil
cdef bint template_parameter(Mangled* m, Part* part, Part* origin) noexcept nogil
cdef bint set_aside(Mangled* m, Part* part, uint32_t first_known) noexcept nogil
cdef bint insert_inside(
    Mangled* m, Part* part, uint32_t first_known, const char* text, uint32_t size
) noexcept nogil


cdef inline bint insert(
    Mangled* m, Part* part, uint32_t first_known, const char* text, uint32_t size
) noexcept nogil:
    """Write before what stands behind the declarator of a part, which is written last."""
    if part.split != part.end:
        return insert_inside(m, part, first_known, text, size)
    if not put(m, text, size):
        return False
    part.split = part.end = m.count
    return True
