# SPDX-License-Identifier: MIT
# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The attributes of entries: read, or passed over, as their abbreviation says."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from crashsym.kernel.abbrevs cimport (
    NOT_FIXED, SKIP_BLOCK, SKIP_BLOCK1, SKIP_BLOCK2, SKIP_BLOCK4, SKIP_FIXED, SKIP_INDIRECT,
    SKIP_LEB, SKIP_STRING, TAKE, TAKE_FIXED, Abbrev, AbbrevTable, Op, Shape, Values, step_of,
)
from crashsym.kernel.base cimport (
    Cursor, cstring, fail, fixed, left, load, offset_of, skip, skip_leb, sleb, u8, uleb,
)


cdef bint _skip(int step, uint32_t size, Shape shape, Cursor* c) noexcept nogil:
    cdef uint32_t fixed_size
    cdef uint64_t form
    if step == SKIP_FIXED:
        skip(c, size)
    elif step == SKIP_LEB:
        skip_leb(c)
    elif step == SKIP_STRING:
        cstring(c)
    elif step == SKIP_BLOCK:
        skip(c, uleb(c))
    elif step == SKIP_BLOCK1:
        skip(c, u8(c))
    elif step == SKIP_BLOCK2:
        skip(c, fixed(c, 2))
    elif step == SKIP_BLOCK4:
        skip(c, fixed(c, 4))
    else:  # SKIP_INDIRECT
        step = SKIP_INDIRECT
        while step == SKIP_INDIRECT and not c.failed:
            form = uleb(c)
            step = step_of(form, shape, &fixed_size)
        if step < 0:
            c.failed = True
        elif not c.failed:
            _skip(step, fixed_size, shape, c)
    return not c.failed


cdef void skip_entry(AbbrevTable* table, Abbrev* abbrev, Shape shape, Cursor* c) noexcept nogil:
    """Pass over the attributes of an entry."""
    cdef Op* op = <Op*>table.ops.items + abbrev.first
    cdef Op* last = op + abbrev.ops
    cdef const uint8_t* at = c.at
    cdef const uint8_t* end = c.end
    if abbrev.fixed != NOT_FIXED:
        skip(c, abbrev.fixed)
        return
    while op < last:
        if op.step == SKIP_FIXED or op.step == TAKE_FIXED:
            if op.size > <uint64_t>(end - at):
                fail(c)
                return
            at += op.size
        elif op.step == SKIP_BLOCK and at < end and at[0] < 0x80 and at[0] < end - at:
            at += 1 + at[0]
        elif op.step == SKIP_LEB and at < end and at[0] < 0x80:
            at += 1
        else:
            c.at = at
            if op.form == 0x08:
                cstring(c)
            elif op.step == TAKE:
                _take(op.form, op.size, shape, c, op.constant)
            else:
                _skip(op.step, op.size, shape, c)
            if c.failed:
                return
            at = c.at
        op += 1
    c.at = at


cdef uint64_t _take(uint64_t form, uint32_t size, Shape shape, Cursor* c, int64_t constant) noexcept nogil:
    """Read an attribute as a number: its value, an index or an offset; of text, where it begins."""
    cdef uint64_t at
    if form in (0x0F, 0x15, 0x1A, 0x1B, 0x22, 0x23, 0x1F01, 0x1F02):
        return uleb(c)
    if form == 0x0D:
        return <uint64_t>sleb(c)
    if form == 0x08:
        at = offset_of(c)
        cstring(c)
        return at
    if form == 0x21:
        return <uint64_t>constant
    if form == 0x19:
        return 1
    if size and size <= 8:
        return fixed(c, size)
    _skip(step_of(form, shape, &size), size, shape, c)
    return 0


cdef uint64_t take_form(uint64_t* form, Shape shape, Cursor* c) noexcept nogil:
    """Read a value of a form that no abbreviation tells; an indirect one becomes what it says."""
    cdef uint32_t size
    while form[0] == 0x16 and not c.failed:
        form[0] = uleb(c)
    if c.failed or step_of(form[0], shape, &size) < 0 or form[0] >= 0x10000:
        c.failed = True
        return 0
    return _take(form[0], size, shape, c, 0)


cdef inline uint64_t _without_bytes(Op* op) noexcept nogil:
    """Return a value that an entry of fixed size has, though it has no bytes there; 0 of data16."""
    if op.form == 0x21:  # implicit_const
        return <uint64_t>op.constant
    return op.form == 0x19  # flag_present


cdef inline uint64_t _load_wide(const uint8_t* p, unsigned int size) noexcept nogil:
    """Read a little endian number of 1 to 8 bytes; 8 bytes have to be there."""
    return load(p, 8, False) & (<uint64_t>0xFFFFFFFFFFFFFFFF >> (64 - 8 * size))


cdef inline void _take_placed(Op* op, Op* last, const uint8_t* at, Values* values, bint big, bint wide) noexcept nogil:
    """Take the values of an entry of fixed size."""
    while op < last:
        if op.step != TAKE_FIXED:
            values.raw[op.slot] = _without_bytes(op)
        elif wide:
            values.raw[op.slot] = _load_wide(at + op.constant, op.size)
        else:
            values.raw[op.slot] = load(at + op.constant, op.size, big)
        values.form[op.slot] = op.form
        op += 1


cdef void take_entry(AbbrevTable* table, Abbrev* abbrev, Shape shape, Cursor* c, Values* values) noexcept nogil:
    """Read the attributes of an entry."""
    cdef Op* op = <Op*>table.ops.items + abbrev.first
    cdef Op* last = op + abbrev.ops
    cdef const uint8_t* at = c.at
    memset(values.form, 0, sizeof(values.form))
    if abbrev.fixed == NOT_FIXED:
        _take_in_order(op, last, shape, c, values)
    elif not c.big and left(c) >= <uint64_t>abbrev.fixed + 8:  # the usual case, of its own
        c.at += abbrev.fixed
        _take_placed(op, last, at, values, False, True)
    else:
        skip(c, abbrev.fixed)
        if not c.failed:
            _take_placed(op, last, at, values, c.big, False)


cdef void _take_in_order(Op* op, Op* last, Shape shape, Cursor* c, Values* values) noexcept nogil:
    """Read the attributes of an entry whose size varies."""
    cdef const uint8_t* at = c.at
    cdef const uint8_t* end = c.end
    while op < last:
        if op.step == SKIP_FIXED or op.step == TAKE_FIXED:
            if op.size > <uint64_t>(end - at):
                fail(c)
                return
            if op.step == TAKE_FIXED:
                values.raw[op.slot] = load(at, op.size, c.big)
                values.form[op.slot] = op.form
            at += op.size
        else:
            c.at = at
            _take_long(op, shape, c, values)
            if c.failed:
                return
            at = c.at
        op += 1
    c.at = at


cdef void _take_long(Op* op, Shape shape, Cursor* c, Values* values) noexcept nogil:
    """Read or pass over an attribute whose size varies."""
    cdef uint64_t form = op.form
    if op.step != TAKE:
        _skip(op.step, op.size, shape, c)
    elif form == 0x16:  # indirect
        values.raw[op.slot] = take_form(&form, shape, c)
        values.form[op.slot] = <uint16_t>form
    else:
        values.raw[op.slot] = _take(form, op.size, shape, c, op.constant)
        values.form[op.slot] = <uint16_t>form
