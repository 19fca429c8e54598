# SPDX-License-Identifier: MIT
# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Itanium C++ names without the run-time library, where they are made of the usual parts.

What this writes is what GNU's ``__cxa_demangle`` writes, to the byte; what it does not know, or
would take long, it leaves to that. It is one pass over the name, without an allocation: the text of
parts that are repeated is copied. Work and memory are bounded by `ROOM` and the depth by `DEEPEST`.

Source: Itanium C++ ABI section 5.1.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memchr, memcpy, memset

from crashsym.kernel.base cimport Array, Memory, Span, reserve
from crashsym.kernel.mangledarguments cimport parameters
from crashsym.kernel.manglednames cimport read_name, read_unqualified
from crashsym.kernel.mangledtext cimport (
    ARRAY, EXPANSION, FUNCTION, HIDDEN, INSIDE, LAMBDAS, MOST_TAKEN, ROOM, SHOWN, SPARE, Mangled,
    Name, Part, Result, eat, insert, move, peek, peek_second, put, put_letter, put_wide, set_aside,
    take_digits, whole,
)
from crashsym.kernel.mangledtypes cimport put_quals, read_type

cdef enum:
    MOST_READ = 1 << 14  # types and names


cdef bint _encoding(Mangled* m, Result result, Name* name) noexcept nogil:
    """Read a function or data."""
    cdef uint32_t count = m.argument_count, first = m.first_argument, end = m.end_of_arguments
    cdef uint32_t context = m.context, dependent, start = m.count, first_known = m.known_count
    cdef uint16_t scope = m.scope
    if m.in_pattern:
        return False
    if (peek(m) == c'T' or peek(m) == c'G') or not read_name(m, name):
        return False
    if m.at >= m.end or m.at[0] == c'E':
        return not name.quals and not name.reference
    dependent = m.dependent
    if name.is_template:
        m.dependent = 0
        m.first_argument, m.end_of_arguments = m.first_read, m.end_of_read
        m.argument_count = m.end_of_read
        m.contexts += 1
        m.context = m.contexts
        m.scopes += 1
        m.scope = m.scopes
        if not name.has_no_result and not _result(m, result, start, first_known):
            return False
    name.is_function, name.parameters, name.first_known = True, m.count, m.known_count
    if not put_letter(m, c'(') or not parameters(m, 0) or not put_letter(m, c')'):
        return False
    if name.is_template:
        m.first_argument, m.end_of_arguments = first, end
        if m.dependent:
            m.closed = m.dependent
        m.argument_count, m.context, m.dependent = count, context, dependent
        m.scope = scope
    return put_quals(m, name.quals, name.reference)


cdef bint _result(
    Mangled* m, Result result, uint32_t start, uint32_t first_known
) noexcept nogil:
    """Read what a function returns; the name, which begins at ``start``, has been read."""
    cdef Part part, name
    cdef uint32_t first_of_result = m.known_count, i
    if not read_type(m, &part) or part.kind == EXPANSION:
        return False
    if result == HIDDEN:
        return set_aside(m, &part, first_of_result)
    if result == INSIDE:
        if part.split != part.end or not put_letter(m, c' '):
            return False
        part.end = m.count
        if not set_aside(m, &part, first_of_result):
            return False
        whole(m, start, &name)
        name.split = start
        for i in range(m.first_argument, m.end_of_arguments):
            move(&m.arguments[i], m.arguments[i].start + part.end - part.start)
        return insert(m, &name, first_known, m.text + part.start, part.end - part.start)
    if part.kind == FUNCTION or part.kind == ARRAY:
        return False
    m.has_result = True
    m.name_start = start
    m.result = part
    return True


cdef bint _offset(Mangled* m) noexcept nogil:
    """Read one number of a thunk."""
    cdef uint64_t number
    eat(m, c'n')
    return take_digits(m, &number) and eat(m, c'_')


cdef bint _member(Mangled* m) noexcept nogil:
    """Read the function that a thunk is for."""
    cdef Name name
    return peek(m) == c'N' and _encoding(m, SHOWN, &name)


cdef bint _special_name(Mangled* m) noexcept nogil:
    """Read a table of a class, a thunk or a guard variable."""
    cdef uint8_t kind = peek_second(m)
    cdef bint of_type = m.at[0] == c'T'
    cdef Name name
    cdef Part part
    m.at += 2
    if not of_type:
        return kind == c'V' and put(m, b"guard variable for ", 19) and (
            read_name(m, &name) and not name.quals and not name.reference
        )
    if kind == c'h':
        return _offset(m) and put(m, b"non-virtual thunk to ", 21) and _member(m)
    if kind == c'v':
        return (
            _offset(m) and _offset(m) and put(m, b"virtual thunk to ", 17)
            and _member(m)
        )
    if kind == c'V':
        return put(m, b"vtable for ", 11) and read_type(m, &part)
    if kind == c'T':
        return put(m, b"VTT for ", 8) and read_type(m, &part)
    if kind == c'I':
        return put(m, b"typeinfo for ", 13) and read_type(m, &part)
    return kind == c'S' and put(m, b"typeinfo name for ", 18) and read_type(m, &part)


cdef bint _with_result(Mangled* m, Span* text) noexcept nogil:
    """Put the name together: what is returned was read after the name of the function."""
    cdef Part* result = &m.result
    cdef char* name = m.text + m.name_start
    cdef uint32_t name_size = result.start - m.name_start, size = m.count, start = m.count
    cdef bint plain = result.split == result.end
    if not put_wide(m, m.text, m.name_start):
        return False
    if not put_wide(m, m.text + result.start, result.split - result.start):
        return False
    if plain and not put_letter(m, c' '):
        return False
    if not put_wide(m, name, name_size) or not put_wide(m, m.text + result.end, size - result.end):
        return False
    if not put_wide(m, m.text + result.split, result.end - result.split):
        return False
    text.data, text.size = <const uint8_t*>m.text + start, m.count - start
    return True


cdef bint demangle_plain(Span name, Array* scratch, Memory* memory, Span* text) noexcept nogil:
    """Give the readable form of an Itanium name, which is in ``scratch`` until that is used again.

    False: this does not know a part of it, and ``__cxa_demangle`` decides.
    """
    cdef Mangled m
    cdef Name unused
    if name.size < 3 or name.size > MOST_TAKEN or name.data[0] != c'_' or name.data[1] != c'Z':
        return False
    if memchr(name.data, c'.', name.size) != NULL:
        return False  # the rest is a suffix, see `crashsym.demangle.names`
    if not reserve(scratch, ROOM + SPARE, 1, memory):  # its count stays 0
        return False
    memset(&m.depth, 0, <char*>&m.result - <char*>&m.depth)
    memcpy(m.name, name.data, name.size)
    memset(m.name + name.size, 0, SPARE)
    m.at, m.end = m.name + 2, m.name + name.size
    m.text, m.count, m.aside = scratch.items, 0, ROOM
    m.left = MOST_READ
    m.contexts = LAMBDAS
    m.read_type, m.read_unqualified = read_type, read_unqualified
    m.read_name, m.read_encoding = read_name, _encoding
    if m.at[0] == c'T' or m.at[0] == c'G':
        if not _special_name(&m):
            return False
    elif not _encoding(&m, SHOWN, &unused):
        return False
    if m.at < m.end:
        return False
    if m.has_result:
        return _with_result(&m, text)
    text.data, text.size = <const uint8_t*>m.text, m.count
    return True


cdef Array SCRATCH
cdef Memory OWN_MEMORY
memset(&SCRATCH, 0, sizeof(Array))
OWN_MEMORY.used, OWN_MEMORY.limit = 0, ROOM + SPARE


def demangle_here(bytes name):
    """Return the readable form of an Itanium name; None when that is left to the library."""
    cdef Span span, text
    span.data, span.size = name, len(name)
    if memchr(span.data, 0, span.size) != NULL:
        return None
    if not demangle_plain(span, &SCRATCH, &OWN_MEMORY, &text):
        return None
    return text.data[: text.size]
